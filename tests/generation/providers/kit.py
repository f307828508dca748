"""One adapter with its emulator, driven from a test: what the contract suite does with every provider."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import hashlib
import pathlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx

from generation.providers import clients, registry, webhooks
from generation.providers.protocol import (
    Account,
    CancelOutcome,
    Delivery,
    InputFile,
    Job,
    JobState,
    Lost,
    ModelFacts,
    Provider,
    Status,
    Submitted,
    WebhookEvent,
)
from tests.emulators import media
from tests.emulators.emulated import Emulated
from tests.emulators.inbox import Letter
from tests.emulators.server import Running
from tests.generation.providers.declared import Declared, Made

Answer = TypeVar("Answer")
LONG_ENOUGH = 150
"""Seconds after which every job of the emulated providers has ended; no output has expired by then."""

NOWHERE = "00000000-0000-0000-0000-000000000000"


@dataclasses.dataclass
class Kit:
    """The provider's adapter with an account at its emulator."""

    provider: Provider
    account: Account
    emulator: Running
    declared: Declared
    sent_key: str = ""  # the key as the emulator's log shows it, where that is not the account's own text

    # -- what is asked ------------------------------------------------------------------------

    @property
    def made(self) -> Made:
        """The first of what the provider makes."""
        return next(iter(self.declared.makes.values()))

    @property
    def picture(self) -> ModelFacts:
        return self.made.model

    @property
    def served(self) -> Emulated:
        """The emulated provider itself, for the truth."""
        return self.emulator.emulator.providers[self.provider.name]

    def job(self, directive: str = "", *, makes: str = "", **changes: Any) -> Job:
        """A job with a directive in its prompt: the first of what the provider makes, or the one named."""
        made = self.declared.makes[makes] if makes else self.made
        prompt = f"{made.request.prompt} {directive}".strip()
        request = dataclasses.replace(made.request, prompt=prompt)
        job = self.provider.translate(model=made.model, request=request)
        return dataclasses.replace(job, **{"token": "run-1", **changes})

    def log(self) -> list[dict[str, Any]]:
        """The truth about this provider's jobs."""
        return [entry for entry in self.emulator.log() if entry["provider"] == self.provider.name]

    # -- asking -------------------------------------------------------------------------------

    def run(
        self, work: Callable[[httpx.AsyncClient], Awaitable[Answer]], *, read_seconds: float = 30
    ) -> Answer:
        async def ask() -> Answer:
            async with clients.opened(timeout=httpx.Timeout(30, read=read_seconds)) as client:
                return await work(client)

        return asyncio.run(ask())

    def submit(self, job: Job, *, read_seconds: float = 30) -> Submitted:
        """Sends a job; where the answer is the result, the provider's clock is put forward meanwhile."""
        if job.blocking:
            return self.run(lambda client: self._held(client, job), read_seconds=read_seconds)
        return self.run(
            lambda client: self.provider.submit(client, account=self.account, job=job),
            read_seconds=read_seconds,
        )

    async def _held(self, client: httpx.AsyncClient, job: Job) -> Submitted:
        known = len(self.served.jobs)
        asked = asyncio.ensure_future(self.provider.submit(client, account=self.account, job=job))
        while not asked.done():
            await asyncio.sleep(0.02)
            if len(self.served.jobs) > known:
                known = len(self.served.jobs)
                await asyncio.to_thread(self.emulator.advance, LONG_ENOUGH)
        return await asked

    def poll(self, submitted: Submitted) -> Status:
        return self.run(
            lambda client: self.provider.poll(
                client, account=self.account, job_id=submitted.job_id, handle=submitted.handle
            )
        )

    def finished(self, submitted: Submitted) -> Status:
        """The status after the provider's clock was put far enough forward."""
        if submitted.status is not None and submitted.status.state is not JobState.QUEUED:
            return submitted.status
        self.emulator.advance(LONG_ENOUGH)
        return self.poll(submitted)

    def cancel(self, submitted: Submitted) -> CancelOutcome:
        return self.run(
            lambda client: self.provider.cancel(
                client, account=self.account, job_id=submitted.job_id, handle=submitted.handle
            )
        )

    def find(self, token: str, *, endpoint: str = "") -> Submitted | None:
        lost = Lost(token, endpoint or self.made.model.endpoint, self.now())
        return self.run(lambda client: self.provider.find(client, account=self.account, lost=lost))

    def test(self) -> str:
        return self.run(lambda client: self.provider.test(client, account=self.account))

    def now(self) -> datetime.datetime:
        """The provider's clock."""
        return datetime.datetime.fromtimestamp(self.emulator.emulator.clock.now(), datetime.UTC)

    def receive(
        self, letter: Letter, *, key_sets: webhooks.KeySets | None = None, **changes: Any
    ) -> WebhookEvent:
        """The event of a delivery as the engine gets it; `changes` are fields of the delivery."""
        token = letter.path.partition("?")[0].rstrip("/").rpartition("/")[2]
        delivery = Delivery(letter.headers, letter.body, self.now(), token=token)
        delivery = dataclasses.replace(delivery, **changes)
        return self.run(
            lambda client: webhooks.receive(
                client,
                provider=self.provider,
                account=self.account,
                delivery=delivery,
                key_sets=key_sets or webhooks.KeySets(),
            )
        )


def kit(emulator: Running, name: str, declared: Declared, *, key: str, **account: Any) -> Kit:
    """A kit whose account points to the emulator; `account` are further fields, such as webhook secrets."""
    fields = {"id": "account-1", "provider": name, "base_url": emulator.url_of(name), **account}
    return Kit(registry.get(name), Account(key=key, **fields), emulator, declared)


def input_file(
    path: pathlib.Path, *, role: str, size: int = 20_000, media_type: str = "image/jpeg"
) -> InputFile:
    data = media.jpeg(seed=path.name, width=64, height=64, size=size)
    if media_type == "video/mp4":
        data = media.mp4(seed=path.name, width=64, height=64, seconds=1, size=size)
    path.write_bytes(data)
    return InputFile(role, str(path), media_type, hashlib.sha256(data).hexdigest())


def at(made: Kit, base_url: str) -> Kit:
    """The kit with its account at another address, such as one that ends in a version."""
    return dataclasses.replace(made, account=dataclasses.replace(made.account, base_url=base_url))
