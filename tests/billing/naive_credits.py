"""A provider's credits worked out slowly: the reference for packs (see `naive`).

Packs are used first to expire first; of those that expire on the same day the one bought first, then the one
entered first. A use takes the pack's cost left × credits used ÷ credits left, rounded once, and the last use
all that is left. Beyond the packs it takes the rate of the pack bought last; the next pack that is entered
covers that, oldest first. A refund returns credits and cost to where they came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction

from tests.billing.naive_rows import round8

Moved = Fraction | None
"""A period cost of credits; None where there is none."""


@dataclass
class Lot:
    bought_on: date
    expires_on: date
    whole_credits: Fraction
    whole_cost: Fraction
    credits: Fraction
    cost: Fraction

    def take(self, wanted: Fraction) -> tuple[Fraction, Fraction]:
        used = min(wanted, self.credits)
        cost = self.cost if used == self.credits else round8(self.cost * used / self.credits)
        self.credits -= used
        self.cost -= cost
        return used, cost


@dataclass
class Use:
    """One charge: what it took from which pack, and what it used beyond them."""

    at: datetime
    booked: Fraction
    taken: list[tuple[Lot, Fraction, Fraction]] = field(default_factory=list)
    beyond: Fraction = Fraction(0)
    beyond_cost: Fraction = Fraction(0)


class Lots:
    """All packs of one provider's credits, in the order in which they were entered."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.lots: list[Lot] = []
        self.uses: dict[str, Use] = {}
        self.met: set[str] = set()  # cases, for `tests.billing.covered`

    def use(self, name: str, credits: Fraction, at: datetime, day: date, without: Fraction) -> Fraction:
        """What a charge of so many credits costs; `without` is its cost before there is any pack."""
        use = self.uses[name] = Use(at, Fraction(0))
        for lot in sorted(self.lots, key=lambda lot: (lot.expires_on, lot.bought_on)):
            if credits and lot.credits and lot.bought_on <= day <= lot.expires_on:
                used, cost = lot.take(credits)
                use.taken.append((lot, used, cost))
                credits -= used
                use.booked += cost
        if len(use.taken) > 1 or (use.taken and credits):
            self.met.add("a pack used up in the midst of a charge")
        if credits:
            self.met.add("credits used beyond the packs")
            use.beyond, use.beyond_cost = credits, without
            if self.lots:
                newest = max(lot.bought_on for lot in self.lots)
                last = [lot for lot in self.lots if lot.bought_on == newest][-1]
                use.beyond_cost = round8(credits * last.whole_cost / last.whole_credits)
            use.booked += use.beyond_cost
        return use.booked

    def enter(self, row: dict[str, str], price: Fraction) -> Moved:
        """A pack; answers the difference in price of what was used before it was entered."""
        credits = Fraction(row["credits"]) + Fraction(row["bonus"])
        expires_on = date.fromisoformat(row["expires_on"]) if row["expires_on"] else date.max
        lot = Lot(date.fromisoformat(row["bought_on"]), expires_on, credits, price, credits, price)
        self.lots.append(lot)
        difference = Fraction(0)
        for use in sorted(self.uses.values(), key=lambda use: use.at):
            if not use.beyond or not lot.credits:
                continue
            used, cost = lot.take(use.beyond)
            was = use.beyond_cost if used == use.beyond else round8(use.beyond_cost * used / use.beyond)
            use.beyond -= used
            use.beyond_cost -= was
            use.taken.append((lot, used, cost))
            difference += cost - was
            self.met.add("a pack that covers what was used before")
        return difference or None

    def give_back(self, name: str) -> Moved:
        """All credits of a charge; answers what a pack that covered it later had cost less."""
        use = self.uses[name]
        self.met.add("credits given back")
        back = use.beyond_cost
        for lot, credits, cost in use.taken:
            lot.credits += credits
            lot.cost += cost
            back += cost
        use.taken, use.beyond, use.beyond_cost = [], Fraction(0), Fraction(0)
        return use.booked - back or None

    def expire(self, today: date) -> list[tuple[date, Moved]]:
        """The last day and the cost of each rest whose last day is over."""
        found: list[tuple[date, Moved]] = []
        for lot in self.lots:
            if lot.credits and lot.expires_on < today:
                self.met.add("a pack that expired with a rest")
                found.append((lot.expires_on, lot.cost))
                lot.credits = lot.cost = Fraction(0)
        return found
