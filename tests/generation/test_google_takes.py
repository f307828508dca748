"""Takes that the engine makes at Google: a film that is polled, fetched with the key, and booked."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from projects.models import Asset
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.generation import at_providers, engine_rows
from tests.generation.at_providers import AtProvider
from tests.generation.engine_rows import Engine

VEO = "google/veo-3.1-fast-generate-preview"
FILM = {"width": 1280, "height": 720, "duration_seconds": "5", "amount": "0.60"}


@pytest.fixture
def google(cast: Cast, settings: Any) -> Iterator[AtProvider]:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    with at_providers.opened(cast, "google", path="/v1beta") as opened:
        opened.known(VEO, amount="0.10")
        yield opened


def test_a_film_is_submitted_polled_fetched_with_the_key_and_booked_by_its_seconds(
    engine: Engine, google: AtProvider
) -> None:
    take = google.take(VEO, kind="video", **FILM)
    google.made(engine)
    take.refresh_from_db()
    (call,) = engine_rows.calls_of(take)
    assert (take.state, call.units, call.posted) == (TakeState.READY, Decimal(6), Decimal("0.60"))
    assert call.run.result["dropped"] == ["seed"]
    assert call.run.result["adjusted"] == ["duration: 5 s becomes 6 s"]
    assert engine_rows.open_holds(take) == 0
    asset = Asset.objects.get(take_assets__take=take, take_assets__role="step")
    assert (asset.kind, asset.media_type) == (Asset.Kind.VIDEO, "video/mp4")


def test_a_film_that_is_filtered_costs_nothing_and_says_why(engine: Engine, google: AtProvider) -> None:
    take = google.take(VEO, kind="video", directive="[[result:policy]]", **FILM)
    google.made(engine)
    take.refresh_from_db()
    assert (take.state, take.failure_class) == (TakeState.FAILED, "moderated")
    assert at_providers.posted(take) == [None]
    assert engine_rows.open_holds(take) == 0
