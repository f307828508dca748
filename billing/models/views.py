"""Saved views: filters of a page under a name, of one person, who may share them with the workspace."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from projects.identifiers import new_id
from projects.models import Person, Workspace
from projects.models.rows import WorkspaceQuerySet


class ViewedPage(models.TextChoices):
    """The pages whose filters can be saved."""

    MONTH = "month", "Month"
    EXCEPTIONS = "exceptions", "Exceptions"
    ACCEPTED = "accepted", "Accepted"
    ENTRIES = "entries", "Entries"
    COMPARE = "compare", "Compare"


class SavedView(models.Model):
    """A page's `query` under a name; a default one is opened where nothing else is asked for."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    saved_by = models.ForeignKey(Person, models.CASCADE, related_name="+")
    saved_at = models.DateTimeField()
    page = models.CharField(max_length=10, choices=ViewedPage)
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=500)
    shared = models.BooleanField(default=False)
    is_default = models.BooleanField(default=False)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "page", "saved_by", "name"], name="saved_view_name_once"
            ),
            models.UniqueConstraint(
                fields=["workspace", "page", "saved_by"],
                condition=Q(is_default=True),
                name="saved_view_one_default",
            ),
            models.CheckConstraint(condition=~Q(name="") & ~Q(query=""), name="saved_view_says_something"),
        ]

    def __str__(self) -> str:
        return self.name
