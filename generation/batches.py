"""Batches: a matrix of draft takes with one confirmed price, made from the first to the last as room allows.

What was confirmed is written down whole: a cell for each deliverable, variant and model with its request, and
a slot for each take. `batch_feed` makes takes of slots, with their holds, a portion at a time;
`batch_steering` pauses, goes on and cancels. A batch of one portion is made at once: all of it, or none.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import uuid
from collections.abc import Sequence
from decimal import Decimal

from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from billing import budgets
from billing.models import Budget
from generation import agreed, batch_feed, matrix_plans, takes
from generation.canonical import digest
from generation.matrices import Asked, Cell, Plan
from projects import access, events, notices
from projects.access import Right
from projects.identifiers import new_id
from projects.models import Batch, BatchCell, BatchSlot, Deliverable, Membership, Phase, Take
from projects.models.batches import BatchState, SlotState
from projects.models.notices import NoticeKind
from projects.models.takes import TakeState

#: What a page and the API count, by the states of takes, and of slots that have none.
OF_TAKES: dict[str, str] = {
    TakeState.PLANNED: "in_flight",
    TakeState.QUEUED: "in_flight",
    TakeState.RENDERING: "in_flight",
    TakeState.READY: "ready",
    TakeState.FAILED: "failed",
    TakeState.CANCELLED: "cancelled",
    TakeState.STOPPED_BY_BUDGET: "stopped_by_budget",
}
OF_SLOTS: dict[str, str] = {
    SlotState.WAITING: "waiting",
    SlotState.REFUSED: "failed",
    SlotState.STOPPED: "stopped_by_budget",
    SlotState.CANCELLED: "cancelled",
}
PARTS = ("waiting", "in_flight", "ready", "failed", "cancelled", "stopped_by_budget")


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a batch is: its takes by what became of them. `waiting` ones hold no money yet."""

    takes: int
    waiting: int
    in_flight: int
    ready: int
    failed: int
    cancelled: int
    stopped_by_budget: int

    @property
    def done(self) -> int:
        """Takes that have ended, well or badly; what a budget stopped may still go on."""
        return self.ready + self.failed + self.cancelled

    @property
    def finished(self) -> bool:
        return not self.in_flight and not self.waiting


def quote(*, asked: Asked, person_id: uuid.UUID | None = None, now: datetime.datetime | None = None) -> Plan:
    """The whole matrix with its prices and obstacles, for who asks; nothing is written."""
    return matrix_plans.plan(asked, person_id=person_id, now=now or timezone.now())


def make(
    *,
    by: Membership,
    asked: Asked | None = None,
    deliverables: Sequence[Deliverable] = (),
    count: int = 1,
    confirmed: Decimal | None = None,
    leave_out: bool = False,
    batch_id: uuid.UUID | None = None,
    now: datetime.datetime | None = None,
) -> Batch:
    """Starts the batch that is asked for; plain `deliverables` and `count` are a matrix of one column.

    A second call with the same `batch_id` answers the batch that is there. Raises Dearer where it may cost
    more than `confirmed`, BudgetRefused where a hard budget has less left than all of it may cost, and what
    keeps the first cell from being made, unless `leave_out`; then nothing is made and nothing is held.
    """
    access.require(by, Right.MAKE)
    now = now or timezone.now()
    if known := _known(batch_id, by):
        return known
    plan = quote(asked=asked or Asked(list(deliverables), count), person_id=by.person_id, now=now)
    _check_cells(plan, leave_out=leave_out)
    currency = by.workspace.currency
    agreed.check(what="These takes", at_most=plan.total.at_most, confirmed=confirmed, currency=currency)
    _check_budgets(plan)
    with transaction.atomic():
        takes.lock_deliverables(row.pk for row in plan.asked.deliverables)
        if known := _known(batch_id, by):
            return known  # the other click was faster
        takes.check_unused(Batch, batch_id)
        batch = _written(plan, by, batch_id, now)
        batch_feed.first_portion(batch, now=now)
    return batch


def progress(batch: Batch) -> Progress:
    """Counted from the takes and from the slots that have none; two queries."""
    return progress_of([batch.pk])[batch.pk]


def progress_of(batches: Sequence[uuid.UUID]) -> dict[uuid.UUID, Progress]:
    """The progress of each of these batches; two queries whatever their number."""
    found: dict[uuid.UUID, collections.Counter[str]] = {key: collections.Counter() for key in batches}
    made = Take.objects.filter(round__batch__in=batches).values_list("round__batch", "state")
    for batch, state, number in made.annotate(Count("pk")):
        found[batch][OF_TAKES[state]] += number
    unmade = BatchSlot.objects.filter(batch__in=batches, take__isnull=True).values_list("batch", "state")
    for batch, state, number in unmade.annotate(Count("pk")):
        found[batch][OF_SLOTS[state]] += number
    return {
        key: Progress(takes=counted.total(), **{name: counted[name] for name in PARTS})
        for key, counted in found.items()
    }


def finish(*, batch: Batch, now: datetime.datetime) -> bool:
    """Notes that nothing of the batch is left to do and tells who asked for it, once."""
    found = progress(batch)
    if not found.finished:
        return False
    with transaction.atomic():
        row = batch_feed.locked(batch.pk)
        if row.finished_at is not None or row.state == BatchState.STOPPED or not progress(row).finished:
            return False
        row.finished_at = now
        if row.state != BatchState.CANCELLED:
            row.state, row.paused_at, row.paused_by = BatchState.FINISHED, None, None
        row.save(update_fields=["finished_at", "state", "paused_at", "paused_by"])
        events.record(
            workspace=batch.workspace,
            kind="batch.finished",
            at=now,
            batch=str(batch.pk),
            ready=found.ready,
            failed=found.failed,
            cancelled=found.cancelled,
        )
        notices.notify(
            members=Membership.objects.filter(workspace=batch.workspace_id, person=batch.requested_by_id),
            kind=NoticeKind.BATCH_FINISHED,
            title=f"Your batch has finished: {found.ready} of {found.takes} takes are ready",
            url=f"/w/{batch.workspace.slug}/batches/{batch.pk}/",
            dedupe=str(batch.pk),
            now=now,
        )
    return True


def finish_all(*, now: datetime.datetime) -> int:
    """Finishes what has nothing left to do; counts them."""
    rows = Batch.objects.filter(finished_at__isnull=True).exclude(state=BatchState.STOPPED)
    oldest_first = rows.select_related("workspace").order_by("requested_at")
    return sum(finish(batch=row, now=now) for row in oldest_first)


def _known(batch_id: uuid.UUID | None, by: Membership) -> Batch | None:
    return Batch.objects.visible_to(by).filter(pk=batch_id).first() if batch_id else None


def _check_cells(plan: Plan, *, leave_out: bool) -> None:
    """Raises what stands in the way of the first cell that cannot be made, naming its deliverable."""
    first = next((cell for cell in plan.cells if cell.refusal), None)
    if first is None or first.refusal is None or (leave_out and plan.makeable):
        return
    refused, cannot = first.refusal, [impossible(cell) for cell in plan.impossible]
    refused.detail = f"{first.deliverable.name}: {refused.detail}"
    refused.extra.setdefault("deliverable", str(first.deliverable.pk))
    refused.extra["cannot"] = cannot
    raise refused


def impossible(cell: Cell) -> dict[str, object]:
    """A cell that cannot be made, as the API tells of it."""
    return {
        "deliverable": str(cell.deliverable.pk),
        "variant": cell.variant,
        "column": cell.column,
        "why": cell.why,
    }


def _check_budgets(plan: Plan) -> None:
    """All of it has to fit when it starts; what others spend meanwhile is met by each hold."""
    if not plan.shortages:
        return
    short = plan.shortages[0]
    row = Budget.objects.select_related(*budgets.NAMED).get(pk=short.budget.key)
    raise budgets.BudgetRefused(
        budget=row,
        needed=short.needed,
        left=short.budget.left,
        raised_by=budgets.raised_by(row.workspace),
    )


def _written(plan: Plan, by: Membership, batch_id: uuid.UUID | None, now: datetime.datetime) -> Batch:
    total = plan.total
    batch = Batch.objects.create(
        id=batch_id or new_id(),
        workspace=by.workspace,
        phase=Phase.DRAFT,
        count=plan.asked.count,
        planned=total.takes,
        asked=plan.asked.document(),
        amount=total.amount,
        at_most=total.at_most,
        requested_by=by.person,
        requested_at=now,
    )
    cells = BatchCell.objects.bulk_create([_cell(batch, cell) for cell in plan.makeable])
    places = [(cell, place) for cell in cells for place in range(plan.asked.count)]
    BatchSlot.objects.bulk_create(
        BatchSlot(batch=batch, cell=cell, position=position, place=place)
        for position, (cell, place) in enumerate(places)
    )
    events.record(
        workspace=by.workspace,
        kind="batch.requested",
        by=by,
        at=now,
        batch=str(batch.pk),
        deliverables=len({cell.deliverable.pk for cell in plan.makeable}),
        count=plan.asked.count,
        takes=total.takes,
    )
    return batch


def _cell(batch: Batch, cell: Cell) -> BatchCell:
    assert cell.order  # noqa: S101 - narrows the type
    return BatchCell(
        batch=batch,
        deliverable=cell.deliverable,
        row=cell.row,
        variant=cell.variant,
        column=cell.column,
        request=cell.order.request,
        request_hash=digest(cell.order.request),
        routing_version=cell.order.routing_version,
        seed_policy=cell.order.seed_policy,
        instead_of=cell.order.instead_of,
        more_takes=cell.more_takes,
        expected=cell.expected,
        at_most=cell.at_most,
    )
