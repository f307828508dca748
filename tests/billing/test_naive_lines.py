"""Bad lines of a history, as the naive reference names them."""

from __future__ import annotations

import pytest

from tests.billing import badly_written, naive
from tests.billing.badly_written import FIRST, LATER
from tests.billing.written import charges_file, decision, decisions_file


@pytest.mark.parametrize("bad", badly_written.CASES, ids=str)
def test_a_bad_line_is_named(bad: badly_written.Bad) -> None:
    found = naive.validate(bad.charges, bad.decisions, naive.Settings())
    assert found == [(bad.file, bad.line, bad.reason)]


def test_the_same_lines_again_change_nothing() -> None:
    twice = decision(LATER, "a", "1", "accept")
    assert naive.validate(charges_file(FIRST, FIRST), decisions_file(twice, twice)) == []


def test_the_same_decision_in_another_zone_changes_nothing() -> None:
    once = decision("2025-09-02T09:00:00Z", "a", "1", "accept")
    again = decision("2025-09-02T11:00:00+02:00", "a", "1", "accept")
    assert naive.validate(charges_file(FIRST), decisions_file(once, again)) == []


def test_decisions_are_judged_in_time_order_whatever_the_files() -> None:
    later = decision("2025-09-05T09:00:00Z", "a", "1", "reject")
    back = decision("2025-09-04T09:00:00Z", "a", "1", "reverse")
    first = decision("2025-09-03T09:00:00Z", "a", "1", "accept")
    assert naive.validate(charges_file(FIRST), decisions_file(later, back, first)) == []


def test_a_missing_column_is_named() -> None:
    without = charges_file(FIRST).replace("occurred_at", "when")
    assert naive.validate(without, decisions_file()) == [("charges", 1, "missing column occurred_at")]
