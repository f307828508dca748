"""Requests to raise a budget: by how much and why, decided once by another person."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from billing.models.budgets import Budget
from projects.identifiers import new_id
from projects.models import Person, Workspace
from projects.models.rows import WorkspaceQuerySet


class RaiseState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    GRANTED = "granted", "Granted"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"
    EXPIRED = "expired", "Expired"


class BudgetRaise(models.Model):
    """Asks for `more` on the limit of a budget. What became of it stands in its state, and in the events."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="budget_raises")
    budget = models.ForeignKey(Budget, models.PROTECT, related_name="raises")
    more = models.DecimalField(max_digits=20, decimal_places=8)
    reason = models.TextField()
    state = models.CharField(max_length=9, choices=RaiseState, default=RaiseState.WAITING)
    requested_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decided_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    note = models.TextField(blank=True)
    limit_before = models.DecimalField(max_digits=20, decimal_places=8, null=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["budget", "requested_by"],
                condition=Q(state="waiting"),
                name="budget_raise_waits_once",
            ),
            models.CheckConstraint(condition=Q(more__gt=0), name="budget_raise_more"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("requested_at")), name="budget_raise_expires"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", decided_by__isnull=True, decided_at__isnull=True)
                | Q(state="expired", decided_by__isnull=True, decided_at__isnull=False)
                | Q(state="withdrawn", decided_by=F("requested_by"), decided_at__isnull=False)
                | (
                    Q(state__in=["granted", "declined"], decided_by__isnull=False, decided_at__isnull=False)
                    & ~Q(decided_by=F("requested_by"))
                ),
                name="budget_raise_decided_by_another",
            ),
            models.CheckConstraint(
                condition=Q(state="granted", limit_before__isnull=False)
                | (~Q(state="granted") & Q(limit_before__isnull=True)),
                name="budget_raise_granted_on_a_limit",
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace", "requested_at"],
                name="budget_raise_waiting",
                condition=Q(state="waiting"),
            ),
            models.Index(fields=["budget", "requested_at"], name="budget_raise_of_budget"),
        ]
