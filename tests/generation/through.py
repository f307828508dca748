"""A take through the real lanes with any provider: an account at its emulator, one step, its outcome."""

from __future__ import annotations

from typing import Any

from billing.models import Entry
from generation import keyring
from generation.models import ProviderAccount
from projects.models import Take, TakeAsset
from tests.cast import Cast
from tests.emulators.server import Running
from tests.generation import engine_rows
from tests.generation.engine_rows import Engine


def account(
    cast: Cast, provider: str, base_url: str, *, key: str = "some-key", **fields: Any
) -> ProviderAccount:
    usual = {"name": "main", "webhook_token": f"account-{provider}"}
    return ProviderAccount.objects.create(
        workspace=cast.workspace,
        provider=provider,
        encrypted_key=keyring.encrypt(key),
        key_hint=key[-4:],
        base_url=base_url,
        **{**usual, **fields},
    )


def take(cast: Cast, model: str, **step: Any) -> Take:
    """A queued take of one step that this model makes."""
    return engine_rows.take(
        cast.deliverable, engine_rows.step(models=(model,), **step), person=cast.producer.person
    )


def finish(program: Running, engine: Engine) -> None:
    """Lets every job end, there and here, and everything be done that follows."""
    program.advance(10)
    engine.later(10)
    engine.until_quiet()


def outcome(made: Take) -> tuple[str, list[str], str, str, int]:
    """The take's state, the types of its files, its charge by the books and in words, and its open holds."""
    made.refresh_from_db()
    entry = Entry.objects.get(take=made)
    files = TakeAsset.objects.filter(take=made, role=TakeAsset.Role.OUTPUT)
    types = list(files.values_list("asset__media_type", flat=True))
    amount = f"{entry.amount.normalize():f}"
    return made.state, types, amount, entry.calculation, engine_rows.open_holds(made)
