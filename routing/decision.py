"""What a decision says: per step the models in order, why each may or may not be used, and the
money."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


class Outcome(enum.StrEnum):
    """What the asker can do with it. Only `go` may be dispatched."""

    GO = "go"
    WAIT = "wait"  # every model that could do it is resting: ask again at `retry_at`
    NO_ROUTE = "no_route"
    NO_MODEL = "no_model"
    CAP = "cap"
    BUDGET = "budget"


class Then(enum.StrEnum):
    """What an error of a provider leads to."""

    WAIT = "wait"  # the same model again, later, without counting an attempt
    RETRY = "retry"  # the same model again, at most `retries` times, then the next model
    NEXT = "next"  # the next eligible model; without one the step fails
    STOP = "stop"


@dataclasses.dataclass(frozen=True)
class Choice:
    """A model that the route names for a step. Where not eligible, `why` says in plain words why
    not.

    `expected` and `at_most` are for one take, in the reporting currency; None without a price.
    `notes` say what the model will ignore.
    """

    model: str
    provider: str
    tier: str
    eligible: bool
    why: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    fallback: bool = False
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    health: str = "closed"
    expected: Decimal | None = None
    at_most: Decimal | None = None
    native_expected: Decimal | None = None
    native_at_most: Decimal | None = None
    native_currency: str = ""
    rate: Decimal | None = None
    price_row: str = ""
    resting_until: datetime.datetime | None = None  # set where health alone keeps it from being used


@dataclasses.dataclass(frozen=True)
class StepPlan:
    """One step: the chosen model, its fallbacks in order, and all that was considered.

    `expected` is the chosen model's price, `at_most` the dearest eligible one's: what is held. A
    step that calls no model (a person's upload) has no choices and costs nothing.
    """

    key: str
    kind: str
    stage: str
    route: str
    tier: str
    choices: tuple[Choice, ...]
    chosen: Choice | None
    fallbacks: tuple[Choice, ...]
    expected: Decimal
    at_most: Decimal
    compute_units: Decimal
    on_error: Mapping[str, str]
    retries: int
    needs_model: bool = True

    @property
    def settled(self) -> bool:
        return self.chosen is not None or not self.needs_model


@dataclasses.dataclass(frozen=True)
class Criterion:
    """A switching criterion of the route, measured. `words` carry the measured value."""

    key: str
    words: str
    measured: Decimal
    threshold: Decimal
    matches: bool
    applied: bool
    step: str
    tier: str
    models: tuple[str, ...]
    more_takes: int


@dataclasses.dataclass(frozen=True)
class WayOut:
    """A way on from a refusal: `ask` a manager for more, or `switch` as the named criterion
    says."""

    way: str
    words: str
    criterion: str = ""
    tier: str = ""
    takes: int = 0


@dataclasses.dataclass(frozen=True)
class Cap:
    """How many takes the phase allows: `limit` None where neither deliverable nor route has a
    cap."""

    limit: int | None
    used: int
    ways_out: tuple[WayOut, ...] = ()

    @property
    def left(self) -> int | None:
        return None if self.limit is None else max(0, self.limit - self.used)


@dataclasses.dataclass(frozen=True)
class Shortfall:
    """A budget that cannot hold what is asked: what it needs, what it has, who can raise it."""

    key: str
    scope: str
    name: str
    needed: Decimal
    left: Decimal
    raised_by: str
    hard: bool


@dataclasses.dataclass(frozen=True)
class Decision:
    """The answer, with its reasons. `expected` and `at_most` are for all `count` takes together."""

    outcome: str
    routing_version: int
    route: str
    route_words: str
    pipeline: str
    count: int
    currency: str
    steps: tuple[StepPlan, ...]
    expected: Decimal
    at_most: Decimal
    compute_units: Decimal
    cap: Cap
    criteria: tuple[Criterion, ...]
    shortfalls: tuple[Shortfall, ...]
    reasons: tuple[str, ...]
    retry_at: datetime.datetime | None = None

    def step(self, key: str) -> StepPlan:
        """The plan of one step; KeyError where the pipeline has no such step."""
        for plan in self.steps:
            if plan.key == key:
                return plan
        raise KeyError(key)


def as_document(decision: Decision) -> dict[str, Any]:
    """The decision as plain JSON: amounts as text with eight decimals, times in ISO 8601."""
    return {field: _plain(value) for field, value in dataclasses.asdict(decision).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:.8f}"
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [_plain(inner) for inner in value]
    return value
