"""Closed months as they were signed, beside what their rows say today.

Entries cannot come into a closed month, but what became of its cash can: a take accepted in it may be
reversed later, time may be logged. The snapshot stays; the difference is shown.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from billing import audit, months
from billing.models import MonthClose
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
OF_YEAR = ("totals.cash_per_acceptable", "totals.accepted", "roll_forward.spend", "roll_forward.closing_wip")


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
    """A month of the year view; `closed` is None where it is not."""

    month: str
    close: MonthClose | None
    figures: list[Change]


def changes(row: MonthClose) -> list[Change]:
    """The main figures of a closed month, each as closed and as restated."""
    now = audit.month_document(workspace=row.workspace, month=row.month)
    return [_change(path, row.document, now) for path in FIGURES]


def year(workspace: Workspace, year: int, *, now: datetime.datetime) -> list[Row]:
    """The months of a year that have begun, the first first."""
    closes = {
        row.month: row for row in MonthClose.objects.filter(workspace=workspace, month__startswith=f"{year}-")
    }
    last = months.month_of(workspace, now)
    names = [f"{year:04d}-{number:02d}" for number in range(1, 13)]
    return [_row(workspace, name, closes.get(name)) for name in names if name <= last]


def _row(workspace: Workspace, month: str, close: MonthClose | None) -> Row:
    now = audit.month_document(workspace=workspace, month=month)
    figures = [_change(path, close.document if close else None, now) for path in OF_YEAR]
    return Row(month, close, figures)


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
