"""How far a figure from a sample can be trusted: 95 % intervals of shares, ratios and medians. Pure.

Each comes as its lower and upper end; None where the sample says nothing about that end.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

Z = Decimal("1.959964")
"""The normal distribution holds 95 % between −Z and Z."""
LEAST_FOR_MEDIAN = 6
"""With fewer, even the smallest and the largest do not hold the median in 95 of 100 samples."""


class Interval(NamedTuple):
    low: Decimal | None
    high: Decimal | None

    def overlaps(self, other: Interval) -> bool:
        """Whether some value lies in both; an open end reaches as far as there is."""
        low = max((end for end in (self.low, other.low) if end is not None), default=None)
        high = min((end for end in (self.high, other.high) if end is not None), default=None)
        return low is None or high is None or low <= high


UNKNOWN = Interval(None, None)


def share(hits: int, number: int) -> Interval:
    """Of a share of `number` tries, by Wilson's score; sound for small samples and for shares of 0 and 1.

    Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927), 209–212.
    """
    if not number:
        return UNKNOWN
    p, n, z = Decimal(hits) / number, Decimal(number), Z * Z
    middle = (p + z / (2 * n)) / (1 + z / n)
    half = Z / (1 + z / n) * (p * (1 - p) / n + z / (4 * n * n)).sqrt()
    low = Decimal(0) if not hits else max(Decimal(0), middle - half)
    return Interval(low, Decimal(1) if hits == number else min(Decimal(1), middle + half))


def inverse(of_share: Interval) -> Interval:
    """Of one over a share; without an upper end where the share may be nothing."""
    high = 1 / of_share.low if of_share.low else None
    return Interval(1 / of_share.high if of_share.high else None, high)


class Pairs(NamedTuple):
    """Sums over takes: how many, what they cost, how many were kept, cost squared, and cost of the kept."""

    number: int
    cost: Decimal
    kept: int
    squared: Decimal
    of_kept: Decimal


def ratio(pairs: Pairs) -> Interval:
    """Of cost ÷ kept, whose parts come from the same takes, by the variance of a ratio of two sums.

    With R = Σc ÷ Σk and d = c − R·k: standard error √(n · Σd² ÷ (n − 1)) ÷ Σk. Cochran, Sampling Techniques,
    third edition (1977), 2.11. None of both ends with fewer than two takes, or none kept.
    """
    if pairs.number < 2 or not pairs.kept:
        return UNKNOWN
    found = Fraction(pairs.cost) / pairs.kept
    spread = Fraction(pairs.squared) - 2 * found * Fraction(pairs.of_kept) + found * found * pairs.kept
    variance = pairs.number * max(spread, Fraction(0)) / (pairs.number - 1)
    error = _decimal(variance).sqrt() / pairs.kept
    middle = _decimal(found)
    return Interval(max(Decimal(0), middle - Z * error), middle + Z * error)


def median_places(number: int) -> tuple[int, int] | None:
    """Which of a sorted sample, counted from 0, hold the median between them; None with too few.

    Ranks n/2 ∓ Z·√n/2, outwards to whole ones. Conover, Practical Nonparametric Statistics, third edition
    (1999), 3.2.
    """
    if number < LEAST_FOR_MEDIAN:
        return None
    half = float(Z) * math.sqrt(number) / 2
    low, high = math.floor(number / 2 - half), math.ceil(number / 2 + half) + 1
    return max(low, 1) - 1, min(high, number) - 1


def _decimal(exact: Fraction) -> Decimal:
    return Decimal(exact.numerator) / Decimal(exact.denominator)
