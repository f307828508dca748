"""A worker that is stopped: a drain lets open calls end, a stop gives them up and says how many."""

from __future__ import annotations

import asyncio
import datetime
import io
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.core.management import call_command
from django.utils import timezone

from circletake import stopping
from generation import lanes, unknown, wire
from generation.management.commands import work
from generation.models.runs import CallState, RunState
from projects.models import Take
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, Engine


@pytest.fixture(autouse=True)
def _flag() -> Iterator[None]:
    stopping.take_back()
    yield
    stopping.take_back()


def ask(cast: Cast, directive: str = "") -> Take:
    asked = engine_rows.step(models=[FLUX], amount="0.05", prompt=f"A lighthouse {directive}")
    return engine_rows.take(cast.deliverable, asked, person=cast.producer.person)


def after(seconds: float, act: Any) -> None:
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()


def test_a_drain_waits_for_the_calls_that_are_open(cast: Cast, engine: Engine, fal: Fal) -> None:
    take = ask(cast, "[[stall:2.5]]")
    after(0.3, stopping.announce_drain)
    engine.submit()
    assert engine_rows.states_of(take) == [RunState.RENDERING]
    assert [call.state for call in engine_rows.calls_of(take)] == [CallState.ACCEPTED]


def test_a_stop_gives_open_calls_up_marks_them_unknown_and_counts_them(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    begun = timezone.now() - datetime.timedelta(seconds=1)
    slow, quick = ask(cast, "[[stall:20]]"), ask(cast)
    stopping.announce_drain()
    after(0.5, stopping.announce)
    started = time.monotonic()
    engine.submit()
    assert time.monotonic() - started < 10
    (call,) = engine_rows.calls_of(slow)
    assert (call.state, engine_rows.states_of(slow)) == (CallState.UNKNOWN, [RunState.UNKNOWN])
    assert call.evidence["what_happened"] == "the worker was stopped while the provider was asked"
    assert engine_rows.open_holds(slow) == 1
    assert engine_rows.states_of(quick) == [RunState.RENDERING]
    assert unknown.given_up_since(begun) == 1
    assert unknown.given_up_since(timezone.now()) == 0


def test_a_lane_begins_nothing_once_its_worker_stops(cast: Cast) -> None:
    stopping.announce_drain()
    steps: list[int] = []
    assert lanes.look_after("submit", lambda: steps.append(1) or 1) == 0
    assert steps == []


def test_a_drain_does_not_take_back_a_stop() -> None:
    stopping.announce_drain()
    assert (stopping.is_stopping(), stopping.gives_up()) == (True, False)
    stopping.announce()
    stopping.announce_drain()
    assert stopping.gives_up()


def test_every_piece_of_work_comes_back_once_when_it_is_given_up() -> None:
    async def quick(client: httpx.AsyncClient) -> int:
        return 1

    async def slow(client: httpx.AsyncClient) -> int:
        await asyncio.sleep(30)
        return 2

    with wire.Wire() as wires:
        batches = list(wires.each({"a": quick, "b": slow, "c": slow}, gives_up=lambda: True))
    found = {key: value for batch in batches for key, value in batch.items()}
    assert sum(len(batch) for batch in batches) == 3
    assert (found["a"], type(found["b"]), type(found["c"])) == (1, wire.GivenUp, wire.GivenUp)


def test_the_command_says_how_many_were_given_up(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped:
        def __init__(self, programs: Any) -> None:
            self.programs = programs

        def run(self) -> None:
            queue = next(program for program in self.programs if program.name == "queue")
            seen.append((queue.stop_seconds, "QUEUE_DRAINS" in queue.on_start()))

    seen: list[Any] = []
    monkeypatch.setattr(work, "Supervisor", Stopped)
    monkeypatch.setattr(unknown, "given_up_since", lambda begun: 3)
    said = io.StringIO()
    call_command("work", "--drain", stdout=said)
    call_command("work", stdout=said)
    assert seen == [(600, True), (5, False)]
    assert said.getvalue().startswith("3 open calls are marked unknown")
