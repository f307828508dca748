"""Webhooks that are signed with ED25519: the keys are fetched and kept, the signature is checked exactly.

The message and the headers are those of fal: request id, user id, time and the SHA-256 of the raw body,
joined by line feeds. Nothing of a body is read before its signature holds.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from generation.providers.protocol import Provider, WebhookEvent, WebhookRejected

MOST_DIGITS = 12  # of a time in seconds
TOLERANCE_SECONDS = 300
KEPT_FOR = datetime.timedelta(hours=24)
FETCH_AT_MOST_EVERY = datetime.timedelta(seconds=60)
HEADER_NAMES = ("request-id", "user-id", "timestamp", "signature")
PREFIX = "x-fal-webhook-"


class SignatureMismatch(WebhookRejected):
    """None of the keys made this signature; newer keys might have."""


def verify(
    *, headers: Mapping[str, str], body: bytes, keys: Mapping[str, Any], now: datetime.datetime
) -> None:
    """Returns when one of the key set's keys signed these bytes at most five minutes away from `now`.

    Raises WebhookRejected for a missing header or a stale time, SignatureMismatch for a signature that
    no key made.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    values = [lower.get(PREFIX + name, "") for name in HEADER_NAMES]
    if not all(values):
        raise WebhookRejected("A signature header is missing.")
    request_id, user_id, timestamp, signature = values
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= MOST_DIGITS):
        raise WebhookRejected("The time of the signature is not a number.")
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        raise WebhookRejected("The signature is more than five minutes away from now.")
    digest = hashlib.sha256(body).hexdigest()
    message = f"{request_id}\n{user_id}\n{timestamp}\n{digest}".encode()
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


@dataclass
class KeySets:
    """Key sets by address, each kept for a day and fetched at most once a minute, failures included."""

    kept: dict[str, tuple[datetime.datetime, Mapping[str, Any]]] = field(default_factory=dict)
    tried: dict[str, datetime.datetime] = field(default_factory=dict)

    async def get(
        self, client: httpx.AsyncClient, *, address: str, now: datetime.datetime
    ) -> Mapping[str, Any]:
        """The key set behind this address; empty when there is none and none can be had now."""
        fetched_at, keys = self.kept.get(address, (None, {}))
        if fetched_at is not None and now - fetched_at < KEPT_FOR:
            return keys
        return await self.refresh(client, address=address, now=now) or {}

    async def refresh(
        self, client: httpx.AsyncClient, *, address: str, now: datetime.datetime
    ) -> Mapping[str, Any] | None:
        """A newly fetched key set; None when it was tried less than a minute ago or cannot be had."""
        tried_at = self.tried.get(address)
        if tried_at is not None and now - tried_at < FETCH_AT_MOST_EVERY:
            return None
        self.tried[address] = now
        try:
            response = await client.get(address)
            response.raise_for_status()
            keys = response.json()
        except (httpx.HTTPError, ValueError):
            return None
        if not isinstance(keys, dict) or not isinstance(keys.get("keys"), list):
            return None
        self.kept[address] = (now, keys)
        return keys


KEY_SETS = KeySets()


async def receive(
    client: httpx.AsyncClient,
    *,
    provider: Provider,
    address: str,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime.datetime,
    key_sets: KeySets = KEY_SETS,
) -> WebhookEvent:
    """The verified event of a delivery; `address` is that of the key set. Raises WebhookRejected.

    A signature that no known key made leads to one look at the newest keys, at most once a minute, so that
    a change of keys is followed and a flood of forgeries is not passed on.
    """
    keys = await key_sets.get(client, address=address, now=now)
    try:
        return provider.parse_webhook(headers=headers, body=body, keys=keys, now=now)
    except SignatureMismatch:
        newer = await key_sets.refresh(client, address=address, now=now)
        if newer is None:
            raise
    return provider.parse_webhook(headers=headers, body=body, keys=newer, now=now)
