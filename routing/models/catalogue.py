"""The catalogue: one row a provider endpoint. Global and read-only to workspaces, which add their own."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from projects.identifiers import new_id
from projects.models import Membership, Workspace


class Tier(models.TextChoices):
    CINEMATIC = "cinematic", "Cinematic"
    SPEED = "speed", "Speed"
    BUDGET = "budget", "Economy tier"
    CHARACTER = "character", "Character stability"
    REFINE = "refine", "Refine"
    TEXT = "text", "Text"


class CatalogueQuerySet(models.QuerySet["CatalogueModel"]):
    def visible_to(self, membership: Membership) -> CatalogueQuerySet:
        return self.filter(Q(workspace=None) | Q(workspace_id=membership.workspace_id))


class CatalogueModel(models.Model):
    """A model at a provider, under its key `provider/endpoint`. No amount means no price: not eligible."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, null=True, blank=True, related_name="own_models")
    key = models.CharField(max_length=200)
    name = models.CharField(max_length=120)
    vendor = models.CharField(max_length=80, blank=True)
    provider = models.CharField(max_length=40)
    endpoint = models.CharField(max_length=160)
    kinds = models.JSONField(default=list)  # step kinds it serves
    capabilities = models.JSONField(default=dict)  # data that adapters and decide() read
    tier = models.CharField(max_length=12, choices=Tier, blank=True)
    unit = models.CharField(max_length=14, blank=True)
    amount = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    first_amount = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    currency = models.CharField(max_length=47, blank=True)
    conditions = models.CharField(max_length=300, blank=True)
    available_until = models.DateField(null=True, blank=True)
    source = models.CharField(max_length=400, blank=True)
    note = models.CharField(max_length=400, blank=True)
    imported = models.BooleanField(default=False)

    objects = CatalogueQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "key"], name="catalogue_key_once", nulls_distinct=False
            ),
        ]
        indexes = [models.Index(fields=["provider", "endpoint"], name="catalogue_endpoint")]

    def __str__(self) -> str:
        return self.name
