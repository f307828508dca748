"""What the API tells of a whole take: runs with their calls, files, cost, time."""

from __future__ import annotations

import dataclasses
import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Prefetch, Sum
from django.utils import timezone

from billing import take_time
from billing.models import Hold
from generation import desks
from generation.models import Call, Run
from projects.models import Take, TakeAsset

ZERO = Decimal(0)


@dataclasses.dataclass(frozen=True)
class Told:
    """The parts of a take that its own row does not hold."""

    runs: list[dict[str, Any]]
    assets: list[TakeAsset]
    cost: dict[str, Decimal]
    time: dict[str, Any]


def of(take: Take) -> Told:
    """Reads them in seven queries, whatever the number of runs and calls."""
    calls = Call.objects.select_related("hold__outcome").order_by("number")
    runs = Run.objects.filter(take=take).order_by("position").prefetch_related(Prefetch("calls", calls))
    files = TakeAsset.objects.filter(take=take).select_related("asset").order_by("role", "position", "pk")
    held = Hold.objects.filter(take=take, outcome__isnull=True).aggregate(held=Sum("amount"))["held"]
    return Told(
        runs=[_run(run) for run in runs],
        assets=list(files),
        cost={"reserved": held or ZERO, "posted": desks.cost_of(take)},
        time=_time(take),
    )


def _run(run: Run) -> dict[str, Any]:
    calls = list(run.calls.all())
    choices = run.request.get("choices") or [{}]
    return {
        "id": run.pk,
        "step": run.step,
        "kind": run.kind,
        "stage": run.stage,
        "state": run.state,
        "model": calls[-1].model if calls else choices[0].get("model", ""),
        "progress": run.progress,
        "waiting_for": run.waiting_for,
        "error_class": run.error_class,
        "error": run.error,
        "calls": [_call(call) for call in calls],
    }


def _call(call: Call) -> dict[str, Any]:
    hold = call.hold
    is_open = hold is not None and getattr(hold, "outcome", None) is None
    return {
        "id": call.pk,
        "model": call.model,
        "state": call.state,
        "error_class": call.error_class,
        "error": call.error,
        "provider_job_id": call.provider_job_id,
        "reserved": hold.amount if hold and is_open else ZERO,
        "posted": call.posted or ZERO,
    }


def _time(take: Take) -> dict[str, Any]:
    spent = take_time.by_take(deliverable=take.deliverable, until=timezone.now())
    waited: datetime.timedelta | None = take.ended_at - take.requested_at if take.ended_at else None
    return {
        "requested_at": take.requested_at,
        "started_at": take.started_at,
        "ended_at": take.ended_at,
        "waited_seconds": None if waited is None else max(0, int(waited.total_seconds())),
        "amount": spent.get(take.pk, ZERO),
    }
