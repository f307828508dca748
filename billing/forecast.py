"""What a month will have cost at its end, with an interval. Pure.

    booked + reserved + Σ max(0, multiplier − used − in flight) × base, over open deliverables that are due

Multiplier and base are those of the category, over deliverables that were accepted lately. The interval
draws, for each open deliverable, one of those accepted ones instead of their mean, many times over: Efron,
Bootstrap methods: another look at the jackknife, The Annals of Statistics 7 (1979), 1–26.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from billing import money

DRAWS = 1_000
SHARE = 0.8
"""Of the draws, how many the interval holds."""
EVERY = ""
"""All categories together: stands for one of which nothing was accepted yet."""


class Made(NamedTuple):
    """A deliverable that was accepted: its counted takes, and their generation cash."""

    takes: int
    cash: Decimal


class Due(NamedTuple):
    """An open deliverable that is due: how many takes it has used, those in flight among them."""

    category: str
    used: int


History = Mapping[str, Sequence[Made]]
Numbers = npt.NDArray[np.float64]


class Pattern(NamedTuple):
    """Of a category: takes per accepted, and the generation cash of a take."""

    multiplier: Fraction
    base: Fraction


class Ahead(NamedTuple):
    """What open deliverables will still cost: the sum, and the ends of the interval."""

    amount: Decimal
    low: Decimal
    high: Decimal


def pattern(made: Sequence[Made]) -> Pattern | None:
    """None where nothing was accepted, or no take of it counted."""
    takes = sum(one.takes for one in made)
    if not takes:
        return None
    cash = sum((one.cash for one in made), Decimal(0))
    return Pattern(Fraction(takes, len(made)), Fraction(cash) / takes)


def basis(category: str, history: History) -> Sequence[Made]:
    """The accepted deliverables that stand for a category."""
    own = history.get(category, ())
    return own if pattern(own) else history.get(EVERY, ())


def remaining(one: Due, history: History) -> Fraction:
    """What is still to come for one open deliverable; nothing where nothing was accepted anywhere."""
    found = pattern(basis(one.category, history))
    return max(Fraction(0), found.multiplier - one.used) * found.base if found else Fraction(0)


def expected(due: Sequence[Due], history: History) -> Decimal:
    """The sum over all of them, rounded once."""
    return _booked(sum((remaining(one, history) for one in due), Fraction(0)))


def ahead(due: Sequence[Due], history: History, *, seed: str) -> Ahead:
    """The sum over all of them, with its interval; the same seed gives the same draws."""
    totals = draws(due, history, seed=seed)
    low, high = np.quantile(totals, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return Ahead(expected(due, history), _booked(Fraction(float(low))), _booked(Fraction(float(high))))


def draws(due: Sequence[Due], history: History, *, seed: str, count: int = DRAWS) -> Numbers:
    """Sums of what is to come, each with another accepted deliverable drawn for every open one."""
    chance = np.random.default_rng(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]))
    totals = np.zeros(count)
    arrays: dict[str, tuple[Numbers, Numbers]] = {}
    for one in due:
        made = basis(one.category, history)
        if not made:
            continue
        if one.category not in arrays:
            arrays[one.category] = _arrays(made)
        takes, bases = arrays[one.category]
        drawn = chance.integers(0, len(takes), size=count)
        totals += np.maximum(0, takes[drawn] - one.used) * bases[drawn]
    return totals


def _arrays(made: Sequence[Made]) -> tuple[Numbers, Numbers]:
    takes = np.array([one.takes for one in made], dtype=float)
    cash = np.array([float(one.cash) for one in made])
    return takes, np.divide(cash, takes, out=np.zeros_like(cash), where=takes > 0)


def _booked(exact: Fraction) -> Decimal:
    return money.booked(Decimal(exact.numerator) / Decimal(exact.denominator))
