"""Decisions on takes and deliverables, and the requests that wait for one. Append-only."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from projects.identifiers import new_id
from projects.models import touching
from projects.models.people import Person, Workspace
from projects.models.rows import WorkspaceQuerySet, append_only
from projects.models.standing import COUNTED, StandingRule
from projects.models.takes import Take
from projects.models.work import Campaign, Deliverable, Phase


class RejectReason(models.TextChoices):
    IDENTITY_DRIFT = "identity_drift", "Identity drift"
    MOTION = "motion", "Motion"
    ANATOMY = "anatomy", "Anatomy"
    ARTEFACT = "artefact", "Artefact"
    TEXT_OR_LOGO = "text_or_logo", "Text or logo"
    OFF_BRIEF = "off_brief", "Off brief"
    BRAND_OR_LEGAL = "brand_or_legal", "Brand or legal"
    TECHNICAL = "technical", "Technical"
    BRIEF_CHANGED = "brief_changed", "Brief changed"
    OTHER = "other", "Other"


class DecisionKind(models.TextChoices):
    SELECT = "select", "Select"
    ACCEPT = "accept", "Sign off"
    REJECT = "reject", "Reject"
    REVERSE = "reverse", "Withdraw sign-off"
    WRITE_OFF = "write_off", "Drop"
    REOPEN = "reopen", "Reopen"  # takes back a write-off; `reverse` with an empty take in imports
    END_CAMPAIGN = "end_campaign", "End campaign"


GRAMMAR = """
    IF NEW.decision NOT IN ('accept', 'write_off', 'reverse', 'reopen') THEN
        RETURN NEW;
    END IF;
    PERFORM 1 FROM projects_deliverable WHERE id = NEW.deliverable_id FOR UPDATE;
    SELECT
        count(*) FILTER (WHERE decision = 'accept') - count(*) FILTER (WHERE decision = 'reverse'),
        count(*) FILTER (WHERE decision = 'write_off') - count(*) FILTER (WHERE decision = 'reopen')
    INTO accepted, dropped
    FROM projects_decision
    WHERE deliverable_id = NEW.deliverable_id
      AND decision IN ('accept', 'write_off', 'reverse', 'reopen');
    IF (NEW.decision IN ('accept', 'write_off') AND accepted + dropped <> 0)
       OR (NEW.decision = 'reverse' AND accepted <> 1)
       OR (NEW.decision = 'reopen' AND dropped <> 1) THEN
        RAISE EXCEPTION 'grammar of decisions: % on deliverable %', NEW.decision, NEW.deliverable_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'decision_grammar';
    END IF;
    RETURN NEW;
"""


class Decision(models.Model):
    """A dated decision of a person. Equal instants are ordered by `sequence`."""

    sequence = models.BigAutoField(primary_key=True)
    id = models.UUIDField(unique=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="decisions")
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="decisions")
    deliverable = models.ForeignKey(Deliverable, models.PROTECT, null=True, related_name="decisions")
    take = models.ForeignKey(Take, models.PROTECT, null=True, related_name="decisions")
    decision = models.CharField(max_length=12, choices=DecisionKind)
    reasons = ArrayField(models.CharField(max_length=16, choices=RejectReason), default=list, blank=True)
    note = models.TextField(blank=True)
    as_is = models.BooleanField(default=False)
    money_saved = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="reversed_by")
    at = models.DateTimeField()
    by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    by_email = models.CharField(max_length=254, blank=True)
    imported = models.BooleanField(default=False)
    recorded_at = models.DateTimeField(auto_now_add=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = [
            *append_only("decision"),
            touching.added("decision", touching.DECISION_ADDED),
            pgtrigger.Trigger(
                name="decision_grammar",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                declare=[("accepted", "bigint"), ("dropped", "bigint")],
                func=GRAMMAR,
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(decision__in=["select", "accept", "reject", "reverse"], take__isnull=False)
                | Q(
                    decision__in=["write_off", "reopen"],
                    take__isnull=True,
                    deliverable__isnull=False,
                )
                | Q(decision="end_campaign", take__isnull=True, deliverable__isnull=True),
                name="decision_names_its_object",
            ),
            models.CheckConstraint(
                condition=Q(reverses__isnull=True) | Q(decision__in=["reverse", "reopen"]),
                name="decision_reverses_only_reversals",
            ),
        ]
        indexes = [
            models.Index(fields=["deliverable", "at", "sequence"], name="decision_of_deliverable"),
            models.Index(fields=["workspace", "decision", "at"], name="decision_by_kind"),
            models.Index(fields=["take"], name="decision_of_take"),
            models.Index(fields=["workspace", "at"], name="decision_as_is", condition=Q(as_is=True)),
        ]


class RequestState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    APPROVED = "approved", "Approved"
    DECLINED = "declined", "Declined"
    VOID = "void", "Void"


class HeroRequest(models.Model):
    """Asks a manager for one exact expensive render.

    `request` is the complete resolved request and `request_hash` its hash; a change of what is hashed
    voids it. `shown_amount` and `at_most` are in the workspace's currency, as shown when it was made.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="hero_requests")
    deliverable = models.ForeignKey(Deliverable, models.PROTECT, related_name="hero_requests")
    take = models.ForeignKey(Take, models.PROTECT, related_name="hero_requests")
    state = models.CharField(max_length=8, choices=RequestState, default=RequestState.WAITING)
    request = models.JSONField()
    request_hash = models.CharField(max_length=64)
    routing_version = models.PositiveIntegerField()
    price_rows = models.JSONField(default=list)  # ids of the rows the quote stands on
    quote = models.JSONField()  # as the API answers it, of the moment of asking
    shown_amount = models.DecimalField(max_digits=20, decimal_places=8)
    at_most = models.DecimalField(max_digits=20, decimal_places=8)
    note = models.TextField(blank=True)
    requested_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    submit_at = models.DateTimeField(null=True)  # until then an approval can be undone
    self_approved = models.BooleanField(default=False)
    standing_rule = models.ForeignKey(StandingRule, models.PROTECT, null=True, related_name="requests")
    void_reason = models.CharField(max_length=200, blank=True)
    hero_take = models.OneToOneField(Take, models.PROTECT, null=True, related_name="hero_request")

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["take", "request_hash"],
                condition=Q(state="waiting"),
                name="hero_request_waits_once",
            ),
            models.CheckConstraint(
                condition=Q(state__in=RequestState.values), name="hero_request_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", decided_at__isnull=True)
                | (~Q(state="waiting") & Q(decided_at__isnull=False)),
                name="hero_request_decided_when_not_waiting",
            ),
            models.CheckConstraint(
                condition=Q(standing_rule__isnull=True) | Q(state="approved", self_approved=False),
                name="hero_request_by_rule_is_approved",
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace", "requested_at"],
                name="hero_request_waiting",
                condition=Q(state="waiting"),
            ),
            models.Index(
                fields=["workspace", "submit_at"],
                name="hero_request_approved",
                condition=Q(state="approved"),
            ),
            models.Index(
                fields=["workspace", "decided_at"],
                name="hero_request_self_approved",
                condition=Q(self_approved=True),
            ),
            models.Index(
                fields=["workspace", "decided_at"],
                name="hero_request_by_rule",
                condition=Q(standing_rule__isnull=False),
            ),
        ]


class HeroDecision(models.Model):
    """One approver's word on a hero request; an undo is a row of its own.

    Where a standing rule approved, `by` is who set it.
    """

    class Kind(models.TextChoices):
        APPROVE = "approve", "Approve spend"
        DECLINE = "decline", "Ask for changes"
        UNDO = "undo", "Undo"

    sequence = models.BigAutoField(primary_key=True)
    id = models.UUIDField(unique=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    hero_request = models.ForeignKey(HeroRequest, models.PROTECT, related_name="decisions")
    decision = models.CharField(max_length=8, choices=Kind)
    note = models.TextField(blank=True)
    amount = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    standing_rule = models.ForeignKey(StandingRule, models.PROTECT, null=True, related_name="decisions")
    by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = [
            *append_only("hero_decision"),
            pgtrigger.Trigger(
                name="hero_decision_by_rule",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                condition=pgtrigger.Condition("NEW.standing_rule_id IS NOT NULL"),
                declare=[("rule", "record"), ("asked", "record"), ("before", "record")],
                func=COUNTED,
            ),
        ]


class CapRequest(models.Model):
    """Asks a manager for more takes of a deliverable than its cap allows."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="cap_requests")
    deliverable = models.ForeignKey(Deliverable, models.PROTECT, related_name="cap_requests")
    phase = models.CharField(max_length=5, choices=Phase, default=Phase.DRAFT)
    more = models.PositiveSmallIntegerField()
    reason = models.TextField()
    at_most = models.DecimalField(max_digits=20, decimal_places=8, null=True)  # price of the takes
    state = models.CharField(max_length=8, choices=RequestState, default=RequestState.WAITING)
    requested_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["deliverable", "phase"],
                condition=Q(state="waiting"),
                name="cap_request_waits_once",
            ),
            models.CheckConstraint(condition=Q(more__range=(1, 100)), name="cap_request_more_sane"),
        ]


class CapDecision(models.Model):
    """A manager's word on a cap request."""

    class Kind(models.TextChoices):
        GRANT = "grant", "Grant"
        DECLINE = "decline", "Decline"

    sequence = models.BigAutoField(primary_key=True)
    id = models.UUIDField(unique=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    cap_request = models.OneToOneField(CapRequest, models.PROTECT, related_name="decision")
    decision = models.CharField(max_length=8, choices=Kind)
    note = models.TextField(blank=True)
    by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("cap_decision")
        indexes = [
            models.Index(
                fields=["workspace", "at"], name="cap_decision_granted", condition=Q(decision="grant")
            )
        ]
