"""A page of a month's entries, sorted alone, has the rows that all of them sorted have at its places."""

from __future__ import annotations

from typing import Any

import pytest

from billing import entry_pages, month_entries, months
from billing.acceptances import Month
from billing.outcomes import Outcome
from projects.problems import Invalid
from tests.billing import histories
from tests.billing.test_audit_agrees import imported

pytestmark = pytest.mark.django_db
SEEDS = range(1000, 1004)
ROWS = 7


@pytest.fixture(autouse=True)
def _looks_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry_pages, "FIRST_LOOK", 3)


def whole(month: Month, **asked: Any) -> list[dict[str, Any]]:
    return month_entries.entries(month=month, limit=100_000, **asked)


def in_pages(month: Month, **asked: Any) -> list[dict[str, Any]]:
    """All pages one after the other."""
    found: list[dict[str, Any]] = []
    while some := entry_pages.page(month=month, limit=ROWS, offset=len(found), **asked):
        found += some
    return found


def keys(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Some rows of tables that entries of the month stand under, and one that has none."""
    found = [{"by": "provider", "key": "nobody"}]
    for row in rows[:2]:
        campaign = f"{row['project']}/{row['campaign']}" if row["campaign"] else ""
        found += [{"by": "provider", "key": row["provider"]}, {"by": "campaign", "key": campaign}]
        found += [{"by": "person", "key": ""}]
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_all_pages_together_are_all_entries_whatever_was_asked_for(seed: int) -> None:
    history = histories.seeded(seed)
    seen: set[str] = set()
    with imported(history) as workspace:
        for name in history.months:
            month = Month(workspace, months.span(workspace, name))
            rows = whole(month)
            assert in_pages(month) == rows
            for outcome in Outcome.values:
                assert in_pages(month, outcome=outcome) == whole(month, outcome=outcome)
            for key in keys(rows):
                assert in_pages(month, **key) == whole(month, **key)
                assert in_pages(month, outcome="open", **key) == whole(month, outcome="open", **key)
            seen |= {row["outcome"] for row in rows}
    assert len(seen) > 3


def test_what_is_no_outcome_or_way_to_split_is_refused() -> None:
    history = histories.seeded(1000)
    with imported(history) as workspace:
        month = Month(workspace, months.span(workspace, history.months[0]))
        for asked in ({"outcome": "lost"}, {"by": "weather", "key": "rain"}):
            with pytest.raises(Invalid):
                entry_pages.page(month=month, limit=ROWS, **asked)  # type: ignore[arg-type]
