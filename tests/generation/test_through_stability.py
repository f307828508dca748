"""Takes by Stability AI over its emulator: answered on the open call, and polled where they come later."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from billing.models import Entry
from circletake import stopping
from generation.hold import Switchboard
from generation.models import Call
from generation.models.runs import CallState
from projects.models import Take
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.emulators.server import Running
from tests.generation import engine_rows, through
from tests.generation.engine_rows import Engine

ULTRA, CREATIVE = "stability/generate/ultra", "stability/upscale/creative"


@pytest.fixture
def stability(fal_program: Running, cast: Cast, settings: Any) -> Iterator[Running]:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    fal_program.reset()
    fal_program.emulator.clock.ahead = 0.0
    stopping.take_back()
    engine_rows.model(cast.workspace, ULTRA, amount="0.08")
    engine_rows.model(cast.workspace, CREATIVE, kinds=["upscale"], amount="0.60")
    engine_rows.model(cast.workspace, engine_rows.SKETCH)
    through.account(cast, "stability", fal_program.url_of("stability"), key="sk-secret")
    yield fal_program
    fal_program.reset()
    stopping.take_back()


def held(engine: Engine, program: Running) -> None:
    """Opens the calls that are handed over, lets the provider end, and writes what it answers."""
    with Switchboard() as board:
        until, known = time.monotonic() + 15, 0
        while known == 0 or board.held:
            board.beat(seconds=0.05, now=engine.now)
            if len(program.log()) > known:
                known = len(program.log())
                program.advance(10)
            assert time.monotonic() < until, "the call was not answered"
    engine.until_quiet()


def test_a_picture_comes_on_the_open_call_and_is_settled_at_its_price(
    cast: Cast, engine: Engine, stability: Running
) -> None:
    take = through.take(cast, ULTRA, amount="0.08")
    engine.submit()
    held(engine, stability)
    assert through.outcome(take) == (TakeState.READY, ["image/png"], "0.08", "1 image at 0.08", 0)
    call = Call.objects.get(run__take=take)
    assert call.provider_job_id == stability.log()[0]["request_id"]
    assert call.outputs[0]["url"].startswith("store:")


@pytest.mark.parametrize(("result", "charged"), [("policy", False), ("black", True)])
def test_what_moderation_blocks_is_charged_only_where_a_picture_was_made(
    cast: Cast, engine: Engine, stability: Running, result: str, charged: bool
) -> None:
    take = through.take(cast, ULTRA, prompt=f"A lighthouse [[result:{result}]]", amount="0.08")
    engine.submit()
    held(engine, stability)
    take.refresh_from_db()
    assert (take.state, take.failure_class, take.failed_charged) == (TakeState.FAILED, "moderated", charged)
    assert (
        list(Entry.objects.filter(take=take).values_list("amount", flat=True)) == [Decimal("0.08")] * charged
    )
    assert engine_rows.open_holds(take) == 0


def test_a_picture_that_comes_later_is_polled_and_settled_at_its_price(
    cast: Cast, engine: Engine, stability: Running
) -> None:
    drawn = engine_rows.step("image")
    larger = engine_rows.step(
        "upscale", kind="upscale", models=(CREATIVE,), needs=["image"], amount="0.60", prompt=""
    )
    take: Take = engine_rows.take(cast.deliverable, drawn, larger, person=cast.producer.person)
    while not stability.log():
        assert engine.turn() or engine.ahead.total_seconds() < 60, "it was not submitted"
        engine.later(2)
    through.finish(stability, engine)
    take.refresh_from_db()
    assert take.state == TakeState.READY, take.failure
    (call,) = Call.objects.filter(run__take=take, model=CREATIVE)
    assert (call.state, call.posted) == (CallState.SUCCEEDED, Decimal("0.60"))
    assert engine_rows.open_holds(take) == 0
