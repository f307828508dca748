"""What a kill is said to have met: runs in flight, and those that had just come to their end."""

from __future__ import annotations

import datetime

from django.utils import timezone

from drills import moment
from generation.models import Run
from generation.models.runs import Lane, RunState
from projects.models import Take
from tests.cast import Cast
from tests.generation import engine_rows


def take(cast: Cast) -> Take:
    step = engine_rows.step(models=[engine_rows.FLUX], amount="0.05")
    return engine_rows.take(cast.deliverable, step, person=cast.producer.person)


def test_runs_in_flight_are_met_and_those_that_ended_long_ago_are_not(cast: Cast) -> None:
    take(cast)
    fresh, old = take(cast), take(cast)
    ended = {fresh: timezone.now(), old: timezone.now() - 2 * moment.FRESH}
    for row, instant in ended.items():
        Run.objects.filter(take=row).update(state=RunState.BLOCKED, ended_at=instant)
    assert moment.now().runs == {"queued": 1, "blocked": 1}


def test_a_moment_is_waited_for_and_the_engine_seen_to_move(cast: Cast) -> None:
    row = take(cast)
    found = moment.wait_for(["queued"])
    assert found is not None
    assert found.runs == {"queued": 1}
    before = moment._traces()
    Run.objects.filter(take=row).update(state=RunState.CANCELLED)
    assert moment._traces() == before
    Run.objects.filter(take=row).update(lane=Lane.POLL, due_at=timezone.now() + datetime.timedelta(hours=1))
    assert moment._traces() != before
