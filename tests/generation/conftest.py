"""What the engine's tests share: the lanes driven by hand, and the emulated provider with an account."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from generation import heroes, reviews, takes
from generation.models import ProviderAccount
from projects.models import HeroRequest, Take, Workspace
from tests.cast import Cast
from tests.emulators.server import Running, running
from tests.generation import engine_rows
from tests.generation.engine_rows import Engine
from tests.generation.s3_media import s3
from tests.studio import finished

__all__ = ["s3"]


@pytest.fixture
def engine(db: None) -> Iterator[Engine]:
    with Engine() as made:
        yield made


@pytest.fixture(scope="session")
def fal_program() -> Iterator[Running]:
    with running(latency="5", output_bytes=20_000) as started:
        yield started


@dataclasses.dataclass
class Fal:
    """The emulated fal with an account of the cast's workspace, and one of its models in the catalogue."""

    program: Running
    account: ProviderAccount
    workspace: Workspace

    def finish_all(self, engine: Engine) -> None:
        """Lets so much time pass, there and here, that every job has ended and is looked at."""
        self.program.advance(10)
        engine.later(10)

    @property
    def jobs(self) -> list[dict[str, Any]]:
        return self.program.log()


@pytest.fixture
def fal(fal_program: Running, cast: Cast, settings: Any) -> Iterator[Fal]:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    fal_program.reset()
    fal_program.emulator.clock.ahead = 0.0
    engine_rows.model(cast.workspace, engine_rows.FLUX, amount="0.05")
    account = engine_rows.account(cast.workspace, fal_program.fal_url)
    yield Fal(fal_program, account, cast.workspace)
    fal_program.reset()


@pytest.fixture
def draft(studio: Cast) -> Take:
    """A finished draft that is selected."""
    take = finished(takes.make(deliverable=studio.deliverable, by=studio.producer, seed=7).takes.get())
    reviews.review(take=take, decision="select", by=studio.producer)
    take.refresh_from_db()
    return take


@pytest.fixture
def asked(draft: Take, studio: Cast) -> HeroRequest:
    """A hero request that waits for its approval."""
    return heroes.request(take=draft, by=studio.producer)
