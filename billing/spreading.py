"""How shared costs of a campaign are spread: a pure rule over its cash and its decisions.

Each acceptance takes what is not yet spread ÷ the campaign's deliverables still open (its own included),
rounded half-even to eight decimals; the last open one takes the rest. A reversal gives back exactly what
was taken. With none open a cost waits. When the campaign is ended, the rest and what comes later is written
off. Order: by instant, charges before decisions, decisions by their sequence. Source: `docs/numbers.md`.
"""

from __future__ import annotations

import bisect
import datetime
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from billing import money
from projects.models.decisions import DecisionKind

NOUGHT = Decimal(0)


class Place(NamedTuple):
    """A share of one decision; without a deliverable what is written off."""

    deliverable_id: uuid.UUID | None
    decision: int
    at: datetime.datetime


class Taken(NamedTuple):
    """What moved there, of how much that was not yet spread, among how many open deliverables."""

    amount: Decimal
    unspread: Decimal
    among: int


class Decided(NamedTuple):
    """A decision that moves cash, or the end of the campaign; they sort by instant, then sequence."""

    at: datetime.datetime
    sequence: int
    decision: str
    deliverable_id: uuid.UUID | None


class Facts(NamedTuple):
    """All that the rule looks at, of one campaign: its shared cash, decisions, and when deliverables came."""

    cash: Sequence[tuple[datetime.datetime, Decimal]]
    decided: Sequence[Decided]
    began: Mapping[uuid.UUID, datetime.datetime]


class Closed(NamedTuple):
    """What is frozen: shares before `until` are those that were booked, whatever the facts say now."""

    until: datetime.datetime | None
    booked: Mapping[Place, Decimal]


def spread(facts: Facts, closed: Closed) -> dict[Place, Taken]:
    """Every share of the campaign, by its decision."""
    spreading = _Spreading(facts, closed)
    events = [(at, 0, number) for number, (at, _) in enumerate(facts.cash)]
    events += [(row.at, 1, number) for number, row in enumerate(sorted(facts.decided))]
    ordered = sorted(facts.decided)
    for _, kind, number in sorted(events):
        if kind:
            spreading.decide(ordered[number])
        else:
            spreading.come(*facts.cash[number])
    return spreading.taken


class _Spreading:
    def __init__(self, facts: Facts, closed: Closed) -> None:
        self.closed = closed
        self.taken: dict[Place, Taken] = {}
        self.unspread = NOUGHT
        self.held: dict[uuid.UUID, Decimal] = {}
        self.settled: set[uuid.UUID] = set()
        self.end: int | None = None
        firsts = {row.deliverable_id: row.at for row in sorted(facts.decided, reverse=True)}
        # an imported deliverable was there when it was first decided on, whatever its brief says
        self.began = sorted(min(at, firsts.get(key, at)) for key, at in facts.began.items())

    def come(self, at: datetime.datetime, amount: Decimal) -> None:
        self.unspread += amount
        if self.end is not None:
            self._take(Place(None, self.end, at), amount, 0)

    def decide(self, row: Decided) -> None:
        key = row.deliverable_id
        if row.decision == DecisionKind.END_CAMPAIGN:
            self.end = row.sequence
            self._take(Place(None, row.sequence, row.at), self.unspread, 0)
        elif key is None:
            raise ValueError(f"Decision {row.sequence} names no deliverable.")
        elif row.decision == DecisionKind.ACCEPT:
            among = self._open(row.at)
            share = self.unspread if among == 1 else money.booked(money.EXACT.divide(self.unspread, among))
            self.settled.add(key)
            self.held[key] = self._take(Place(key, row.sequence, row.at), share, among)
        elif row.decision == DecisionKind.WRITE_OFF:
            self.settled.add(key)
        else:
            self.settled.discard(key)
            back = -self.held.pop(key, NOUGHT)
            back = self._take(Place(key, row.sequence, row.at), back, self._open(row.at))
            if self.end is not None:
                self._take(Place(None, row.sequence, row.at), -back, 0)

    def _take(self, place: Place, amount: Decimal, among: int) -> Decimal:
        """Moves it out of what is not yet spread, or what was booked for it in a closed month."""
        if self.closed.until is not None and place.at < self.closed.until:
            amount = self.closed.booked.get(place, NOUGHT)
        if amount:
            before = self.taken.get(place, Taken(NOUGHT, self.unspread, among))
            self.taken[place] = before._replace(amount=before.amount + amount)
            self.unspread -= amount
        return amount

    def _open(self, at: datetime.datetime) -> int:
        return max(1, bisect.bisect_right(self.began, at) - len(self.settled))
