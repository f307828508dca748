"""Exports of a month that take too long to wait for."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from projects.identifiers import new_id
from projects.models import Person, Workspace
from projects.models.rows import WorkspaceQuerySet


class ExportJob(models.Model):
    """A file of a month that is made in the background; `file_name` names it in the storage once it is there.

    `rows_done` counts entries. The file is kept for some days, the row as long as the file.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        MAKING = "making", "Being made"
        DONE = "done", "Made"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="export_jobs")
    month = models.CharField(max_length=7)
    form = models.CharField(max_length=24)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    rows_total = models.PositiveIntegerField(default=0)
    rows_done = models.PositiveIntegerField(default=0)
    file_name = models.CharField(max_length=200, blank=True)
    size_bytes = models.BigIntegerField(null=True)
    said = models.CharField(max_length=300, blank=True)  # why it failed
    attempts = models.PositiveSmallIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    requested_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    requested_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="done") | (~Q(file_name="") & Q(ended_at__isnull=False)),
                name="export_job_done_has_file",
            ),
            models.UniqueConstraint(
                fields=["workspace", "month", "form"],
                condition=Q(state__in=["waiting", "making"]),
                name="export_job_one_at_a_time",
            ),
        ]


EXPORTS_UNFINISHED = (ExportJob.State.WAITING, ExportJob.State.MAKING)
