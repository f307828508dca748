"""Webhooks of emulated providers: planned with the job, signed in the provider's way, spoilt on demand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.emulators.clock import Clock
from tests.emulators.jobs import Job
from tests.emulators.webhooks import Deliveries, Delivery

Message = Callable[[Job, str], Mapping[str, Any]]
"""The JSON that tells of a job; the word says how the script wants it: once, twice, gateway, …"""


class Signer(Protocol):
    """Signs a body at a time. Kinds `forged` and `stale` are signed wrongly, as their names say."""

    stale_seconds: int  # one more than the receiver allows

    def headers(self, *, message_id: str, kind: str, body: bytes, now: float) -> dict[str, str]: ...

    def rotate(self, *, keep: bool) -> None: ...


class Unsigned:
    """A provider that signs nothing."""

    stale_seconds = 0

    def headers(self, *, message_id: str, kind: str, body: bytes, now: float) -> dict[str, str]:
        return {}

    def rotate(self, *, keep: bool) -> None:
        """There is nothing to change."""


class StandardSecret:
    """Standard Webhooks: HMAC-SHA256 over id, time and body. While a secret changes, both sign."""

    stale_seconds = 301

    def __init__(self, *, prefix: str = "whsec_") -> None:
        self.prefix = prefix
        self.asked = 0  # how often the secret was fetched
        self.keys = [secrets.token_bytes(24)]

    @property
    def secret(self) -> str:
        return self.prefix + base64.b64encode(self.keys[0]).decode()

    def rotate(self, *, keep: bool) -> None:
        self.keys = [secrets.token_bytes(24), *(self.keys[:1] if keep else [])]

    def headers(self, *, message_id: str, kind: str, body: bytes, now: float) -> dict[str, str]:
        stamp = str(int(now) - (self.stale_seconds if kind == "stale" else 0))
        signed = f"{message_id}.{stamp}.".encode() + body
        keys = [b"nobody's key at all"] if kind == "forged" else self.keys
        made = [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys]
        # The first entry is of a version that nobody knows, as the header may carry several.
        signatures = " ".join(["v9,dW5rbm93bg==", *(f"v1,{one}" for one in reversed(made))])
        return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": signatures}


class Ed25519Keys:
    """Keys that are published as a set; how a message is joined is the provider's own (`join`)."""

    stale_seconds = 301

    def __init__(self) -> None:
        self.keys = [Ed25519PrivateKey.generate()]
        self.asked = 0  # how often the key set was fetched
        self.stranger = Ed25519PrivateKey.generate()

    def rotate(self, *, keep: bool) -> None:
        """A new signing key; the old one stays in the key set only when told to."""
        self.keys = [Ed25519PrivateKey.generate(), *(self.keys if keep else [])]

    def key_set(self) -> dict[str, Any]:
        self.asked += 1

        def text(key: Ed25519PrivateKey) -> str:
            raw = key.public_key().public_bytes_raw()
            return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

        return {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": text(key)} for key in self.keys]}

    def sign(self, message: bytes, kind: str) -> str:
        key = self.stranger if kind == "forged" else self.keys[0]
        return key.sign(message).hex()

    def headers(self, *, message_id: str, kind: str, body: bytes, now: float) -> dict[str, str]:
        raise NotImplementedError


class Hooks:
    """Plans what is delivered of each job. `again` is for one whose end was moved by a cancel."""

    def __init__(self, *, clock: Clock, deliveries: Deliveries, signer: Signer, message: Message) -> None:
        self.clock, self.deliveries, self.signer, self.message = clock, deliveries, signer, message

    def rotate(self, *, keep: bool) -> None:
        self.signer.rotate(keep=keep)

    async def plan(self, job: Job) -> None:
        """Puts the job's deliveries on the heap; "before" is sent, and awaited, at once."""
        kind = job.behaviour.webhook
        if not job.webhook_url or kind == "none":
            return
        if kind == "before":
            await self.deliveries.send(self._delivery(job, kind))
            return
        due = job.ends_at + job.behaviour.webhook_delay
        for number in range(2 if kind == "twice" else 1):
            self.deliveries.at(due + number * 0.2, self._delivery(job, kind))

    def again(self, job: Job) -> None:
        """A cancelled job ends earlier and its webhook goes out then, instead of the planned one."""
        job.plan += 1
        if job.webhook_url and job.behaviour.webhook not in ("none", "before"):
            self.deliveries.at(job.ends_at, self._delivery(job, job.behaviour.webhook))

    def _delivery(self, job: Job, kind: str) -> Delivery:
        planned = job.plan

        def make() -> bytes | None:
            return json.dumps(self.message(job, kind)).encode() if job.plan == planned else None

        def sign(body: bytes, now: float) -> dict[str, str]:
            if kind == "unsigned":
                return {}
            return self.signer.headers(message_id=job.id, kind=kind, body=body, now=now)

        def done(at: float, status: int, kind: str) -> None:
            job.webhooks.append({"at": at, "status": status, "kind": kind})

        honest = kind not in ("forged", "stale", "unsigned")
        return Delivery(job.webhook_url, make, sign, done, kind, retry=honest)
