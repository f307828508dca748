"""Takes, the rounds they were asked for in, and their files."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from projects.identifiers import new_id
from projects.models import touching
from projects.models.batches import Batch
from projects.models.people import Person, Workspace
from projects.models.rows import WorkspaceQuerySet
from projects.models.work import Deliverable, Phase


class Asset(models.Model):
    """A stored file, content-addressed by SHA-256 within its workspace. Rows are never edited."""

    class Kind(models.TextChoices):
        IMAGE = "image", "Picture"
        VIDEO = "video", "Video"
        AUDIO = "audio", "Sound"
        TEXT = "text", "Text"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="assets")
    kind = models.CharField(max_length=5, choices=Kind)
    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(max_length=80)
    size_bytes = models.BigIntegerField()
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    duration_seconds = models.DecimalField(max_digits=12, decimal_places=3, null=True)
    name = models.CharField(max_length=120)  # in the storage; empty where only a record is left
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "sha256"], name="asset_once"),
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="asset_sha256_hex"),
        ]


class Rendition(models.Model):
    """A re-encoded form of an asset that pages show: thumbnail, poster, proxy."""

    class Kind(models.TextChoices):
        THUMBNAIL = "thumbnail", "Thumbnail"
        POSTER = "poster", "Poster"
        PROXY = "proxy", "Proxy"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    asset = models.ForeignKey(Asset, models.CASCADE, related_name="renditions")
    kind = models.CharField(max_length=9, choices=Kind)
    media_type = models.CharField(max_length=80)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size_bytes = models.BigIntegerField()
    name = models.CharField(max_length=120)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["asset", "kind"], name="rendition_once")]


class Round(models.Model):
    """Takes of one deliverable that were asked for together."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    deliverable = models.ForeignKey(Deliverable, models.PROTECT, related_name="rounds")
    number = models.PositiveIntegerField()
    batch = models.ForeignKey(Batch, models.PROTECT, null=True, related_name="rounds")
    requested_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    requested_at = models.DateTimeField()

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["deliverable", "number"], name="round_number_once")]


class TakeState(models.TextChoices):
    PLANNED = "planned", "Planned"
    QUEUED = "queued", "Waiting"
    RENDERING = "rendering", "Rendering"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    STOPPED_BY_BUDGET = "stopped_by_budget", "Stopped by budget"


#: The allowed moves of a take; a transition compares and sets.
TAKE_MOVES: dict[str, frozenset[str]] = {
    TakeState.PLANNED: frozenset({TakeState.QUEUED, TakeState.CANCELLED}),
    TakeState.QUEUED: frozenset(
        {
            TakeState.RENDERING,
            TakeState.READY,
            TakeState.FAILED,
            TakeState.CANCELLED,
            TakeState.STOPPED_BY_BUDGET,
        }
    ),
    TakeState.RENDERING: frozenset(
        {TakeState.READY, TakeState.FAILED, TakeState.CANCELLED, TakeState.STOPPED_BY_BUDGET}
    ),
    TakeState.READY: frozenset(),
    TakeState.FAILED: frozenset(),
    # a success that arrives after the cancel is kept, and charged honestly
    TakeState.CANCELLED: frozenset({TakeState.READY}),
    TakeState.STOPPED_BY_BUDGET: frozenset(),
}

TAKES_IN_FLIGHT = (TakeState.PLANNED, TakeState.QUEUED, TakeState.RENDERING)


class TakeMark(models.TextChoices):
    """The take's latest decision, or what followed from its deliverable's."""

    NONE = "", "Undecided"
    SELECTED = "selected", "Selected"
    ACCEPTED = "accepted", "Signed off"
    REJECTED = "rejected", "Rejected"


class Take(models.Model):
    """One try at a deliverable, numbered from 1 within it.

    `instead_of` is the model that the routing table named first, where a person named another one.
    """

    class Kind(models.TextChoices):
        GENERATED = "generated", "Generated"
        REPAIRED = "repaired", "Repaired"
        UPLOADED = "uploaded", "Uploaded"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="takes")
    deliverable = models.ForeignKey(Deliverable, models.PROTECT, related_name="takes")
    round = models.ForeignKey(Round, models.PROTECT, null=True, related_name="takes")
    number = models.PositiveIntegerField()
    phase = models.CharField(max_length=5, choices=Phase)
    kind = models.CharField(max_length=9, choices=Kind, default=Kind.GENERATED)
    state = models.CharField(max_length=17, choices=TakeState, default=TakeState.PLANNED)
    mark = models.CharField(max_length=8, choices=TakeMark, default=TakeMark.NONE, blank=True)
    starred = models.BooleanField(default=False)
    source_take = models.ForeignKey("self", models.PROTECT, null=True, related_name="repairs")
    prompt = models.TextField(blank=True)
    seed = models.BigIntegerField(null=True)
    request_hash = models.CharField(max_length=64, blank=True)
    routing_version = models.PositiveIntegerField(null=True)
    instead_of = models.CharField(max_length=200, blank=True, default="", db_default="")
    made_with = models.CharField(max_length=120, blank=True)  # uploads: which tool
    note = models.TextField(blank=True)
    requested_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    requested_by_email = models.CharField(max_length=254, blank=True)
    requested_at = models.DateTimeField()
    position = models.BigIntegerField(default=0)  # order within one's own queue, lower first
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=300, blank=True)  # in plain words
    failure_class = models.CharField(max_length=20, blank=True)
    imported = models.BooleanField(default=False)
    # summary, written by the room above when a call is settled
    counted_at = models.DateTimeField(null=True)  # effective instant from which it is counted
    failed_charged = models.BooleanField(default=False)
    tier = models.CharField(max_length=12, blank=True)
    provider = models.CharField(max_length=40, blank=True)
    model = models.CharField(max_length=200, blank=True)
    poster = models.ForeignKey(Asset, models.PROTECT, null=True, related_name="+")
    progress = models.DecimalField(max_digits=4, decimal_places=3, default=0)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["deliverable", "number"], name="take_number_once"),
            models.CheckConstraint(condition=Q(state__in=TakeState.values), name="take_state_known"),
            models.CheckConstraint(condition=Q(number__gte=1), name="take_number_from_one"),
        ]
        triggers = [
            touching.added("take", touching.TAKE_ADDED),
            touching.changed("take", touching.TAKE_CHANGED),
        ]
        indexes = [
            models.Index(
                fields=["workspace", "requested_by", "requested_at"],
                name="take_in_flight",
                condition=Q(state__in=["planned", "queued", "rendering"]),
            ),
            models.Index(fields=["workspace", "requested_at"], name="take_recent"),
            models.Index(
                fields=["workspace", "requested_at"],
                name="take_route_overridden",
                condition=Q(instead_of__gt=""),
            ),
            models.Index(
                fields=["deliverable", "counted_at"],
                name="take_counted",
                condition=Q(counted_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"take {self.number}"


class TakeAsset(models.Model):
    """A file's part in a take: what a step brought, what went in, what is delivered."""

    class Role(models.TextChoices):
        STEP = "step", "Step result"
        OUTPUT = "output", "Result"
        REFERENCE = "reference", "Reference"
        SOURCE = "source", "Source"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    take = models.ForeignKey(Take, models.PROTECT, related_name="take_assets")
    asset = models.ForeignKey(Asset, models.PROTECT, related_name="take_assets")
    role = models.CharField(max_length=9, choices=Role)
    step = models.CharField(max_length=60, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["take", "role", "step", "position"], name="take_asset_once")
        ]
