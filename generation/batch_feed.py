"""Feeding a batch: takes are made of its slots in their order, a portion at a time, as room allows.

Each portion is one transaction: takes, runs and holds of some slots, or nothing. Only so many takes of a
batch are in flight at a time, so that it keeps neither the queue nor the budgets from others. A portion that
a budget has no room for is tried smaller; when not even one take fits, the batch stops, and the rest is
marked.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable, Sequence

import structlog
from django.db import transaction
from django.utils import timezone

from billing import holds
from billing.budgets import BudgetRefused
from generation import caps, lanes, requests, take_rows, takes
from generation.grounds import Grounds
from generation.models.runs import Lane
from generation.orders import Order
from projects import board, events, notices
from projects.models import Batch, BatchCell, BatchSlot, Deliverable, Membership, Phase, Round, Take
from projects.models.batches import BatchState, SlotState, StopReason
from projects.models.notices import NoticeKind
from projects.models.takes import TAKES_IN_FLIGHT
from projects.problems import Refused
from routing.decision import Decision

log = structlog.get_logger(__name__)

PORTION = 20
"""Takes that are made in one transaction."""

AHEAD = 100
"""Takes of one batch that may be in flight, with their money held."""


class RestIsDearer(Refused):
    """A cell costs more now than it was confirmed at; nothing of it is made."""

    title = "The price has changed"


def locked(batch_id: uuid.UUID) -> Batch:
    """The batch as it is now; until the transaction ends nobody else feeds or steers it."""
    rows = Batch.objects.select_for_update(no_key=True, of=("self",)).select_related("workspace")
    return rows.get(pk=batch_id)


def first_portion(batch: Batch, *, now: datetime.datetime) -> None:
    """Makes the first takes in the transaction that writes the batch; what is refused there undoes it all."""
    _make(batch, _next(batch, PORTION), now=now, strict=True)
    lanes.ring("batches")


def feed_all(*, now: datetime.datetime | None = None) -> int:
    """Feeds every running batch, in turns, until none has room; answers how many takes were made."""
    made = 0
    while fed := sum(_fed(pk, now or timezone.now()) for pk in _running()):
        made += fed
    return made


def _fed(batch: uuid.UUID, now: datetime.datetime) -> int:
    """One batch that cannot be fed keeps no other from its turn; the next sweep tries again."""
    try:
        return feed(batch=batch, now=now)
    except Exception:
        log.exception("a batch could not be fed", batch=str(batch))
        return 0


def _running() -> list[uuid.UUID]:
    waiting = BatchSlot.objects.filter(state=SlotState.WAITING, batch__state=BatchState.RUNNING)
    return list(waiting.order_by("batch").values_list("batch", flat=True).distinct())


def feed(*, batch: uuid.UUID, now: datetime.datetime) -> int:
    """Makes the next portion of a batch; 0 where it has no room, is not running, or has stopped by this."""
    with transaction.atomic():
        row = locked(batch)
        if row.state != BatchState.RUNNING:
            return 0
        in_flight = Take.objects.filter(round__batch=row, state__in=TAKES_IN_FLIGHT).count()
        size = min(PORTION, AHEAD - in_flight)
        while size > 0:
            slots = _next(row, size)
            try:
                with transaction.atomic():
                    return _make(row, slots, now=now)
            except BudgetRefused as refused:
                if len(slots) == 1:
                    return _stop(row, StopReason.BUDGET, refused, now)
                size = len(slots) // 2
            except RestIsDearer as refused:
                return _stop(row, StopReason.PRICE, refused, now)
    return 0


def next_take(batch: Batch, *, now: datetime.datetime) -> None:
    """Makes the next take of a batch that is locked; raises BudgetRefused where it has no room."""
    _make(batch, _next(batch, 1), now=now)


def models_of(cells: Iterable[BatchCell]) -> set[str]:
    """Every model that the requests of these cells name."""
    return {choice["model"] for cell in cells for step in cell.request["steps"] for choice in step["choices"]}


def _next(batch: Batch, size: int) -> list[BatchSlot]:
    rows = BatchSlot.objects.filter(batch=batch, state=SlotState.WAITING).select_related("cell")
    return list(rows.order_by("position")[:size])


def _make(batch: Batch, slots: Sequence[BatchSlot], *, now: datetime.datetime, strict: bool = False) -> int:
    """Takes with runs and holds of these slots; answers how many slots were used up.

    A slot that cannot be made any more is marked with why, or, where `strict`, raises that. Raises
    BudgetRefused and RestIsDearer; then nothing was changed.
    """
    if not slots:
        return 0
    by = Membership.objects.select_related("person", "workspace").get(
        workspace=batch.workspace_id, person=batch.requested_by_id
    )
    deliverables = takes.lock_deliverables([slot.cell.deliverable_id for slot in slots])
    making = Making(batch, by, deliverables, [slot.cell for slot in slots], now)
    plans: list[holds.Plan] = []
    for slot in slots:
        try:
            plans.append(making.take(slot))
        except RestIsDearer:
            if not plans:
                raise
            break  # what comes before it is made; it is met again, alone
        except Refused as refused:
            if strict:
                raise
            _mark(slot, SlotState.REFUSED, why=refused.detail[:300])
    holds.reserve_all(plans=plans, now=now)
    board.refresh_all(deliverables)
    lanes.ring(Lane.SUBMIT)
    return len(slots)


class Making:
    """What the takes of one portion need, read once for all of them."""

    def __init__(
        self,
        batch: Batch,
        by: Membership,
        deliverables: dict[uuid.UUID, Deliverable],
        cells: Sequence[BatchCell],
        now: datetime.datetime,
    ) -> None:
        self.batch, self.by, self.deliverables, self.now = batch, by, deliverables, now
        self.on = Grounds(batch.workspace, now=now, person_id=by.person_id)
        self.on.gather(deliverables.values(), Phase.DRAFT, models_of(cells))
        known = Round.objects.filter(batch=batch, deliverable__in=deliverables)
        self.rounds = {row.deliverable_id: row for row in known}
        self.used: dict[uuid.UUID, int] = {}
        self.decisions: dict[uuid.UUID, Decision] = {}

    def take(self, slot: BatchSlot) -> holds.Plan:
        """Writes the take of a slot and answers what is to be held for it; raises Refused."""
        cell = slot.cell
        deliverable = self.deliverables[cell.deliverable_id]
        takes.check_open(deliverable)
        decision = self._decision(cell, deliverable)
        takes.check_possible(decision)
        if decision.at_most > cell.at_most:
            raise RestIsDearer(
                f"A take of {deliverable.name} may cost {decision.at_most:.4f} {decision.currency} now;"
                f" {cell.at_most:.4f} was confirmed."
            )
        if cell.deliverable_id not in self.used:
            self.used[cell.deliverable_id] = caps.usage(deliverable, Phase.DRAFT).used
        takes.check_room(decision, used=self.used[cell.deliverable_id], count=1, more=cell.more_takes)
        order = Order(cell.request, decision, cell.routing_version, cell.seed_policy, cell.instead_of)
        take, planned = take_rows.write(
            deliverable,
            order,
            self._round(deliverable),
            index=slot.place,
            by=self.by,
            now=self.now,
            due_at=self.now,
        )
        self.used[cell.deliverable_id] += 1
        _mark(slot, SlotState.MADE, take=take)
        return take, planned

    def _decision(self, cell: BatchCell, deliverable: Deliverable) -> Decision:
        if cell.pk not in self.decisions:
            self.decisions[cell.pk] = requests.priced(
                deliverable=deliverable, request=cell.request, now=self.now, grounds=self.on
            )
        return self.decisions[cell.pk]

    def _round(self, deliverable: Deliverable) -> Round:
        """All takes of a deliverable in a batch were asked for together: they are one round."""
        if deliverable.pk not in self.rounds:
            self.rounds[deliverable.pk] = takes.open_round(
                deliverable, by=self.by, batch=self.batch, now=self.now
            )
        return self.rounds[deliverable.pk]


def _mark(slot: BatchSlot, state: SlotState, **columns: object) -> None:
    """Compares and sets; the batch is locked, so that nobody else has moved the slot."""
    moved = BatchSlot.objects.filter(pk=slot.pk, state=SlotState.WAITING).update(state=state, **columns)
    if not moved:
        raise RuntimeError(f"Slot {slot.pk} was moved by somebody else although its batch is locked.")


def _stop(batch: Batch, reason: StopReason, refused: Refused, now: datetime.datetime) -> int:
    """Marks what is not made yet; what was made goes on. Tells who asked for it, once for each stop."""
    rest = BatchSlot.objects.filter(batch=batch, state=SlotState.WAITING).update(state=SlotState.STOPPED)
    words = " ".join(part for part in (refused.detail, refused.remedy) if part)[:500]
    Batch.objects.filter(pk=batch.pk).update(
        state=BatchState.STOPPED, stopped_by=reason, stopped_at=now, stopped_words=words
    )
    events.record(
        workspace=batch.workspace, kind="batch.stopped", at=now, batch=str(batch.pk), rest=rest, why=words
    )
    notices.notify(
        members=Membership.objects.filter(workspace=batch.workspace_id, person=batch.requested_by_id),
        kind=NoticeKind.BATCH_STOPPED,
        title=f"Your batch has stopped: {rest} of {batch.planned} takes are not made",
        body=words,
        url=f"/w/{batch.workspace.slug}/batches/{batch.pk}/",
        dedupe=f"{batch.pk}:{now.isoformat()}",
        now=now,
    )
    lanes.ring("notify")
    log.info("batch stopped", batch=str(batch.pk), reason=str(reason), rest=rest)
    return 0
