"""Making takes: cap under a row lock, holds for every planned call, rows and runs, in one transaction.

No provider hears of a take before that transaction is committed; then the bell is rung.
"""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Max, Min
from django.utils import timezone

from billing import holds
from generation import caps, lanes, requests, returned, seeds, steps
from generation.canonical import digest
from generation.models import Recipe, Run
from generation.models.runs import Lane, RunState
from generation.requests import NoRoute, Resolved
from projects import access, board, decisions, events
from projects.access import Right
from projects.identifiers import new_id
from projects.models import Batch, Deliverable, Membership, Phase, Round, Take
from projects.models.takes import TakeState
from projects.models.work import DeliverableState
from projects.problems import Invalid, Refused
from projects.work import MAX_SEED
from routing import decision as answers
from routing import tables
from routing.decision import Decision, Outcome

MOST_AT_ONCE = 20
ZERO = Decimal(0)


class NotOpen(Refused):
    """The deliverable is signed off or dropped: nothing more is made for it."""

    title = "This deliverable is not open"


@dataclasses.dataclass(frozen=True)
class Order:
    """What was asked for, ready to be made: the request, its decision and the versions it names."""

    request: dict[str, Any]
    decision: Decision
    routing_version: int
    seed_policy: str


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
    batch: Batch | None = None,
    round_id: uuid.UUID | None = None,
    now: datetime.datetime | None = None,
) -> Round:
    """Makes `count` draft takes as one round and holds their money; answers the round.

    A second call with the same `round_id` answers the round that is there: a double click makes one.
    Raises Invalid, NoRoute, NotOpen, CapReached or BudgetRefused; then nothing was changed.
    """
    access.require(by, Right.MAKE)
    now = now or timezone.now()
    check_count(count)
    if round_id and (known := Round.objects.visible_to(by).filter(pk=round_id).first()):
        return known
    if request is not None:
        order = recalled_order(deliverable, request, count=count, by=by, now=now)
    else:
        order = order_of(
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
    with transaction.atomic():
        return make_round(
            deliverable=deliverable,
            order=order,
            count=count,
            by=by,
            batch=batch,
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
    batch: Batch | None = None,
    round_id: uuid.UUID | None = None,
    due_at: datetime.datetime | None = None,
) -> Round:
    """The part of `make` that writes, in the caller's transaction."""
    decisions.lock(deliverable)
    if round_id and (known := Round.objects.filter(pk=round_id, deliverable=deliverable).first()):
        return known
    check_open(deliverable)
    check_possible(order.decision)
    check_cap(deliverable, order, count)
    round_ = _round(deliverable, by, batch, round_id, now)
    plans = [
        _take(deliverable, order, round_, index=index, by=by, now=now, due_at=due_at or now)
        for index in range(count)
    ]
    holds.reserve_all(plans=plans, now=now)
    board.refresh(deliverable.pk)
    lanes.ring(Lane.SUBMIT)
    return round_


def recalled_order(
    deliverable: Deliverable,
    request: Mapping[str, Any],
    *,
    count: int,
    by: Membership,
    now: datetime.datetime,
) -> Order:
    """The order that runs exactly a recalled request. A hero render is never made this way."""
    returned.check_request(deliverable, request)
    if request["phase"] != Phase.DRAFT:
        raise Invalid(
            {"request": ["This is a hero render."]},
            remedy="Ask for a hero render of a selected draft instead; a manager approves it.",
        )
    decision = requests.priced(
        deliverable=deliverable, request=request, count=count, person_id=by.person_id, now=now
    )
    return Order(
        request=dict(request),
        decision=decision,
        routing_version=tables.in_force(deliverable.workspace).version,
        seed_policy=deliverable.campaign.seed_policy,
    )


def check_count(count: int) -> None:
    if not 1 <= count <= MOST_AT_ONCE:
        raise Invalid({"count": [f"Ask for 1 to {MOST_AT_ONCE} takes at once."]})


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
        raise NoRoute(" ".join(decision.reasons), remedy="Routing and Settings say what each model lacks.")


def check_cap(deliverable: Deliverable, order: Order, count: int) -> None:
    """Raises CapReached; the deliverable is locked, so the count stays true until the commit."""
    phase = order.request["phase"]
    limit = order.decision.cap.limit
    if limit is None:
        return
    usage = caps.usage(deliverable, phase)
    if usage.used + count > limit:
        ways = [dataclasses.asdict(way) for way in order.decision.cap.ways_out]
        ask = {"way": "ask", "words": f"Ask a manager for {count} more.", "takes": count}
        raise caps.CapReached(used=usage.used, cap=limit, asked=count, ways_out=ways or [ask])


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


def order_of(resolved: Resolved) -> Order:
    """The order of a resolved request."""
    return Order(
        request=resolved.request,
        decision=resolved.decision,
        routing_version=resolved.routing_version,
        seed_policy=resolved.seed_policy,
    )


def _round(
    deliverable: Deliverable,
    by: Membership,
    batch: Batch | None,
    round_id: uuid.UUID | None,
    now: datetime.datetime,
) -> Round:
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


def _take(
    deliverable: Deliverable,
    order: Order,
    round_: Round,
    *,
    index: int,
    by: Membership,
    now: datetime.datetime,
    due_at: datetime.datetime,
) -> holds.Plan:
    """The rows of one take, and the money that its calls may cost at most."""
    request = order.request
    if index and request["seed"] is not None:
        request = seeds.with_seed(request, (request["seed"] + index) % (MAX_SEED + 1))
    take = Take.objects.create(
        workspace=deliverable.workspace,
        deliverable=deliverable,
        round=round_,
        number=next_number(deliverable),
        phase=request["phase"],
        state=TakeState.QUEUED,
        prompt=request["prompt"],
        seed=request["seed"],
        request_hash=digest(request),
        routing_version=order.routing_version,
        requested_by=by.person,
        requested_by_email=by.person.email,
        requested_at=now,
        position=int(now.timestamp() * 1000) + index,
    )
    _recipe(take, order, request)
    runs = _runs(take, order, request, due_at)
    events.record(
        workspace=deliverable.workspace,
        kind="take.requested",
        by=by,
        at=now,
        deliverable=deliverable,
        take=take,
        number=take.number,
        phase=take.phase,
    )
    return take, _planned_holds(order, runs)


def next_number(deliverable: Deliverable) -> int:
    """The next take number, taken; the deliverable is locked."""
    newest = Take.objects.filter(deliverable=deliverable).aggregate(newest=Max("number"))["newest"]
    number = (newest or 0) + 1
    Deliverable.objects.filter(pk=deliverable.pk).update(take_count=number)
    return int(number)


def _recipe(take: Take, order: Order, request: dict[str, Any]) -> None:
    Recipe.objects.create(
        take=take,
        request=request,
        request_hash=take.request_hash,
        routing_version=order.routing_version,
        pipeline=request["pipeline"],
        prompt_template=request.get("prompt_template", ""),
        control_profile=request.get("control_profile", ""),
        seed_policy=order.seed_policy,
        decision=answers.as_document(order.decision),
    )


def _runs(take: Take, order: Order, request: dict[str, Any], due_at: datetime.datetime) -> list[Run]:
    """One run a step; those that need nothing are queued, the others wait for what they need."""
    rows = []
    for position, step in enumerate(request["steps"]):
        waits = bool(step["needs"])
        rows.append(
            Run(
                workspace_id=take.workspace_id,
                take=take,
                position=position,
                step=step["key"],
                kind=step["kind"],
                stage=step["stage"],
                state=RunState.PLANNED if waits else RunState.QUEUED,
                needs=step["needs"],
                request=_run_request(step, order.decision),
                lane=Lane.NONE if waits else Lane.SUBMIT,
                due_at=None if waits else due_at,
            )
        )
    return Run.objects.bulk_create(rows)


def _run_request(step: Mapping[str, Any], decision: Decision) -> dict[str, Any]:
    """The step's part of the request, with the prices of the moment beside each model."""
    plan = decision.step(step["key"])
    prices = {choice.model: choice for choice in plan.choices}
    choices = []
    for choice in step["choices"]:
        price = prices[choice["model"]]
        choices.append(
            {
                **choice,
                "expected": str(price.expected),
                "at_most": str(price.at_most),
                "price_row": price.price_row,
            }
        )
    return {**step, "choices": choices}


def _planned_holds(order: Order, runs: Sequence[Run]) -> list[holds.PlannedHold]:
    """One hold a planned call, at the dearest model that may make it."""
    planned = []
    for run in runs:
        usable = steps.usable(order.decision.step(run.step))
        dearest = max(usable, key=lambda choice: choice.at_most or ZERO, default=None)
        if dearest is not None:
            planned.append(
                holds.PlannedHold(
                    run=run.pk,
                    model_key=dearest.model,
                    provider=dearest.provider,
                    amount=dearest.at_most or ZERO,
                    price_row=uuid.UUID(dearest.price_row) if dearest.price_row else None,
                )
            )
    return planned
