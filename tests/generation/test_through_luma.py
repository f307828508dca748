"""Takes by Luma from row to ready, over its emulator: it names no sum, so the price row says it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from projects.models.takes import TakeState
from tests.cast import Cast
from tests.emulators.server import Running
from tests.generation import engine_rows, through
from tests.generation.engine_rows import Engine

RAY = "luma/ray-3.2"


@pytest.fixture
def luma(fal_program: Running, cast: Cast, settings: Any) -> Iterator[Running]:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    fal_program.reset()
    fal_program.emulator.clock.ahead = 0.0
    engine_rows.model(cast.workspace, RAY, kinds=["video"], unit="request", amount="0.30")
    through.account(cast, "luma", f"{fal_program.url_of('luma')}/v1", key="luma-api-secret")
    yield fal_program
    fal_program.reset()


def film(cast: Cast, prompt: str = "A lighthouse") -> Any:
    return through.take(cast, RAY, kind="video", prompt=prompt, duration_seconds="5", amount="0.30")


def test_a_film_is_submitted_polled_collected_and_settled_by_its_price(
    cast: Cast, engine: Engine, luma: Running
) -> None:
    take = film(cast)
    engine.submit()
    through.finish(luma, engine)
    assert through.outcome(take) == (TakeState.READY, ["video/mp4"], "0.3", "1 request at 0.3", 0)
    assert len(luma.log()) == 1


def test_what_moderation_blocks_ends_the_take_and_its_hold_stays_as_no_charge_was_told(
    cast: Cast, engine: Engine, luma: Running
) -> None:
    take = film(cast, "[[result:policy]]")
    engine.submit()
    through.finish(luma, engine)
    take.refresh_from_db()
    assert (take.state, take.failure_class) == (TakeState.FAILED, "moderated")
    assert engine_rows.open_holds(take) == 1
