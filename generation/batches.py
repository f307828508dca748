"""Batches: draft takes for several deliverables at once, with one total price, all of them or none."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import uuid
from collections.abc import Iterator, Sequence
from decimal import Decimal

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from billing import ledger, pots
from billing.money import booked
from generation import cancel, orders, requests, takes
from generation.orders import Order
from projects import access, events, notices
from projects.access import Right
from projects.identifiers import new_id
from projects.models import Batch, Deliverable, Membership, Phase, Take
from projects.models.notices import NoticeKind
from projects.models.takes import TAKES_IN_FLIGHT, TakeState
from projects.problems import Invalid, Refused

MOST_DELIVERABLES = 200
ZERO = Decimal(0)


@dataclasses.dataclass(frozen=True)
class Total:
    """The price of a batch before it starts, in the workspace's currency."""

    takes: int
    amount: Decimal
    at_most: Decimal


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a batch is: takes by what became of them."""

    takes: int
    ready: int
    failed: int
    cancelled: int
    in_flight: int

    @property
    def finished(self) -> bool:
        return self.in_flight == 0


def quote(
    *,
    deliverables: Sequence[Deliverable],
    count: int,
    person_id: uuid.UUID | None = None,
    now: datetime.datetime | None = None,
) -> Total:
    """The total of all takes; raises as `make` does for what cannot be made."""
    found = _orders(deliverables, count, person_id, now or timezone.now())
    return _total([order for _, order in found], count)


def make(
    *,
    deliverables: Sequence[Deliverable],
    count: int,
    by: Membership,
    batch_id: uuid.UUID | None = None,
    now: datetime.datetime | None = None,
) -> Batch:
    """Makes `count` drafts of each deliverable in one transaction, or nothing.

    A second call with the same `batch_id` answers the batch that is there. Refusals name the deliverable.
    """
    access.require(by, Right.MAKE)
    now = now or timezone.now()
    if batch_id and (known := Batch.objects.visible_to(by).filter(pk=batch_id).first()):
        return known
    found = _orders(deliverables, count, by.person_id, now)
    with transaction.atomic():
        pots.lock(deliverable.pk for deliverable, _ in found)
        if batch_id and (known := Batch.objects.visible_to(by).filter(pk=batch_id).first()):
            return known  # the other click was faster
        takes.check_unused(Batch, batch_id)
        ledger.alone(by.workspace_id)  # several counting calls follow
        batch = Batch.objects.create(
            id=batch_id or new_id(),
            workspace=by.workspace,
            phase=Phase.DRAFT,
            count=count,
            at_most=_total([order for _, order in found], count).at_most,
            requested_by=by.person,
            requested_at=now,
        )
        for deliverable, order in sorted(found, key=lambda pair: pair[0].pk):
            with _named(deliverable):
                takes.make_round(
                    deliverable=deliverable, order=order, count=count, by=by, batch=batch, now=now
                )
        events.record(
            workspace=by.workspace,
            kind="batch.requested",
            by=by,
            at=now,
            batch=str(batch.pk),
            deliverables=len(found),
            count=count,
        )
    return batch


def progress(batch: Batch) -> Progress:
    """Counted from the takes."""
    ended_badly = [TakeState.FAILED, TakeState.STOPPED_BY_BUDGET]
    found = Take.objects.filter(round__batch=batch).aggregate(
        takes=Count("pk"),
        ready=Count("pk", filter=Q(state=TakeState.READY)),
        failed=Count("pk", filter=Q(state__in=ended_badly)),
        cancelled=Count("pk", filter=Q(state=TakeState.CANCELLED)),
        in_flight=Count("pk", filter=Q(state__in=TAKES_IN_FLIGHT)),
    )
    return Progress(**found)


def cancel_batch(*, batch: Batch, by: Membership, now: datetime.datetime | None = None) -> Progress:
    """Cancels the takes of this batch that are in flight, and no others. Again: changes nothing."""
    if batch.requested_by_id != by.person_id:
        access.require(by, Right.APPROVE)
    else:
        access.require(by, Right.MAKE)
    now = now or timezone.now()
    first = Batch.objects.filter(pk=batch.pk, cancelled_at__isnull=True).update(
        cancelled_at=now, cancelled_by=by.person
    )
    if first:
        events.record(workspace=by.workspace, kind="batch.cancelled", by=by, at=now, batch=str(batch.pk))
    for take in Take.objects.filter(round__batch=batch, state__in=TAKES_IN_FLIGHT).order_by("pk"):
        cancel.cancel(take=take, by=by, now=now)
    return progress(batch)


def finish(*, batch: Batch, now: datetime.datetime) -> bool:
    """Notes that nothing of the batch is in flight any more and tells who asked for it, once."""
    found = progress(batch)
    if not found.finished:
        return False
    with transaction.atomic():
        first = Batch.objects.filter(pk=batch.pk, finished_at__isnull=True).update(finished_at=now)
        if not first:
            return False
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
    """Finishes what has nothing in flight any more; counts them."""
    open_batches = Batch.objects.filter(finished_at__isnull=True).select_related("workspace")
    return sum(finish(batch=batch, now=now) for batch in open_batches.order_by("requested_at")[:100])


def _orders(
    deliverables: Sequence[Deliverable],
    count: int,
    person_id: uuid.UUID | None,
    now: datetime.datetime,
) -> list[tuple[Deliverable, Order]]:
    takes.check_count(count)
    unique = {deliverable.pk: deliverable for deliverable in deliverables}
    if not 1 <= len(unique) <= MOST_DELIVERABLES:
        raise Invalid({"deliverables": [f"Choose 1 to {MOST_DELIVERABLES} deliverables."]})
    found = []
    for deliverable in unique.values():
        with _named(deliverable):
            takes.check_open(deliverable)
            resolved = requests.resolve(
                deliverable=deliverable, phase=Phase.DRAFT, count=count, person_id=person_id, now=now
            )
            order = orders.of_resolved(resolved)
            takes.check_possible(order.decision)
            found.append((deliverable, order))
    return found


def _total(rows: Sequence[Order], count: int) -> Total:
    return Total(
        takes=len(rows) * count,
        amount=booked(sum((order.decision.expected for order in rows), ZERO)),
        at_most=booked(sum((order.decision.at_most for order in rows), ZERO)),
    )


@contextlib.contextmanager
def _named(deliverable: Deliverable) -> Iterator[None]:
    """Puts the deliverable's name before what a refusal says."""
    try:
        yield
    except Refused as refused:
        refused.detail = f"{deliverable.name}: {refused.detail}"
        refused.extra.setdefault("deliverable", str(deliverable.pk))
        raise
