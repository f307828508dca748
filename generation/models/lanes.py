"""Proof that the queue is alive, and the jobs of the built-in renderer."""

from __future__ import annotations

from django.db import models

from projects.identifiers import new_id


class Canary(models.Model):
    """A stamp that only a live task can renew; the supervisor restarts the workers when it is old."""

    name = models.CharField(primary_key=True, max_length=20)
    asked_at = models.DateTimeField(null=True)
    stamped_at = models.DateTimeField(null=True)


class SketchJob(models.Model):
    """A job of the built-in renderer, which answers the engine as any provider does."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        BLOCKED = "blocked", "Blocked"
        CANCELLED = "cancelled", "Cancelled"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    token = models.CharField(max_length=64, unique=True)  # idempotency: our run token
    model = models.CharField(max_length=200)
    kind = models.CharField(max_length=16)
    request = models.JSONField()
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    outputs = models.JSONField(default=list)
    error_class = models.CharField(max_length=20, blank=True)
    error = models.CharField(max_length=500, blank=True)
    not_before = models.DateTimeField()
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["not_before"],
                name="sketch_job_due",
                condition=models.Q(state__in=["queued", "running"]),
            )
        ]
