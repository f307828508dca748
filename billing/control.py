"""Control charts of counts a unit, by week: which weeks are out of what chance explains. Pure.

A u-chart: the centre is the mean of the twelve weeks before, the limits lie three standard deviations of a
Poisson count around it, √(centre ÷ units). Montgomery, Introduction to Statistical Quality Control, seventh
edition (2012), 7.3.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

BEFORE = 12
"""Weeks that a week is compared with."""
SIGMAS = 3
WEEK = datetime.timedelta(weeks=1)


class Tally(NamedTuple):
    """Of one week: how many events (takes, failures) in how many units (accepted deliverables, takes)."""

    events: int = 0
    units: int = 0


class Point(NamedTuple):
    """A week on the chart. Without units in the weeks before there is no centre, and no limit."""

    week: datetime.date
    tally: Tally
    centre: Fraction | None
    low: Decimal | None
    high: Decimal | None

    @property
    def value(self) -> Fraction:
        return Fraction(self.tally.events, self.tally.units)

    @property
    def is_above(self) -> bool:
        return self.high is not None and self.value > self.high

    @property
    def is_below(self) -> bool:
        return self.low is not None and self.value < self.low

    @property
    def is_out(self) -> bool:
        return self.is_above or self.is_below


def chart(counts: Mapping[datetime.date, Tally], weeks: list[datetime.date]) -> list[Point]:
    """A point for each of these weeks that has units; each compared with the weeks before it."""
    return [_point(week, counts) for week in weeks if counts.get(week, Tally()).units]


def _point(week: datetime.date, counts: Mapping[datetime.date, Tally]) -> Point:
    before = [counts.get(week - WEEK * number, Tally()) for number in range(1, BEFORE + 1)]
    tally, units = counts[week], sum(one.units for one in before)
    if not units:
        return Point(week, tally, None, None, None)
    centre = Fraction(sum(one.events for one in before), units)
    middle = Decimal(centre.numerator) / Decimal(centre.denominator)
    spread = SIGMAS * (middle / tally.units).sqrt()
    return Point(week, tally, centre, max(Decimal(0), middle - spread), middle + spread)
