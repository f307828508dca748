"""Price rows and exchange rates: dated, with their source and author, never edited."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from billing import price_rules
from projects.identifiers import new_id
from projects.models import Person, Workspace
from projects.models.rows import WorkspaceQuerySet, append_only


class Unit(models.TextChoices):
    IMAGE = "image", "Image"
    SECOND = "second", "Second"
    MEGAPIXEL = "megapixel", "Megapixel"
    TOKEN = "token", "Token"
    REQUEST = "request", "Request"
    COMPUTE_SECOND = "compute_second", "Compute second"
    CREDIT = "credit", "Credit"


class PriceRow(models.Model):
    """What one unit of a model costs from an instant on.

    `amount` is the price of one unit in `currency`; where `first_amount` is set, the first unit costs
    that and `amount` is each further one. `list_amount` is what the provider asks of everybody, where
    `amount` is a negotiated price. Which row is in force, `billing.prices.in_force` says.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="price_rows")
    model_key = models.CharField(max_length=200)  # provider/endpoint
    unit = models.CharField(max_length=14, choices=Unit)
    amount = models.DecimalField(max_digits=20, decimal_places=8)
    first_amount = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    list_amount = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    currency = models.CharField(max_length=47)  # ISO 4217, or a credit unit such as credit:runway
    conditions = models.JSONField(default=dict, blank=True)
    starts_at = models.DateTimeField()
    source = models.CharField(max_length=200, blank=True)
    author = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("price_row")
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "model_key", "conditions", "starts_at"], name="price_row_once"
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="price_row_positive"),
            models.CheckConstraint(
                condition=Q(amount__gt=0) | Q(model_key__startswith="builtin/"),
                name="price_row_zero_only_builtin",
            ),
        ]
        indexes = [models.Index(fields=["workspace", "model_key", "starts_at"], name="price_row_in_force")]

    @property
    def conditions_in_words(self) -> list[str]:
        """The conditions line by line."""
        return price_rules.words(self.conditions)


class PricedUse(models.Model):
    """What a charge at a price with conditions was priced by: what was asked for, and its place in the month.

    One row an entry, beside it. `facts` are those of `billing.price_rules`, `input_units` the tokens that
    went in, `place` how many units of the month came before, where the price has steps by volume.
    """

    entry = models.UUIDField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    facts = models.JSONField(default=dict)
    input_units = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    place = models.DecimalField(max_digits=20, decimal_places=8)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("priced_use")


class LatePlace(models.Model):
    """The place in its month that a charge took when it was re-rated to a price with steps by volume.

    It had been booked without one. `place` is how many units of the month came before.
    """

    entry = models.UUIDField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    place = models.DecimalField(max_digits=20, decimal_places=8)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("late_place")


class MonthVolume(models.Model):
    """How many units of a model were charged in a month at prices with steps by volume; it only grows.

    Charges that were re-rated to such a price count as well.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    model_key = models.CharField(max_length=200)
    unit = models.CharField(max_length=14, choices=Unit)
    month = models.CharField(max_length=7)
    units = models.DecimalField(max_digits=20, decimal_places=8)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "model_key", "unit", "month"], name="month_volume_once"
            ),
            models.CheckConstraint(condition=Q(units__gte=0), name="month_volume_positive"),
        ]


class ExchangeRate(models.Model):
    """One unit of `currency` in the workspace's currency, published on a day."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="exchange_rates")
    currency = models.CharField(max_length=47)
    day = models.DateField()
    rate = models.DecimalField(max_digits=20, decimal_places=10)
    source = models.CharField(max_length=120, blank=True)
    author = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("exchange_rate")
        constraints = [
            models.UniqueConstraint(fields=["workspace", "currency", "day"], name="exchange_rate_once"),
            models.CheckConstraint(condition=Q(rate__gt=0), name="exchange_rate_positive"),
        ]
