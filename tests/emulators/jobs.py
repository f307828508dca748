"""An accepted job of an emulated provider: its life by the clock, and the truth about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.emulators.behaviour import Behaviour

FAULTS = ("fail", "result", "poll", "fetch", "output")
DELIVERED = ("black", "no_output", "garbage", "empty")
"""Results that a provider calls a success, whatever they are worth."""


@dataclass(frozen=True, slots=True)
class Making:
    """What a request asks for: the kind of file (a key of `files.TYPES`), and what a success bills."""

    kind: str = "jpeg"
    width: int = 1024
    height: int = 1024
    seconds: int = 5
    count: int = 1
    units: float = 1.0


@dataclass(slots=True)
class Job:
    """One accepted request. `ends_at` moves when the job is cancelled; nothing else changes later."""

    provider: str
    id: str
    key: str
    endpoint: str
    body: dict[str, Any]
    body_sha256: str
    token: str
    webhook_url: str
    behaviour: Behaviour
    seed: str
    base: str
    accepted_at: float
    starts_at: float
    ends_at: float
    making: Making
    unknown: list[str]
    answered: bool = True
    hung_up: bool = False  # the caller of a blocking call did not wait for its answer
    cancelled: str = ""  # "queued" or "running": what the job was when the cancel came
    plan: int = 0  # raised when the webhook is planned anew
    polls: int = 0
    fetched: int = 0
    webhooks: list[dict[str, Any]] = field(default_factory=list)

    def phase(self, now: float) -> str:
        """queued, running or ended."""
        if now >= self.ends_at:
            return "ended"
        return "queued" if now < self.starts_at else "running"

    @property
    def stopped(self) -> bool:
        """Whether a cancel was honoured."""
        return bool(self.cancelled) and (self.cancelled == "queued" or self.behaviour.cancel != "ignore")

    @property
    def failure(self) -> str:
        """The name of what went wrong, empty for a success (black pictures and the like included)."""
        if self.stopped:
            return "cancelled"
        return "" if self.behaviour.result in DELIVERED else self.behaviour.result

    def units(self) -> float:
        """What is billed for the job once it has ended."""
        full = self.making.units
        if self.stopped:
            return full if self.cancelled == "running" and self.behaviour.charge_cancelled else 0.0
        if self.failure:
            return full if self.behaviour.charge_refused else 0.0
        return full

    def final(self) -> str:
        """How the job ended, in our words."""
        if self.stopped:
            return "cancelled"
        if self.failure.startswith("policy") or self.behaviour.result == "black":
            return "blocked"
        if self.failure or self.behaviour.result in ("no_output", "garbage", "empty"):
            return "failed"
        return "succeeded"

    def entry(self, now: float) -> dict[str, Any]:
        """The truth about this job, as the log shows it."""
        phase = self.phase(now)
        units = self.units() if phase == "ended" else 0.0
        return {
            "provider": self.provider,
            "request_id": self.id,
            "key": self.key,
            "endpoint": self.endpoint,
            "token": self.token,
            "body_sha256": self.body_sha256,
            "body": {n: v for n, v in self.body.items() if len(str(v)) < 2000},
            "unknown_parameters": self.unknown,
            "accepted_at": self.accepted_at,
            "ends_at": self.ends_at,
            "answered": self.answered,
            "hung_up": self.hung_up,
            "polls": self.polls,
            "fetched": self.fetched,
            "state": self.final() if phase == "ended" else phase,
            "charged": units > 0,
            "units": units,
            "faults": {n: v for n in FAULTS if (v := getattr(self.behaviour, n))},
            "webhooks": self.webhooks,
        }
