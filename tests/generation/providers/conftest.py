"""What the contract suite needs of each provider: its adapter, its emulator, and models to ask."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import hashlib
import pathlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from generation.providers import clients, registry
from generation.providers.protocol import (
    Account,
    CancelOutcome,
    InputFile,
    Job,
    JobState,
    ModelFacts,
    Provider,
    Status,
    StepRequest,
    Submitted,
)
from tests.emulators import inbox as inboxes
from tests.emulators import media
from tests.emulators.server import Running, running

REQUEST = StepRequest(kind="image", prompt="A lighthouse", seed=7, width=1024, height=1024)
FILM_REQUEST = dataclasses.replace(
    REQUEST, kind="video", seed=None, width=1280, height=720, duration_seconds=Decimal(5)
)
ENDED = (JobState.SUCCEEDED, JobState.FAILED, JobState.BLOCKED, JobState.CANCELLED, JobState.LOST)


@dataclasses.dataclass
class Kit:
    """One adapter with its emulator. `key_set` is where the keys of its webhooks are found."""

    provider: Provider
    account: Account
    picture: ModelFacts
    film: ModelFacts
    emulator: Running
    key_set: str

    def job(self, directive: str = "", **changes: Any) -> Job:
        request = dataclasses.replace(REQUEST, prompt=f"A lighthouse {directive}".strip())
        made = self.provider.translate(model=self.picture, request=request)
        return dataclasses.replace(made, token="run-1", **changes)

    def film_job(self, directive: str = "") -> Job:
        request = dataclasses.replace(FILM_REQUEST, prompt=f"A lighthouse {directive}".strip())
        return self.provider.translate(model=self.film, request=request)

    def submit(self, job: Job, *, read_seconds: float = 10) -> Submitted:
        async def ask() -> Submitted:
            async with clients.opened(timeout=httpx.Timeout(5, read=read_seconds)) as client:
                return await self.provider.submit(client, account=self.account, job=job)

        return asyncio.run(ask())

    def poll(self, submitted: Submitted) -> Status:
        async def ask() -> Status:
            async with clients.opened() as client:
                return await self.provider.poll(
                    client,
                    account=self.account,
                    job_id=submitted.job_id,
                    handle=submitted.handle,
                )

        return asyncio.run(ask())

    def finished(self, submitted: Submitted) -> Status:
        """The status after the provider's clock was put far enough forward."""
        self.emulator.advance(3600)
        return self.poll(submitted)

    def cancel(self, submitted: Submitted) -> CancelOutcome:
        async def ask() -> CancelOutcome:
            async with clients.opened() as client:
                return await self.provider.cancel(
                    client,
                    account=self.account,
                    job_id=submitted.job_id,
                    handle=submitted.handle,
                )

        return asyncio.run(ask())

    def now(self) -> datetime.datetime:
        """The provider's clock."""
        return datetime.datetime.fromtimestamp(self.emulator.emulator.clock.now(), datetime.UTC)


@pytest.fixture(scope="session")
def program() -> Iterator[Running]:
    with running(latency="100") as started:
        yield started


@pytest.fixture
def emulator(program: Running, settings: Any) -> Iterator[Running]:
    """The emulated providers, without script or jobs of earlier tests; loopback may be called."""
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    program.reset()
    yield program
    program.reset()


@pytest.fixture
def inbox() -> Iterator[inboxes.Inbox]:
    with inboxes.open_inbox() as opened:
        yield opened


def fal_kit(emulator: Running) -> Kit:
    account = Account(id="account-1", provider="fal", key="id:secret", base_url=emulator.fal_url)
    film = "fal-ai/kling-video/v2.5-turbo/pro/text-to-video"
    return Kit(
        provider=registry.get("fal"),
        account=account,
        picture=ModelFacts("fal/fal-ai/flux/dev", "fal-ai/flux/dev", {}),
        film=ModelFacts(f"fal/{film}", film, {}),
        emulator=emulator,
        key_set=registry.key_set_address("fal", account.base_url),
    )


KITS = {"fal": fal_kit}


@pytest.fixture(params=sorted(KITS))
def kit(request: pytest.FixtureRequest, emulator: Running) -> Kit:
    return KITS[request.param](emulator)


def input_file(
    path: pathlib.Path, *, role: str, size: int = 20_000, media_type: str = "image/jpeg"
) -> InputFile:
    data = media.jpeg(seed=path.name, width=64, height=64, size=size)
    if media_type == "video/mp4":
        data = media.mp4(seed=path.name, width=64, height=64, seconds=1, size=size)
    path.write_bytes(data)
    return InputFile(role, str(path), media_type, hashlib.sha256(data).hexdigest())
