"""Chat hooks: addresses of chats that are told of budgets, and what waits to be told."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from projects.identifiers import new_id
from projects.models import Person, Workspace
from projects.models.rows import WorkspaceQuerySet


class ChatHook(models.Model):
    """An incoming webhook of a chat. Its address is a secret: kept encrypted; pages show its host."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="chat_hooks")
    name = models.CharField(max_length=60)
    host = models.CharField(max_length=255)
    encrypted_address = models.BinaryField()  # empty once it is removed
    enabled = models.BooleanField(default=True)
    added_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    added_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "name"], condition=Q(removed_at__isnull=True), name="chat_hook_once"
            ),
            models.CheckConstraint(
                condition=Q(removed_at__isnull=True) | Q(enabled=False, encrypted_address=b""),
                name="chat_hook_removed_is_forgotten",
            ),
        ]


class ChatMessage(models.Model):
    """What a chat is told, once for each `dedupe`; tried until it was sent or given up."""

    id = models.BigAutoField(primary_key=True)
    hook = models.ForeignKey(ChatHook, models.PROTECT, related_name="messages")
    text = models.TextField()
    dedupe = models.CharField(max_length=120)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=200, blank=True)  # of the last attempt
    sent_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["hook", "dedupe"], name="chat_message_once"),
            models.CheckConstraint(
                condition=Q(sent_at__isnull=True) | Q(given_up_at__isnull=True), name="chat_message_ends_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="chat_message_due",
                condition=Q(sent_at__isnull=True, given_up_at__isnull=True),
            ),
            models.Index(fields=["hook", "-id"], name="chat_message_of_hook"),
        ]
