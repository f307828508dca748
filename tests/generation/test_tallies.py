"""Ended calls are counted by the database, folded into longer steps, and compared with the calls."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from generation import tallies, unknown
from generation.models import Call, CallTally, Run
from generation.models.runs import CallState, RunState
from projects.models import Take
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, SKETCH, Engine

NOW = datetime.datetime(2026, 11, 21, 12, 2, tzinfo=datetime.UTC)


def call(take: Take, *, seconds: float, ended: datetime.datetime = NOW, **fields: Any) -> Call:
    """A further call of the take's only run that took so long and succeeded, if nothing else is said."""
    run = Run.objects.get(take=take)
    plain = {"model": FLUX, "provider": "fal", "state": CallState.SUCCEEDED, "ended_at": ended}
    return Call.objects.create(
        workspace_id=take.workspace_id,
        run=run,
        number=Call.objects.filter(run=run).count() + 1,
        intended_at=ended - datetime.timedelta(seconds=seconds),
        **{**plain, **fields},
    )


@pytest.fixture
def take(cast: Cast) -> Take:
    engine_rows.model(cast.workspace, FLUX)
    return engine_rows.take(
        cast.deliverable, engine_rows.step(models=[FLUX]), now=NOW - datetime.timedelta(minutes=1)
    )


def counted(**fields: Any) -> dict[tuple[str, str, int], int]:
    found: dict[tuple[str, str, int], int] = {}
    for row in CallTally.objects.filter(**fields):
        key = (row.measure, row.outcome, row.bucket)
        found[key] = found.get(key, 0) + row.calls
    return {key: calls for key, calls in found.items() if calls}


def test_a_call_counts_once_with_how_long_it_and_the_wait_before_it_took(take: Take) -> None:
    call(take, seconds=1)
    assert counted() == {("answer", "succeeded", 8): 1, ("wait", "succeeded", 32): 1}
    assert (tallies.bound(8), tallies.bound(32)) == (1.0, 64.0)
    call(take, seconds=1)
    assert counted()["answer", "succeeded", 8] == 2
    assert counted()["wait", "succeeded", 32] == 1


@pytest.mark.parametrize(
    ("state", "error_class", "outcome"),
    [
        ("failed", "timeout", "timeout"),
        ("refused", "rate_limited", "rate_limited"),
        ("blocked", "moderated", "moderated"),
        ("failed", "", "unknown"),
        ("cancelled", "", "cancelled"),
        ("unknown", "unknown", "lost"),
    ],
)
def test_how_a_call_ended_is_its_outcome(take: Take, state: str, error_class: str, outcome: str) -> None:
    call(take, seconds=3, state=state, error_class=error_class)
    assert counted() == {("answer", outcome, -1): 1}


def test_a_call_under_way_counts_not_yet(take: Take) -> None:
    row = call(take, seconds=3, state=CallState.INTENDED, ended=NOW)
    Call.objects.filter(pk=row.pk).update(state=CallState.ACCEPTED)
    assert counted() == {}


def test_a_lost_answer_that_is_known_later_moves_over(cast: Cast, engine: Engine, fal: Fal) -> None:
    asked = engine_rows.step(models=[FLUX], amount="0.05", prompt="A lighthouse [[fail:lost*1]]")
    engine_rows.take(cast.deliverable, asked, person=cast.producer.person)
    engine.submit()
    assert counted(measure="answer") == {("answer", "lost", -1): 1}
    job = fal.jobs[0]["request_id"]
    unknown.it_happened(call=Call.objects.get(), by=cast.manager, job_id=job, now=engine.now)
    assert counted() == {}
    fal.finish_all(engine)
    engine.until_quiet()
    outcomes = {(measure, outcome): calls for (measure, outcome, _), calls in counted().items()}
    assert outcomes == {("answer", "succeeded"): 1, ("wait", "succeeded"): 1}
    assert tallies.problems() == []


def test_the_lanes_count_what_they_end(cast: Cast, engine: Engine) -> None:
    engine_rows.model(cast.workspace)
    for _ in range(3):
        engine_rows.take(cast.deliverable, engine_rows.step(models=[SKETCH]), person=cast.producer.person)
    engine.until_quiet()
    assert sum(calls for key, calls in counted(measure="answer").items() if key[1] == "succeeded") == 3
    assert Run.objects.filter(state=RunState.SUCCEEDED).count() == 3
    assert tallies.problems() == []


def test_rows_are_folded_into_ever_longer_steps_and_the_sums_stay(take: Take) -> None:
    for age in (0, 0, 5, 12, 50):
        call(take, seconds=2, ended=NOW - datetime.timedelta(days=age))
    call(take, seconds=2, ended=NOW - datetime.timedelta(hours=6))
    before = counted()
    tallies.fold(now=NOW)
    steps = CallTally.objects.filter(measure="answer").order_by("starts_at")
    assert list(steps.values_list("step_seconds", "calls")) == [
        (tallies.MONTH, 1),
        (tallies.DAY, 1),
        (tallies.HOUR, 1),
        (tallies.HOUR, 1),
        (tallies.FIVE_MINUTES, 2),
    ]
    call(take, seconds=2, ended=NOW - datetime.timedelta(days=5))
    tallies.fold(now=NOW)
    assert counted()["answer", "succeeded", 12] == before["answer", "succeeded", 12] + 1
    assert list(steps.values_list("calls", flat=True)) == [1, 1, 2, 1, 2]
    assert tallies.problems() == []


def test_a_sum_that_is_wrong_is_named_and_counted_anew(take: Take) -> None:
    call(take, seconds=1)
    CallTally.objects.filter(measure="answer").update(calls=7)
    assert tallies.problems() == [
        f"Calls of {FLUX}, answer succeeded, in the 30 days from 2026-11-10: 7 are kept within 1 s, "
        "the calls say 1. Run manage.py doctor --recount."
    ]
    tallies.rebuild()
    assert tallies.problems() == []


def test_a_fold_has_nothing_to_do_twice(take: Take) -> None:
    call(take, seconds=1)
    assert tallies.fold(now=NOW) == 2
    assert tallies.fold(now=NOW) == 0


def test_quantiles_lie_within_their_bucket() -> None:
    assert tallies.quantile({}, 0.5) is None
    assert tallies.quantile({8: 10}, 1.0) == 1.0
    assert tallies.quantile({0: 1}, 0.5) == 0.125
    assert tallies.quantile({4: 95, 24: 5}, 0.5) == pytest.approx(0.46, abs=0.05)
    assert tallies.quantile({4: 90, 24: 10}, 0.95) == pytest.approx(14.7, abs=0.1)
    assert tallies.quantile({64: 3}, 0.5) == tallies.bound(63)
