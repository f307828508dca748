"""Webhooks: what vouches for them is fetched and kept, and signatures are checked exactly.

Nothing of a body is read before its signature holds. An adapter verifies with the functions here, whichever
its provider's way is; `receive` brings it the keys or secrets.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import datetime
import hashlib
import hmac
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from generation.providers import answers
from generation.providers.profile import SecretFrom, Webhooks
from generation.providers.protocol import (
    Account,
    Delivery,
    Provider,
    ProviderError,
    WebhookEvent,
    WebhookRejected,
)

MOST_DIGITS = 12  # of a time in seconds
TOLERANCE_SECONDS = 300
KEPT_FOR = datetime.timedelta(hours=24)
FETCH_AT_MOST_EVERY = datetime.timedelta(seconds=60)
FETCH_SECONDS = 5.0
"""The longest that a message waits for keys; others wait behind it."""

LARGEST_KEY_SET = 1024 * 1024
"""The most bytes of a key set; each is kept for a day."""

SECRET_PREFIX = "whsec_"  # noqa: S105  of a secret, none itself


class SignatureMismatch(WebhookRejected):
    """None of the keys or secrets made this signature; newer ones might have."""


# -- what an adapter checks with ------------------------------------------------------------------


def require_recent(
    timestamp: str, *, now: datetime.datetime, tolerance_seconds: int = TOLERANCE_SECONDS
) -> None:
    """Raises WebhookRejected unless this is a time in seconds, near enough to `now` in either direction."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= MOST_DIGITS):
        raise WebhookRejected("The time of the signature is not a number.")
    if abs(now.timestamp() - int(timestamp)) > tolerance_seconds:
        minutes = {300: "five minutes", 1800: "thirty minutes"}.get(
            tolerance_seconds, f"{tolerance_seconds} s"
        )
        raise WebhookRejected(f"The signature is more than {minutes} away from now.")


def require_ed25519(message: bytes, signature: str, *, keys: Mapping[str, Any]) -> None:
    """Raises SignatureMismatch unless one of the key set's keys made this signature (hexadecimal)."""
    try:
        signed = bytes.fromhex(signature)
    except ValueError as error:
        raise SignatureMismatch("The signature is not hexadecimal.") from error
    if not any(_signed_by(key, signed, message) for key in keys.get("keys", ())):
        raise SignatureMismatch("No key of the provider made this signature.")


def _signed_by(key: Mapping[str, Any], signature: bytes, message: bytes) -> bool:
    text = str(key.get("x", ""))
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, message)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def require_hmac(message: bytes, signature: str, *, secrets: Iterable[str]) -> None:
    """Raises SignatureMismatch unless one of the secrets made this HMAC-SHA256 (hexadecimal)."""
    known = [secret.encode() for secret in secrets if secret]  # an empty secret is known to everybody
    made = [hmac.new(secret, message, hashlib.sha256).hexdigest() for secret in known]
    if not any(hmac.compare_digest(one.encode(), signature.encode()) for one in made):
        raise SignatureMismatch("No secret of the account made this signature.")


def require_standard(delivery: Delivery, *, tolerance_seconds: int = TOLERANCE_SECONDS) -> None:
    """The scheme of Standard Webhooks: id, time and raw body joined by points, HMAC-SHA256, base64.

    The header may carry several signatures, as while a secret is being changed. A secret with the usual
    prefix is base64, any other is taken as its bytes. Raises WebhookRejected.
    """
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    message_id, timestamp, signatures = (delivery.headers.get(name, "") for name in names)
    if not (message_id and timestamp and signatures):
        raise WebhookRejected("A signature header is missing.")
    require_recent(timestamp, now=delivery.now, tolerance_seconds=tolerance_seconds)
    message = f"{message_id}.{timestamp}.".encode() + delivery.body
    known = [key for secret in delivery.secrets if (key := _standard_key(secret))]  # none is empty
    made = [base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()) for key in known]
    given = [one.removeprefix("v1,") for one in signatures.split() if one.startswith("v1,")]
    if not any(hmac.compare_digest(one, text.encode()) for one in made for text in given):
        raise SignatureMismatch("No secret of the account made this signature.")


def _standard_key(secret: str) -> bytes:
    if not secret.startswith(SECRET_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    except (binascii.Error, ValueError):
        return secret.encode()


# -- what is fetched and kept ---------------------------------------------------------------------

Fetch = Callable[[], Awaitable[Mapping[str, Any] | None]]


@dataclass
class KeySets:
    """Key sets and fetched secrets by name, each kept for a day and fetched at most once a minute.

    Threads share them: while one fetches, others that need the same wait for it instead of rejecting, and
    those that need another do not.
    """

    kept: dict[str, tuple[datetime.datetime, Mapping[str, Any]]] = field(default_factory=dict)
    tried: dict[str, datetime.datetime] = field(default_factory=dict)
    fetching: dict[str, threading.Lock] = field(default_factory=dict)

    async def get(self, name: str, fetch: Fetch, *, now: datetime.datetime) -> Mapping[str, Any]:
        """What is kept under this name; empty when there is nothing and nothing can be had now."""
        fetched_at, found = self.kept.get(name, (None, {}))
        if fetched_at is not None and now - fetched_at < KEPT_FOR:
            return found
        return await self.refresh(name, fetch, than=found, now=now) or {}

    async def refresh(
        self, name: str, fetch: Fetch, *, than: Mapping[str, Any], now: datetime.datetime
    ) -> Mapping[str, Any] | None:
        """Newer ones than these; None when that was tried less than a minute ago or they cannot be had."""
        fetching = self.fetching.setdefault(name, threading.Lock())
        await asyncio.to_thread(fetching.acquire)  # each request has a loop of its own
        try:
            _, found = self.kept.get(name, (None, than))
            if found is not than:
                return found
            tried_at = self.tried.get(name)
            if tried_at is not None and now - tried_at < FETCH_AT_MOST_EVERY:
                return None
            self.tried[name] = now
            newer = await _in_time(fetch)
            if newer is not None:
                self.kept[name] = (now, newer)
            return newer
        finally:
            fetching.release()


async def _in_time(fetch: Fetch) -> Mapping[str, Any] | None:
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            return await fetch()
    except TimeoutError:
        return None


KEY_SETS = KeySets()


async def fetch_key_set(client: httpx.AsyncClient, address: str) -> Mapping[str, Any] | None:
    """The key set behind this address, failures included as None."""
    try:
        response = await answers.whole(client, "GET", address, most=LARGEST_KEY_SET)
        response.raise_for_status()
    except httpx.HTTPError:
        return None
    keys = answers.read_object(response)
    return keys if isinstance(keys.get("keys"), list) else None


def _source(client: httpx.AsyncClient, provider: Provider, account: Account) -> tuple[str, Fetch] | None:
    """Under which name, and how, that is fetched which vouches for this provider's webhooks."""
    if provider.abilities.webhooks is Webhooks.KEY_SET:
        address = provider.key_set_address(account)
        return address, lambda: fetch_key_set(client, address)
    if provider.profile.webhook_secret is not SecretFrom.FETCHED:
        return None

    async def fetch() -> Mapping[str, Any] | None:
        try:
            secret = await provider.webhook_secret(client, account=account)
        except ProviderError:
            return None
        return {"secrets": [secret]} if secret else None

    return f"secret of {account.id}", fetch


async def receive(
    client: httpx.AsyncClient,
    *,
    provider: Provider,
    account: Account,
    delivery: Delivery,
    key_sets: KeySets = KEY_SETS,
) -> WebhookEvent:
    """The verified event of a delivery; raises WebhookRejected.

    A signature that nothing known made leads to one look at the newest keys or secret, at most once a minute,
    so that a change is followed and a flood of forgeries is not passed on. What is unsigned is vouched for by
    the token in its address alone, and therefore says no more than that a poll is due.
    """
    delivery = replace(
        delivery,
        headers={name.lower(): value for name, value in delivery.headers.items()},
        secrets=account.webhook_secrets,
    )
    if provider.abilities.webhooks is Webhooks.UNSIGNED:
        return replace(provider.parse_webhook(delivery), status=None)
    source = _source(client, provider, account)
    if source is None:
        return provider.parse_webhook(delivery)
    name, fetch = source
    found = await key_sets.get(name, fetch, now=delivery.now)
    try:
        return provider.parse_webhook(_with(delivery, found))
    except SignatureMismatch:
        newer = await key_sets.refresh(name, fetch, than=found, now=delivery.now)
        if newer is None:
            raise
    return provider.parse_webhook(_with(delivery, newer))


def _with(delivery: Delivery, found: Mapping[str, Any]) -> Delivery:
    """The delivery with a fetched key set, or with a fetched secret beside those of the account."""
    secrets = tuple(str(one) for one in found.get("secrets", ()))
    return replace(delivery, keys=found, secrets=(*secrets, *delivery.secrets))
