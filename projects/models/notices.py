"""Notices to a person, in the page and by mail; each person may switch a kind off."""

from __future__ import annotations

from django.db import models

from projects.identifiers import new_id
from projects.models.people import Membership, Workspace
from projects.models.rows import WorkspaceQuerySet


class NoticeKind(models.TextChoices):
    APPROVAL_WAITING = "approval_waiting", "An approval waits for me"
    REQUEST_DECIDED = "request_decided", "My request was decided"
    HERO_READY = "hero_ready", "A hero take is ready to sign off"
    BATCH_FINISHED = "batch_finished", "My batch has finished"
    BATCH_STOPPED = "batch_stopped", "My batch has stopped"
    BUDGET_80 = "budget_80", "A budget nears its limit"
    BUDGET_100 = "budget_100", "A budget is used up"
    TAKE_WAITS = "take_waits", "A take waits for a person"
    MODEL_LEAVING = "model_leaving", "A model that we route to is leaving"
    MONTH_ENDED = "month_ended", "A month has ended (to finance, with the statement)"
    MONTH_WAITS = "month_waits", "A month waits to be reviewed, signed or closed (to finance)"


class Notice(models.Model):
    """One notice for one member; `dedupe` makes a repeated event tell once."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    membership = models.ForeignKey(Membership, models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=20, choices=NoticeKind)
    title = models.CharField(max_length=200)
    body = models.TextField(blank=True)
    url = models.CharField(max_length=300, blank=True)
    dedupe = models.CharField(max_length=120)
    in_page = models.BooleanField(default=True)
    by_mail = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)
    mail_attempts = models.PositiveSmallIntegerField(default=0)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["membership", "kind", "dedupe"], name="notice_once")]
        indexes = [
            models.Index(
                fields=["membership", "created_at"],
                name="notice_unread",
                condition=models.Q(read_at__isnull=True, in_page=True),
            ),
            models.Index(
                fields=["created_at"],
                name="notice_to_mail",
                condition=models.Q(mailed_at__isnull=True, by_mail=True),
            ),
        ]


class NoticePreference(models.Model):
    """A member's wish for one kind of notice; without a row both ways are on."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    membership = models.ForeignKey(Membership, models.CASCADE, related_name="notice_preferences")
    kind = models.CharField(max_length=20, choices=NoticeKind)
    in_page = models.BooleanField(default=True)
    by_mail = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["membership", "kind"], name="notice_preference_once")]
