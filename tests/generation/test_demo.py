"""The demo: the same each time, plausible on average, with sound books."""

from __future__ import annotations

import datetime

from billing import checks, roll_forward
from generation.demo import build
from projects.models import Workspace

TODAY = datetime.date(2026, 11, 21)


def make(slug: str = "demo") -> Workspace:
    return build.build(size="XS", today=TODAY, say=lambda words: None, slug=slug)


def test_books_balance_in_each_month(db: None) -> None:
    workspace = make()
    assert checks.problems() == []
    found = {month: roll_forward.roll_forward(workspace, month) for month in months()}
    assert {month: row.differences for month, row in found.items()} == {month: [] for month in found}


def months() -> list[str]:
    return [f"2025-{number:02d}" for number in (11, 12)] + [f"2026-{number:02d}" for number in range(1, 12)]
