"""fal's webhooks: signed with ED25519 exactly as the reference says (fal 1.7), and spoilt on demand."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.emulators.clock import Clock
from tests.emulators.webhooks import Deliveries, Delivery

if TYPE_CHECKING:
    from tests.emulators.fal_jobs import Job

USER = "emulated-user"
STALE_SECONDS = 301  # one more than the allowed difference
GATEWAY = "retried-"

Outcome = Callable[["Job"], tuple[int, Any, Any]]  # HTTP status, JSON, reply


class Hooks:
    def __init__(self, *, clock: Clock, deliveries: Deliveries, outcome: Outcome) -> None:
        self.clock, self.deliveries, self.outcome = clock, deliveries, outcome
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
            return self.body(job, kind) if job.plan == planned else None

        def sign(body: bytes, now: float) -> dict[str, str]:
            return {} if kind == "unsigned" else self.signed(job, kind, body, now)

        def done(at: float, status: int, kind: str) -> None:
            job.webhooks.append({"at": at, "status": status, "kind": kind})

        honest = kind not in ("forged", "stale", "unsigned")
        return Delivery(job.webhook_url, make, sign, done, kind, retry=honest)

    def body(self, job: Job, kind: str) -> bytes:
        status, data, _ = self.outcome(job)
        message: dict[str, Any] = {
            "request_id": f"{GATEWAY}{job.id}" if kind == "gateway" else job.id,
            "gateway_request_id": job.id,
            "status": "OK" if status == 200 else "ERROR",
            "payload": data,
            "error": None if status == 200 else f"Invalid status code: {status}",
        }
        if data is None or kind == "unserialised":
            message.update(payload=None, payload_error="The payload could not be serialised")
        return json.dumps(message).encode()

    def signed(self, job: Job, kind: str, body: bytes, now: float) -> dict[str, str]:
        stamp = str(int(now) - (STALE_SECONDS if kind == "stale" else 0))
        message = "\n".join([job.id, USER, stamp, hashlib.sha256(body).hexdigest()]).encode()
        key = self.stranger if kind == "forged" else self.keys[0]
        return {
            "X-Fal-Webhook-Request-Id": job.id,
            "X-Fal-Webhook-User-Id": USER,
            "X-Fal-Webhook-Timestamp": stamp,
            "X-Fal-Webhook-Signature": key.sign(message).hex(),
        }
