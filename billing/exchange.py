"""What of a change of prices comes from exchange rates: the same native charges at the rates of before.

    exchange = Σ s'c · (generation cash'_cp − Σ native'_cpu · rate_u(before)) / k'_cp · multiplier_cp(before)

over the categories *c*, phases *p* and foreign currencies *u* (credits are one) of both sides, weighted as
the effect of prices is, of which it is a part. `rate_u` is what one unit cost on average in the generation
cash of that side. What a currency costs that the side before did not have is a price, and no rate.
"""

from __future__ import annotations

import collections
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from django.db import connection

from billing.acceptances import LIFE, Month
from billing.effects import Phases, by_category
from billing.figures import Cells, printed, total

FOREIGN = """
    SELECT l.category, e.phase, e.native_currency, sum(e.amount), sum(e.native_amount)
    FROM life l
    JOIN billing_entry e ON e.deliverable_id = l.deliverable_id
    WHERE e.effective_at <= l.at AND e.effective_at < %(until)s AND e.kind <> 'transfer'
      AND e.stage = 'generation' AND e.native_amount IS NOT NULL
      AND e.native_currency NOT IN ('', %(currency)s)
    GROUP BY 1, 2, 3
"""


class Charged(NamedTuple):
    """Generation cash in the workspace's currency, and in the one that it was charged in."""

    cash: Decimal
    native: Decimal


Place = tuple[str, str, str]
"""Category, phase, currency."""
Foreign = dict[Place, Charged]


def foreign(month: Month) -> Foreign:
    """What was charged in other currencies for the accepted deliverables, life to date."""
    values = {**month.values(), "currency": month.workspace.currency}
    with connection.cursor() as cursor:
        cursor.execute(LIFE.format(own="''") + FOREIGN, values)
        return {(category, phase, unit): Charged(*sums) for category, phase, unit, *sums in cursor.fetchall()}


def effect(*, old: Cells, new: Cells, was: Foreign, now: Foreign) -> Fraction:
    """The part of the effect of prices that comes from rates, exactly; zero without acceptances."""
    accepted = total(new.values()).accepted
    if not accepted or not total(old.values()).accepted:
        return Fraction(0)
    before, after, rates = by_category(old), by_category(new), _rates(was)
    found = Fraction(0)
    for (category, phase, unit), charged in now.items():
        if unit in rates and category in before:
            moved = Fraction(charged.cash) - Fraction(charged.native) * rates[unit]
            found += moved * _weight(before[category], after[category], phase, accepted)
    return found


def split(found: dict[str, str] | None, exchange: Fraction) -> dict[str, str] | None:
    """The effects with exchange taken out of price; the two, rounded, add up to what price was."""
    if found is None:
        return None
    moved = printed(exchange)
    rest = {name: amount for name, amount in found.items() if name != "price"}
    return {"price": printed(Decimal(found["price"]) - Decimal(moved)), "exchange": moved, **rest}


def _weight(was: Phases, now: Phases, phase: str, accepted: int) -> Fraction:
    """What a unit of generation cash of this category and phase weighs in the effect of prices."""
    n_old, n_new = total(was.values()).accepted, total(now.values()).accepted
    k_old, k_new = (phases[phase].takes if phase in phases else 0 for phases in (was, now))
    if not (n_old and n_new and k_old and k_new):
        return Fraction(0)
    return Fraction(n_new, accepted) * Fraction(k_old, n_old) / k_new


def _rates(foreign: Foreign) -> dict[str, Fraction]:
    """What one unit of each currency cost on average."""
    sums: dict[str, list[Decimal]] = collections.defaultdict(lambda: [Decimal(0), Decimal(0)])
    for (_, _, unit), charged in foreign.items():
        sums[unit][0] += charged.cash
        sums[unit][1] += charged.native
    return {unit: Fraction(cash) / Fraction(native) for unit, (cash, native) in sums.items() if native}
