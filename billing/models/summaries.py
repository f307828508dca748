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
