"""What is paid by the month whatever is made: subscriptions, minimum commitments, own machines."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from billing.models.prices import Unit
from projects.identifiers import new_id
from projects.models import Person, Workspace
from projects.models.rows import WorkspaceQuerySet, append_only


class Agreement(models.Model):
    """A monthly fee, or a least monthly spend, for a provider or some of its models.

    `first_month` is YYYY-MM. `fee` is in `currency`; for a minimum it is the least spend. The provisional
    rate of a unit is `fee ÷ planned_units`; a minimum has none, for its charges have prices of their own.
    Without models the agreement covers the whole provider.
    """

    class Kind(models.TextChoices):
        SUBSCRIPTION = "subscription", "Subscription"
        MINIMUM = "minimum", "Minimum commitment"
        MACHINE = "machine", "Own machine"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=Kind)
    name = models.CharField(max_length=120)
    provider = models.CharField(max_length=40)
    models_covered = models.JSONField(default=list, blank=True)  # provider/endpoint
    fee = models.DecimalField(max_digits=20, decimal_places=8)
    currency = models.CharField(max_length=3)
    planned_units = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    unit = models.CharField(max_length=14, choices=Unit, blank=True)
    first_month = models.CharField(max_length=7)
    source = models.CharField(max_length=200)
    author = models.ForeignKey(Person, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("agreement")
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="agreement_once"),
            models.CheckConstraint(condition=Q(fee__gt=0), name="agreement_fee_positive"),
            models.CheckConstraint(
                condition=Q(kind="minimum", planned_units__isnull=True, unit="")
                | (~Q(kind="minimum") & Q(planned_units__gt=0) & ~Q(unit="")),
                name="agreement_units_planned",
            ),
        ]


class AgreementEnd(models.Model):
    """The last month (YYYY-MM) of an agreement; said once."""

    agreement = models.OneToOneField(Agreement, models.PROTECT, primary_key=True, related_name="end")
    last_month = models.CharField(max_length=7)
    reason = models.CharField(max_length=300)
    ended_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    ended_at = models.DateTimeField()

    class Meta:
        triggers = append_only("agreement_end")


class AgreementSettlement(models.Model):
    """What a month of an agreement came to, in the workspace's currency.

    `due` is the fee, `used` the cash that takes bore, `rest` what of the fee nobody bore. `booked` is what
    this settlement added to the books: the rest less what earlier settlements of the month had booked.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    agreement = models.ForeignKey(Agreement, models.PROTECT, related_name="settlements")
    month = models.CharField(max_length=7)
    number = models.PositiveSmallIntegerField()
    due = models.DecimalField(max_digits=20, decimal_places=8)
    used = models.DecimalField(max_digits=20, decimal_places=8)
    rest = models.DecimalField(max_digits=20, decimal_places=8)
    booked = models.DecimalField(max_digits=20, decimal_places=8)
    entry = models.UUIDField(null=True)
    settled_at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("agreement_settlement")
        constraints = [
            models.UniqueConstraint(
                fields=["agreement", "month", "number"], name="agreement_settled_in_order"
            ),
            models.CheckConstraint(
                condition=Q(booked=0, entry__isnull=True) | (~Q(booked=0) & Q(entry__isnull=False)),
                name="agreement_settlement_names_entry",
            ),
            models.CheckConstraint(
                condition=Q(rest=F("due") - F("used")) | Q(rest=0), name="agreement_rest_adds_up"
            ),
        ]
