"""Control charts against plain loops, and a worked example."""

from __future__ import annotations

import datetime
import math
import random

import pytest

from billing import control
from billing.control import WEEK, Tally

FIRST = datetime.date(2026, 8, 3)
WEEKS = [FIRST + WEEK * number for number in range(25)]


@pytest.mark.parametrize("seed", range(6))
def test_centres_and_limits_are_those_of_a_plain_loop(seed: int) -> None:
    dice = random.Random(seed)
    counts = {week: Tally(dice.randint(0, 60), dice.randint(0, 9)) for week in WEEKS if dice.random() < 0.8}
    points = {point.week: point for point in control.chart(counts, WEEKS[12:])}
    for place in range(12, 25):
        week = WEEKS[place]
        tally = counts.get(week)
        assert (week in points) == (tally is not None and tally.units > 0)
        if tally is None or not tally.units:
            continue
        events = units = 0
        for before in WEEKS[place - 12 : place]:
            if before in counts:
                events += counts[before].events
                units += counts[before].units
        point = points[week]
        if not units:
            assert (point.centre, point.is_out) == (None, False)
            continue
        centre, value = events / units, tally.events / tally.units
        off = 3 * math.sqrt(centre / tally.units)
        assert float(point.centre or 0) == pytest.approx(centre)
        assert float(point.high or 0) == pytest.approx(centre + off)
        assert float(point.low or 0) == pytest.approx(max(0.0, centre - off))
        assert (point.is_above, point.is_below) == (value > centre + off, value < centre - off)


def test_a_worked_example() -> None:
    """Four takes an acceptance for twelve weeks; a week with four acceptances may have 1 to 7 each."""
    counts = {week: Tally(16, 4) for week in WEEKS[:12]}
    for takes, above, below in ((28, False, False), (29, True, False), (4, False, False), (3, False, True)):
        (point,) = control.chart({**counts, WEEKS[12]: Tally(takes, 4)}, WEEKS[12:13])
        assert (point.centre, point.low, point.high) == (4, 1, 7)
        assert (point.is_above, point.is_below) == (above, below)


def test_weeks_without_units_are_not_plotted_and_those_without_a_past_have_no_limits() -> None:
    points = control.chart({WEEKS[12]: Tally(9, 2), WEEKS[13]: Tally(3, 0)}, WEEKS[12:])
    assert [(point.week, point.centre, point.is_out) for point in points] == [(WEEKS[12], None, False)]
