"""What a provider delivers is fetched, looked into, booked once, and leads on to the next step."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing.models import Entry, Hold
from generation.models import Call, Run
from generation.models.runs import CallState, RunState
from projects.models import Asset, Event, TakeAsset
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, SKETCH, Engine


def fal_take(cast: Cast, prompt: str = "A lighthouse", **fields: object) -> engine_rows.Take:
    return engine_rows.take(
        cast.deliverable,
        engine_rows.step(models=[FLUX], amount="0.05", prompt=prompt, **fields),
        person=cast.producer.person,
    )


def test_a_picture_of_fal_goes_from_row_to_ready(cast: Cast, engine: Engine, fal: Fal) -> None:
    take = fal_take(cast)
    engine.submit()
    assert engine_rows.states_of(take) == [RunState.RENDERING]
    fal.finish_all(engine)
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, take.model) == (TakeState.READY, FLUX)
    entry = Entry.objects.get(take=take)
    assert (entry.amount, entry.calculation) == (Decimal("0.05"), "1 image billed at 0.05")
    (call,) = engine_rows.calls_of(take)
    assert (call.state, call.posted) == (CallState.SUCCEEDED, Decimal("0.05"))
    assert len(fal.jobs) == 1
    assert engine_rows.open_holds(take) == 0
