"""Keys of webhooks: fetched rarely, changed when the provider changes them; signatures to the letter."""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import dataclasses
import datetime
import functools
import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from generation.providers import clients, fal, webhooks
from generation.providers.protocol import Delivery, WebhookRejected
from tests.emulators.inbox import Inbox
from tests.emulators.server import Running
from tests.generation.providers.kit import Kit
from tests.generation.providers.kits import fal as fal_kit
from tests.generation.providers.test_contract_webhooks import delivered

NOW = datetime.datetime(2026, 11, 21, 12, 0, tzinfo=datetime.UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
BODY = b'{"request_id":"job-1"}'


def keys(*made: Ed25519PrivateKey) -> dict[str, Any]:
    def text(key: Ed25519PrivateKey) -> str:
        return base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=").decode()

    return {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": text(key)} for key in made]}


def headers(
    changes: Mapping[str, str] = MappingProxyType({}), *, seconds: int = 0, separator: str = "\n"
) -> dict[str, str]:
    stamp = str(int(NOW.timestamp()) + seconds)
    message = separator.join(["job-1", "user-1", stamp, hashlib.sha256(BODY).hexdigest()])
    return {
        "X-Fal-Webhook-Request-Id": "job-1",
        "X-Fal-Webhook-User-Id": "user-1",
        "X-Fal-Webhook-Timestamp": stamp,
        "X-Fal-Webhook-Signature": KEY.sign(message.encode()).hex(),
        **changes,
    }


def verify(*, headers: Mapping[str, str], body: bytes, keys: dict[str, Any], now: datetime.datetime) -> None:
    """fal's signature alone: a message that it holds of can be read."""
    lower = {name.lower(): value for name, value in headers.items()}
    assert fal.provider.parse_webhook(Delivery(lower, body, now, keys=keys)).job_id == "job-1"


@pytest.fixture
def kit(emulator: Running) -> Kit:
    return fal_kit.make(emulator)


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_signature_of_any_key_in_the_set_holds_for_five_minutes(seconds: int) -> None:
    known = keys(Ed25519PrivateKey.generate(), KEY)
    verify(headers=headers(seconds=seconds), body=BODY, keys=known, now=NOW)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_signature_from_farther_away_is_stale(seconds: int) -> None:
    with pytest.raises(WebhookRejected, match="five minutes"):
        verify(headers=headers(seconds=seconds), body=BODY, keys=keys(KEY), now=NOW)


@pytest.mark.parametrize("name", ["Request-Id", "User-Id", "Timestamp", "Signature"])
def test_every_header_must_be_there(name: str) -> None:
    with pytest.raises(WebhookRejected, match="missing"):
        verify(headers=headers({f"X-Fal-Webhook-{name}": ""}), body=BODY, keys=keys(KEY), now=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"X-Fal-Webhook-Request-Id": "job-2"},
        {"X-Fal-Webhook-User-Id": "user-2"},
        {"X-Fal-Webhook-Signature": "00" * 64},
        {"X-Fal-Webhook-Signature": "nothing hexadecimal"},
    ],
)
def test_a_signature_covers_each_header(changes: dict[str, str]) -> None:
    with pytest.raises(webhooks.SignatureMismatch):
        verify(headers=headers(changes), body=BODY, keys=keys(KEY), now=NOW)


def test_parts_joined_by_anything_but_line_feeds_do_not_verify() -> None:
    with pytest.raises(webhooks.SignatureMismatch):
        verify(headers=headers(separator="\r\n"), body=BODY, keys=keys(KEY), now=NOW)


@pytest.mark.parametrize("time", ["²", "9" * 5000])
def test_a_time_that_is_no_number_is_rejected(time: str) -> None:
    with pytest.raises(WebhookRejected, match="not a number"):
        verify(headers=headers({"X-Fal-Webhook-Timestamp": time}), body=BODY, keys=keys(KEY), now=NOW)


@pytest.mark.parametrize("known", [{}, {"keys": []}, {"keys": [{"x": "short"}]}, {"keys": [{}]}])
def test_an_empty_or_broken_key_set_verifies_nothing(known: dict[str, Any]) -> None:
    with pytest.raises(webhooks.SignatureMismatch):
        verify(headers=headers(), body=BODY, keys=known, now=NOW)


def test_keys_are_fetched_once_a_day(kit: Kit, inbox: Inbox) -> None:
    hooks, key_sets = kit.emulator.emulator.fal.signer, webhooks.KeySets()
    _, (letter, again) = delivered(kit, inbox, "[[webhook:twice]]", count=2)
    before = hooks.asked
    kit.receive(letter, key_sets=key_sets)
    kit.receive(again, key_sets=key_sets)
    assert hooks.asked - before == 1


def test_a_change_of_keys_is_followed_after_a_minute(kit: Kit, inbox: Inbox) -> None:
    hooks, key_sets = kit.emulator.emulator.fal.signer, webhooks.KeySets()
    _, (letter,) = delivered(kit, inbox)
    kit.receive(letter, key_sets=key_sets)
    hooks.rotate(keep=False)
    kit.emulator.advance(61)
    submitted, letters = delivered(kit, inbox, count=2)
    assert kit.receive(letters[1], key_sets=key_sets).job_id == submitted.job_id


def test_a_flood_of_forgeries_is_not_passed_on_to_the_provider(kit: Kit, inbox: Inbox) -> None:
    hooks, key_sets = kit.emulator.emulator.fal.signer, webhooks.KeySets()
    _, (letter,) = delivered(kit, inbox, "[[webhook:forged]]")
    before = hooks.asked
    for _ in range(20):
        with pytest.raises(WebhookRejected):
            kit.receive(letter, key_sets=key_sets)
    assert hooks.asked - before == 1


def test_keys_that_cannot_be_fetched_reject_and_are_asked_for_again_later(kit: Kit, inbox: Inbox) -> None:
    key_sets = webhooks.KeySets()
    submitted, (letter,) = delivered(kit, inbox)
    right = kit.account
    kit.account = dataclasses.replace(right, base_url=f"{kit.emulator.url}/nobody")
    with pytest.raises(webhooks.SignatureMismatch):
        kit.receive(letter, key_sets=key_sets)
    kit.account = right
    assert kit.receive(letter, key_sets=key_sets).job_id == submitted.job_id


def test_a_signed_message_that_cannot_be_read_is_rejected() -> None:
    body = b"[]"
    stamp = str(int(NOW.timestamp()))
    message = f"job-1\nuser-1\n{stamp}\n{hashlib.sha256(body).hexdigest()}".encode()
    signed = headers({"X-Fal-Webhook-Signature": KEY.sign(message).hex()})
    with pytest.raises(WebhookRejected, match="cannot be read"):
        verify(headers=signed, body=body, keys=keys(KEY), now=NOW)


def test_a_key_set_is_kept_a_day_and_then_fetched_again(kit: Kit) -> None:
    hooks, key_sets = kit.emulator.emulator.fal.signer, webhooks.KeySets()
    address = fal.provider.key_set_address(kit.account)
    before = hooks.asked

    async def ask() -> None:
        async with clients.opened() as client:
            for hours in (0, 23, 25):
                now = NOW + datetime.timedelta(hours=hours)
                fetch = functools.partial(webhooks.fetch_key_set, client, address)
                await key_sets.get(address, fetch, now=now)

    asyncio.run(ask())
    assert hooks.asked - before == 2


class Slow:
    """A fetch that takes a moment and answers this, counted."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        self.found, self.asked = found, 0

    async def __call__(self) -> Mapping[str, Any]:
        self.asked += 1
        await asyncio.sleep(0.2)
        return self.found


def at_once(ask: Callable[[], Any]) -> list[Any]:
    """What eight threads get, each with an event loop of its own, as requests have."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return [one.result() for one in [pool.submit(lambda: asyncio.run(ask())) for _ in range(8)]]


def test_a_burst_before_the_first_keys_are_there_waits_for_one_fetch() -> None:
    key_sets, fetch = webhooks.KeySets(), Slow(keys(KEY))
    found = at_once(lambda: key_sets.get("fal", fetch, now=NOW))
    assert (found, fetch.asked) == ([keys(KEY)] * 8, 1)


def test_a_burst_after_a_change_of_keys_is_verified_with_the_newer_ones() -> None:
    old = keys(Ed25519PrivateKey.generate())
    key_sets, fetch = webhooks.KeySets(kept={"fal": (NOW, old)}), Slow(keys(KEY))
    found = at_once(lambda: key_sets.refresh("fal", fetch, than=old, now=NOW))
    assert (found, fetch.asked) == ([keys(KEY)] * 8, 1)


def test_a_fetch_that_does_not_come_back_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fetch() -> Mapping[str, Any]:
        await asyncio.sleep(60)
        return keys(KEY)

    monkeypatch.setattr(webhooks, "FETCH_SECONDS", 0.1)
    assert asyncio.run(webhooks.KeySets().get("fal", fetch, now=NOW)) == {}


def test_a_slow_server_of_one_name_holds_up_no_other() -> None:
    key_sets, waits = webhooks.KeySets(), threading.Event()

    async def stuck() -> Mapping[str, Any]:
        await asyncio.to_thread(waits.wait, 10)
        return {}

    async def prompt() -> Mapping[str, Any]:
        waits.set()  # only now may the other come back
        return keys(KEY)

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        other = pool.submit(lambda: asyncio.run(key_sets.get("slow", stuck, now=NOW)))
        while "slow" not in key_sets.tried:
            time.sleep(0.01)
        begun = time.monotonic()
        assert asyncio.run(key_sets.get("fal", prompt, now=NOW)) == keys(KEY)
        assert time.monotonic() - begun < webhooks.FETCH_SECONDS / 2
        assert other.result() == {}
