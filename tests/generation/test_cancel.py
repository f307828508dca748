"""A cancel touches exactly what it names, in each state; what arrives all the same is kept and charged."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing.models import Entry, HoldOutcome
from generation import cancel, dispatch, intents, reviews
from generation.models import Run, SketchJob
from generation.models.runs import CallState, RunState
from projects.access import MissingRight
from projects.models import Event, Take, TakeAsset
from projects.models.takes import TakeState
from projects.problems import Refused
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, SKETCH, Engine


def ask(cast: Cast, directive: str = "", model: str = FLUX) -> Take:
    return engine_rows.take(
        cast.deliverable,
        engine_rows.step(models=[model], amount="0.05", prompt=f"A lighthouse {directive}"),
        person=cast.producer.person,
    )


def stop(cast: Cast, take: Take) -> bool:
    return cancel.cancel(take=take, by=cast.producer)


def outcome(take: Take) -> tuple[str, Decimal]:
    found = HoldOutcome.objects.get(hold__take=take)
    return found.outcome, found.amount


def state(take: Take) -> str:
    take.refresh_from_db()
    return take.state


def test_what_waits_is_taken_out_and_costs_nothing(cast: Cast, engine: Engine, fal: Fal) -> None:
    take, other = ask(cast), ask(cast)
    assert stop(cast, take)
    assert (state(take), state(other)) == (TakeState.CANCELLED, TakeState.QUEUED)
    assert engine_rows.states_of(take) == [RunState.CANCELLED]
    assert outcome(take) == ("voided", Decimal(0))
    assert engine_rows.open_holds(other) == 1
    engine.submit()
    assert len(fal.jobs) == 1
    assert Event.objects.get(kind="take.cancelled").take == take


def test_a_second_cancel_changes_nothing(cast: Cast, fal: Fal) -> None:
    take = ask(cast)
    assert stop(cast, take)
    assert not stop(cast, take)
    assert Event.objects.filter(kind="take.cancelled").count() == 1


def test_a_job_in_the_providers_queue_is_taken_out_for_nothing(cast: Cast, engine: Engine, fal: Fal) -> None:
    take, other = ask(cast, "[[latency:100]]"), ask(cast, "[[latency:100]]")
    engine.submit()
    stop(cast, take)
    assert state(take) == TakeState.CANCELLED
    assert engine_rows.open_holds(take) == 1
    cancel.cancel_due(engine.wires, now=engine.now)
    (call,) = engine_rows.calls_of(take)
    assert (call.state, outcome(take)) == (CallState.CANCELLED, ("voided", Decimal(0)))
    assert sorted(job["state"] for job in fal.jobs) == ["cancelled", "queued"]
    assert engine_rows.states_of(other) == [RunState.RENDERING]
    fal.program.advance(200)
    engine.until_quiet()
    assert (state(take), state(other)) == (TakeState.CANCELLED, TakeState.READY)


def test_a_running_job_that_stops_is_charged_as_the_provider_says(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    take = ask(cast, "[[latency:100]]")
    engine.submit()
    fal.program.advance(50)
    stop(cast, take)
    cancel.cancel_due(engine.wires, now=engine.now)
    fal.program.advance(1)
    engine.later(30)
    engine.poll()
    (call,) = engine_rows.calls_of(take)
    assert (state(take), call.state) == (TakeState.CANCELLED, CallState.CANCELLED)
    assert outcome(take) == ("posted", Decimal("0.05"))
    assert Entry.objects.get(take=take).failed_charged
    assert take.failed_charged


@pytest.mark.parametrize("busy", ["500*1", "429*2", "drop*2"])
def test_a_provider_that_is_busy_is_asked_to_stop_again(
    cast: Cast, engine: Engine, fal: Fal, busy: str
) -> None:
    take = ask(cast, f"[[latency:100]] [[stop:{busy}]]")
    engine.submit()
    stop(cast, take)
    for _ in range(3):
        cancel.cancel_due(engine.wires, now=engine.now)
        assert cancel.cancel_due(engine.wires, now=engine.now) == 0
        engine.later(30)
    (call,) = engine_rows.calls_of(take)
    assert (call.state, outcome(take)) == (CallState.CANCELLED, ("voided", Decimal(0)))


def test_a_provider_that_stays_unwell_is_not_asked_for_ever_and_what_it_made_is_charged(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    take = ask(cast, "[[latency:100]] [[stop:500*9]]")
    engine.submit()
    stop(cast, take)
    for _ in range(5):
        cancel.cancel_due(engine.wires, now=engine.now)
        engine.later(30)
    (call,) = engine_rows.calls_of(take)
    assert (call.evidence["cancel_tries"], call.state) == (3, CallState.ACCEPTED)
    assert call.evidence["cancel_outcome"].startswith("error")
    fal.program.advance(200)
    engine.until_quiet()
    assert (state(take), outcome(take)) == (TakeState.READY, ("posted", Decimal("0.05")))


def test_a_success_after_the_cancel_is_kept_marked_and_charged(cast: Cast, engine: Engine, fal: Fal) -> None:
    take = ask(cast, "[[cancel:ignore]] [[latency:100]]")
    engine.submit()
    fal.program.advance(50)
    stop(cast, take)
    cancel.cancel_due(engine.wires, now=engine.now)
    assert state(take) == TakeState.CANCELLED
    fal.program.advance(60)
    engine.later(60)
    engine.until_quiet()
    assert (state(take), take.failure) == (TakeState.READY, "Cancelled, and finished all the same.")
    assert outcome(take) == ("posted", Decimal("0.05"))
    assert TakeAsset.objects.filter(take=take, role="output").count() == 1
    assert Event.objects.get(take=take, kind="take.ready").data["late_after_cancel"] is True


def test_a_take_of_several_steps_stops_where_it_is(cast: Cast, engine: Engine, fal: Fal) -> None:
    engine_rows.model(cast.workspace, "builtin/upscale", kinds=["upscale"], unit="request")
    take = engine_rows.take(
        cast.deliverable,
        engine_rows.step("image", models=[FLUX], amount="0.05", prompt="[[cancel:ignore]]"),
        engine_rows.step("upscale", kind="upscale", models=["builtin/upscale"], needs=["image"]),
        person=cast.producer.person,
    )
    engine.submit()
    stop(cast, take)
    assert engine_rows.states_of(take) == [RunState.CANCELLED, RunState.CANCELLED]
    fal.finish_all(engine)
    engine.until_quiet()
    assert engine_rows.states_of(take) == [RunState.SUCCEEDED, RunState.CANCELLED]
    assert state(take) == TakeState.CANCELLED
    assert [entry.amount for entry in Entry.objects.filter(take=take)] == [Decimal("0.05")]
    assert TakeAsset.objects.filter(take=take, role="step").count() == 1
    assert engine_rows.open_holds(take) == 0


def test_a_cancel_between_intent_and_answer_reaches_the_provider_afterwards(
    cast: Cast, engine: Engine, fal: Fal, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = ask(cast, "[[latency:100]]")
    send = dispatch.send

    def cancelled_first(wires: object, committed: list[intents.Intent], **times: object) -> None:
        stop(cast, take)
        send(wires, committed, **times)  # type: ignore[arg-type]

    monkeypatch.setattr(dispatch, "send", cancelled_first)
    engine.submit()
    (call,) = engine_rows.calls_of(take)
    assert (call.state, engine_rows.states_of(take)) == (CallState.ACCEPTED, [RunState.CANCELLED])
    cancel.cancel_due(engine.wires, now=engine.now)
    assert [job["state"] for job in fal.jobs] == ["cancelled"]
    assert outcome(take) == ("voided", Decimal(0))


def test_a_cancelled_unknown_call_stays_listed_with_its_hold(cast: Cast, engine: Engine, fal: Fal) -> None:
    take = ask(cast, "[[fail:lost]]")
    engine.submit()
    stop(cast, take)
    (call,) = engine_rows.calls_of(take)
    assert (state(take), call.state) == (TakeState.CANCELLED, CallState.UNKNOWN)
    assert engine_rows.open_holds(take) == 1


def test_a_sketch_that_waits_to_be_drawn_is_taken_out(cast: Cast, engine: Engine) -> None:
    engine_rows.model(cast.workspace)
    take = ask(cast, model=SKETCH)
    engine.submit()
    stop(cast, take)
    cancel.cancel_due(engine.wires, now=engine.now)
    assert SketchJob.objects.get().state == SketchJob.State.CANCELLED
    assert outcome(take) == ("voided", Decimal(0))
    assert Run.objects.get(take=take).lane == ""


def test_only_the_takes_own_person_or_a_manager_may_cancel(cast: Cast, fal: Fal) -> None:
    take = ask(cast)
    with pytest.raises(MissingRight):
        cancel.cancel(take=take, by=cast.reviewer)
    with pytest.raises(Refused):
        cancel.cancel(take=take, by=cast.stranger)
    assert state(take) == TakeState.QUEUED
    assert engine_rows.open_holds(take) == 1
    assert cancel.cancel(take=take, by=cast.manager)


def test_dropping_a_deliverable_cancels_what_waits_and_leaves_what_runs(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    running = ask(cast)
    engine.submit()
    waiting = ask(cast)
    assert cancel.cancel_waiting(deliverable=cast.deliverable, by=cast.manager, now=engine.now) == 1
    assert (state(running), state(waiting)) == (TakeState.RENDERING, TakeState.CANCELLED)


@pytest.mark.django_db(transaction=True)
def test_dropping_ends_what_waits_in_the_same_transaction(cast: Cast, engine: Engine) -> None:
    """In a transaction of its own: row locks that only a test's transaction allows are refused here."""
    take = ask(cast)
    reviews.write_off(deliverable=cast.deliverable, reason="The client left", by=cast.manager)
    cast.deliverable.refresh_from_db()
    assert (cast.deliverable.state, state(take)) == ("written_off", TakeState.CANCELLED)
    assert outcome(take) == ("voided", Decimal(0))
