"""Credits that were bought in packs: the lots, what was taken from them, and what providers say is left."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from projects.identifiers import new_id
from projects.models import Person, Workspace
from projects.models.rows import WorkspaceQuerySet, append_only

UNIT_LENGTH = 47  # "credit:" and a provider's name


class CreditLot(models.Model):
    """A pack of a provider's credits: a prepayment, and no cost until it is used or expires.

    `price` is in `currency`; `cost` is the same in the workspace's, at `rate`, the last published on or
    before the day of purchase. It spreads over credits and bonus alike. `expires_on` is the last day on
    which the credits can be used, by the workspace's wall clock; null: never.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    unit = models.CharField(max_length=UNIT_LENGTH)  # such as credit:runway
    bought_on = models.DateField()
    expires_on = models.DateField(null=True, blank=True)
    credits = models.DecimalField(max_digits=20, decimal_places=8)
    bonus = models.DecimalField(max_digits=20, decimal_places=8, default=0)
    price = models.DecimalField(max_digits=20, decimal_places=8)
    currency = models.CharField(max_length=3)
    rate = models.DecimalField(max_digits=20, decimal_places=10)
    cost = models.DecimalField(max_digits=20, decimal_places=8)
    source = models.CharField(max_length=200)
    author = models.ForeignKey(Person, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("credit_lot")
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "unit", "bought_on", "source"], name="credit_lot_once"
            ),
            models.CheckConstraint(condition=Q(unit__startswith="credit:"), name="credit_lot_unit"),
            models.CheckConstraint(
                condition=Q(credits__gt=0, bonus__gte=0, price__gt=0, rate__gt=0, cost__gt=0),
                name="credit_lot_positive",
            ),
            models.CheckConstraint(
                condition=Q(expires_on__isnull=True) | Q(expires_on__gte=F("bought_on")),
                name="credit_lot_expires_later",
            ),
        ]


class CreditBalance(models.Model):
    """What is left of a lot, kept with each movement; the database refuses to go below nothing."""

    lot = models.OneToOneField(CreditLot, models.PROTECT, primary_key=True, related_name="balance")
    credits = models.DecimalField(max_digits=20, decimal_places=8)
    cost = models.DecimalField(max_digits=20, decimal_places=8)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(credits__gte=0, cost__gte=0), name="credit_balance_never_negative"
            ),
        ]


class CreditMovement(models.Model):
    """Credits that left a lot (positive) or returned to it, with their cost in the workspace's currency.

    `beyond` is use that no lot covered; it names the lot whose rate it took, if there was one, and leaves
    that lot's balance alone. It is taken back when a lot bought later covers it.
    """

    class Kind(models.TextChoices):
        USE = "use", "Used"
        BEYOND = "beyond", "Used beyond the lots"
        REFUND = "refund", "Returned"
        EXPIRY = "expiry", "Expired"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    unit = models.CharField(max_length=UNIT_LENGTH)
    kind = models.CharField(max_length=6, choices=Kind)
    lot = models.ForeignKey(CreditLot, models.PROTECT, null=True, related_name="movements")
    credits = models.DecimalField(max_digits=20, decimal_places=8)
    cost = models.DecimalField(max_digits=20, decimal_places=8)
    entry = models.UUIDField(db_index=True)  # the ledger entry that was booked with it
    at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("credit_movement")
        constraints = [
            models.CheckConstraint(
                condition=Q(lot__isnull=False) | Q(kind="beyond"), name="credit_movement_names_lot"
            ),
        ]
        indexes = [models.Index(fields=["workspace", "unit", "at"], name="credit_movement_of_unit")]


class ProviderBalance(models.Model):
    """What a provider says is left of its credits at an instant; stands beside ours."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    unit = models.CharField(max_length=UNIT_LENGTH)
    credits = models.DecimalField(max_digits=20, decimal_places=8)
    ours = models.DecimalField(max_digits=20, decimal_places=8)  # by our books when it was entered
    read_at = models.DateTimeField()
    source = models.CharField(max_length=200)
    author = models.ForeignKey(Person, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("provider_balance")
        constraints = [
            models.UniqueConstraint(fields=["workspace", "unit", "read_at"], name="provider_balance_once"),
            models.CheckConstraint(condition=Q(unit__startswith="credit:"), name="provider_balance_unit"),
        ]
