"""Holds: money reserved before a call, then posted or voided, once. Append-only."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from projects.identifiers import new_id
from projects.models import Take, Workspace
from projects.models.rows import WorkspaceQuerySet, append_only


class Hold(models.Model):
    """Money set aside for one planned call, in the workspace's currency. Open until it has an outcome."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="holds")
    take = models.ForeignKey(Take, models.PROTECT, related_name="holds")
    run = models.UUIDField()  # the run that this hold was made for
    model_key = models.CharField(max_length=200)  # dearest eligible choice it covers
    amount = models.DecimalField(max_digits=20, decimal_places=8)
    price_row = models.UUIDField(null=True)
    made_at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("hold")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="hold_positive"),
        ]
        indexes = [models.Index(fields=["workspace", "made_at"], name="hold_of_workspace")]


class HoldOutcome(models.Model):
    """What became of a hold; its key is the hold's, so that it settles once."""

    class Kind(models.TextChoices):
        POSTED = "posted", "Posted"
        VOIDED = "voided", "Voided"

    hold = models.OneToOneField(Hold, models.PROTECT, primary_key=True, related_name="outcome")
    outcome = models.CharField(max_length=6, choices=Kind)
    amount = models.DecimalField(max_digits=20, decimal_places=8)  # settled; 0 when voided
    entry = models.UUIDField(null=True)
    at = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        triggers = append_only("hold_outcome")
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome="posted") | Q(outcome="voided", amount=0, entry__isnull=True),
                name="hold_outcome_void_is_zero",
            )
        ]
