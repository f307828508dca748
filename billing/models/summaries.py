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
