"""Closing a month: what was said on the way, the frozen month itself, and the sealed days of the ledger.

All rows are append-only. The database refuses entries and decisions dated before the end of the last
closed month, and entries among those that a sealed day has counted.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from projects.identifiers import new_id
from projects.models import Person, Take, Workspace
from projects.models.rows import WorkspaceQuerySet, append_only

#: `billing_open_from` is the first instant that is not closed. It waits for a close that is under way, and
#: keeps one from starting until the transaction ends (made by the migration `closing`).
ENTRY_GUARD = """
    FOR place IN SELECT workspace_id, min(effective_at) AS first, min(id::text)::uuid AS lowest
                 FROM added GROUP BY workspace_id LOOP
        IF place.first < billing_open_from(place.workspace_id) THEN
            RAISE EXCEPTION 'the month of % is closed', place.first
                USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_into_closed_month';
        END IF;
        IF place.lowest < (SELECT max(s.until::text)::uuid FROM billing_sealedday s
                           WHERE s.workspace_id = place.workspace_id) THEN
            RAISE EXCEPTION 'entry % falls among sealed ones', place.lowest
                USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_into_sealed_day';
        END IF;
    END LOOP;
    RETURN NULL;
"""


class StepKind(models.TextChoices):
    REVIEW = "review", "Under review"
    BACK = "back", "Taken back"
    EXCEPTIONS_READ = "exceptions_read", "Exceptions read"
    PROVIDER = "provider", "Provider settled"
    SIGNED = "signed", "Signed by the first"


class Settlement(models.TextChoices):
    """How a provider's usage of the month was settled."""

    INVOICE = "invoice", "Reconciled to its invoice"
    USAGE = "usage", "Reconciled to its usage export"
    BALANCE = "balance", "Reconciled to its balance"
    NOT_INVOICED = "not_invoiced", "Accrued as not yet invoiced"


class MonthStep(models.Model):
    """One step on the way to a close, in the order of `id`; a step `back` undoes all before it."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    month = models.CharField(max_length=7)
    kind = models.CharField(max_length=15, choices=StepKind)
    provider = models.CharField(max_length=40, blank=True)
    settlement = models.CharField(max_length=12, choices=Settlement, blank=True)
    expected_on = models.DateField(null=True)  # of an invoice that is not there yet
    digest = models.CharField(max_length=64, blank=True)  # of the figures that were signed or read
    note = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("month_step")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="provider", settlement__gt="", provider__gt="")
                | (~Q(kind="provider") & Q(settlement="", provider="")),
                name="month_step_names_provider",
            ),
            models.CheckConstraint(
                condition=~Q(settlement="not_invoiced") | Q(expected_on__isnull=False),
                name="month_step_expects_invoice",
            ),
        ]
        indexes = [models.Index(fields=["workspace", "month", "id"], name="month_step_of_month")]


class SampleVerdict(models.Model):
    """A second look at an accepted take of the month's sample: would it be accepted again?"""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    month = models.CharField(max_length=7)
    take = models.ForeignKey(Take, models.PROTECT, related_name="+")
    agrees = models.BooleanField()
    note = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("sample_verdict")
        indexes = [models.Index(fields=["workspace", "month", "take", "id"], name="sample_verdict_of_take")]


class MonthClose(models.Model):
    """A closed month: its figures as they were signed, under the hash of its canonical rows."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    month = models.CharField(max_length=7)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    document = models.JSONField()  # the audit of the month, amounts as strings
    digest = models.CharField(max_length=64)  # SHA-256 of rows and document, in hexadecimal
    entries = models.PositiveIntegerField()
    signed_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    signed_at = models.DateTimeField()
    closed_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    closed_at = models.DateTimeField()
    single_signature = models.BooleanField(default=False)
    note = models.CharField(max_length=300, blank=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("month_close")
        constraints = [
            models.UniqueConstraint(fields=["workspace", "month"], name="month_closed_once"),
            models.CheckConstraint(
                condition=Q(single_signature=True) | ~Q(signed_by=F("closed_by")),
                name="month_close_two_people",
            ),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="month_close_span"),
        ]


class SealedDay(models.Model):
    """All entries of a workspace whose id comes before `until` and not before the seal before it.

    Identifiers sort by the instant at which they were made, so this is a day of bookings.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    day = models.DateField()  # UTC; the last one that it holds
    until = models.UUIDField()
    entries = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)  # SHA-256 of the digest before and the rows
    sealed_at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("sealed_day")
        constraints = [models.UniqueConstraint(fields=["workspace", "day"], name="sealed_day_once")]
