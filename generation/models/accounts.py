"""Provider accounts: the keys with which a workspace calls a provider, encrypted at rest."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from projects.identifiers import new_id
from projects.models import Person, Workspace
from projects.models.rows import WorkspaceQuerySet


class ProviderAccount(models.Model):
    """`encrypted_key` is a Fernet token; `key_hint` its last four characters, all that is ever shown.

    After a change of key or webhook secret the old ones serve, until `old_until`, what was begun under them.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="provider_accounts")
    provider = models.CharField(max_length=40)
    name = models.CharField(max_length=80)
    encrypted_key = models.BinaryField()
    key_hint = models.CharField(max_length=4, blank=True)
    encrypted_webhook_secret = models.BinaryField(default=bytes)  # empty: none was entered
    key_changed_at = models.DateTimeField(null=True)
    old_encrypted_key = models.BinaryField(null=True)
    old_encrypted_webhook_secret = models.BinaryField(null=True)
    old_until = models.DateTimeField(null=True)
    base_url = models.CharField(max_length=300, blank=True)  # empty: the provider's own
    region = models.CharField(max_length=40, blank=True)  # one of its profile's; empty: the usual one
    extra = models.JSONField(default=dict, blank=True)  # further values that are no secrets
    concurrency = models.PositiveIntegerField(default=20)
    rate_per_minute = models.PositiveIntegerField(null=True, blank=True)
    webhooks = models.BooleanField(default=False)
    webhook_token = models.CharField(max_length=64, unique=True)  # in /hooks/<provider>/<token>/
    enabled = models.BooleanField(default=True)
    blocked_until = models.DateTimeField(null=True)  # Retry-After
    created_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    tested_at = models.DateTimeField(null=True)
    test_result = models.CharField(max_length=200, blank=True)
    test_works = models.BooleanField(null=True)  # the last test; None: never tested, or not since a change
    retired_at = models.DateTimeField(null=True)  # removed, and kept for the calls made under it

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "provider", "name"],
                condition=Q(retired_at__isnull=True),
                name="provider_account_name_once",
            ),
            models.CheckConstraint(
                condition=Q(retired_at__isnull=True) | Q(enabled=False),
                name="provider_account_retired_off",
            ),
            models.CheckConstraint(
                condition=Q(old_until__isnull=False)
                | Q(old_encrypted_key__isnull=True, old_encrypted_webhook_secret__isnull=True),
                name="provider_account_old_until",
            ),
        ]
