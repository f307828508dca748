"""An account and a model of the cast's workspace at any of the emulated providers, for the engine's tests."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from generation import keyring
from generation.hold import Switchboard
from generation.models import ProviderAccount
from projects.models import Take
from projects.models.takes import TAKES_IN_FLIGHT
from routing import catalogue
from routing.models import CatalogueModel
from tests.cast import Cast
from tests.emulators.server import Running, running
from tests.generation import engine_rows
from tests.generation.engine_rows import Engine


@dataclasses.dataclass
class AtProvider:
    """An emulated provider with an account of the cast's workspace."""

    program: Running
    provider: str
    account: ProviderAccount
    cast: Cast

    @property
    def jobs(self) -> list[dict[str, Any]]:
        return [job for job in self.program.log() if job["provider"] == self.provider]

    def known(self, key: str, *, amount: str, unit: str = "", **price: Any) -> CatalogueModel:
        """The catalogue's own row of this model, with a price of the workspace's currency."""
        entry = next(one for one in catalogue.read() if one["key"] == key)
        row = catalogue.row(entry)
        row.save()
        engine_rows.model(self.cast.workspace, key, amount=amount, unit=unit or entry["unit"] or "request")
        return row

    def take(self, key: str, *, kind: str, directive: str = "", **fields: Any) -> Take:
        asked = engine_rows.step(
            kind=kind, models=(key,), prompt=f"A lighthouse {directive}".strip(), **fields
        )
        return engine_rows.take(self.cast.deliverable, asked, person=self.cast.producer.person)

    def made(self, engine: Engine, *, seconds: float = 10) -> None:
        """Submits, lets time pass there and here, and goes on until every lane is quiet."""
        engine.submit()
        self.program.advance(seconds)
        engine.later(seconds)
        engine.until_quiet()


@contextlib.contextmanager
def opened(
    cast: Cast, provider: str, *, path: str = "", key: str = "secret", **account: Any
) -> Iterator[AtProvider]:
    """The emulated provider in a thread, and the account; `path` ends its address."""
    with running(latency="5", output_bytes=20_000) as program:
        row = ProviderAccount.objects.create(
            workspace=cast.workspace,
            provider=provider,
            name="main",
            encrypted_key=keyring.encrypt(key),
            key_hint=key[-4:],
            base_url=f"{program.url_of(provider)}{path}",
            webhook_token=f"account-{provider}-{cast.workspace.pk}",
            **account,
        )
        yield AtProvider(program, provider, row, cast)


def posted(take: Take) -> Sequence[Decimal | None]:
    """What was booked for each call of a take."""
    return [call.posted for call in engine_rows.calls_of(take)]


def held(served: AtProvider, engine: Engine, *, seconds: float = 10) -> None:
    """Submits, holds the calls open until the provider has answered them, and goes on until all is quiet."""
    with Switchboard() as board:
        before = len(served.jobs)
        engine.submit()
        _beats(board, engine, lambda: len(served.jobs) > before)
        served.program.advance(seconds)
        _beats(board, engine, lambda: not board.held)
        engine.until_quiet()


def _beats(board: Switchboard, engine: Engine, holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not holds():
        board.beat(seconds=0.05, now=engine.now)
        assert time.monotonic() < until, "the held calls did not come to that"


def until_ended(served: AtProvider, engine: Engine, take: Take) -> None:
    """Drives every lane, the held calls too, and both clocks, until the take has come to an end."""
    until = time.monotonic() + 60
    with Switchboard() as board:
        while take.state in TAKES_IN_FLIGHT:
            engine.turn()
            board.beat(seconds=0.05, now=engine.now)
            served.program.advance(3)
            engine.later(2)
            take.refresh_from_db()
            assert time.monotonic() < until, f"the take is still {take.state}"
