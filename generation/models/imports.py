"""A large history import: staged, shown with progress, restartable, applied in one transaction."""

from __future__ import annotations

from django.db import models

from projects.identifiers import new_id
from projects.models import Person, Workspace
from projects.models.rows import WorkspaceQuerySet


class HistoryJob(models.Model):
    """Two staged files and how far their import has come."""

    class State(models.TextChoices):
        STAGED = "staged", "Staged"
        CHECKING = "checking", "Checking"
        APPLYING = "applying", "Applying"
        DONE = "done", "Done"
        REFUSED = "refused", "Refused"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="history_jobs")
    state = models.CharField(max_length=8, choices=State, default=State.STAGED)
    charges_name = models.CharField(max_length=200)  # in the storage
    decisions_name = models.CharField(max_length=200)
    rows_total = models.PositiveIntegerField(default=0)
    rows_done = models.PositiveIntegerField(default=0)
    answer = models.JSONField(null=True)
    errors = models.JSONField(default=list)
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    requested_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    requested_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects = WorkspaceQuerySet.as_manager()


JOBS_UNFINISHED = (HistoryJob.State.STAGED, HistoryJob.State.CHECKING, HistoryJob.State.APPLYING)
