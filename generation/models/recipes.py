"""What makes a take reproducible: templates, control profiles, pipelines, and the recipe of each take."""

from __future__ import annotations

from typing import Self

import pgtrigger
from django.db import models
from django.db.models import Max

from projects.identifiers import new_id
from projects.models import Person, Take, Workspace
from projects.models.rows import Row, WorkspaceQuerySet, append_only
from projects.models.work import SeedPolicy


class VersionedQuerySet(WorkspaceQuerySet[Row]):
    """Rows that are versions of a slug."""

    def named(self, workspace: Workspace, name: str) -> Row | None:
        """The row `slug@version`, or the newest version of a bare slug."""
        slug, _, version = name.partition("@")
        rows = self.filter(workspace=workspace, slug=slug)
        if version:
            rows = rows.filter(version=int(version) if version.isdecimal() else 0)
        return rows.order_by("-version").first()

    def newest(self, workspace: Workspace) -> Self:
        """The newest version of each slug, by slug."""
        return self.filter(workspace=workspace).order_by("slug", "-version").distinct("slug")

    def next_version(self, workspace: Workspace, slug: str) -> int:
        """The number of the slug's next version. Until the transaction ends nobody else writes one."""
        Workspace.objects.select_for_update().get(pk=workspace.pk)
        newest = self.filter(workspace=workspace, slug=slug).aggregate(newest=Max("version"))["newest"]
        return (newest or 0) + 1


class Versioned(models.Model):
    """`slug@version` within a workspace; a change is a new version, never an edit."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    slug = models.SlugField(max_length=60)
    version = models.PositiveIntegerField()
    name = models.CharField(max_length=120)
    author = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=300, blank=True)
    published_at = models.DateTimeField()

    objects = VersionedQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.slug}@{self.version}"


class PromptTemplate(Versioned):
    """Text with `{variables}`; `variables` describes each: name, label, default, choices."""

    body = models.TextField()
    negative = models.TextField(blank=True)
    variables = models.JSONField(default=list)

    class Meta:
        triggers = append_only("prompt_template")
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "slug", "version"], name="prompt_template_version_once"
            )
        ]


class ControlProfile(Versioned):
    """Seed policy, guidance, motion and use of reference anchors."""

    seed_policy = models.CharField(max_length=12, choices=SeedPolicy, blank=True)  # "": campaign's
    guidance = models.DecimalField(max_digits=6, decimal_places=2, null=True, blank=True)
    motion = models.DecimalField(max_digits=4, decimal_places=3, null=True, blank=True)  # 0 to 1
    duration_seconds = models.DecimalField(max_digits=6, decimal_places=2, null=True, blank=True)
    use_anchors = models.BooleanField(default=True)

    class Meta:
        triggers = append_only("control_profile")
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "slug", "version"], name="control_profile_version_once"
            )
        ]


class Pipeline(Versioned):
    """A graph of steps that makes a take; see `generation.pipelines` for the document's shape."""

    document = models.JSONField()
    digest = models.CharField(max_length=64)

    class Meta:
        triggers = append_only("pipeline")
        constraints = [
            models.UniqueConstraint(fields=["workspace", "slug", "version"], name="pipeline_version_once")
        ]


class Recipe(models.Model):
    """The complete resolved request of a take, its hash, and the exact versions that made it."""

    take = models.OneToOneField(Take, models.PROTECT, primary_key=True, related_name="recipe")
    request = models.JSONField()
    request_hash = models.CharField(max_length=64)
    routing_version = models.PositiveIntegerField(null=True)
    pipeline = models.CharField(max_length=140, blank=True)
    prompt_template = models.CharField(max_length=140, blank=True)
    control_profile = models.CharField(max_length=140, blank=True)
    seed_policy = models.CharField(max_length=12, blank=True)
    decision = models.JSONField(default=dict)  # what decide() answered, with its reasons

    class Meta:
        triggers = [
            pgtrigger.Protect(name="recipe_append_only", operation=pgtrigger.Update | pgtrigger.Delete)
        ]
