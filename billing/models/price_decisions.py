"""What finance said to a proposed price: a row of its own, so that the price row itself is never edited."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from billing.models.prices import PriceRow
from projects.models import Person, Workspace
from projects.models.rows import WorkspaceQuerySet, append_only


class PriceDecision(models.Model):
    """Approves or declines a price row, once. A row without a decision is proposed."""

    class Kind(models.TextChoices):
        APPROVED = "approved", "Approved"
        DECLINED = "declined", "Declined"

    row = models.OneToOneField(PriceRow, models.PROTECT, primary_key=True, related_name="decision")
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    decision = models.CharField(max_length=8, choices=Kind)
    note = models.CharField(max_length=300, blank=True)
    decided_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("price_decision")
        constraints = [
            models.CheckConstraint(
                condition=Q(decision__in=["approved", "declined"]), name="price_decision_kind"
            ),
            models.CheckConstraint(
                condition=Q(decision="approved") | ~Q(note=""), name="price_declined_with_reason"
            ),
        ]
