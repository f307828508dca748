"""The ledger: one row is one balanced booking, debit and credit by the same amount.

The table is partitioned by month (UTC) of the effective instant and append-only by trigger;
`billing.ledger.ensure_partitions` adds months.
"""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q

from billing.models.closing import ENTRY_GUARD
from projects.identifiers import new_id
from projects.models import Campaign, Deliverable, Person, Project, Take, Workspace, touching
from projects.models.rows import WorkspaceQuerySet, append_only


class Pot(models.TextChoices):
    """The accounts in which cash lies; the other side of a charge is `provider:<name>`."""

    WIP = "wip", "Work in progress"
    ACCEPTED = "accepted", "Cost of accepted"
    WRITTEN_OFF = "written_off", "Written off"
    PERIOD = "period", "Period costs"


class Stage(models.TextChoices):
    GENERATION = "generation", "Generation"
    CONTROL = "control", "Control"
    REFINEMENT = "refinement", "Refinement"


#: The stage of a transfer that carries a share of a campaign's shared costs; it leaves the campaign's own
#: work in progress, and lies with the deliverable from then on.
SHARE = "shared"


class EntryKind(models.TextChoices):
    CHARGE = "charge", "Charge"
    REFUND = "refund", "Refund"
    ADJUSTMENT = "adjustment", "Adjustment"
    ACCRUAL = "accrual", "Accrual"
    TRANSFER = "transfer", "Transfer between pots"


#: Refunds of one charge come one after the other (the same lock as `billing.ledger.refund`), and never
#: give back more than it was. Checked when the transaction ends, so that rows may come in any order.
REFUND_GUARD = """
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.refunds::text, 1));
    SELECT amount INTO charged FROM billing_entry WHERE id = NEW.refunds AND kind = 'charge';
    SELECT -sum(amount) INTO given FROM billing_entry WHERE refunds = NEW.refunds;
    IF charged IS NULL OR given > charged THEN
        RAISE EXCEPTION 'refund of entry %: % of % would be given back', NEW.refunds, given, charged
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_refund_within_charge';
    END IF;
    RETURN NULL;
"""

#: Keeps the days of the pots with each statement that books.
POT_DAYS = """
    INSERT INTO billing_potday (workspace_id, day, account, amount)
    SELECT workspace_id, day, account, sum(amount) FROM (
        SELECT workspace_id, (effective_at AT TIME ZONE 'UTC')::date AS day, debit AS account, amount
        FROM added
        UNION ALL
        SELECT workspace_id, (effective_at AT TIME ZONE 'UTC')::date, credit, -amount
        FROM added WHERE kind = 'transfer'
        UNION ALL
        SELECT workspace_id, (effective_at AT TIME ZONE 'UTC')::date, 'spent', amount
        FROM added WHERE kind <> 'transfer'
    ) moved
    GROUP BY 1, 2, 3 HAVING sum(amount) <> 0;
    RETURN NULL;
"""

#: Keeps the days of spend by what it was spent on, with each statement that books.
SPEND_DAYS = """
    INSERT INTO billing_spendday (workspace_id, day, provider, model, price_row, native_currency, amount)
    SELECT workspace_id, (effective_at AT TIME ZONE 'UTC')::date, provider, model, price_row,
           native_currency, sum(amount)
    FROM added WHERE kind <> 'transfer'
    GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(amount) <> 0;
    RETURN NULL;
"""


class Entry(models.Model):
    """A booking of `amount` (workspace currency, signed: a refund is negative) to `debit` from `credit`.

    Cash is every kind but `transfer`. A cash entry is debited to the pot in which its deliverable lay at
    the effective instant; each decision transfers the deliverable's whole cash to its new pot.
    Scope columns are copied when it is booked and never change. Where the provider reported its charge,
    `computed_amount` is what the price row makes of it, in the same currency as `amount`.
    """

    pk = models.CompositePrimaryKey("id", "effective_at")  # a partitioned table's key needs both
    id = models.UUIDField(default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=10, choices=EntryKind)
    debit = models.CharField(max_length=60)
    credit = models.CharField(max_length=60)
    amount = models.DecimalField(max_digits=20, decimal_places=8)
    native_amount = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    native_currency = models.CharField(max_length=47, blank=True)
    rate = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    service_at = models.DateTimeField()
    booked_at = models.DateTimeField()
    effective_at = models.DateTimeField()
    stage = models.CharField(max_length=10, choices=Stage, blank=True)
    failed_charged = models.BooleanField(default=False)
    refunds = models.UUIDField(null=True)  # the entry that is given back
    corrects = models.UUIDField(null=True)  # the entry that an adjustment or the end of an accrual is about
    decision = models.BigIntegerField(null=True)  # transfers: sequence of the decision
    project = models.ForeignKey(Project, models.PROTECT, null=True, related_name="+", db_index=False)
    campaign = models.ForeignKey(Campaign, models.PROTECT, null=True, related_name="+", db_index=False)
    deliverable = models.ForeignKey(Deliverable, models.PROTECT, null=True, related_name="+", db_index=False)
    take = models.ForeignKey(Take, models.PROTECT, null=True, related_name="+", db_index=False)
    category = models.CharField(max_length=120, blank=True)
    phase = models.CharField(max_length=5, blank=True)
    tier = models.CharField(max_length=12, blank=True)
    provider = models.CharField(max_length=40, blank=True)
    model = models.CharField(max_length=200, blank=True)  # provider/endpoint
    routing_version = models.CharField(max_length=12, blank=True)
    pipeline = models.CharField(max_length=140, blank=True)
    prompt_template = models.CharField(max_length=140, blank=True)
    seed_policy = models.CharField(max_length=12, blank=True)
    person = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+", db_index=False)
    person_email = models.CharField(max_length=254, blank=True)
    run = models.UUIDField(null=True)
    call = models.UUIDField(null=True)
    hold = models.UUIDField(null=True)
    price_row = models.UUIDField(null=True)
    units = models.DecimalField(max_digits=20, decimal_places=8, null=True)  # of the price row
    computed_amount = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    calculation = models.CharField(max_length=300, blank=True)  # in words
    external_id = models.CharField(max_length=200, blank=True)
    note = models.CharField(max_length=300, blank=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = [
            *append_only("entry"),
            pgtrigger.Trigger(
                name="entry_pot_days",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
                func=POT_DAYS,
            ),
            pgtrigger.Trigger(
                name="entry_spend_days",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
                func=SPEND_DAYS,
            ),
            pgtrigger.Trigger(
                name="entry_open_month",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
                declare=[("place", "record")],
                func=ENTRY_GUARD,
            ),
            touching.added("entry", touching.ENTRY_ADDED),
            pgtrigger.Trigger(
                name="entry_refund_within_charge",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                condition=pgtrigger.Q(new__kind="refund"),
                declare=[("charged", "numeric"), ("given", "numeric")],
                func=REFUND_GUARD,
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(debit=models.F("credit")), name="entry_two_accounts"),
            models.CheckConstraint(
                condition=Q(kind="transfer", decision__isnull=False, deliverable__isnull=False)
                | Q(kind="transfer", decision__isnull=False, campaign__isnull=False, stage=SHARE)
                | (~Q(kind="transfer") & Q(decision__isnull=True)),
                name="entry_transfer_of_decision",
            ),
            models.CheckConstraint(
                condition=Q(kind="transfer") | Q(credit__startswith="provider:"),
                name="entry_cash_owed_to_provider",
            ),
            models.CheckConstraint(
                condition=~Q(kind="refund") | Q(refunds__isnull=False, amount__lte=0),
                name="entry_refund_names_charge",
            ),
            models.CheckConstraint(
                condition=Q(deliverable__isnull=False) | Q(take__isnull=True),
                name="entry_take_has_deliverable",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "effective_at"], name="entry_of_workspace"),
            models.Index(fields=["deliverable", "effective_at"], name="entry_of_deliverable"),
            models.Index(fields=["take"], name="entry_of_take"),
            models.Index(fields=["campaign", "effective_at"], name="entry_of_campaign"),
            models.Index(
                fields=["workspace", "effective_at"],
                name="entry_without_deliverable",
                condition=Q(deliverable__isnull=True),
            ),
            models.Index(
                fields=["workspace", "service_at"],
                name="entry_counted_elsewhere",
                condition=~Q(effective_at=models.F("service_at")),
            ),
            models.Index(fields=["refunds"], name="entry_refunds", condition=Q(refunds__isnull=False)),
            models.Index(
                fields=["workspace", "effective_at"],
                name="entry_reported",
                condition=Q(computed_amount__isnull=False),
            ),
        ]


class ImportedCharge(models.Model):
    """A charge of an imported history, known by the id it came with; the same id again changes nothing."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    external_id = models.CharField(max_length=200)
    entry = models.UUIDField(null=True)  # null: a failure without a charge, or logged time
    digest = models.CharField(max_length=64)  # of the row as it came

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "external_id"], name="imported_charge_once")
        ]


class ImportedDecision(models.Model):
    """A decision of an imported history, identified by all its columns."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64)
    decision = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "digest"], name="imported_decision_once")]
