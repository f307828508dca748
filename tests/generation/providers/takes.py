"""A take that the engine makes at a kit's emulator, by the model and price of the committed catalogue."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.utils import timezone

from billing import ledger
from billing.models import Entry, PriceRow
from generation import keyring
from generation.hold import Switchboard
from generation.models import ProviderAccount
from projects.models import Take
from projects.models.takes import TakeState
from routing import catalogue
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.engine_rows import Engine
from tests.generation.providers.kit import Kit

RATE = Decimal("0.9")
"""Of a dollar in the cast's own currency."""


def begin_any(kit: Kit, cast: Cast, made: str, directive: str = "") -> Take:
    """A queued take of one of the things that a kit declares, at one of the cast's money a request."""
    facts, asked = kit.declared.makes[made].model, kit.declared.makes[made].request
    engine_rows.model(
        cast.workspace, facts.key, kinds=[asked.kind], unit="request", amount="1", **facts.capabilities
    )
    engine_rows.rate(cast.workspace, "USD", str(RATE))
    _account(kit, cast)
    seconds = asked.duration_seconds
    step = engine_rows.step(
        kind=asked.kind,
        models=[facts.key],
        amount="5",
        prompt=f"{asked.prompt} {directive}".strip(),
        seed=asked.seed,
        width=asked.width,
        height=asked.height,
        duration_seconds=str(seconds) if seconds else None,
        parameters=dict(asked.parameters),
    )
    return engine_rows.take(cast.deliverable, step, person=cast.producer.person)


def begin(kit: Kit, cast: Cast, key: str, **step: Any) -> Take:
    """A queued take of one step, with an account, the catalogue's row and price, and a rate for dollars."""
    ledger.ensure_partitions(timezone.now() - datetime.timedelta(days=40), timezone.now())
    row = catalogue.row(next(entry for entry in catalogue.read() if entry["key"] == key))
    row.save()
    begun = timezone.now() - datetime.timedelta(days=30)
    PriceRow.objects.create(
        workspace=cast.workspace,
        model_key=key,
        unit=row.unit,
        amount=row.amount,
        currency=row.currency,
        conditions=row.capabilities[catalogue.CONDITIONS],
        starts_at=begun,
    )
    engine_rows.rate(cast.workspace, "USD", str(RATE))
    _account(kit, cast)
    fields = {"amount": "5", "models": [key], **step}
    return engine_rows.take(cast.deliverable, engine_rows.step(**fields), person=cast.producer.person)


def _account(kit: Kit, cast: Cast) -> None:
    ProviderAccount.objects.create(
        workspace=cast.workspace,
        provider=kit.provider.name,
        name="main",
        encrypted_key=keyring.encrypt(kit.account.key),
        key_hint="hint",
        base_url=kit.account.base_url,
        region=kit.account.region,
        extra=dict(kit.account.extra),
        webhook_token=f"account-{kit.provider.name}",
    )


def finish(kit: Kit, engine: Engine, take: Take) -> Entry:
    """Lets the take be made; its one entry. Fails where it is not ready, or anything of it is still held."""
    engine.submit()
    kit.emulator.advance(200)
    engine.later(200)
    return _booked(engine, take)


def finish_held(kit: Kit, engine: Engine, take: Take) -> Entry:
    """`finish` for a take whose call is held open until its answer is the result."""
    engine.submit()
    with Switchboard() as board:
        until(board, engine, lambda: bool(kit.served.jobs))
        kit.emulator.advance(200)
        until(board, engine, lambda: not board.held)
    return _booked(engine, take)


def until(board: Switchboard, engine: Engine, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        board.beat(seconds=0.05, now=engine.now)
        assert time.monotonic() < deadline, "it did not come to that"


def _booked(engine: Engine, take: Take) -> Entry:
    engine.until_quiet()
    take.refresh_from_db()
    (call,) = engine_rows.calls_of(take)
    assert (take.state, call.error) == (TakeState.READY, "")
    assert engine_rows.open_holds(take) == 0
    return Entry.objects.get(take=take)
