"""What a decision is asked about, and the facts it may use. Plain data: no database, no clock.

Amounts are `Decimal`. Native amounts are in the currency of their price, all others in the
workspace's reporting currency. A price that nobody knows is `None`, never zero.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

BUILTIN = "builtin"


@dataclasses.dataclass(frozen=True)
class Step:
    """One step of a pipeline as far as choosing and pricing its model needs to know it.

    `key` is the step's name in its pipeline. `source` is what a step works on: "image", "video" or
    nothing. `references` counts pictures that go in, the source not among them. `parameters` are what
    the pipeline passes on to whichever model makes it.
    """

    key: str
    kind: str
    stage: str = "generation"
    width: int | None = None
    height: int | None = None
    duration_seconds: Decimal | None = None
    images: int = 1
    references: int = 0
    prompt_characters: int = 0
    source: str = ""
    seed_locked: bool = False
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Brief:
    """What is wanted: the fields that routes match, and how many takes.

    `steps` overrides the steps that the facts know for the pipeline (a repair, a dry run of one
    step). `pinned` names a model by step, asked for by a person or by a recall: the route's choices
    are then left aside. `only` names by step the models that an approval covers: no other is
    eligible. `switch` is the key of a switching criterion that a person chose to follow.
    """

    category: str
    phase: str
    project: str = ""
    audience: str = ""
    locale: str = ""
    count: int = 1
    steps: tuple[Step, ...] | None = None
    pipeline: str = ""
    pinned: Mapping[str, str] = dataclasses.field(default_factory=dict)
    only: Mapping[str, tuple[str, ...]] | None = None
    switch: str = ""


@dataclasses.dataclass(frozen=True)
class Price:
    """A price row in force: `amount` a unit; where `first_amount` is set, the first unit costs that
    and `amount` is each further one. `row` identifies the price row, for the record.

    `conditions` are the row's own: those that `billing.price_rules` reads, and `most_amount` (the
    dearest price of a unit that the source names), `minimum_units` (billed at least) and `most_units`
    (billed at most, where units are not known beforehand). `used` are the units of the month so far,
    where the price has steps by volume.
    """

    unit: str
    amount: Decimal
    currency: str
    row: str = ""
    first_amount: Decimal | None = None
    conditions: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    used: Decimal = Decimal(0)


class Breaker(enum.StrEnum):
    """The circuit breaker of a model: traffic flows, rests, or is being probed."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclasses.dataclass(frozen=True)
class Health:
    """How a model does just now. `failure_share` is of the calls in the window, from 0 to 1.

    While half open, `probe_money_left` (reporting currency) bounds what probes may cost; each takes
    at least `least_probe` of it, so that free ones are limited too. The first one (`first_probe`)
    may go whatever it costs: else a model that is dearer than all that money would never come back.
    """

    breaker: str = Breaker.CLOSED
    failure_share: Decimal = Decimal(0)
    calls: int = 0
    retry_at: datetime.datetime | None = None
    probe_money_left: Decimal = Decimal(0)
    least_probe: Decimal = Decimal(0)
    first_probe: bool = False

    def lets_probe(self, at_most: Decimal) -> bool:
        """Whether a probe that costs at most this may go while the breaker is half open."""
        return self.first_probe or max(at_most, self.least_probe) <= self.probe_money_left


@dataclasses.dataclass(frozen=True)
class Model:
    """A catalogue row with its price: what decides whether it may be used.

    `capabilities` has the keys that `routing/fixtures/README.md` lists.
    """

    key: str
    provider: str
    tier: str
    name: str = ""
    capabilities: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    price: Price | None = None
    health: Health = Health()
    available_until: datetime.date | None = None
    retired: bool = False


@dataclasses.dataclass(frozen=True)
class BudgetLeft:
    """What a budget that covers this brief still allows. `provider` is set where it covers only
    that provider's calls; `raised_by` says who can raise it; a soft budget warns and does not
    refuse."""

    key: str
    scope: str
    name: str
    left: Decimal
    provider: str = ""
    raised_by: str = ""
    hard: bool = True


@dataclasses.dataclass(frozen=True)
class History:
    """What happened to the deliverable in this phase. `cap` is its own cap, None for the route's;
    `extra` what managers granted on top. `used` counts as the cap counts."""

    used: int = 0
    cap: int | None = None
    extra: int = 0
    rejections: Mapping[str, int] = dataclasses.field(default_factory=dict)
    spent: Decimal = Decimal(0)


@dataclasses.dataclass(frozen=True)
class Facts:
    """All that a decision may take into account.

    `accounts` are the providers for which the workspace has a working account (builtin needs none).
    `rates` give the reporting currency for one unit of another. `pipelines` are the steps of each
    pipeline version that is published. `unknown_price` is what the workspace holds for a call whose
    price is unknown; None refuses it. `time_zone` is that of times in words.
    """

    now: datetime.datetime
    currency: str
    models: Mapping[str, Model]
    pipelines: Mapping[str, tuple[Step, ...]] = dataclasses.field(default_factory=dict)
    accounts: frozenset[str] = frozenset()
    builtin_only: bool = False
    rates: Mapping[str, Decimal] = dataclasses.field(default_factory=dict)
    budgets: tuple[BudgetLeft, ...] = ()
    history: History = History()
    unknown_price: Decimal | None = None
    time_zone: str = "UTC"
