"""The rows of one take: itself, its recipe, a run for each step, and the holds that its calls need."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Max

from billing import holds
from generation import seeds, steps
from generation.canonical import digest
from generation.models import Recipe, Run
from generation.models.runs import Lane, RunState
from generation.orders import Order
from projects import events
from projects.models import Deliverable, Membership, Round, Take
from projects.models.takes import TakeState
from projects.work import MAX_SEED
from routing import decision as answers
from routing.decision import Decision

ZERO = Decimal(0)


def write(
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
        instead_of=order.instead_of,
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
        dearest = steps.dearest(order.decision.step(run.step))
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
