"""What moved the cash per acceptable deliverable between two sides: two months, or two campaigns.

The effects are those of `billing.effects`, with exchange split from price, and each category's part in them.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from billing import effects, exchange, figures
from billing.acceptances import Month
from billing.exchange import Foreign
from billing.figures import Cells, Sums
from billing.waterfalls import Step

LABELS = {
    "price": "Prices",
    "exchange": "Exchange rates",
    "multiplier": "Takes per accepted",
    "rest": "Control and refinement",
    "mix": "Mix of categories",
}
#: What each effect says, for a reader of the table.
MEANINGS = {
    "price": "The base price of a take changed, in the currency that it is charged in.",
    "exchange": "The same charges at other exchange rates, or credits from dearer or cheaper packs.",
    "multiplier": "More or fewer takes were made for each that was accepted.",
    "rest": "Prompt writing, judging, upscaling and other work beside the takes cost more or less.",
    "mix": "Shares of categories changed, or categories came or went.",
}


class Side(NamedTuple):
    """One side: what was accepted, by category and phase, and what of it was charged in other currencies."""

    label: str
    cells: Cells
    foreign: Foreign

    @property
    def sums(self) -> Sums:
        return figures.total(self.cells.values())


class Category(NamedTuple):
    """A category's part: accepted and figure on both sides, and what it adds to each effect, exactly."""

    key: str
    accepted: tuple[int, int]
    figure: tuple[Fraction | None, Fraction | None]
    price: Fraction
    exchange: Fraction
    multiplier: Fraction
    rest: Fraction


def side(*, label: str, month: Month, cells: Cells) -> Side:
    """A side whose acceptances `cells` are split by category and phase."""
    return Side(label, cells, exchange.foreign(month))


def found(old: Side, new: Side) -> dict[str, Decimal] | None:
    """The five effects, which add up to the printed change; None where a side has no acceptance."""
    whole = effects.effects(old=old.cells, new=new.cells)
    rates = exchange.effect(old=old.cells, new=new.cells, was=old.foreign, now=new.foreign)
    parts = exchange.split(whole, rates)
    return None if parts is None else {name: Decimal(parts[name]) for name in LABELS}


def steps(old: Side, new: Side) -> list[Step]:
    """From one figure over the effects to the other; none without acceptances on both sides."""
    parts = found(old, new)
    if parts is None:
        return []
    first, last = (Decimal(str(figures.of(each.sums)["cash_per_acceptable"])) for each in (old, new))
    middle = [Step(name, LABELS[name], parts[name]) for name in LABELS]
    return [Step("before", old.label, first, total=True), *middle, Step("after", new.label, last, total=True)]


def by_category(old: Side, new: Side) -> list[Category]:
    """Each category of either side, by key; without a counterpart all of its effect is mix."""
    was, now = effects.by_category(old.cells), effects.by_category(new.cells)
    accepted = new.sums.accepted
    return [_category(key, old, new, accepted) for key in sorted({*was, *now})]


def _category(key: str, old: Side, new: Side, accepted: int) -> Category:
    was, now = (effects.by_category(each.cells).get(key, {}) for each in (old, new))
    first, then = figures.total(was.values()), figures.total(now.values())
    n_old, n_new = first.accepted, then.accepted
    price = multiplier = rest = rates = Fraction(0)
    if n_old and n_new:
        share = Fraction(n_new, accepted)
        for phase in {*was, *now}:
            moved = effects.of_phase(was.get(phase, Sums()), now.get(phase, Sums()), n_old, n_new)
            price, multiplier = price + share * moved[0], multiplier + share * moved[1]
        rest = share * (effects.rest_of(now, n_new) - effects.rest_of(was, n_old))
        own = {place: charged for place, charged in new.foreign.items() if place[0] == key}
        rates = exchange.effect(old=old.cells, new=new.cells, was=old.foreign, now=own)
    figure = (figures.ratio(first.cash, n_old), figures.ratio(then.cash, n_new))
    return Category(key, (n_old, n_new), figure, price - rates, rates, multiplier, rest)
