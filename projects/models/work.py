"""What is wanted: project, campaign, category, format, deliverable."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from projects.identifiers import new_id
from projects.models import touching
from projects.models.people import Person, Workspace
from projects.models.rows import WorkspaceQuerySet

KEY_PATTERN = r"^[^/\s][^/]{0,118}$"


class Phase(models.TextChoices):
    DRAFT = "draft", "Draft"
    HERO = "hero", "Hero"


class Project(models.Model):
    """A client or brand."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="projects")
    key = models.CharField(max_length=120)
    name = models.CharField(max_length=200)
    imported = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "key"], name="project_key_once"),
            models.CheckConstraint(condition=Q(key__regex=KEY_PATTERN), name="project_key_plain"),
        ]

    def __str__(self) -> str:
        return self.name


class SeedPolicy(models.TextChoices):
    CAMPAIGN = "campaign", "Locked by campaign"
    DELIVERABLE = "deliverable", "Locked by deliverable"
    FREE = "free", "Free"


class Campaign(models.Model):
    """One body of work with its visual identity: anchors, palette, seed policy, drift tolerance."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="campaigns")
    project = models.ForeignKey(Project, models.PROTECT, related_name="campaigns")
    key = models.CharField(max_length=120)
    name = models.CharField(max_length=200)
    seed_policy = models.CharField(max_length=12, choices=SeedPolicy, default=SeedPolicy.FREE)
    seed = models.BigIntegerField(null=True, blank=True)
    palette = ArrayField(models.CharField(max_length=7), default=list, blank=True)
    drift_tolerance = models.DecimalField(max_digits=4, decimal_places=3, default="0.350")
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    job_number = models.CharField(max_length=60, blank=True)
    fee = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    purchase_order = models.CharField(max_length=60, blank=True, default="", db_default="")
    cost_centre = models.CharField(
        max_length=36, blank=True, default="", db_default=""
    )  # as bookkeeping has it
    imported = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "key"], name="campaign_key_once"),
            models.CheckConstraint(condition=Q(key__regex=KEY_PATTERN), name="campaign_key_plain"),
            models.CheckConstraint(
                condition=~Q(seed_policy="campaign") | Q(seed__isnull=False),
                name="campaign_seed_when_locked",
            ),
            models.CheckConstraint(
                condition=Q(starts_on__isnull=True)
                | Q(ends_on__isnull=True)
                | Q(ends_on__gte=models.F("starts_on")),
                name="campaign_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Category(models.Model):
    """What kind of thing a deliverable is; says in which phase it is delivered."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="categories")
    key = models.CharField(max_length=120)
    name = models.CharField(max_length=120)
    delivered_in = models.CharField(max_length=5, choices=Phase)
    imported = models.BooleanField(default=False)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "key"], name="category_key_once"),
            models.CheckConstraint(condition=Q(delivered_in__in=Phase.values), name="category_phase_known"),
        ]

    def __str__(self) -> str:
        return self.name


class CategoryTarget(models.Model):
    """A dated target for the cash per acceptable deliverable of a category."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    category = models.ForeignKey(Category, models.PROTECT, related_name="targets")
    amount = models.DecimalField(max_digits=20, decimal_places=8)
    starts_on = models.DateField()
    set_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    set_at = models.DateTimeField(auto_now_add=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["category", "starts_on"], name="category_target_once")]


class Format(models.Model):
    """An aspect template with its pixel size."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="formats")
    key = models.CharField(max_length=40)
    name = models.CharField(max_length=80)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "key"], name="format_key_once"),
            models.CheckConstraint(
                condition=Q(width__range=(16, 8192), height__range=(16, 8192)),
                name="format_size_sane",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class DeliverableState(models.TextChoices):
    OPEN = "open", "Open"
    ACCEPTED = "accepted", "Signed off"
    WRITTEN_OFF = "written_off", "Dropped"


class BoardColumn(models.TextChoices):
    """Where a deliverable stands on the board; a summary, kept with each write."""

    BRIEF = "brief", "To start"
    MAKING = "making", "Making"
    CHOOSING = "choosing", "To choose"
    APPROVAL = "approval", "Spend approval"
    REVIEW = "review", "To sign off"
    DONE = "done", "Signed off"
    DROPPED = "dropped", "Dropped"


class Deliverable(models.Model):
    """One thing to deliver. `state` and the columns under "summary" are kept with each write."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="deliverables")
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="deliverables")
    category = models.ForeignKey(Category, models.PROTECT, related_name="deliverables")
    format = models.ForeignKey(Format, models.PROTECT, related_name="deliverables", null=True, blank=True)
    key = models.CharField(max_length=120)
    name = models.CharField(max_length=200)
    brief = models.TextField(blank=True)
    prompt_template = models.CharField(max_length=140, blank=True)  # slug or slug@version
    variables = models.JSONField(default=dict, blank=True)
    cap = models.PositiveIntegerField(null=True, blank=True)  # drafts; null: the route's
    hero_cap = models.PositiveIntegerField(null=True, blank=True)
    extra_drafts = models.PositiveIntegerField(default=0)  # granted by cap requests
    extra_heroes = models.PositiveIntegerField(default=0)
    due_on = models.DateField(null=True, blank=True)
    imported = models.BooleanField(default=False)
    created_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField()  # of the brief; lead time starts here
    # summary
    state = models.CharField(max_length=12, choices=DeliverableState, default=DeliverableState.OPEN)
    board_column = models.CharField(max_length=10, choices=BoardColumn, default=BoardColumn.BRIEF)
    take_count = models.PositiveIntegerField(default=0)  # highest take number
    drafts_used = models.PositiveIntegerField(default=0)  # against the cap, as numbers.md counts
    heroes_used = models.PositiveIntegerField(default=0)
    poster = models.ForeignKey("projects.Asset", models.PROTECT, null=True, blank=True, related_name="+")
    accepted_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = [
            touching.changed_in(
                "deliverable",
                *("campaign_id", "category_id", "due_on", "created_at"),
                func=touching.DELIVERABLE_CHANGED,
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "key"], name="deliverable_key_once"),
            models.CheckConstraint(condition=Q(key__regex=KEY_PATTERN), name="deliverable_key_plain"),
            models.CheckConstraint(
                condition=Q(state__in=DeliverableState.values), name="deliverable_state_known"
            ),
        ]
        indexes = [
            models.Index(fields=["campaign", "board_column", "due_on", "key"], name="deliverable_board"),
            models.Index(
                fields=["workspace", "created_by", "board_column", "due_on"],
                name="deliverable_mine",
            ),
            models.Index(fields=["workspace", "board_column", "due_on"], name="deliverable_due"),
        ]

    def __str__(self) -> str:
        return self.name


class ReferenceAnchor(models.Model):
    """A picture that holds the campaign's identity; takes are measured against it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="anchors")
    asset = models.ForeignKey("projects.Asset", models.PROTECT, related_name="+")
    label = models.CharField(max_length=120, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    added_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = WorkspaceQuerySet.as_manager()
