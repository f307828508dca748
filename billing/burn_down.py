"""How a budget's money goes, day by day, and when it will be used up at the pace of late.

A day's use is what the holds made on it come to: settled, less what was given back, else held. Together the
days of a window are its use. Of a window without end the last `SHOWN` days are told apart.
"""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from billing import consumption, months, windows
from billing.models import Budget, BudgetWindow
from billing.models.budgets import MOST_DAYS

SHOWN = 60
PACE_DAYS = 14
"""The pace is the mean of so many days, today included; of fewer where the window is younger."""

BY_DAY = f"""
    SELECT (h.made_at AT TIME ZONE %(zone)s)::date,
           sum(CASE o.outcome WHEN 'posted' THEN o.amount + {consumption.REFUNDED}
                              WHEN 'voided' THEN 0 ELSE h.amount END)
    FROM billing_holdbudget b
    JOIN billing_hold h ON h.id = b.hold_id
    LEFT JOIN billing_holdoutcome o ON o.hold_id = h.id
    WHERE b.window_id = %(window)s AND h.workspace_id = %(workspace)s AND h.made_at >= %(since)s
    GROUP BY 1 ORDER BY 1
"""  # noqa: S608 - our own words only


class Day(NamedTuple):
    """What was used on a day, and in its window up to its end; `left` may be below zero."""

    day: datetime.date
    used: Decimal
    in_window: Decimal
    left: Decimal


@dataclasses.dataclass(frozen=True)
class BurnDown:
    """The days of the running window with the pace, and what it comes to.

    `expected` is what the window will have used on its last day (of a rolling one: in a whole window) at
    this pace; `used_up_on` the first day on which the limit is reached, None where that is not to be seen.
    """

    days: Sequence[Day]
    limit: Decimal
    pace: Decimal
    pace_days: int
    ends_on: datetime.date | None  # last day of the window
    expected: Decimal | None
    used_up_on: datetime.date | None
    rolling: bool = False

    @property
    def left(self) -> Decimal:
        return self.days[-1].left

    @property
    def pace_words(self) -> str:
        return "today" if self.pace_days == 1 else f"a day, over the last {self.pace_days} days"

    @property
    def expected_label(self) -> str:
        return "Expected in a whole window" if self.rolling else "Expected by the end"


def of(budget: Budget, *, now: datetime.datetime) -> BurnDown:
    """The burn-down of a budget (with its workspace) in the window that runs."""
    zone = months.zone_of(budget.workspace)
    today = now.astimezone(zone).date()
    starts_at = windows.start(budget, budget.workspace, now)
    window = BudgetWindow.objects.filter(budget=budget, starts_at=starts_at).first()
    limit = window.limit if window else budget.limit
    if budget.rolling_days:
        return _rolling(budget, budget.rolling_days, today, limit)
    first = max(starts_at.astimezone(zone).date(), today - datetime.timedelta(days=SHOWN - 1))
    by_day = _by_day(budget, window, first) if window else {}
    total = window.spent + window.reserved if window else Decimal(0)
    before = total - sum(by_day.values(), Decimal(0))
    days = _days(first, today, by_day, before, limit)
    pace, length = _pace(days)
    until = windows.end(budget, budget.workspace, starts_at)
    ends_on = until.astimezone(zone).date() - datetime.timedelta(days=1) if until else None
    return BurnDown(
        days=days,
        limit=limit,
        pace=pace,
        pace_days=length,
        ends_on=ends_on,
        expected=total + pace * (ends_on - today).days if ends_on else None,
        used_up_on=_used_up(days[-1], pace, ends_on),
    )


def _rolling(budget: Budget, length: int, today: datetime.date, limit: Decimal) -> BurnDown:
    first = today - datetime.timedelta(days=length - 1)
    earlier = first - datetime.timedelta(days=length - 1)
    rows = BudgetWindow.objects.filter(budget=budget, day__gte=earlier, day__lte=today)
    used = {row.day: row.spent + row.reserved for row in rows if row.day}
    days = []
    for back in reversed(range(length)):
        day = today - datetime.timedelta(days=back)
        span = (day - datetime.timedelta(days=ago) for ago in range(length))
        within = sum((used.get(each, Decimal(0)) for each in span), Decimal(0))
        days.append(Day(day, used.get(day, Decimal(0)), within, limit - within))
    pace, counted = _pace(days)
    return BurnDown(
        days=days,
        limit=limit,
        pace=pace,
        pace_days=counted,
        ends_on=None,
        expected=pace * length,
        used_up_on=_rolled_up([each.used for each in days], today, pace, limit),
        rolling=True,
    )


def _by_day(budget: Budget, window: BudgetWindow, first: datetime.date) -> dict[datetime.date, Decimal]:
    values: consumption.Values = {
        "window": window.pk,
        "workspace": budget.workspace_id,
        "zone": budget.workspace.time_zone,
        "since": months.first_instant(first, months.zone_of(budget.workspace)),
        "freed_until": windows.end(budget, budget.workspace, window.starts_at),
    }
    with connection.cursor() as cursor:
        cursor.execute(BY_DAY, values)
        return dict(cursor.fetchall())


def _days(
    first: datetime.date,
    today: datetime.date,
    by_day: dict[datetime.date, Decimal],
    before: Decimal,
    limit: Decimal,
) -> list[Day]:
    found, so_far = [], before
    for number in range((today - first).days + 1):
        day = first + datetime.timedelta(days=number)
        so_far += by_day.get(day, Decimal(0))
        found.append(Day(day, by_day.get(day, Decimal(0)), so_far, limit - so_far))
    return found


def _pace(days: Sequence[Day]) -> tuple[Decimal, int]:
    """Mean use of the last days, and of how many."""
    last = days[-PACE_DAYS:]
    return sum((each.used for each in last), Decimal(0)) / len(last), len(last)


def _used_up(last: Day, pace: Decimal, ends_on: datetime.date | None) -> datetime.date | None:
    if last.left <= 0:
        return last.day
    if pace <= 0 or last.left / pace > MOST_DAYS:
        return None
    day = last.day + datetime.timedelta(days=math.ceil(last.left / pace))
    return day if ends_on is None or day <= ends_on else None


def _rolled_up(
    used: Sequence[Decimal], today: datetime.date, pace: Decimal, limit: Decimal
) -> datetime.date | None:
    """As days leave and days of this pace come, the first on which the window is full."""
    running = list(used)
    for ahead in range(len(used) + 1):
        if sum(running, Decimal(0)) >= limit:
            return today + datetime.timedelta(days=ahead)
        running = [*running[1:], pace]
    return None
