"""Calls that are held open until their answer is the result: booked once, never resent in silence."""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from billing.models import Entry, HoldOutcome
from circletake import stopping
from generation import again, cancel, held_calls, hold, sweep, unknown, workers
from generation.hold import Switchboard
from generation.media.limits import StorageAway
from generation.models import Call, ProviderAccount, Run
from generation.models.runs import CallState, Lane, RunState
from generation.providers import openai
from generation.providers.protocol import CancelOutcome
from projects.models import Notice, Take, TakeAsset
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.emulators.server import Running, running
from tests.generation import engine_rows
from tests.generation.engine_rows import Engine

MODEL = "openai/gpt-image-2/high"
LATENCY = 50


@pytest.fixture(scope="module")
def program() -> Iterator[Running]:
    with running(latency=str(LATENCY)) as started:
        yield started


@pytest.fixture
def served(program: Running, cast: Cast, settings: Any) -> Iterator[Running]:
    """The emulated OpenAI with an account of the cast's workspace and a model in the catalogue."""
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    program.reset()
    stopping.take_back()
    engine_rows.model(cast.workspace, MODEL, amount="0.20")
    engine_rows.account(cast.workspace, f"{program.url_of('openai')}/v1", provider="openai")
    yield program
    program.reset()
    stopping.take_back()


@pytest.fixture
def board(db: None) -> Iterator[Switchboard]:
    with Switchboard() as made:
        yield made


def ask(cast: Cast, directive: str = "", **changes: Any) -> Take:
    asked = engine_rows.step(models=[MODEL], amount="0.20", prompt=f"A lighthouse {directive}", **changes)
    return engine_rows.take(cast.deliverable, asked, person=cast.producer.person)


def call_of(take: Take) -> Call:
    return engine_rows.calls_of(take)[-1]


def until(board: Switchboard, engine: Engine, holds: Callable[[], bool]) -> None:
    """Beats until this holds."""
    deadline = time.monotonic() + 60
    while not holds():
        board.beat(seconds=0.05, now=engine.now)
        assert time.monotonic() < deadline, "it did not come to that"


def opened(board: Switchboard, engine: Engine, served: Running, jobs: int = 1) -> None:
    """Submits what is due and opens the calls, until the provider has them."""
    engine.submit()
    until(board, engine, lambda: len(served.log()) >= jobs)


def finished(board: Switchboard, engine: Engine, served: Running) -> None:
    """Lets the provider end, and writes what it answers."""
    served.advance(LATENCY + 1)
    until(board, engine, lambda: not board.held)


def amounts(take: Take) -> list[tuple[Decimal, bool]]:
    rows = Entry.objects.filter(take=take).order_by("booked_at")
    return list(rows.values_list("amount", "failed_charged"))


def state(take: Take) -> str:
    take.refresh_from_db()
    return take.state


# -- the usual way --------------------------------------------------------------------------------


def test_a_blocking_call_is_handed_over_held_open_and_its_result_booked_once(
    cast: Cast, engine: Engine, served: Running, board: Switchboard
) -> None:
    take = ask(cast)
    begun = time.monotonic()
    engine.submit()
    assert time.monotonic() - begun < 5, "the submit lane does not wait for the provider"
    run = Run.objects.get(take=take)
    assert (run.state, run.lane, run.waiting_for) == (RunState.SUBMITTING, Lane.HOLD, "a line to OpenAI")
    assert served.log() == []
    until(board, engine, lambda: len(served.log()) == 1)
    assert engine_rows.states_of(take) == [RunState.RENDERING]
    assert (call_of(take).state, engine_rows.open_holds(take)) == (CallState.INTENDED, 1)
    finished(board, engine, served)
    assert (call_of(take).outputs[0]["url"][:6], "data" in call_of(take).outputs[0]) == ("store:", False)
    engine.until_quiet()
    assert state(take) == TakeState.READY
    assert amounts(take) == [(Decimal("0.20"), False)]
    assert engine_rows.open_holds(take) == 0
    assert TakeAsset.objects.filter(take=take, role="step").count() == 1
    assert call_of(take).provider_job_id == served.log()[0]["request_id"]


def test_the_same_answer_written_twice_is_booked_once(
    cast: Cast, engine: Engine, served: Running, board: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = ask(cast)
    opened(board, engine, served)
    plain = held_calls.record

    def twice(*arguments: Any, **options: Any) -> None:
        plain(*arguments, **options)
        plain(*arguments, **options)

    monkeypatch.setattr(held_calls, "record", twice)
    finished(board, engine, served)
    engine.until_quiet()
    assert (state(take), amounts(take)) == (TakeState.READY, [(Decimal("0.20"), False)])
    assert HoldOutcome.objects.filter(hold__take=take).count() == 1


def test_an_answer_is_kept_while_the_database_is_away(
    cast: Cast, engine: Engine, served: Running, board: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = ask(cast)
    opened(board, engine, served)
    plain = held_calls.record

    def away(*arguments: Any, **options: Any) -> None:
        monkeypatch.setattr(held_calls, "record", plain)
        raise OperationalError("gone")

    monkeypatch.setattr(held_calls, "record", away)
    with pytest.raises(OperationalError):
        finished(board, engine, served)
    assert (len(board.held), len(board.ends)) == (1, 1)
    finished(board, engine, served)
    engine.until_quiet()
    assert (state(take), len(served.log())) == (TakeState.READY, 1)


def test_many_calls_are_open_at_once_and_renewed(
    cast: Cast, engine: Engine, served: Running, board: Switchboard
) -> None:
    ProviderAccount.objects.update(concurrency=100)
    takes = [ask(cast, f"{number}") for number in range(60)]
    engine.submit()
    until(board, engine, lambda: len(board.held) == 60)
    engine.later(100)
    board.renew(now=engine.now)
    engine.later(100)
    assert Run.objects.filter(leased_until__gt=engine.now, state=RunState.RENDERING).count() == 60
    assert (sweep.interrupted(now=engine.now), sweep.stranded(now=engine.now)) == (0, 0)
    until(board, engine, lambda: len(served.log()) == 60)
    finished(board, engine, served)
    engine.until_quiet()
    assert {state(take) for take in takes} == {TakeState.READY}
    assert len(served.log()) == 60


# -- what goes wrong ------------------------------------------------------------------------------


def test_a_crash_in_mid_call_leaves_it_unknown_with_its_hold_and_nothing_is_sent_again(
    cast: Cast, engine: Engine, served: Running
) -> None:
    take = ask(cast)
    with Switchboard() as crashing:
        opened(crashing, engine, served)
    with Switchboard() as next_one:
        next_one.beat(seconds=0, now=engine.now)
        assert engine_rows.states_of(take) == [RunState.RENDERING], "its lease has not run out"
        engine.later(130)
        next_one.beat(seconds=0, now=engine.now)
        assert next_one.held == {}
    call = call_of(take)
    assert (call.state, engine_rows.states_of(take)) == (CallState.UNKNOWN, [RunState.UNKNOWN])
    assert call.evidence["what_happened"] == hold.CRASHED
    engine.later(30)
    engine.poll()
    assert list(unknown.waiting(membership=cast.manager)) == [call]
    assert (engine_rows.open_holds(take), len(served.log()), amounts(take)) == (1, 1, [])


def test_a_crash_in_mid_call_is_found_by_the_sweep_as_well(
    cast: Cast, engine: Engine, served: Running
) -> None:
    take = ask(cast)
    with Switchboard() as crashing:
        opened(crashing, engine, served)
    engine.later(130)
    assert sweep.interrupted(now=engine.now) == 1
    assert (call_of(take).state, engine_rows.open_holds(take)) == (CallState.UNKNOWN, 1)
    assert sweep.stranded(now=engine.now) == 0


def test_a_call_that_was_handed_over_and_never_opened_waits_and_is_opened(
    cast: Cast, engine: Engine, served: Running, board: Switchboard
) -> None:
    take = ask(cast)
    engine.submit()
    engine.later(3600)
    assert (sweep.interrupted(now=engine.now), sweep.stranded(now=engine.now)) == (0, 0)
    assert call_of(take).state == CallState.INTENDED
    until(board, engine, lambda: len(served.log()) == 1)
    finished(board, engine, served)
    engine.until_quiet()
    assert (state(take), len(engine_rows.calls_of(take))) == (TakeState.READY, 1)


def test_a_request_that_has_changed_meanwhile_is_not_sent(
    cast: Cast, engine: Engine, served: Running, board: Switchboard
) -> None:
    take = ask(cast, retries=0)
    engine.submit()
    Call.objects.update(payload_hash="0" * 64)
    board.beat(seconds=0, now=engine.now)
    call = engine_rows.calls_of(take)[0]
    assert (call.state, call.error) == (CallState.REFUSED, hold.CHANGED)
    assert (served.log(), amounts(take)) == ([], [])


@pytest.mark.parametrize("fail", ["drop", "lost", "504", "garbage"])
def test_a_lost_answer_is_unknown_its_hold_open_and_nothing_is_sent_again(
    cast: Cast, engine: Engine, served: Running, board: Switchboard, fail: str
) -> None:
    take = ask(cast, f"[[fail:{fail}]]")
    engine.submit()
    until(board, engine, lambda: call_of(take).state == CallState.UNKNOWN)
    for _ in range(3):
        engine.later(60)
        engine.poll()
        board.beat(seconds=0, now=engine.now)
    assert engine_rows.states_of(take) == [RunState.UNKNOWN]
    assert (engine_rows.open_holds(take), amounts(take)) == (1, [])
    assert len(engine_rows.calls_of(take)) == 1
    assert len(served.log()) == (1 if fail == "lost" else 0)


def test_a_rate_limit_is_waited_for_as_long_as_the_provider_says(
    cast: Cast, engine: Engine, served: Running, board: Switchboard
) -> None:
    take = ask(cast, "[[fail:429*1]][[retry_after:90]]")
    engine.submit()
    until(board, engine, lambda: call_of(take).state == CallState.REFUSED)
    run = Run.objects.get(take=take)
    assert (run.state, run.lane) == (RunState.QUEUED, Lane.SUBMIT)
    assert run.due_at is not None
    assert run.due_at >= engine.now + datetime.timedelta(seconds=80)
    assert ProviderAccount.objects.get().blocked_until is not None
    assert engine_rows.open_holds(take) == 1
    engine.later(100)
    opened(board, engine, served)
    finished(board, engine, served)
    engine.until_quiet()
    assert (state(take), amounts(take)) == (TakeState.READY, [(Decimal("0.20"), False)])


def test_a_picture_that_was_blocked_ends_the_take_and_its_hold_stays_as_no_charge_was_told(
    cast: Cast, engine: Engine, served: Running, board: Switchboard
) -> None:
    take = ask(cast, "[[result:policy]]")
    opened(board, engine, served)
    finished(board, engine, served)
    assert engine_rows.states_of(take) == [RunState.BLOCKED]
    assert (state(take), amounts(take), engine_rows.open_holds(take)) == (TakeState.FAILED, [], 1)


# -- cancel ---------------------------------------------------------------------------------------


def test_a_cancel_before_the_call_is_opened_costs_nothing_and_sends_nothing(
    cast: Cast, engine: Engine, served: Running, board: Switchboard
) -> None:
    take = ask(cast)
    engine.submit()
    cancel.cancel(take=take, by=cast.producer, now=engine.now)
    board.beat(seconds=0, now=engine.now)
    engine.poll()
    board.beat(seconds=0, now=engine.now)
    assert (call_of(take).state, engine_rows.states_of(take)) == (CallState.CANCELLED, [RunState.CANCELLED])
    assert (engine_rows.open_holds(take), amounts(take), served.log()) == (0, [], [])


def cancelled_while_open(cast: Cast, engine: Engine, served: Running, board: Switchboard) -> Take:
    take = ask(cast)
    opened(board, engine, served)
    cancel.cancel(take=take, by=cast.producer, now=engine.now)
    until(board, engine, lambda: not board.held)
    deadline = time.monotonic() + 5
    while not served.log()[0]["hung_up"]:
        assert time.monotonic() < deadline, "the connection was not closed"
        time.sleep(0.02)
    engine.poll()
    return take


def test_a_cancel_of_an_open_call_closes_it_and_asks_a_person_what_was_charged(
    cast: Cast, engine: Engine, served: Running, board: Switchboard
) -> None:
    take = cancelled_while_open(cast, engine, served, board)
    call = call_of(take)
    assert (call.state, engine_rows.states_of(take)) == (CallState.UNKNOWN, [RunState.CANCELLED])
    assert call.evidence["what_happened"].endswith("whether it is charged all the same is not known")
    assert (engine_rows.open_holds(take), amounts(take)) == (1, [])
    assert list(unknown.waiting(membership=cast.manager)) == [call]
    assert Notice.objects.filter(membership=cast.manager, kind="take_waits").count() == 1
    unknown.it_happened(call=call, by=cast.manager, now=engine.now)
    assert (engine_rows.open_holds(take), amounts(take)) == (0, [(Decimal("0.20"), True)])


@pytest.mark.parametrize(("charged", "booked"), [(True, [(Decimal("0.20"), True)]), (False, [])])
def test_a_provider_that_says_what_hanging_up_costs_is_believed(
    cast: Cast,
    engine: Engine,
    served: Running,
    board: Switchboard,
    monkeypatch: pytest.MonkeyPatch,
    charged: bool,
    booked: list[Any],
) -> None:
    known = dataclasses.replace(openai.provider.abilities, hang_up_charged=charged)
    monkeypatch.setattr(openai.provider, "abilities", known, raising=False)
    take = cancelled_while_open(cast, engine, served, board)
    assert (call_of(take).state, state(take)) == (CallState.CANCELLED, TakeState.CANCELLED)
    assert (amounts(take), engine_rows.open_holds(take)) == (booked, 0)


def test_a_provider_that_stops_what_it_makes_is_told_before_the_connection_is_closed(
    cast: Cast, engine: Engine, served: Running, board: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    async def stop(client: Any, *, account: Any, job_id: str, handle: Any) -> CancelOutcome:
        told.append(job_id)
        return CancelOutcome.CANCELLED

    able = dataclasses.replace(openai.provider.abilities, cancel="running")
    monkeypatch.setattr(openai.provider, "abilities", able, raising=False)
    monkeypatch.setattr(openai.provider, "cancel", stop, raising=False)
    take = cancelled_while_open(cast, engine, served, board)
    assert len(told) == 1
    assert (call_of(take).state, amounts(take), engine_rows.open_holds(take)) == (CallState.CANCELLED, [], 0)


def test_an_answer_that_was_there_before_the_cancel_is_collected_and_charged(
    cast: Cast, engine: Engine, served: Running, board: Switchboard
) -> None:
    take = ask(cast)
    opened(board, engine, served)
    served.advance(LATENCY + 1)
    time.sleep(0.5)
    cancel.cancel(take=take, by=cast.producer, now=engine.now)
    until(board, engine, lambda: not board.held)
    engine.until_quiet()
    assert (state(take), amounts(take)) == (TakeState.READY, [(Decimal("0.20"), False)])
    assert engine_rows.open_holds(take) == 0


# -- stopping -------------------------------------------------------------------------------------


def test_what_is_given_up_is_unknown_and_counted(cast: Cast, engine: Engine, served: Running) -> None:
    begun = timezone.now() - datetime.timedelta(seconds=1)
    take = ask(cast)
    with Switchboard() as board:
        opened(board, engine, served)
        assert board.give_up() == 1
    assert (call_of(take).state, engine_rows.open_holds(take)) == (CallState.UNKNOWN, 1)
    assert unknown.given_up_since(begun) == 1


def test_a_drain_waits_for_open_calls_and_opens_no_more(
    cast: Cast, engine: Engine, served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = ask(cast, "first"), ask(cast, "second")
    monkeypatch.setattr(hold, "AT_A_TIME", 1)
    monkeypatch.setattr(hold, "close_old_connections", lambda: None)  # it would end the test's transaction
    engine.submit()

    def stops() -> bool:
        if len(served.log()) == 1:
            served.advance(LATENCY + 1)
        return Call.objects.filter(evidence__has_key="opened_at").exists()

    hold.run(stops=stops, gives_up=lambda: False)
    done, waiting = (first, second) if call_of(first).state != CallState.INTENDED else (second, first)
    assert (call_of(done).state, engine_rows.states_of(done)) == (CallState.ACCEPTED, [RunState.COLLECTING])
    assert (call_of(waiting).state, len(served.log())) == (CallState.INTENDED, 1)


def test_a_stop_gives_open_calls_up_at_once(
    cast: Cast, engine: Engine, served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold, "close_old_connections", lambda: None)
    take = ask(cast)
    engine.submit()
    begun = time.monotonic()
    hold.run(stops=lambda: bool(served.log()), gives_up=lambda: True)
    assert time.monotonic() - begun < 15
    assert call_of(take).evidence["what_happened"] == "the worker was stopped while the provider was asked"


def test_the_workers_keep_the_process_running_that_holds_calls() -> None:
    program = next(one for one in workers.programs(drain=True) if one.name == "hold")
    plain = next(one for one in workers.programs() if one.name == "hold")
    assert (program.command[-2:], program.stop_seconds) == (["hold", "--drain"], 600)
    assert (plain.command[-1], plain.stop_seconds) == ("hold", 5)


# -- faults of our own ----------------------------------------------------------------------------


def test_a_call_that_cannot_be_made_ready_is_put_off_and_stands_in_nobodys_way(
    cast: Cast, engine: Engine, served: Running, board: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = ask(cast, "first"), ask(cast, "second")
    engine.submit()
    plain = again.rebuilt

    def rebuilt(*, call: Call, **options: Any) -> Any:
        if call.run.take_id == first.pk:
            raise StorageAway("no answer")
        return plain(call=call, **options)

    monkeypatch.setattr(again, "rebuilt", rebuilt)
    until(board, engine, lambda: len(served.log()) == 1)
    run = Run.objects.get(take=first)
    assert (run.state, run.lane, run.lease) == (RunState.SUBMITTING, Lane.HOLD, None)
    assert run.waiting_for == "the storage of media: no answer"
    assert engine_rows.states_of(second) == [RunState.RENDERING]
    monkeypatch.setattr(again, "rebuilt", plain)
    engine.later(40)
    until(board, engine, lambda: len(served.log()) == 2)
    finished(board, engine, served)
    engine.until_quiet()
    assert (state(first), state(second)) == (TakeState.READY, TakeState.READY)


def test_an_answer_that_cannot_be_written_is_unknown_and_the_others_are_written(
    cast: Cast, engine: Engine, served: Running, board: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = ask(cast, "first"), ask(cast, "second")
    opened(board, engine, served, jobs=2)
    plain = held_calls.record

    def record(intent: Any, end: Any, **options: Any) -> None:
        if intent.order.run.take_id == first.pk:
            raise ValueError("odd")
        plain(intent, end, **options)

    monkeypatch.setattr(held_calls, "record", record)
    finished(board, engine, served)
    engine.until_quiet()
    assert (call_of(first).state, engine_rows.open_holds(first)) == (CallState.UNKNOWN, 1)
    assert "odd" in call_of(first).evidence["what_happened"]
    assert (state(second), amounts(second)) == (TakeState.READY, [(Decimal("0.20"), False)])
