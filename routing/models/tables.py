"""Routing tables: versioned documents, immutable once published."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q

from projects.identifiers import new_id
from projects.models import Person, Workspace
from projects.models.rows import WorkspaceQuerySet


class TableState(models.TextChoices):
    PROPOSED = "proposed", "Proposed"
    PUBLISHED = "published", "In force"
    RETIRED = "retired", "Retired"
    WITHDRAWN = "withdrawn", "Withdrawn"


class RoutingTable(models.Model):
    """One version of a workspace's routing table as one JSON document; one is in force at a time."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="routing_tables")
    version = models.PositiveIntegerField()
    state = models.CharField(max_length=9, choices=TableState, default=TableState.PROPOSED)
    document = models.JSONField()
    digest = models.CharField(max_length=64)
    reason = models.CharField(max_length=300, blank=True)
    author = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    proposed_at = models.DateTimeField()
    approver = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    published_at = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = [
            pgtrigger.Protect(name="table_kept", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="table_document_immutable",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.document IS DISTINCT FROM NEW.document"
                    " OR OLD.version IS DISTINCT FROM NEW.version"
                    " OR OLD.author_id IS DISTINCT FROM NEW.author_id"
                    " OR (OLD.published_at IS NOT NULL"
                    " AND OLD.published_at IS DISTINCT FROM NEW.published_at)"
                ),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "version"], name="table_version_once"),
            models.UniqueConstraint(
                fields=["workspace"], condition=Q(state="published"), name="table_in_force_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["proposed", "withdrawn"]) | Q(published_at__isnull=False),
                name="table_published_at_when_published",
            ),
        ]
