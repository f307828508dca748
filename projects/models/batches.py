"""Batches: a matrix of draft takes with one total price, its cells, and the place of each take in it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from projects.identifiers import new_id
from projects.models.people import Person, Workspace
from projects.models.rows import WorkspaceQuerySet
from projects.models.work import Deliverable, Phase


class BatchState(models.TextChoices):
    RUNNING = "running", "In the making"
    PAUSED = "paused", "Paused"
    STOPPED = "stopped", "Stopped"  # by a budget, or by a price that has risen since it was confirmed
    CANCELLED = "cancelled", "Cancelled"
    FINISHED = "finished", "Finished"


#: The allowed moves of a batch; a transition compares and sets.
BATCH_MOVES: dict[str, frozenset[str]] = {
    BatchState.RUNNING: frozenset(
        {BatchState.PAUSED, BatchState.STOPPED, BatchState.CANCELLED, BatchState.FINISHED}
    ),
    BatchState.PAUSED: frozenset({BatchState.RUNNING, BatchState.CANCELLED, BatchState.FINISHED}),
    BatchState.STOPPED: frozenset({BatchState.RUNNING, BatchState.CANCELLED}),
    BatchState.CANCELLED: frozenset(),
    BatchState.FINISHED: frozenset(),
}

BATCHES_OPEN = (BatchState.RUNNING, BatchState.PAUSED, BatchState.STOPPED)


class StopReason(models.TextChoices):
    BUDGET = "budget", "A budget has run out"
    PRICE = "price", "The rest costs more than was confirmed"


class Batch(models.Model):
    """Draft takes for several deliverables, asked for together with a total price.

    `asked` is the matrix as it was asked for: `count`, `variants` and `columns`, as
    `generation.matrices` reads them. `amount` and `at_most` are what was confirmed. `finished_at` is when
    nothing was left to do, of a cancelled batch too.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="batches")
    phase = models.CharField(max_length=5, choices=Phase)
    state = models.CharField(max_length=9, choices=BatchState, default=BatchState.RUNNING)
    count = models.PositiveIntegerField()  # takes of each cell
    planned = models.PositiveIntegerField(default=0)  # takes of all cells
    asked = models.JSONField(default=dict)
    amount = models.DecimalField(max_digits=20, decimal_places=8, default=0)
    at_most = models.DecimalField(max_digits=20, decimal_places=8)
    requested_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    paused_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    paused_at = models.DateTimeField(null=True)
    stopped_by = models.CharField(max_length=6, choices=StopReason, blank=True)
    stopped_at = models.DateTimeField(null=True)
    stopped_words = models.CharField(max_length=500, blank=True)
    cancelled_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    cancelled_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(cancelled_at__isnull=True, cancelled_by__isnull=True)
                | Q(cancelled_at__isnull=False, cancelled_by__isnull=False),
                name="batch_cancelled_by_and_at",
            ),
            models.CheckConstraint(condition=Q(state__in=BatchState.values), name="batch_state_known"),
            models.CheckConstraint(
                condition=Q(state="paused", paused_at__isnull=False, paused_by__isnull=False)
                | (~Q(state="paused") & Q(paused_at__isnull=True, paused_by__isnull=True)),
                name="batch_paused_by_and_at",
            ),
            models.CheckConstraint(
                condition=(Q(state="stopped", stopped_at__isnull=False) & ~Q(stopped_by=""))
                | (~Q(state="stopped") & Q(stopped_at__isnull=True, stopped_by="")),
                name="batch_stopped_by_and_at",
            ),
            models.CheckConstraint(
                condition=Q(state="cancelled") | Q(cancelled_at__isnull=True), name="batch_cancelled_state"
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "requested_at"], name="batch_recent"),
            models.Index(fields=["requested_at"], name="batch_open", condition=Q(finished_at__isnull=True)),
            models.Index(fields=["id"], name="batch_paused", condition=Q(state="paused")),
        ]


class BatchCell(models.Model):
    """One field of the matrix: a deliverable, a variant, a column, and the request that its takes run.

    `request` is complete and hashed; the n-th take of the cell runs it with the seed raised by n - 1.
    `expected` and `at_most` are what one take was confirmed at, in the workspace's currency.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    batch = models.ForeignKey(Batch, models.CASCADE, related_name="cells")
    deliverable = models.ForeignKey(Deliverable, models.PROTECT, related_name="+")
    row = models.PositiveSmallIntegerField()  # the deliverable's place in the batch
    variant = models.PositiveSmallIntegerField()
    column = models.PositiveSmallIntegerField()
    request = models.JSONField()
    request_hash = models.CharField(max_length=64)
    routing_version = models.PositiveIntegerField()
    seed_policy = models.CharField(max_length=12, blank=True)
    instead_of = models.CharField(max_length=200, blank=True, default="", db_default="")  # as of its takes
    more_takes = models.PositiveSmallIntegerField(default=0)  # that a followed switch allows past the cap
    expected = models.DecimalField(max_digits=20, decimal_places=8)
    at_most = models.DecimalField(max_digits=20, decimal_places=8)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "row", "variant", "column"], name="batch_cell_once")
        ]


class SlotState(models.TextChoices):
    WAITING = "waiting", "Not yet asked for"
    MADE = "made", "Asked for"
    REFUSED = "refused", "Cannot be made"
    STOPPED = "stopped", "Stopped by budget"
    CANCELLED = "cancelled", "Cancelled"


#: The allowed moves of a slot; a transition compares and sets.
SLOT_MOVES: dict[str, frozenset[str]] = {
    SlotState.WAITING: frozenset({SlotState.MADE, SlotState.REFUSED, SlotState.STOPPED, SlotState.CANCELLED}),
    SlotState.STOPPED: frozenset({SlotState.WAITING, SlotState.CANCELLED}),
    SlotState.MADE: frozenset(),
    SlotState.REFUSED: frozenset(),
    SlotState.CANCELLED: frozenset(),
}


class BatchSlot(models.Model):
    """One take that a batch is to make, in the order in which they are made. It is made once or never."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    batch = models.ForeignKey(Batch, models.CASCADE, related_name="slots", db_index=False)
    cell = models.ForeignKey(BatchCell, models.CASCADE, related_name="slots")
    position = models.PositiveIntegerField()
    place = models.PositiveSmallIntegerField()  # within its cell, from 0
    state = models.CharField(max_length=9, choices=SlotState, default=SlotState.WAITING)
    take = models.OneToOneField("projects.Take", models.PROTECT, null=True, related_name="slot")
    why = models.CharField(max_length=300, blank=True)  # it could not be made, in plain words

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "position"], name="batch_slot_once"),
            models.CheckConstraint(condition=Q(state__in=SlotState.values), name="batch_slot_state_known"),
            models.CheckConstraint(
                condition=Q(state="made", take__isnull=False) | (~Q(state="made") & Q(take__isnull=True)),
                name="batch_slot_made_with_take",
            ),
        ]
        indexes = [
            models.Index(
                fields=["batch", "position"], name="batch_slot_waiting", condition=Q(state="waiting")
            )
        ]
