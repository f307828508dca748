"""The sweep finds what a lost bell, a dead worker or a silent provider left behind, and repeats safely."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django_q.models import OrmQ, Schedule

from generation import sweep
from generation.models import Call, Run, SketchJob
from generation.models.runs import CallState, Lane, RunState
from projects.models import Take
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, SKETCH, Engine


def ask(cast: Cast, model: str = FLUX) -> Take:
    return engine_rows.take(
        cast.deliverable,
        engine_rows.step(models=[model], amount="0.05"),
        person=cast.producer.person,
    )


def die_before_the_answer(take: Take) -> None:
    Call.objects.filter(run__take=take).update(
        state=CallState.INTENDED, provider_job_id="", handle={}, accepted_at=None
    )
    Run.objects.filter(take=take).update(
        state=RunState.SUBMITTING,
        lane=Lane.SUBMIT,
        lease=take.pk,
        leased_until=take.requested_at + datetime.timedelta(seconds=120),
    )


def test_a_worker_that_died_between_intent_and_job_id_leaves_an_unknown_call(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    take = ask(cast)
    engine.submit()
    die_before_the_answer(take)
    assert sweep.interrupted(now=engine.now) == 0
    engine.later(130)
    assert sweep.interrupted(now=engine.now) == 1
    assert sweep.interrupted(now=engine.now) == 0
    (call,) = engine_rows.calls_of(take)
    assert (call.state, engine_rows.states_of(take)) == (CallState.UNKNOWN, [RunState.UNKNOWN])
    assert "the worker ended" in call.evidence["what_happened"]
    assert engine_rows.open_holds(take) == 1
    assert engine.submit() == 0
    assert len(fal.jobs) == 1


def test_a_run_that_fell_out_of_its_lane_is_brought_back(cast: Cast, engine: Engine, fal: Fal) -> None:
    waiting, rendering = ask(cast), ask(cast)
    Run.objects.filter(take=waiting).update(due_at=engine.now + datetime.timedelta(hours=1))
    engine.submit()
    Run.objects.filter(take__in=[waiting, rendering]).update(lane="", due_at=None)
    assert sweep.stranded(now=engine.now) == 2
    assert Run.objects.get(take=waiting).lane == Lane.SUBMIT
    assert Run.objects.get(take=rendering).lane == Lane.POLL
    assert sweep.stranded(now=engine.now) == 0


def test_holds_of_runs_that_have_ended_are_released(cast: Cast, fal: Fal) -> None:
    ended, waiting = ask(cast), ask(cast)
    Run.objects.filter(take=ended).update(state=RunState.FAILED, lane="")
    assert sweep.orphan_holds(now=ended.requested_at) == 1
    assert (engine_rows.open_holds(ended), engine_rows.open_holds(waiting)) == (0, 1)
    assert sweep.orphan_holds(now=ended.requested_at) == 0


def test_the_hold_of_an_unknown_call_is_never_released_by_the_clock(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    take = ask(cast)
    engine.submit()
    Call.objects.filter(run__take=take).update(state=CallState.UNKNOWN)
    Run.objects.filter(take=take).update(state=RunState.CANCELLED, lane="")
    engine.later(10_000_000)
    assert sweep.orphan_holds(now=engine.now) == 0
    assert engine_rows.open_holds(take) == 1


def test_a_take_whose_runs_have_all_ended_ends_too(cast: Cast, engine: Engine) -> None:
    engine_rows.model(cast.workspace)
    done, failed = ask(cast, SKETCH), ask(cast, SKETCH)
    Run.objects.filter(take=done).update(state=RunState.SUCCEEDED, lane="")
    Run.objects.filter(take=failed).update(state=RunState.FAILED, lane="", error_class="timeout")
    assert sweep.finished(now=engine.now) == 2
    done.refresh_from_db()
    failed.refresh_from_db()
    assert (done.state, failed.state) == (TakeState.READY, TakeState.FAILED)
    assert failed.failure == "The provider took too long."
    assert sweep.finished(now=engine.now) == 0


def test_a_take_that_is_under_way_is_not_even_locked(
    cast: Cast, engine: Engine, django_assert_num_queries: Any
) -> None:
    engine_rows.model(cast.workspace)
    ask(cast, SKETCH)
    with django_assert_num_queries(1):
        assert sweep.finished(now=engine.now) == 0


@pytest.mark.django_db(transaction=True)
def test_a_lost_bell_is_rung_again(cast: Cast) -> None:
    engine_rows.model(cast.workspace)
    take = ask(cast, SKETCH)
    sweep.bells(now=take.requested_at)
    assert sorted(entry.task["func"] for entry in OrmQ.objects.all()) == [
        "generation.tasks.notify",
        "generation.tasks.submit",
    ]


def test_one_part_that_fails_does_not_keep_the_others_from_their_work(
    cast: Cast, fal: Fal, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = ask(cast)
    Run.objects.filter(take=ended).update(state=RunState.FAILED, lane="")

    def broken(*, now: Any) -> int:
        raise RuntimeError("broken")

    monkeypatch.setattr(sweep, "interrupted", broken)
    found = sweep.sweep(now=ended.requested_at)
    assert (found["interrupted"], found["finished"], found["holds"]) == (-1, 1, 1)
    assert engine_rows.open_holds(ended) == 0


def test_jobs_of_the_renderer_are_forgotten_after_a_week(cast: Cast, engine: Engine) -> None:
    engine_rows.model(cast.workspace)
    ask(cast, SKETCH)
    engine.until_quiet()
    assert sweep.old_jobs(now=engine.now) == 0
    engine.later(8 * 24 * 3600)
    assert sweep.old_jobs(now=engine.now) == SketchJob.objects.count() + 2


def test_the_schedule_is_made_once(db: None) -> None:
    sweep.ensure_schedule()
    sweep.ensure_schedule()
    assert Schedule.objects.get().func == "generation.tasks.sweep"
