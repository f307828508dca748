"""What people say about a take, at one frame of it or about all of it."""

from __future__ import annotations

from django.db import models

from projects.identifiers import new_id
from projects.models.people import Person, Workspace
from projects.models.rows import WorkspaceQuerySet, append_only
from projects.models.takes import Take


class TakeNote(models.Model):
    """A person's note on a take. `frame` counts from 0; None means the whole take. Never edited."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    take = models.ForeignKey(Take, models.PROTECT, related_name="notes")
    frame = models.PositiveIntegerField(null=True)
    body = models.TextField()
    by = models.ForeignKey(Person, models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = append_only("take_note")
