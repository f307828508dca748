"""The moment of a kill: which states the runs are in just then, and whether the engine moves at all."""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections.abc import Callable, Collection
from typing import Any

from django.db import Error, connection
from django.db.models import Count, Max, Q
from django.utils import timezone

from generation.models import Call, Run
from generation.models.runs import RUNS_IN_FLIGHT, Lane

FRESH = datetime.timedelta(seconds=2)
"""A run is met in a final state when it came into it this short a time ago: all others lie there for ever."""

AIM_SECONDS = 15.0
MOVE_SECONDS = 60.0
LOOK_SECONDS = 0.02


@dataclasses.dataclass(frozen=True)
class Moment:
    """How many runs were in which state, and when that was asked, by the monotonic clock."""

    runs: dict[str, int]
    seen_at: float


def now() -> Moment:
    """Raises django.db.Error while the database is away."""
    seen_at = time.monotonic()
    met = Q(state__in=RUNS_IN_FLIGHT) | Q(ended_at__gt=timezone.now() - FRESH)
    rows = Run.objects.filter(met).values_list("state").annotate(n=Count("pk")).order_by("state")
    return Moment(dict(rows), seen_at)


def wait_for(wanted: Collection[str]) -> Moment | None:
    """The first moment at which a run is in one of the states, or any one after a while; None while the
    database is away."""
    until = time.monotonic() + AIM_SECONDS
    while True:
        moment: Moment | None = _or_none(now)
        done = not wanted or time.monotonic() > until
        if done or (moment is not None and any(state in moment.runs for state in wanted)):
            return moment
        time.sleep(LOOK_SECONDS)


def wait_until_it_moves() -> bool:
    """Waits until the lanes do something that nobody else does; False where they did not for a long time."""
    until = time.monotonic() + MOVE_SECONDS
    before: Any = None
    while time.monotonic() < until:
        seen = _or_none(_traces)
        if before is not None and seen is not None and seen != before:
            return True
        before = before if seen is None else seen
        time.sleep(LOOK_SECONDS * 5)
    return False


def _traces() -> tuple[Any, ...]:
    """What only the lanes write: intents, answers, ends of jobs, and when the next poll is due."""
    calls = Call.objects.aggregate(a=Max("intended_at"), b=Max("accepted_at"), c=Max("ended_at"))
    polls = Run.objects.filter(lane=Lane.POLL).aggregate(due=Max("due_at"), leased=Max("leased_until"))
    return (*calls.values(), *polls.values())


def _or_none(look: Callable[[], Any]) -> Any:
    try:
        return look()
    except Error:
        connection.close()
        return None
