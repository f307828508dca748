"""Intervals by what defines them: exact sums of chances, plain loops over samples, worked examples."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import intervals
from billing.intervals import UNKNOWN, Interval, Pairs


def test_a_share_of_ten_in_twenty() -> None:
    low, high = intervals.share(10, 20)
    assert (f"{low:.4f}", f"{high:.4f}") == ("0.2993", "0.7007")


def test_none_and_all_are_shares_too() -> None:
    none, every = intervals.share(0, 10), intervals.share(10, 10)
    assert (none.low, f"{none.high:.4f}") == (Decimal(0), "0.2775")
    assert (f"{every.low:.4f}", every.high) == ("0.7225", Decimal(1))
    assert intervals.share(0, 0) == UNKNOWN


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_ends_of_a_share_are_as_far_off_as_chance_goes(sample: tuple[int, int]) -> None:
    """Wilson's ends are the shares p for which the sample lies exactly Z standard errors of p away."""
    hits, number = sample
    found = intervals.share(hits, number)
    for end in found:
        assert end is not None
        if 0 < end < 1:
            error = math.sqrt(float(end * (1 - end)) / number)
            off = abs(hits / number - float(end))
            assert off == pytest.approx(float(intervals.Z) * error, rel=1e-6)


def test_one_over_a_share_turns_its_ends_around() -> None:
    assert intervals.inverse(Interval(Decimal("0.25"), Decimal("0.5"))) == (Decimal(2), Decimal(4))
    assert intervals.inverse(intervals.share(0, 10)).high is None


COSTS = st.lists(st.tuples(st.integers(0, 400), st.booleans()), min_size=2, max_size=40)


@given(COSTS)
def test_the_ratio_is_that_of_a_plain_loop(sample: list[tuple[int, bool]]) -> None:
    takes = [(Fraction(cents, 100), kept) for cents, kept in sample]
    kept = sum(1 for _, is_kept in takes if is_kept)
    found = intervals.ratio(
        Pairs(
            len(takes),
            Decimal(sum(cents for cents, _ in sample)) / 100,
            kept,
            Decimal(sum(cents * cents for cents, _ in sample)) / 10_000,
            Decimal(sum(cents for cents, is_kept in sample if is_kept)) / 100,
        )
    )
    if not kept:
        assert found == UNKNOWN
        return
    ratio = sum((cost for cost, _ in takes), Fraction(0)) / kept
    squares = Fraction(0)
    for cost, is_kept in takes:
        squares += (cost - ratio * (1 if is_kept else 0)) ** 2
    error = math.sqrt(float(len(takes) * squares / (len(takes) - 1))) / kept
    assert found.low is not None
    assert found.high is not None
    assert float(found.high) == pytest.approx(float(ratio) + 1.959964 * error, abs=1e-9)
    assert float(found.low) == pytest.approx(max(0.0, float(ratio) - 1.959964 * error), abs=1e-9)


@pytest.mark.parametrize("number", [*range(6, 120), 999])
def test_the_median_lies_between_its_places_in_95_of_100_samples(number: int) -> None:
    """Which holds where the number of values below it, as by tossing coins, falls between them."""
    places = intervals.median_places(number)
    assert places is not None
    low, high = places
    held = sum(math.comb(number, below) for below in range(low + 1, high + 1))
    assert Fraction(held, 2**number) >= Fraction(95, 100)


def test_five_values_hold_no_median() -> None:
    assert intervals.median_places(5) is None


def test_intervals_overlap_where_they_share_a_value() -> None:
    first = Interval(Decimal(1), Decimal(2))
    assert first.overlaps(Interval(Decimal(2), None))
    assert not first.overlaps(Interval(Decimal("2.1"), Decimal(3)))
    assert first.overlaps(UNKNOWN)
