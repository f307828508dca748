"""What a workspace knows of a model's end beside the catalogue."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from projects.identifiers import new_id
from projects.models import Workspace
from projects.models.rows import WorkspaceQuerySet


class ModelEnding(models.Model):
    """One word on a model's end in a workspace, at most one of each origin; `routing.endings` weighs them.

    `available_until` is the last day on which the model can be used. Of a row by hand it may be empty: no end
    is known, whatever the catalogue says. A row by an answer says that the model is retired now.
    """

    class Origin(models.TextChoices):
        HAND = "hand", "Entered by hand"
        PUBLISHED = "published", "Published by the provider"
        ANSWERED = "answered", "Answered by the provider"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+", db_index=False)
    model_key = models.CharField(max_length=200)
    origin = models.CharField(max_length=9, choices=Origin)
    available_until = models.DateField(null=True)
    source = models.CharField(max_length=400)
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    set_at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "model_key", "origin"], name="model_ending_once"),
            models.CheckConstraint(
                condition=Q(origin="hand", set_by__isnull=False)
                | (Q(origin__in=["published", "answered"]) & Q(available_until__isnull=False)),
                name="model_ending_by_hand_or_dated",
            ),
        ]
