"""The plain account that the machine of the books keeps: lists, loops, and nothing of the product.

Amounts are in the workspace's currency with eight decimals, instants in UTC. A *place* is a campaign, a
deliverable of it or None, and a pot.
"""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

NOUGHT = Decimal(0)
WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)
#: The pot after a decision that moves money.
POT = {"accept": "accepted", "reverse": "wip", "write_off": "written_off", "reopen": "wip"}
#: From which pot such a decision leads.
FROM = {"accept": "wip", "write_off": "wip", "reverse": "accepted", "reopen": "written_off"}

Place = tuple[uuid.UUID | None, uuid.UUID | None, str]


def eighth(amount: Decimal) -> Decimal:
    """To eight decimals, half to even."""
    return amount.quantize(Decimal("1e-8"), context=WIDE)


def part(amount: Decimal, number: Decimal, of: Decimal) -> Decimal:
    """`amount` × number ÷ of, not rounded; the whole stays exact."""
    return amount if number == of else WIDE.divide(WIDE.multiply(amount, number), of)


@dataclasses.dataclass
class Cash:
    at: datetime.datetime
    amount: Decimal
    campaign: uuid.UUID | None = None
    deliverable: uuid.UUID | None = None
    take: uuid.UUID | None = None


@dataclasses.dataclass
class Decided:
    at: datetime.datetime
    word: str
    campaign: uuid.UUID
    deliverable: uuid.UUID | None = None


@dataclasses.dataclass
class Held:
    """A hold, and what became of it. `price` is the index of the price row of its charge."""

    row: Any
    take: Any
    at: datetime.datetime
    open: bool = True
    entry: Any = None
    amount: Decimal = NOUGHT
    given_back: list[tuple[datetime.datetime, Decimal]] = dataclasses.field(default_factory=list)
    adjusted: Decimal = NOUGHT
    difference: Any = None
    price: int | None = None
    units: Decimal = NOUGHT
    drawn: dict[uuid.UUID, tuple[Decimal, Decimal]] = dataclasses.field(default_factory=dict)

    @property
    def left(self) -> Decimal:
        return self.amount - sum((amount for _, amount in self.given_back), NOUGHT)


@dataclasses.dataclass
class Lot:
    """A pack of credits: what is left of it, and of its price."""

    id: uuid.UUID
    bought_on: datetime.date
    expires_on: datetime.date | None
    credits: Decimal
    cost: Decimal

    def take_out(self, wanted: Decimal) -> tuple[Decimal, Decimal]:
        number = min(wanted, self.credits)
        cost = eighth(part(self.cost, number, self.credits))
        self.credits -= number
        self.cost -= cost
        return number, cost


class Account:
    """All that was booked and decided, in the order in which it came."""

    def __init__(self) -> None:
        self.cash: list[Cash] = []
        self.decided: list[Decided] = []
        self.decisions = 0
        self.began: dict[uuid.UUID, uuid.UUID] = {}
        self.lots: list[Lot] = []
        self.closed_until: datetime.datetime | None = None

    def effective(self, at: datetime.datetime, now: datetime.datetime) -> datetime.datetime:
        """When a charge of this service date counts: then, but not later than now nor in a closed month."""
        at = min(at, now)
        return now if self.closed_until and at < self.closed_until else at

    def last_move(self, deliverable: uuid.UUID, until: datetime.datetime | None = None) -> Decided | None:
        own = (row for row in reversed(self.decided) if row.deliverable == deliverable)
        return next((row for row in own if until is None or row.at < until), None)

    def pot(self, deliverable: uuid.UUID, until: datetime.datetime | None = None) -> str:
        move = self.last_move(deliverable, until)
        return POT[move.word] if move else "wip"

    def usable(self, day: datetime.date) -> list[Lot]:
        """The packs that can be used on a day, the first to expire first."""
        found = [
            lot
            for lot in self.lots
            if lot.credits and lot.bought_on <= day and (lot.expires_on is None or lot.expires_on >= day)
        ]
        return sorted(found, key=lambda lot: (lot.expires_on or datetime.date.max, lot.bought_on, lot.id))

    def draw(self, credits: Decimal, day: datetime.date) -> dict[uuid.UUID, tuple[Decimal, Decimal]]:
        drawn = {}
        for lot in self.usable(day):
            if credits:
                number, cost = lot.take_out(credits)
                credits -= number
                drawn[lot.id] = number, cost
        return drawn

    def give_back(self, one: Held, back: Decimal) -> None:
        """Returns the credits of `back` of what is left of a charge to the packs that it drew from."""
        left, cost_left = (
            one.left,
            eighth(part(sum((c for _, c in one.drawn.values()), NOUGHT), back, one.left)),
        )
        lots = {lot.id: lot for lot in self.lots}
        for number, (key, (credits, cost)) in enumerate(list(one.drawn.items()), start=1):
            gone = cost_left if number == len(one.drawn) else eighth(part(cost, back, left))
            returned = eighth(part(credits, back, left))
            cost_left -= gone
            lots[key].credits += returned
            lots[key].cost += gone
            one.drawn[key] = credits - returned, cost - gone
        one.drawn = {key: each for key, each in one.drawn.items() if any(each)}

    def content(self, until: datetime.datetime) -> dict[Place, Decimal]:
        """What lies where just before an instant."""
        lies: dict[Place, Decimal] = defaultdict(Decimal)
        for row in self.cash:
            if row.at < until:
                lies[self._place(row, until)] += row.amount
        for at, campaign, deliverable, amount in self.portions():
            if at < until:
                lies[campaign, None, "wip"] -= amount
                lies[campaign, deliverable, "accepted" if deliverable else "written_off"] += amount
        return {place: amount for place, amount in lies.items() if amount}

    def _place(self, row: Cash, until: datetime.datetime) -> Place:
        if row.campaign is None:
            return None, None, "period"
        return row.campaign, row.deliverable, self.pot(row.deliverable, until) if row.deliverable else "wip"

    def portions(self) -> list[tuple[datetime.datetime, uuid.UUID, uuid.UUID | None, Decimal]]:
        """How shared costs were spread: instant, campaign, deliverable (None: written off), amount."""
        campaigns = {row.campaign for row in self.cash if row.campaign and not row.deliverable}
        return [portion for campaign in sorted(campaigns) for portion in self._portions(campaign)]

    def _portions(
        self, campaign: uuid.UUID
    ) -> list[tuple[datetime.datetime, uuid.UUID, uuid.UUID | None, Decimal]]:
        own = [row for row in self.cash if row.campaign == campaign and not row.deliverable]
        events = [(row.at, 0, number, row) for number, row in enumerate(own)]
        events += [(row.at, 1, n, row) for n, row in enumerate(self.decided) if row.campaign == campaign]  # type: ignore[misc]
        waiting, ended, found = NOUGHT, False, []
        taken: dict[uuid.UUID | None, Decimal] = {}
        settled: set[uuid.UUID | None] = set()
        everything = sum(each == campaign for each in self.began.values())
        for at, _, _, row in sorted(events, key=lambda event: event[:3]):
            if isinstance(row, Cash):
                waiting += row.amount
            elif row.word == "accept":
                among = everything - len(settled)
                taken[row.deliverable] = share = (
                    waiting if among == 1 else eighth(WIDE.divide(waiting, among))
                )
                settled.add(row.deliverable)
                waiting -= share
                found.append((at, campaign, row.deliverable, share))
            elif row.word == "write_off":
                settled.add(row.deliverable)
            elif row.word == "end_campaign":
                ended = True
            else:
                settled.discard(row.deliverable)
                back = taken.pop(row.deliverable, NOUGHT)
                waiting += back
                found.append((at, campaign, row.deliverable, -back))
            if ended:
                found.append((at, campaign, None, waiting))
                waiting = NOUGHT
        return found

    def terms(
        self, start: datetime.datetime, end: datetime.datetime
    ) -> dict[uuid.UUID | None, dict[str, Decimal]]:
        """The roll-forward of a span by campaign; terms of campaigns without any are left out."""
        opening, closing = self.content(start), self.content(end)
        found: dict[uuid.UUID | None, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        for (campaign, _, pot), amount in closing.items():
            found[campaign]["closing_wip" if pot == "wip" else pot] += amount
        for (campaign, _, pot), amount in opening.items():
            found[campaign]["opening_wip" if pot == "wip" else pot] += amount if pot == "wip" else -amount
        for row in self.cash:
            if start <= row.at < end:
                found[row.campaign]["spend"] += row.amount
        return {key: {name: each for name, each in terms.items() if each} for key, terms in found.items()}
