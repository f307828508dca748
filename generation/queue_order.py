"""The order within one's own queue: a waiting take is put before another, the rest stays as it was."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.db.models import QuerySet

from generation import lanes
from generation.models.runs import Lane
from projects import access
from projects.access import Right
from projects.models import Membership, Take
from projects.models.takes import TakeState
from projects.problems import Refused

#: The order in which the submit lane takes up a person's takes (`lanes.FAIR`).
ORDER = ("position", "requested_at", "number", "pk")
WAITING = (TakeState.PLANNED, TakeState.QUEUED)
MOST = 2000


def put_before(*, take: Take, before: uuid.UUID | None, by: Membership) -> None:
    """Puts one's own waiting take before another of one's own; `before` None puts it last.

    Raises Refused where it, or the other, waits no longer or is somebody else's; then nothing was changed.
    """
    access.require(by, Right.MAKE)
    with transaction.atomic():
        rows = list(_waiting(by).select_for_update(no_key=True)[:MOST])
        order = [row.pk for row in rows]
        if take.pk not in order or (before is not None and before not in order):
            raise Refused("This take waits no longer.", remedy="Only your own takes that wait have an order.")
        if before == take.pk:
            return
        order.remove(take.pk)
        order.insert(len(order) if before is None else order.index(before), take.pk)
        _keep(rows, order)
    lanes.ring(Lane.SUBMIT)


def step(*, take: Take, by: Membership, later: bool) -> None:
    """Moves one's own waiting take past its neighbour; at the end of the line it stays. Raises Refused."""
    access.require(by, Right.MAKE)
    order = list(_waiting(by).values_list("pk", flat=True)[:MOST])
    if take.pk not in order:
        raise Refused("This take waits no longer.", remedy="Only your own takes that wait have an order.")
    at = order.index(take.pk)
    if not later and at:
        put_before(take=take, before=order[at - 1], by=by)
    elif later and at + 1 < len(order):
        put_before(take=take, before=order[at + 2] if at + 2 < len(order) else None, by=by)


def _waiting(by: Membership) -> QuerySet[Take]:
    rows = Take.objects.visible_to(by).filter(requested_by=by.person_id, state__in=WAITING)
    return rows.order_by(*ORDER)


def _keep(rows: list[Take], order: list[uuid.UUID]) -> None:
    """Shares the positions out anew, one each and rising; what is asked for later comes after all of them."""
    free, last = [], None
    for row in rows:
        last = row.position if last is None else max(row.position, last + 1)
        free.append(last)
    kept = {row.pk: row for row in rows}
    changed = []
    for pk, position in zip(order, free, strict=True):
        if kept[pk].position != position:
            kept[pk].position = position
            changed.append(kept[pk])
    Take.objects.bulk_update(changed, ["position"], batch_size=500)
