"""Which webhooks are sent when, how each is signed or spoilt, and what each must be answered with."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import json
import random
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

STALE_SECONDS = 301
USER = "emulated-user"


@dataclasses.dataclass(frozen=True)
class Job:
    """A job at the provider, and the token in the address that it was given for its webhook."""

    job_id: str
    token: str


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of message, its share of all, and the status that it must be answered with."""

    share: float
    status: int


KINDS = {
    "valid": Kind(0.5, 200),
    "repeated": Kind(0.125, 200),
    "late, of an ended take": Kind(0.0625, 200),
    "late, of a cancelled take": Kind(0.0625, 200),
    "signed by another key": Kind(0.05, 401),
    "body changed": Kind(0.05, 401),
    "header changed": Kind(0.05, 401),
    "stale": Kind(0.1, 401),
}


@dataclasses.dataclass(frozen=True)
class Message:
    """One webhook: at how many seconds after the start it is due, and of which job it tells."""

    at: float
    kind: str
    job: Job


@dataclasses.dataclass(frozen=True)
class Jobs:
    """Jobs by what is sent of them: `open` ones get forged and stale messages alone."""

    valid: Sequence[Job]
    ended: Sequence[Job]
    cancelled: Sequence[Job]
    open: Sequence[Job]


def counts(total: int) -> dict[str, int]:
    """How many messages of each kind there are; the rest that rounding leaves is valid."""
    found = {name: int(total * kind.share) for name, kind in KINDS.items()}
    found["valid"] += total - sum(found.values())
    return found


def plan(jobs: Jobs, *, rate: float, seconds: float, seed: int) -> list[Message]:
    """The messages at even distances, their kinds shuffled; a repeat follows its first at any distance.

    A third of what is forged or stale names jobs whose valid message is sent as well.
    """
    dice = random.Random(seed)
    total = int(rate * seconds)
    names = [name for name, number in counts(total).items() for _ in range(number)]
    dice.shuffle(names)
    first = names.index("valid")
    names[0], names[first] = names[first], names[0]  # there is something to repeat
    waiting, sent = collections.deque(jobs.valid), list[Job]()
    made = []
    for number, name in enumerate(names):
        if name == "valid":
            job = waiting.popleft()
            sent.append(job)
        elif name == "repeated":
            job = dice.choice(sent)
        elif name == "late, of an ended take":
            job = dice.choice(jobs.ended)
        elif name == "late, of a cancelled take":
            job = dice.choice(jobs.cancelled)
        else:
            job = dice.choice(jobs.valid if dice.random() < 1 / 3 else jobs.open)
        made.append(Message(number / rate, name, job))
    return made


def letter(message: Message, *, key: Ed25519PrivateKey, now: float) -> tuple[bytes, dict[str, str]]:
    """Body and headers as fal sends them, spoilt as the message's kind says."""
    job = message.job
    body = json.dumps(
        {
            "request_id": job.job_id,
            "gateway_request_id": job.job_id,
            "status": "OK",
            "payload": {"images": [{"url": "https://files.example/a.jpg", "content_type": "image/jpeg"}]},
            "error": None,
        }
    ).encode()
    stamp = str(int(now) - (STALE_SECONDS if message.kind == "stale" else 0))
    signer = Ed25519PrivateKey.generate() if message.kind == "signed by another key" else key
    named = "\n".join([job.job_id, USER, stamp, hashlib.sha256(body).hexdigest()])
    headers = {
        "X-Fal-Webhook-Request-Id": job.job_id,
        "X-Fal-Webhook-User-Id": "somebody" if message.kind == "header changed" else USER,
        "X-Fal-Webhook-Timestamp": stamp,
        "X-Fal-Webhook-Signature": signer.sign(named.encode()).hex(),
        "Content-Type": "application/json",
    }
    if message.kind == "body changed":
        body = body.replace(b'"error": null', b'"error": true')
    return body, headers
