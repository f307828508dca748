"""What happened, append-only: the activity log, openings of takes, logged time."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q

from projects.identifiers import new_id
from projects.models import touching
from projects.models.people import Person, Role, Workspace
from projects.models.rows import WorkspaceQuerySet, append_only
from projects.models.takes import Take
from projects.models.work import Campaign, Deliverable, Project


class Event(models.Model):
    """One line of the activity log. `kind` is noun.verb (`take.requested`); `data` holds plain JSON."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="events")
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    person = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+", db_index=False)
    project = models.ForeignKey(Project, models.PROTECT, null=True, related_name="+", db_index=False)
    campaign = models.ForeignKey(Campaign, models.PROTECT, null=True, related_name="+", db_index=False)
    deliverable = models.ForeignKey(Deliverable, models.PROTECT, null=True, related_name="+", db_index=False)
    take = models.ForeignKey(Take, models.PROTECT, null=True, related_name="+", db_index=False)
    data = models.JSONField(default=dict)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("event")
        indexes = [
            models.Index(fields=["workspace", "at", "id"], name="event_of_workspace"),
            models.Index(
                fields=["deliverable", "at"],
                name="event_of_deliverable",
                condition=Q(deliverable__isnull=False),
            ),
            models.Index(
                fields=["workspace", "at"],
                name="event_of_budgets",
                condition=Q(kind__startswith="budget."),
            ),
            models.Index(
                fields=["workspace", "at"],
                name="event_of_lost_answers",
                condition=Q(kind__in=["take.call_happened", "take.call_did_not_happen"]),
            ),
        ]


class TakeView(models.Model):
    """A person opened a take; review time runs from here to that person's decision."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    take = models.ForeignKey(Take, models.PROTECT, related_name="views", db_index=False)
    person = models.ForeignKey(Person, models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = [*append_only("take_view"), touching.added("take_view", touching.VIEW_ADDED)]
        indexes = [
            models.Index(fields=["take", "person", "at"], name="take_view_of_take"),
            models.Index(fields=["workspace", "at"], name="take_view_of_workspace"),
        ]


class TimeKind(models.TextChoices):
    BRIEFING = "briefing", "Briefing"
    MAKING = "making", "Making"
    REVIEW = "review", "Review"
    EDITING = "editing", "Editing by hand"
    MEETING = "meeting", "Meeting"
    OTHER = "other", "Other"


#: What is closed is said by `billing`, which keeps the books (`billing.periods`).
OPEN_MONTH = """
    IF NEW.minutes IS NOT NULL AND NEW.started_at < billing_open_from(NEW.workspace_id) THEN
        RAISE EXCEPTION 'the month of % is closed', NEW.started_at
            USING ERRCODE = 'check_violation', CONSTRAINT = 'time_log_into_closed_month';
    END IF;
    RETURN NEW;
"""


class TimeLog(models.Model):
    """Explicitly logged work: minutes at a role's rate, or an imported amount of money.

    A row that `reverses` another repeats it and takes it back: neither counts then.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    campaign = models.ForeignKey(Campaign, models.PROTECT, null=True, related_name="+")
    deliverable = models.ForeignKey(Deliverable, models.PROTECT, null=True, related_name="+")
    take = models.ForeignKey(Take, models.PROTECT, null=True, related_name="+")
    person = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    person_email = models.CharField(max_length=254, blank=True)
    role = models.CharField(max_length=12, choices=Role, blank=True)
    started_at = models.DateTimeField()
    minutes = models.DecimalField(max_digits=10, decimal_places=3, null=True)
    amount = models.DecimalField(max_digits=20, decimal_places=8, null=True)  # imported, in money
    external_id = models.CharField(max_length=120, blank=True)
    phase = models.CharField(max_length=5, blank=True)
    tier = models.CharField(max_length=12, blank=True)
    provider = models.CharField(max_length=40, blank=True)
    model = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=8, choices=TimeKind, blank=True, default="", db_default="")
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="reversed_by")
    note = models.CharField(max_length=200, blank=True)
    logged_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    logged_at = models.DateTimeField(auto_now_add=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = [
            *append_only("time_log"),
            touching.added("time_log", touching.LOG_ADDED),
            pgtrigger.Trigger(
                name="time_log_open_month",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func=OPEN_MONTH,
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(minutes__isnull=False, amount__isnull=True)
                | Q(minutes__isnull=True, amount__isnull=False),
                name="time_log_minutes_or_amount",
            ),
            models.CheckConstraint(
                condition=Q(reverses__isnull=True) | Q(minutes__isnull=False),
                name="time_log_reverses_minutes",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "started_at"], name="time_log_of_workspace"),
            models.Index(
                fields=["workspace", "started_at"],
                name="time_log_of_minutes",
                condition=Q(minutes__isnull=False),
            ),
            models.Index(fields=["person", "started_at"], name="time_log_of_person"),
        ]
