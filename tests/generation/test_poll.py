"""The poll lane: what a provider says of its jobs, what it does not say, and how often it is asked."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from billing.models import Entry
from generation import pace
from generation.models import Run
from generation.models.runs import CallState, Lane, RunState
from projects.models import Take
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.factories import utc
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, SKETCH, Engine

NOON = utc("2026-10-05T12:00:00")


def ask(cast: Cast, directive: str = "", *models: str, **fields: object) -> Take:
    return engine_rows.take(
        cast.deliverable,
        engine_rows.step(
            models=models or (FLUX,), amount="0.05", prompt=f"A lighthouse {directive}", **fields
        ),
        person=cast.producer.person,
    )


def run_of(take: Take) -> Run:
    return Run.objects.get(take=take)


def test_a_job_under_way_is_asked_about_again_later(cast: Cast, engine: Engine, fal: Fal) -> None:
    take = ask(cast)
    engine.submit()
    assert engine.poll() == 0
    engine.later(2)
    assert engine.poll() == 1
    run = run_of(take)
    assert (run.state, run.lane, run.lease) == (RunState.RENDERING, Lane.POLL, None)
    assert run.due_at is not None
    assert run.due_at > engine.now
    assert engine.poll() == 0


@pytest.mark.parametrize(
    "directive",
    ["[[poll:500*1]]", "[[poll:429*1]]", "[[poll:garbage*1]]", "[[poll:empty*1]]", "[[poll:drop*2]]"],
)
def test_an_answer_that_fails_says_nothing_of_the_job(
    cast: Cast, engine: Engine, fal: Fal, directive: str
) -> None:
    take = ask(cast, directive)
    engine.submit()
    fal.finish_all(engine)
    engine.poll()
    run = run_of(take)
    assert (run.state, run.attempts) == (RunState.RENDERING, 2)
    assert "fal to answer" in run.waiting_for
    engine.until_quiet()
    take.refresh_from_db()
    assert take.state == TakeState.READY
    assert len(fal.jobs) == 1


def test_what_moderation_blocks_ends_the_take_and_costs_nothing(cast: Cast, engine: Engine, fal: Fal) -> None:
    engine_rows.model(cast.workspace, SKETCH)
    take = ask(cast, "[[result:content_policy_violation]]", FLUX, SKETCH)
    engine.submit()
    fal.finish_all(engine)
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, take.failure_class) == (TakeState.FAILED, "moderated")
    assert engine_rows.states_of(take) == [RunState.BLOCKED]
    assert [call.state for call in engine_rows.calls_of(take)] == [CallState.BLOCKED]
    assert Entry.objects.filter(take=take).count() == 0
    assert engine_rows.open_holds(take) == 0


def test_moderation_leads_on_only_where_the_route_says_so(cast: Cast, engine: Engine, fal: Fal) -> None:
    engine_rows.model(cast.workspace, SKETCH)
    take = ask(cast, "[[result:content_policy_violation]]", FLUX, SKETCH, on_error={"moderated": "next"})
    engine.submit()
    fal.finish_all(engine)
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, take.model) == (TakeState.READY, SKETCH)


def test_a_failed_job_leads_to_the_next_model(cast: Cast, engine: Engine, fal: Fal) -> None:
    engine_rows.model(cast.workspace, SKETCH)
    take = ask(cast, "[[result:internal_server_error]]", FLUX, SKETCH)
    engine.submit()
    fal.finish_all(engine)
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, take.model) == (TakeState.READY, SKETCH)
    first, second = engine_rows.calls_of(take)
    assert (first.state, first.posted) == (CallState.FAILED, None)
    assert (second.state, second.posted) == (CallState.SUCCEEDED, Decimal("0.01"))


def test_a_failure_that_was_charged_is_booked_and_the_next_call_holds_its_own_money(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    engine_rows.model(cast.workspace, SKETCH)
    take = ask(cast, "[[result:internal_server_error]] [[charge_refused:true]]", FLUX, SKETCH)
    engine.submit()
    fal.finish_all(engine)
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, take.failed_charged) == (TakeState.READY, True)
    rows = Entry.objects.filter(take=take).order_by("booked_at")
    assert [(row.model, row.amount, row.failed_charged) for row in rows] == [
        (FLUX, Decimal("0.05"), True),
        (SKETCH, Decimal("0.01"), False),
    ]
    assert engine_rows.open_holds(take) == 0


def test_a_job_that_the_provider_forgot_is_unknown(cast: Cast, engine: Engine, fal: Fal) -> None:
    take = ask(cast)
    engine.submit()
    fal.program.reset()
    engine.later(5)
    engine.poll()
    assert engine_rows.states_of(take) == [RunState.RENDERING]
    engine.later(200)
    engine.poll()
    (call,) = engine_rows.calls_of(take)
    assert (call.state, engine_rows.states_of(take)) == (CallState.UNKNOWN, [RunState.UNKNOWN])
    assert call.evidence["job_id"] == call.provider_job_id
    assert engine_rows.open_holds(take) == 1


def test_a_worker_that_died_while_polling_delays_and_loses_nothing(
    cast: Cast, engine: Engine, fal: Fal, settings: object
) -> None:
    take = ask(cast)
    engine.submit()
    fal.finish_all(engine)
    far = engine.now + datetime.timedelta(seconds=60)
    Run.objects.filter(take=take).update(lease=take.pk, leased_until=far)
    assert engine.poll() == 0
    engine.later(61)
    assert engine.poll() == 1
    assert engine_rows.states_of(take) == [RunState.COLLECTING]


def test_looks_come_seldom_until_a_job_is_usually_done() -> None:
    assert pace.first_look(None, NOON) == NOON + datetime.timedelta(seconds=1)
    assert pace.first_look(30.0, NOON) == NOON + datetime.timedelta(seconds=28.5)
    near = NOON + datetime.timedelta(seconds=30)
    again = pace.next_look(accepted_at=NOON, usual_seconds=30.0, now=near)
    assert again == near + datetime.timedelta(seconds=1.8)
    unknown = pace.next_look(accepted_at=NOON, usual_seconds=None, now=near)
    assert unknown == near + datetime.timedelta(seconds=7.5)
    late = NOON + datetime.timedelta(seconds=600)
    assert pace.next_look(accepted_at=NOON, usual_seconds=30.0, now=late) == late + datetime.timedelta(
        seconds=20
    )


def test_waits_double_and_obey_what_the_provider_asks() -> None:
    pauses = [pace.after_trouble(tries=n).total_seconds() for n in range(1, 9)]
    assert pauses == [2, 4, 8, 16, 32, 64, 120, 120]
    assert pace.after_trouble(tries=1, retry_after_seconds=90).total_seconds() == 90
