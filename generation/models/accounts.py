"""Provider accounts: the keys with which a workspace calls a provider, encrypted at rest."""

from __future__ import annotations

from django.db import models

from projects.identifiers import new_id
from projects.models import Person, Workspace
from projects.models.rows import WorkspaceQuerySet


class ProviderAccount(models.Model):
    """`encrypted_key` is a Fernet token; `key_hint` its last four characters, all that is ever shown."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="provider_accounts")
    provider = models.CharField(max_length=40)
    name = models.CharField(max_length=80)
    encrypted_key = models.BinaryField()
    key_hint = models.CharField(max_length=4, blank=True)
    base_url = models.CharField(max_length=300, blank=True)  # empty: the provider's own
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

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "provider", "name"], name="provider_account_name_once"
            )
        ]
