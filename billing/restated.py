"""Closed months as they were signed, beside what their rows say today.

Entries cannot come into a closed month, but what became of its cash can: a take accepted in it may be
reversed later, time may be logged. The snapshot stays; the difference is shown.
"""

from __future__ import annotations

import datetime
import itertools
from decimal import Decimal
from typing import Any, NamedTuple

from billing import audit, months, pot_days
from billing.models import MonthClose
from billing.roll_forward import Terms
from projects.models import Workspace

FIGURES = {
    "totals.cash_per_acceptable": "Cash per acceptable deliverable",
    "totals.accepted": "Accepted",
    "totals.takes": "Takes",
    "totals.multiplier": "Takes per accepted",
    "roll_forward.spend": "Spent",
    "roll_forward.accepted": "Cost of accepted",
    "roll_forward.written_off": "Written off",
    "roll_forward.period": "Period costs",
    "roll_forward.closing_wip": "Closing work in progress",
    "totals.time": "Time of people, no cash",
}
WHOLE = ("totals.accepted", "totals.takes")


class Change(NamedTuple):
    """One figure of a closed month: as closed, as restated; money unless it is `whole` or `plain`."""

    label: str
    closed: Decimal | None
    restated: Decimal | None
    whole: bool = False
    plain: bool = False

    @property
    def differs(self) -> bool:
        return self.closed != self.restated


class Row(NamedTuple):
    """A month of the year view. Cash terms are worked out anew; the headline stands as it was closed."""

    month: str
    close: MonthClose | None
    cash_per_acceptable: Decimal | None
    accepted: Decimal | None
    spend: Change
    closing_wip: Change

    @property
    def cash(self) -> list[Change]:
        return [self.spend, self.closing_wip]


def changes(row: MonthClose) -> list[Change]:
    """The main figures of a closed month, each as closed and as restated."""
    now = audit.month_document(workspace=row.workspace, month=row.month)
    return [_change(path, row.document, now) for path in FIGURES]


def year(workspace: Workspace, year: int, *, now: datetime.datetime) -> list[Row]:
    """The months of a year that have begun, the first first, in a fixed number of queries."""
    closes = {
        row.month: row for row in MonthClose.objects.filter(workspace=workspace, month__startswith=f"{year}-")
    }
    last = months.month_of(workspace, now)
    names = [name for number in range(1, 13) if (name := f"{year:04d}-{number:02d}") <= last]
    if not names:
        return []
    instants = [months.span(workspace, names[0]).start, *(months.span(workspace, name).end for name in names)]
    contents = [pot_days.content(workspace=workspace, at=instant) for instant in instants]
    terms = [audit.terms_between(*pair) for pair in itertools.pairwise(contents)]
    return [_row(name, closes.get(name), found) for name, found in zip(names, terms, strict=True)]


def _row(month: str, close: MonthClose | None, terms: Terms) -> Row:
    document = close.document if close else None
    now = {"roll_forward": {"spend": terms.spend, "closing_wip": terms.closing_wip}}
    return Row(
        month,
        close,
        _at(document, "totals.cash_per_acceptable") if document else None,
        _at(document, "totals.accepted") if document else None,
        _change("roll_forward.spend", document, now),
        _change("roll_forward.closing_wip", document, now),
    )


def _change(path: str, closed: dict[str, Any] | None, now: dict[str, Any]) -> Change:
    return Change(
        FIGURES[path],
        _at(closed, path) if closed else None,
        _at(now, path),
        whole=path in WHOLE,
        plain=path == "totals.multiplier",
    )


def _at(document: dict[str, Any], path: str) -> Decimal | None:
    part, name = path.split(".")
    value = document[part][name]
    return None if value is None else Decimal(value)
