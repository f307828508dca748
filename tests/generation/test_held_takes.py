"""Takes whose calls are held open until the answer is the picture: Google, and a machine of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from generation.models.runs import CallState
from projects.models import Asset, Take
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.generation import at_providers, engine_rows
from tests.generation.at_providers import AtProvider
from tests.generation.engine_rows import Engine

FLASH = "google/gemini-3.1-flash-image"
DRAW = "a1111/txt2img"


@pytest.fixture
def google(cast: Cast, settings: Any) -> Iterator[AtProvider]:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    with at_providers.opened(cast, "google", path="/v1beta") as opened:
        opened.known(FLASH, amount="0.067")
        yield opened


@pytest.fixture
def webui(cast: Cast, settings: Any) -> Iterator[AtProvider]:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    with at_providers.opened(cast, "a1111", key="user:password") as opened:
        opened.known(DRAW, amount="0.004", unit="image")
        yield opened


def state(take: Take) -> str:
    take.refresh_from_db()
    return take.state


def test_a_picture_of_gemini_is_kept_and_booked_once(engine: Engine, google: AtProvider) -> None:
    take = google.take(FLASH, kind="image", amount="0.067")
    at_providers.held(google, engine)
    (call,) = engine_rows.calls_of(take)
    assert (state(take), call.units, call.posted) == (TakeState.READY, Decimal(1), Decimal("0.067"))
    asset = Asset.objects.get(take_assets__take=take, take_assets__role="step")
    assert (asset.kind, asset.media_type) == (Asset.Kind.IMAGE, "image/jpeg")
    assert engine_rows.open_holds(take) == 0


def test_a_prompt_that_gemini_blocks_ends_the_take_and_its_hold_stays_as_no_charge_was_told(
    engine: Engine, google: AtProvider
) -> None:
    take = google.take(FLASH, kind="image", amount="0.067", directive="[[result:policy]]")
    at_providers.held(google, engine)
    assert (state(take), take.failure_class) == (TakeState.FAILED, "moderated")
    assert (engine_rows.open_holds(take), engine_rows.calls_of(take)[0].state) == (1, CallState.UNKNOWN)


def test_a_picture_of_ones_own_machine_is_kept_and_booked_at_ones_own_price(
    engine: Engine, webui: AtProvider
) -> None:
    take = webui.take(DRAW, kind="image", amount="0.004")
    at_providers.held(webui, engine)
    (call,) = engine_rows.calls_of(take)
    assert (state(take), call.posted, call.evidence["seed"]) == (TakeState.READY, Decimal("0.004"), 7)
    asset = Asset.objects.get(take_assets__take=take, take_assets__role="step")
    assert (asset.media_type, asset.width, asset.height) == ("image/png", 320, 192)
