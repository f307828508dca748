"""Making takes: cap under a row lock, holds for every planned call, rows and runs, in one transaction.

No provider hears of a take before that transaction is committed; then the bell is rung.
"""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Max, Min
from django.utils import timezone

from billing import holds, pots
from billing.money import booked
from generation import agreed, caps, lanes, orders, requests, take_rows
from generation.models.runs import Lane
from generation.orders import Order
from generation.requests import NoRoute
from projects import access, board, decisions
from projects.access import Right
from projects.identifiers import new_id
from projects.models import Batch, Deliverable, Membership, Phase, Round, Take
from projects.models.takes import TakeState
from projects.models.work import DeliverableState
from projects.problems import Invalid, Refused
from routing import words
from routing.decision import Decision, Outcome

MOST_AT_ONCE = 20
#: What making a take reads of a deliverable.
ABOVE = ("workspace", "campaign__project", "campaign__workspace", "category", "format")
ZERO = Decimal(0)


class NotOpen(Refused):
    """The deliverable is signed off or dropped: nothing more is made for it."""

    title = "This deliverable is not open"


def make(
    *,
    deliverable: Deliverable,
    by: Membership,
    count: int = 1,
    prompt: str | None = None,
    seed: int | None = None,
    control_profile: str | None = None,
    model: str | None = None,
    request: Mapping[str, Any] | None = None,
    switch: str = "",
    confirmed: Decimal | None = None,
    round_id: uuid.UUID | None = None,
    now: datetime.datetime | None = None,
) -> Round:
    """Makes `count` draft takes as one round and holds their money; answers the round.

    A second call with the same `round_id` answers the round that is there: a double click makes one.
    Raises Invalid, NoRoute, NotOpen, CapReached, BudgetRefused, or Dearer where they may cost more than
    `confirmed` together; then nothing was changed.
    """
    access.require(by, Right.MAKE)
    now = now or timezone.now()
    check_count(count)
    if round_id and (known := Round.objects.filter(pk=round_id, deliverable=deliverable).first()):
        return known
    if request is not None:
        order = orders.recalled(deliverable, request, count=count, by=by, now=now)
    else:
        order = orders.of_resolved(
            requests.resolve(
                deliverable=deliverable,
                phase=Phase.DRAFT,
                prompt=prompt,
                seed=seed,
                control_profile=control_profile,
                model=model,
                count=count,
                switch=switch,
                person_id=by.person_id,
                now=now,
            )
        )
    at_most, currency = booked(order.decision.at_most), order.decision.currency
    agreed.check(what="This", at_most=at_most, confirmed=confirmed, currency=currency)
    with transaction.atomic():
        return make_round(
            deliverable=deliverable,
            order=order,
            count=count,
            by=by,
            round_id=round_id,
            now=now,
        )


def make_round(
    *,
    deliverable: Deliverable,
    order: Order,
    count: int,
    by: Membership,
    now: datetime.datetime,
    round_id: uuid.UUID | None = None,
    due_at: datetime.datetime | None = None,
) -> Round:
    """The part of `make` that writes, in the caller's transaction."""
    decisions.lock(deliverable)
    if round_id and (known := Round.objects.filter(pk=round_id, deliverable=deliverable).first()):
        return known
    check_unused(Round, round_id)
    check_open(deliverable)
    check_possible(order.decision)
    check_cap(deliverable, order, count)
    round_ = open_round(deliverable, by=by, round_id=round_id, now=now)
    plans = [
        take_rows.write(deliverable, order, round_, index=index, by=by, now=now, due_at=due_at or now)
        for index in range(count)
    ]
    holds.reserve_all(plans=plans, now=now)
    board.refresh(deliverable.pk)
    lanes.ring(Lane.SUBMIT)
    return round_


def lock_deliverables(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Deliverable]:
    """Deliverables as they are now, locked until the transaction ends, with what lies above them."""
    wanted = set(ids)
    pots.lock(wanted)
    return Deliverable.objects.select_related(*ABOVE).in_bulk(wanted)


def check_count(count: int) -> None:
    if not 1 <= count <= MOST_AT_ONCE:
        raise Invalid({"count": [f"Ask for 1 to {MOST_AT_ONCE} takes at once."]})


def check_unused(model: type[Round] | type[Batch], given: uuid.UUID | None) -> None:
    """Raises Refused for an id, brought along by a form, that stands for something else already."""
    if given and model.objects.filter(pk=given).exists():
        raise Refused("This form was sent already, for something else.", remedy="Reload the page.")


def check_open(deliverable: Deliverable) -> None:
    if deliverable.state != DeliverableState.OPEN:
        label = DeliverableState(deliverable.state).label.lower()
        raise NotOpen(
            f"{deliverable.name} is {label}.",
            remedy="Withdraw the sign-off, or reopen it, to make more takes.",
        )


def check_possible(decision: Decision) -> None:
    """Raises NoRoute where no model can make a step, now or soon; resting models are waited for."""
    if decision.outcome in (Outcome.NO_ROUTE, Outcome.NO_MODEL):
        raise NoRoute(
            " ".join(decision.reasons),
            remedy="Routing and Settings say what each model lacks.",
            extra={"reasons": words.obstacles(decision)},
        )


def check_cap(deliverable: Deliverable, order: Order, count: int) -> None:
    """Raises CapReached; the deliverable is locked, so the count stays true until the commit."""
    if order.decision.cap.limit is not None:
        usage = caps.usage(deliverable, order.request["phase"])
        check_room(order.decision, used=usage.used, count=count, in_flight=usage.in_flight)


def check_room(
    decision: Decision, *, used: int, count: int, more: int = 0, in_flight: int = 0, batch: int = 0
) -> None:
    """Raises CapReached where `count` takes more do not fit the decision's cap, raised by `more`."""
    limit = decision.cap.limit
    caps.check_room(
        limit=None if limit is None else limit + more,
        used=used,
        asked=count,
        in_flight=in_flight,
        batch=batch,
        ways_out=[dataclasses.asdict(way) for way in decision.cap.ways_out],
    )


def run_next(*, take: Take, by: Membership) -> None:
    """Puts one's own waiting take before one's others."""
    access.require(by, Right.MAKE)
    if take.requested_by_id != by.person_id:
        raise Refused("This take is somebody else's.", remedy="You can order only your own queue.")
    mine = Take.objects.filter(
        workspace=take.workspace_id,
        requested_by=by.person_id,
        state__in=[TakeState.PLANNED, TakeState.QUEUED],
    )
    with transaction.atomic():
        first = mine.aggregate(first=Min("position"))["first"]
        moved = mine.filter(pk=take.pk).update(position=(first or 0) - 1)
    if not moved:
        raise Refused("This take waits no longer.", remedy="It is under way or done.")
    lanes.ring(Lane.SUBMIT)


def open_round(
    deliverable: Deliverable,
    *,
    by: Membership,
    now: datetime.datetime,
    batch: Batch | None = None,
    round_id: uuid.UUID | None = None,
) -> Round:
    """The next round of a deliverable, which is locked."""
    newest = Round.objects.filter(deliverable=deliverable).aggregate(newest=Max("number"))["newest"]
    return Round.objects.create(
        id=round_id or new_id(),
        workspace=deliverable.workspace,
        deliverable=deliverable,
        number=(newest or 0) + 1,
        batch=batch,
        requested_by=by.person,
        requested_at=now,
    )
