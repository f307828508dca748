"""Steering a batch: pause, go on, cancel. Each locks the batch, compares, and may be said twice.

A pause takes the takes of which nothing was sent out of the submit lane, lease and all; what was sent is
finished. Their holds stay, at most for `batch_feed.AHEAD` takes; what is not made yet holds nothing.
"""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from generation import agreed, batch_feed, batches, cancel, lanes, moves, requests, takes
from generation.batches import Progress
from generation.grounds import Grounds
from generation.matrices import Line
from generation.models import Run
from generation.models.runs import Lane, RunState
from projects import access, events
from projects.access import Right
from projects.models import Batch, BatchCell, BatchSlot, Deliverable, Membership, Phase, Take
from projects.models.batches import BATCH_MOVES, BATCHES_OPEN, BatchState, SlotState
from projects.models.takes import TAKES_IN_FLIGHT, TakeState
from projects.problems import Refused

UNMADE = (SlotState.WAITING, SlotState.STOPPED)
WAITS_FOR = "its batch to go on"


class NotNow(Refused):
    """The batch is not in a state in which this can be said."""

    title = "This batch has moved on"


def may_steer(batch: Batch, by: Membership) -> bool:
    """Whoever asked for a batch steers it; a manager steers anybody's."""
    own = batch.requested_by_id == by.person_id
    return (Right.MAKE if own else Right.APPROVE) in access.rights_of(by)


def asker_left(batch: Batch) -> bool:
    """Whether who asked for the batch is no member any more; one query."""
    members = Membership.objects.filter(
        workspace=batch.workspace_id, person=batch.requested_by_id, ended_at__isnull=True
    )
    return not members.exists()


def pause(*, batch: Batch, by: Membership, now: datetime.datetime | None = None) -> Batch:
    """Sends nothing more of the batch until it goes on; a second pause changes nothing."""
    _require(batch, by)
    now = now or timezone.now()
    with transaction.atomic():
        row = batch_feed.locked(batch.pk)
        if row.state == BatchState.PAUSED:
            return row
        _pause(row, by, now)
    return row


def pause_left(*, batch: Batch, by: Membership, now: datetime.datetime) -> bool:
    """Pauses a batch whose asker left the workspace; False where it does not run. Needs the right to
    administer. In the caller's transaction."""
    access.require(by, Right.ADMINISTER)
    row = batch_feed.locked(batch.pk)
    if row.state != BatchState.RUNNING:
        return False
    _pause(row, by, now, why=f"{batch.requested_by} has left the workspace.")
    return True


def go_on(
    *,
    batch: Batch,
    by: Membership,
    confirmed: Decimal | None = None,
    now: datetime.datetime | None = None,
) -> Batch:
    """Goes on exactly where the batch was paused, or stopped; said of a running one it changes nothing.

    A stopped batch goes on at today's price of the rest: raises Dearer where that is more than `confirmed`,
    BudgetRefused where not even its next take has room; then it stays stopped.
    """
    _require(batch, by)
    now = now or timezone.now()
    with transaction.atomic():
        row = batch_feed.locked(batch.pk)
        if row.state == BatchState.RUNNING:
            return row
        was = row.state
        _move(row, BatchState.RUNNING)
        row.paused_at = row.paused_by = row.stopped_at = None
        row.stopped_by = row.stopped_words = ""
        row.save(
            update_fields=["state", "paused_at", "paused_by", "stopped_at", "stopped_by", "stopped_words"]
        )
        if was == BatchState.STOPPED:
            _confirm_rest(row, confirmed, now)
        _unpark(row.pk, now)
        events.record(workspace=by.workspace, kind="batch.resumed", by=by, at=now, batch=str(row.pk))
        lanes.ring(Lane.SUBMIT)
        lanes.ring("batches")
    return row


def cancel_batch(*, batch: Batch, by: Membership, now: datetime.datetime | None = None) -> Progress:
    """Cancels what is not made and what is in flight of this batch, and nothing else. Again: no change."""
    _require(batch, by)
    now = now or timezone.now()
    with transaction.atomic():
        row = batch_feed.locked(batch.pk)
        if row.state in BATCHES_OPEN:
            row.state, row.cancelled_at, row.cancelled_by = BatchState.CANCELLED, now, by.person
            row.paused_at = row.paused_by = row.stopped_at = None
            row.stopped_by = row.stopped_words = ""
            row.save()
            unmade = BatchSlot.objects.filter(batch=row, state__in=UNMADE).update(state=SlotState.CANCELLED)
            events.record(
                workspace=by.workspace,
                kind="batch.cancelled",
                by=by,
                at=now,
                batch=str(row.pk),
                left=[_in_flight(row).count(), unmade],
            )
    for take in _in_flight(batch).order_by("pk"):
        cancel.cancel(take=take, by=by, now=now, batch_id=batch.pk)
    lanes.ring("batches")
    return batches.progress(batch)


def _in_flight(batch: Batch) -> QuerySet[Take]:
    return Take.objects.filter(round__batch=batch, state__in=TAKES_IN_FLIGHT)


def keep_going(*, now: datetime.datetime) -> int:
    """What batches need from time to time: their next takes, an end, a pause kept. Safe to repeat."""
    return keep_parked() + batch_feed.feed_all(now=now) + batches.finish_all(now=now)


def keep_parked() -> int:
    """Takes out of the lane again what a worker put back there while a batch was being paused."""
    paused = Batch.objects.filter(state=BatchState.PAUSED).values_list("pk", flat=True)
    return sum(_park(pk) for pk in list(paused))


def rest(batch: Batch) -> Line:
    """What is not made yet, at the price that was confirmed."""
    found = BatchSlot.objects.filter(batch=batch, state__in=UNMADE).aggregate(
        amount=Sum("cell__expected"), at_most=Sum("cell__at_most")
    )
    number = BatchSlot.objects.filter(batch=batch, state__in=UNMADE).count()
    return Line(number, found["amount"] or Decimal(0), found["at_most"] or Decimal(0))


def rest_today(batch: Batch, *, now: datetime.datetime) -> Line:
    """What is not made yet, at today's prices; nothing is written."""
    prices = _prices(batch, now)
    unmade = BatchSlot.objects.filter(batch=batch, state__in=UNMADE).values_list("cell", flat=True)
    expected = sum((prices[cell][0] for cell in unmade), Decimal(0))
    at_most = sum((prices[cell][1] for cell in unmade), Decimal(0))
    return Line(len(unmade), expected, at_most)


def _confirm_rest(batch: Batch, confirmed: Decimal | None, now: datetime.datetime) -> None:
    """Takes up the rest at today's prices, if they were confirmed, and makes the next take at once."""
    today = rest_today(batch, now=now)
    asked = rest(batch).at_most if confirmed is None else confirmed
    currency = batch.workspace.currency
    agreed.check(what="The rest", at_most=today.at_most, confirmed=asked, currency=currency)
    for cell, (expected, at_most) in _prices(batch, now).items():
        BatchCell.objects.filter(pk=cell).update(expected=expected, at_most=at_most)
    BatchSlot.objects.filter(batch=batch, state=SlotState.STOPPED).update(state=SlotState.WAITING)
    batch_feed.next_take(batch, now=now)


def _prices(batch: Batch, now: datetime.datetime) -> dict[uuid.UUID, tuple[Decimal, Decimal]]:
    """Today's price of one take of each cell that is not all made."""
    cells = list(BatchCell.objects.filter(batch=batch, slots__state__in=UNMADE).distinct())
    wanted = {cell.deliverable_id for cell in cells}
    known = Deliverable.objects.select_related(*takes.ABOVE).in_bulk(wanted)
    on = Grounds(batch.workspace, now=now, person_id=batch.requested_by_id)
    on.gather(known.values(), Phase.DRAFT, batch_feed.models_of(cells))
    found = {}
    for cell in cells:
        decision = requests.priced(
            deliverable=known[cell.deliverable_id], request=cell.request, now=now, grounds=on
        )
        found[cell.pk] = (decision.expected, decision.at_most)
    return found


def _require(batch: Batch, by: Membership) -> None:
    own = batch.requested_by_id == by.person_id
    access.require(by, Right.MAKE if own else Right.APPROVE)
    if batch.workspace_id != by.workspace_id:
        raise Refused("There is no such batch here.", status=404)


def _move(batch: Batch, to: BatchState) -> None:
    if to not in BATCH_MOVES[batch.state]:
        label = BatchState(batch.state).label.lower()
        raise NotNow(f"This batch is {label}.", remedy="Reload the page.")
    batch.state = to


def _pause(row: Batch, by: Membership, now: datetime.datetime, **said: Any) -> None:
    _move(row, BatchState.PAUSED)
    row.paused_at, row.paused_by = now, by.person
    row.save(update_fields=["state", "paused_at", "paused_by"])
    _park(row.pk)
    events.record(workspace=by.workspace, kind="batch.paused", by=by, at=now, batch=str(row.pk), **said)


def _park(batch: uuid.UUID) -> int:
    """Runs of takes of which nothing was sent leave the lane, and whoever had leased them loses the lease."""
    unsent = Run.objects.filter(
        take__round__batch=batch,
        take__state=TakeState.QUEUED,
        state=RunState.QUEUED,
        lane=Lane.SUBMIT,
        due_at__isnull=False,
    ).values_list("pk", flat=True)
    columns = moves.same(list(unsent), **moves.FREE, due_at=None, waiting_for=WAITS_FOR)
    return len(moves.alter(Run, columns, states=[RunState.QUEUED]))


def _unpark(batch: uuid.UUID, now: datetime.datetime) -> int:
    parked = Run.objects.filter(
        take__round__batch=batch, state=RunState.QUEUED, lane=Lane.SUBMIT, due_at__isnull=True
    ).values_list("pk", flat=True)
    columns = moves.same(list(parked), due_at=now, waiting_for="")
    return len(moves.alter(Run, columns, states=[RunState.QUEUED]))
