"""Totals for pages, kept with each write; `doctor` checks them against the rows."""

from __future__ import annotations

from django.db import models

from projects.models import Deliverable, Workspace


class DeliverableCost(models.Model):
    """All cash of a deliverable to date by stage, and what is reserved, in the workspace's currency."""

    deliverable = models.OneToOneField(Deliverable, models.PROTECT, primary_key=True, related_name="cost")
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    generation = models.DecimalField(max_digits=20, decimal_places=8, default=0)
    control = models.DecimalField(max_digits=20, decimal_places=8, default=0)
    refinement = models.DecimalField(max_digits=20, decimal_places=8, default=0)
    reserved = models.DecimalField(max_digits=20, decimal_places=8, default=0)


class PotDay(models.Model):
    """What moved in an account on a day (UTC): a pot, or `spent` for all cash. Several rows add up.

    Written by a trigger with every statement that books entries, so that no two writers wait for each
    other; `billing.pot_days.compact` adds rows together.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    account = models.CharField(max_length=60)
    amount = models.DecimalField(max_digits=24, decimal_places=8)

    class Meta:
        indexes = [models.Index(fields=["workspace", "day"], name="pot_day_of_workspace")]


class SpendDay(models.Model):
    """Cash of a day (UTC) by provider, model, price row and currency. Several rows add up.

    Written by a trigger as those of `PotDay` are; `billing.spend_days.compact` adds rows together.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=200)
    price_row = models.UUIDField(null=True)
    native_currency = models.CharField(max_length=47)
    amount = models.DecimalField(max_digits=24, decimal_places=8)

    class Meta:
        indexes = [models.Index(fields=["workspace", "day"], name="spend_day_of_workspace")]


class MonthPart(models.Model):
    """What one deliverable brings to the figures of one month, as of that month's last instant.

    `rows` are [figure, category, phase, key, amount]; see `billing.month_parts`. `lead_seconds` run from its
    brief to its acceptance, where that fell in the month and stood at its end.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    month = models.DateField()  # its first day, in the workspace's time zone
    deliverable = models.ForeignKey(Deliverable, models.PROTECT, related_name="+", db_index=False)
    rows = models.JSONField()
    lead_seconds = models.DecimalField(max_digits=20, decimal_places=6, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["deliverable", "month"], name="month_part_once"),
        ]
        indexes = [
            models.Index(
                fields=["workspace", "month", "lead_seconds"],
                name="month_part_lead",
                condition=models.Q(lead_seconds__isnull=False),
            )
        ]


class MonthSum(models.Model):
    """The parts of all deliverables added up: a figure of a month by category and phase, or by key."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    month = models.DateField()
    figure = models.CharField(max_length=20)
    category = models.CharField(max_length=120, blank=True)
    phase = models.CharField(max_length=5, blank=True)
    key = models.CharField(max_length=260, blank=True)
    amount = models.DecimalField(max_digits=60, decimal_places=30)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "month", "figure", "category", "phase", "key"], name="month_sum_once"
            )
        ]
