"""How models have behaved lately, and their circuit breakers."""

from __future__ import annotations

from django.db import models

from projects.identifiers import new_id
from projects.models import Workspace
from projects.models.rows import WorkspaceQuerySet, append_only


class BreakerState(models.TextChoices):
    CLOSED = "closed", "Closed"
    OPEN = "open", "Open"
    HALF_OPEN = "half_open", "Probing"


class ModelHealth(models.Model):
    """The circuit breaker of a model in a workspace, and its probe money since it opened."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    model_key = models.CharField(max_length=200)
    state = models.CharField(max_length=9, choices=BreakerState, default=BreakerState.CLOSED)
    changed_at = models.DateTimeField()
    retry_at = models.DateTimeField(null=True)
    probe_spent = models.DecimalField(max_digits=20, decimal_places=8, default=0)
    reason = models.CharField(max_length=200, blank=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "model_key"], name="model_health_once")]


class HealthSample(models.Model):
    """Calls of a model that ended within one minute: how many, how many failed, how long they took."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    model_key = models.CharField(max_length=200)
    minute = models.DateTimeField()
    calls = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    seconds = models.DecimalField(max_digits=14, decimal_places=3, default=0)  # summed
    errors = models.JSONField(default=dict)  # error class -> count

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "model_key", "minute"], name="health_sample_once")
        ]


class BreakerChange(models.Model):
    """One move of a model's circuit breaker: from what to what, when and why. Written with the move itself.

    `error_class` is that of the call that moved it, empty where a success or time did; `calls` and `failures`
    are what its window held then. `retry_at` is when the next probe was due.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    model_key = models.CharField(max_length=200)
    at = models.DateTimeField()
    before = models.CharField(max_length=9, choices=BreakerState)
    after = models.CharField(max_length=9, choices=BreakerState)
    reason = models.CharField(max_length=200)
    error_class = models.CharField(max_length=20, blank=True)
    calls = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("breaker_change")
        constraints = [
            models.CheckConstraint(condition=~models.Q(before=models.F("after")), name="breaker_change_moves")
        ]
        indexes = [models.Index(fields=["workspace", "at"], name="breaker_change_of_workspace")]
