"""The judge of a drill: sound rows pass, each kind of wrong is named, the unknown is settled by the log."""

from __future__ import annotations

import uuid
from decimal import Decimal

import pytest

from billing import ledger
from drills import truth
from generation import unknown
from generation.models import Call, Run
from generation.models.runs import CallState, RunState
from projects import events
from projects.models import Take, TakeAsset
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.drills.rows import Place, made
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, Engine, only_call


@pytest.fixture
def places(cast: Cast) -> list[Place]:
    return [Place(cast.workspace, cast.manager)]


def test_rows_that_are_sound_are_found_sound(
    cast: Cast, engine: Engine, fal: Fal, places: list[Place]
) -> None:
    made(cast, engine, fal)
    blocked = made(cast, engine, fal, "[[result:policy]]")
    blocked.refresh_from_db()
    assert blocked.state == TakeState.FAILED
    assert truth.under_way() == {}
    assert truth.violations(places, fal.jobs) == []


def test_a_lost_answer_is_listed_and_settled_by_the_log(
    cast: Cast, engine: Engine, fal: Fal, places: list[Place]
) -> None:
    take = made(cast, engine, fal, "[[fail:lost*1]]")
    assert (only_call(take).state, truth.under_way(), truth.unlisted(places)) == ("unknown", {}, [])
    assert truth.settle(places, fal.jobs) == {"it happened": 1}
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, truth.violations(places, fal.jobs)) == (TakeState.READY, [])


def test_a_call_that_never_arrived_is_settled_as_such_and_sent_again(
    cast: Cast, engine: Engine, fal: Fal, places: list[Place]
) -> None:
    take = made(cast, engine, fal, "[[fail:garbage*1]]")
    assert truth.settle(places, fal.jobs) == {"it did not happen": 1}
    for _ in range(6):
        engine.turn()
        fal.finish_all(engine)
    take.refresh_from_db()
    assert (take.state, truth.violations(places, fal.jobs)) == (TakeState.READY, [])


def test_an_unknown_call_without_its_evidence_or_open_hold_is_named(
    cast: Cast, engine: Engine, fal: Fal, places: list[Place]
) -> None:
    call = only_call(made(cast, engine, fal, "[[fail:lost*1]]"))
    ledger.void(hold=call.hold, reason="by mistake", now=engine.now)
    Call.objects.filter(pk=call.pk).update(evidence={})
    assert [line.partition(": ")[0] for line in truth.unlisted(places)] == [
        f"Call {call.pk} is unknown and its hold is not open.",
        f"Call {call.pk} is unknown and lacks evidence",
    ]


def test_a_job_that_was_submitted_twice_in_silence_is_named(
    cast: Cast, engine: Engine, fal: Fal, places: list[Place]
) -> None:
    """Somebody said of a job that the provider has that it had not happened."""
    take = made(cast, engine, fal, "[[fail:lost*1]]")
    first = only_call(take)
    unknown.it_did_not(call=first, by=cast.manager, now=engine.now)
    Call.objects.filter(pk=first.pk).update(ended_at=None)
    for _ in range(6):
        engine.turn()
        fal.finish_all(engine)
    found = truth.violations(places, fal.jobs)
    assert f"Run {first.run_id} was submitted twice and nothing says so." in found
    assert any(line.startswith(f"Call {first.pk} ") and "owed 1 times" in line for line in found)


def test_a_second_job_beside_the_first_is_named_whatever_the_rows_say(
    cast: Cast, engine: Engine, fal: Fal, places: list[Place]
) -> None:
    """The rows may call the first one refused; the log knows that it ran, and cost nothing in the end."""
    take = made(cast, engine, fal, "[[fail:lost*1]]")
    first = only_call(take)
    unknown.it_did_not(call=first, by=cast.manager, now=engine.now)
    for _ in range(6):
        engine.turn()
        fal.finish_all(engine)
    one, two = sorted(fal.jobs, key=lambda job: job["accepted_at"])
    named = [f"Run {first.run_id} was submitted twice and nothing says so."]
    failed = {**one, "state": "failed", "charged": False, "units": 0.0}
    beside = {**failed, "ends_at": two["accepted_at"] + 1}
    assert truth.violations(places, [beside, two]) == named
    before = {**failed, "ends_at": two["accepted_at"] - 1}
    assert truth.violations(places, [before, two]) == []
    events.record(
        workspace=cast.workspace,
        kind="take.sent_once_more",
        take=take,
        deliverable=take.deliverable,
        step="image",
    )
    assert truth.violations(places, [beside, two]) == []


def test_other_units_than_the_provider_billed_are_named(
    cast: Cast, engine: Engine, fal: Fal, places: list[Place]
) -> None:
    call = only_call(made(cast, engine, fal))
    (job,) = fal.jobs
    assert truth.violations(places, [{**job, "units": 7.5}]) == [
        f"Call {call.pk} says {call.units} units and the provider billed 7.5."
    ]


def test_a_token_that_the_provider_saw_twice_is_named(
    cast: Cast, engine: Engine, fal: Fal, places: list[Place]
) -> None:
    call = only_call(made(cast, engine, fal))
    (job,) = fal.jobs
    strange = {**job, "token": "nobody's", "request_id": "job-9"}
    found = truth.violations(places, [job, {**job, "charged": False, "units": 0.0}, strange])
    assert found == [
        f"The token of call {call.pk} was submitted 2 times.",
        "Job job-9 belongs to no call.",
    ]


def test_what_is_not_finished_booked_or_explained_is_named(
    cast: Cast, engine: Engine, fal: Fal, places: list[Place]
) -> None:
    take = made(cast, engine, fal)
    call = only_call(take)
    free = [{**job, "charged": False} for job in fal.jobs]
    assert truth.violations(places, free) == [
        f"Call {call.pk} ({call.state}) is booked 1 times and owed 0 times."
    ]
    TakeAsset.objects.filter(take=take).delete()
    Run.objects.filter(take=take).update(state=RunState.COLLECTING)
    Call.objects.filter(pk=call.pk).update(state=CallState.ACCEPTED)
    other = made(cast, engine, fal)
    Take.objects.filter(pk=other.pk).update(state=TakeState.CANCELLED)
    found = truth.violations(places, fal.jobs)
    assert f"Take {take.pk} is ready and has no file." in found
    assert f"Take {other.pk} is cancelled and nobody did so." in found
    assert f"Call {call.pk} is still accepted." in found
    assert f"Run {only_call(take).run_id} (image) is still collecting: ." in found


def test_a_hold_that_is_left_open_is_named(cast: Cast, engine: Engine, fal: Fal, places: list[Place]) -> None:
    take = made(cast, engine, fal)
    planned = ledger.PlannedHold(run=uuid.uuid4(), model_key=FLUX, provider="fal", amount=Decimal("0.05"))
    (hold,) = ledger.reserve(take=take, holds=[planned], now=engine.now)
    assert truth.violations(places, fal.jobs) == [f"Hold {hold.pk} of run {hold.run} is left open."]
