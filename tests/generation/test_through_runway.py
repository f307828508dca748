"""Takes by Runway from row to ready, and stopped while they are made, over its emulator."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from billing.models import Entry
from generation import cancel
from generation.models.runs import CallState
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.emulators.server import Running
from tests.generation import engine_rows, through
from tests.generation.engine_rows import Engine

GEN45 = "runway/gen4.5"


@pytest.fixture
def runway(fal_program: Running, cast: Cast, settings: Any) -> Iterator[Running]:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    fal_program.reset()
    fal_program.emulator.clock.ahead = 0.0
    engine_rows.rate(cast.workspace, "USD", "0.5")
    engine_rows.model(cast.workspace, GEN45, kinds=["video"], unit="second", amount="0.12")
    through.account(cast, "runway", fal_program.url_of("runway"), key="key_secret")
    yield fal_program
    fal_program.reset()


def film(cast: Cast, prompt: str = "A lighthouse") -> Any:
    return through.take(cast, GEN45, kind="video", prompt=prompt, duration_seconds="5", amount="0.60")


def test_a_film_is_submitted_polled_collected_and_settled_at_what_runway_says(
    cast: Cast, engine: Engine, runway: Running
) -> None:
    take = film(cast)
    engine.submit()
    through.finish(runway, engine)
    assert through.outcome(take) == (
        TakeState.READY,
        ["video/mp4"],
        "0.3",
        "runway reported 0.60000000 USD",
        0,
    )
    assert [entry["charged"] for entry in runway.log()] == [True]


def test_what_was_asked_against_the_rules_is_charged_as_runway_says(
    cast: Cast, engine: Engine, runway: Running
) -> None:
    take = film(cast, "[[result:policy_input]]")
    engine.submit()
    through.finish(runway, engine)
    take.refresh_from_db()
    assert (take.state, take.failure_class, take.failed_charged) == (TakeState.FAILED, "moderated", True)
    assert Entry.objects.get(take=take).amount == Decimal("0.3")


def test_a_film_that_is_stopped_while_it_is_made_costs_what_was_spent(
    cast: Cast, engine: Engine, runway: Running
) -> None:
    take = film(cast)
    engine.submit()
    runway.advance(3)
    cancel.cancel(take=take, by=cast.producer)
    assert cancel.cancel_due(engine.wires, now=engine.now) == 1
    runway.advance(2)
    engine.until_quiet()
    (call,) = engine_rows.calls_of(take)
    assert (call.state, call.posted) == (CallState.CANCELLED, Decimal("0.3"))
    assert engine_rows.open_holds(take) == 0
