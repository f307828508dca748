"""An accepted job of the emulated fal: its states by the clock, and the truth about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.emulators import fal_models
from tests.emulators.behaviour import Behaviour

NAMESPACES = ("workflows", "comfy")


@dataclass(slots=True)
class Job:
    """One accepted request. `ends_at` moves when the job is cancelled; nothing else changes later."""

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
    unknown: list[str]
    answered: bool = True
    cancelled: str = ""  # "queued" or "running": what the job was when the cancel came
    plan: int = 0  # raised when the webhook is planned anew
    polls: int = 0
    fetched: int = 0
    webhooks: list[dict[str, Any]] = field(default_factory=list)

    def status(self, now: float) -> str:
        if now >= self.ends_at:
            return "COMPLETED"
        return "IN_QUEUE" if now < self.starts_at else "IN_PROGRESS"

    @property
    def failure(self) -> str:
        """The name of what went wrong, empty for a success (black pictures and the like included)."""
        if self.cancelled and (self.cancelled == "queued" or self.behaviour.cancel != "ignore"):
            return "client_cancelled"
        result = self.behaviour.result
        return "" if result in ("black", "no_output", "garbage", "empty") else result

    def units(self) -> float:
        full = fal_models.units_of(self.endpoint, self.body)
        if self.failure == "client_cancelled":
            return full if self.cancelled == "running" and self.behaviour.charge_cancelled else 0.0
        if self.failure:
            return full if self.behaviour.charge_refused else 0.0
        return full

    @property
    def app(self) -> str:
        """The address of the app: the sub-path is dropped, a namespace is kept."""
        parts = self.endpoint.split("/")
        return "/".join(parts[: 3 if parts[0] in NAMESPACES else 2])

    @property
    def addresses(self) -> dict[str, str]:
        address = f"{self.base}/{self.app}/requests/{self.id}"
        return {
            "response_url": address,
            "status_url": f"{address}/status",
            "cancel_url": f"{address}/cancel",
        }

    def entry(self, now: float) -> dict[str, Any]:
        """The truth about this job, as the log shows it."""
        ended = self.status(now) == "COMPLETED"
        units = self.units() if ended else 0.0
        return {
            "provider": "fal",
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
            "polls": self.polls,
            "fetched": self.fetched,
            "state": self.final() if ended else self.status(now).lower(),
            "charged": units > 0,
            "units": units,
            "webhooks": self.webhooks,
        }

    def final(self) -> str:
        if self.failure == "client_cancelled":
            return "cancelled"
        if self.failure in ("policy", "content_policy_violation") or self.behaviour.result == "black":
            return "blocked"
        if self.failure or self.behaviour.result in ("no_output", "garbage", "empty"):
            return "failed"
        return "succeeded"
