"""What of the bills was found in our books, how the rest differs, and what became of it. All append-only."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce

from billing.models.invoices import InvoiceLine
from billing.models.withdrawals import OF_PROVIDER, unless_withdrawn
from projects.identifiers import new_id
from projects.models import Campaign, Deliverable, Person, Take, Workspace
from projects.models.rows import Row, WorkspaceQuerySet, append_only

#: A step of the provider whose bill is withdrawn; one that booked something stays.
OF_ITS_PROVIDER = """
    OLD.outcome <> 'adjusted' AND EXISTS (SELECT FROM billing_difference d WHERE d.id = OLD.difference_id
        AND d.workspace_id = w.workspace_id AND d.provider = w.provider)
"""


class MatchBy(models.TextChoices):
    JOB = "job", "Job id"
    DETAILS = "details", "Model, time and amount"
    GIVEN_BACK = "given_back", "Given back in full"


class DifferenceKind(models.TextChoices):
    MISSING_HERE = "missing_here", "Missing here"
    MISSING_THERE = "missing_there", "Missing there"
    PRICE = "price", "Price"
    QUANTITY = "quantity", "Quantity"
    ROUNDING = "rounding", "Rounding"
    DUPLICATE = "duplicate", "Duplicate"
    CUT_OFF = "cut_off", "Cut-off"
    TAX = "tax", "Tax"
    EXCHANGE = "exchange", "Exchange"
    FEE = "fee", "Fee or minimum"
    CREDIT_NOTE = "credit_note", "Credit note"


class Outcome(models.TextChoices):
    ACCEPTED = "accepted", "Accepted"
    ADJUSTED = "adjusted", "Adjusted"
    UNDONE = "undone", "Open again"


class LineMatch(models.Model):
    """A line of a bill and the charge of ours that it bills, with the reason in words.

    A job billed in several lines has a row a line, `part` counting from 1. Without a line, it is a charge
    that we have given back in full and that nobody bills.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    provider = models.CharField(max_length=40)
    line = models.OneToOneField(InvoiceLine, models.PROTECT, null=True, related_name="match")
    entry = models.UUIDField()
    part = models.PositiveSmallIntegerField(default=1)
    by = models.CharField(max_length=10, choices=MatchBy)
    why = models.CharField(max_length=300)
    matched_at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = unless_withdrawn("line_match", OF_PROVIDER)
        constraints = [
            models.UniqueConstraint(fields=["entry", "part"], name="line_match_entry_once"),
            models.CheckConstraint(
                condition=Q(line__isnull=False) | Q(by="given_back"), name="line_match_has_line"
            ),
        ]
        indexes = [models.Index(fields=["workspace", "provider"], name="line_match_of_provider")]


class DifferenceQuerySet(WorkspaceQuerySet[Row]):
    def in_force(self) -> Self:
        """Without those that a later match explained: their line or charge found its counterpart."""
        by_line = LineMatch.objects.filter(line=OuterRef("line"))
        by_entry = LineMatch.objects.filter(entry=OuterRef("entry"))
        steps = DifferenceStep.objects.filter(difference=OuterRef("pk")).order_by("-number")
        rows = self.alias(last=Coalesce(Subquery(steps.values("outcome")[:1]), Value("undone")))
        found = Q(line__isnull=False) & Exists(by_line) | Q(line__isnull=True) & Exists(by_entry)
        return rows.exclude(Q(match__isnull=True) & found & Q(last="undone"))

    def of(self, provider: str, month: str) -> Self:
        return self.filter(provider=provider, month=month)


class Difference(models.Model):
    """By how much a bill parts from our books at one place: theirs less ours, in the workspace's currency.

    `month` is the reconciliation in which it stands. `take` is whose cost it is, where a job is known.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    provider = models.CharField(max_length=40)
    month = models.CharField(max_length=7)
    kind = models.CharField(max_length=13, choices=DifferenceKind)
    amount = models.DecimalField(max_digits=20, decimal_places=8)
    ours = models.DecimalField(max_digits=20, decimal_places=8)  # what we had booked; 0 where nothing
    line = models.ForeignKey(InvoiceLine, models.PROTECT, null=True, related_name="differences")
    entry = models.UUIDField(null=True)
    match = models.ForeignKey(LineMatch, models.PROTECT, null=True, related_name="differences")
    take = models.ForeignKey(Take, models.PROTECT, null=True, related_name="+", db_index=False)
    stage = models.CharField(max_length=10, blank=True)  # of the take's call, where nothing was booked
    model = models.CharField(max_length=200, blank=True)
    service_at = models.DateTimeField()
    why = models.CharField(max_length=300)
    found_at = models.DateTimeField()

    if TYPE_CHECKING:  # what the checker loses over the queryset that names later models
        workspace_id: uuid.UUID
        line_id: uuid.UUID | None
        match_id: uuid.UUID | None
        take_id: uuid.UUID | None

    objects = DifferenceQuerySet.as_manager()

    class Meta:
        triggers = unless_withdrawn("difference", OF_PROVIDER)
        constraints = [
            models.UniqueConstraint(
                fields=["line", "kind", "month"],
                condition=Q(line__isnull=False),
                name="difference_of_line_once",
            ),
            models.UniqueConstraint(
                fields=["entry", "kind", "month"],
                condition=Q(line__isnull=True),
                name="difference_of_entry_once",
            ),
            models.CheckConstraint(
                condition=Q(line__isnull=False) | Q(entry__isnull=False), name="difference_names_row"
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "provider", "month", "kind"], name="difference_of_month")
        ]


class DifferenceStep(models.Model):
    """What became of a difference; the highest `number` is in force. An adjustment is never taken back."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    difference = models.ForeignKey(Difference, models.PROTECT, related_name="steps")
    number = models.PositiveSmallIntegerField()
    outcome = models.CharField(max_length=8, choices=Outcome)
    reason = models.CharField(max_length=300)
    as_class = models.BooleanField(default=False)
    entry = models.UUIDField(null=True, unique=True)  # the adjustment
    by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = unless_withdrawn("difference_step", OF_ITS_PROVIDER)
        constraints = [
            models.UniqueConstraint(fields=["difference", "number"], name="difference_step_once"),
            models.UniqueConstraint(
                fields=["difference"], condition=Q(outcome="adjusted"), name="difference_adjusted_once"
            ),
            models.CheckConstraint(
                condition=Q(outcome="adjusted", entry__isnull=False)
                | (~Q(outcome="adjusted") & Q(entry__isnull=True)),
                name="difference_step_adjusted_has_entry",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="difference_step_has_reason"),
        ]


class AssignmentRule(models.Model):
    """Which unclaimed charges were given to what: an empty field fits everything."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    provider = models.CharField(max_length=40, blank=True)
    model = models.CharField(max_length=200, blank=True)
    key = models.CharField(max_length=120, blank=True)
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("assignment_rule")


class Assignment(models.Model):
    """An unclaimed charge given to a campaign, a deliverable or a take, by a pair of entries; once."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    entry = models.UUIDField(unique=True)  # the unclaimed charge
    taken_out = models.UUIDField(unique=True)
    put_in = models.UUIDField(unique=True)
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="+", db_index=False)
    deliverable = models.ForeignKey(Deliverable, models.PROTECT, null=True, related_name="+", db_index=False)
    take = models.ForeignKey(Take, models.PROTECT, null=True, related_name="+", db_index=False)
    rule = models.ForeignKey(AssignmentRule, models.PROTECT, null=True, related_name="assignments")
    by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("assignment")
