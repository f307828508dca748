"""The change of the cash per acceptable deliverable against the month before: price, multiplier, rest, mix.

By category present in both months and, inside it, by phase, weighted with the new month's shares. A phase
without counted takes in one of the months takes the other month's base.
"""

from __future__ import annotations

import collections
from decimal import Decimal
from fractions import Fraction

from billing.figures import Cells, Sums, printed, ratio, total

Phases = dict[str, Sums]


def effects(*, old: Cells, new: Cells) -> dict[str, str] | None:
    """Three effects, each rounded, and the mix: the printed change less these. None without acceptances."""
    was, now = by_category(old), by_category(new)
    before, after = total(old.values()), total(new.values())
    if not before.accepted or not after.accepted:
        return None
    price = multiplier = rest = Fraction(0)
    for category in set(was) & set(now):
        first, then = was[category], now[category]
        n_old, n_new = (total(phases.values()).accepted for phases in (first, then))
        if not n_old or not n_new:
            continue
        share = Fraction(n_new, after.accepted)
        for phase in set(first) | set(then):
            moved = of_phase(first.get(phase, Sums()), then.get(phase, Sums()), n_old, n_new)
            price, multiplier = price + share * moved[0], multiplier + share * moved[1]
        rest += share * (rest_of(then, n_new) - rest_of(first, n_old))
    change = _printed_ratio(after) - _printed_ratio(before)
    found = {"price": printed(price), "multiplier": printed(multiplier), "rest": printed(rest)}
    return {**found, "mix": printed(change - sum(map(Decimal, found.values())))}


def by_category(cells: Cells) -> dict[str, Phases]:
    found: dict[str, Phases] = collections.defaultdict(lambda: collections.defaultdict(Sums))
    for (category, phase, _), sums in cells.items():
        found[category][phase].add(sums)
    return found


def of_phase(old: Sums, new: Sums, n_old: int, n_new: int) -> tuple[Fraction, Fraction]:
    """Effects of price and of multiplier within one category and phase."""
    base_old, base_new = ratio(old.generation, old.takes), ratio(new.generation, new.takes)
    first = base_old if base_old is not None else base_new
    then = base_new if base_new is not None else base_old
    if first is None or then is None:
        return Fraction(0), Fraction(0)
    of_old, of_new = Fraction(old.takes, n_old), Fraction(new.takes, n_new)
    return (then - first) * of_old, then * (of_new - of_old)


def rest_of(phases: Phases, n: int) -> Fraction:
    """Control, refinement, and generation cash of phases without counted takes, a deliverable."""
    loose = sum((sums.generation for sums in phases.values() if not sums.takes), Decimal(0))
    whole = total(phases.values())
    return Fraction(whole.control + whole.refinement + loose) / n


def _printed_ratio(sums: Sums) -> Decimal:
    return Decimal(printed(Fraction(sums.cash) / sums.accepted))
