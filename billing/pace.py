"""How long it took and how much came through: lead times, and what was accepted by week and on time.

Lead time runs from brief to acceptance, throughput counts the month's standing acceptances by calendar week
of the workspace (Monday to Sunday; the first and the last may be cut by the month). Both are of the same
deliverables as the headline. Quantiles lie between neighbours in line, as those of the month's page do.
"""

from __future__ import annotations

import datetime
from fractions import Fraction
from typing import Any, NamedTuple

from django.db import connection

from billing import months
from billing.acceptances import LIFE, Month

DAY_SECONDS = 24 * 3600
#: Ends of the bars in days, which they do not hold; what took longer is in the last one.
DAYS = (1, 2, 3, 5, 7, 10, 14, 21, 30, 60)
BRIEFS = """
    , briefs AS (
        SELECT l.category, EXTRACT(epoch FROM l.at - d.created_at)::float8 AS seconds, d.due_on,
               (l.at AT TIME ZONE %(zone)s)::date AS day
        FROM life l JOIN projects_deliverable d ON d.id = l.deliverable_id
    )
"""
LEADS = """
    SELECT width_bucket(seconds, %(bounds)s::float8[]), count(*) FROM briefs GROUP BY 1
"""
WEEKS = "SELECT date_trunc('week', day)::date, count(*) FROM briefs GROUP BY 1 ORDER BY 1"
CATEGORIES = """
    SELECT category, count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds),
           percentile_cont(0.8) WITHIN GROUP (ORDER BY seconds),
           count(*) FILTER (WHERE due_on IS NOT NULL), count(*) FILTER (WHERE day <= due_on)
    FROM briefs GROUP BY 1 ORDER BY 1
"""


class Lead(NamedTuple):
    """How many took from `over` to less than `within` days; without `within`, any longer."""

    over: int
    within: int | None
    number: int

    @property
    def label(self) -> str:
        if self.within is None:
            return f"{self.over} d and more"
        return f"{self.over}–{self.within} d" if self.over else f"under {self.within} d"


class Week(NamedTuple):
    """A week from Monday, with its days inside the month, and what was accepted in it."""

    monday: datetime.date
    days: int
    number: int


class Category(NamedTuple):
    """A category's lead times, and the share of those with a due date that came on time."""

    key: str
    number: int
    median: datetime.timedelta
    within_80: datetime.timedelta
    on_time: Fraction | None


class Pace(NamedTuple):
    leads: list[Lead]
    weeks: list[Week]
    categories: list[Category]


def of_month(month: Month) -> Pace:
    """All of it; lead times and weeks without any are named as well."""
    counts = dict(_ask(LEADS, month))
    ends: list[int | None] = [*DAYS, None]
    leads = [
        Lead(over, within, counts.get(place, 0))
        for place, (over, within) in enumerate(zip((0, *DAYS), ends, strict=True))
    ]
    categories = [
        Category(
            key,
            number,
            datetime.timedelta(seconds=round(median)),
            datetime.timedelta(seconds=round(within)),
            Fraction(kept, due) if due else None,
        )
        for key, number, median, within, due, kept in _ask(CATEGORIES, month)
    ]
    return Pace(leads, _weeks(month, dict(_ask(WEEKS, month))), categories)


def _weeks(month: Month, counts: dict[datetime.date, int]) -> list[Week]:
    first, last = days_of(month)
    monday, found = first - datetime.timedelta(days=first.weekday()), []
    while monday <= last:
        sunday = monday + datetime.timedelta(days=6)
        days = (min(sunday, last) - max(monday, first)).days + 1
        found.append(Week(monday, days, counts.get(monday, 0)))
        monday += datetime.timedelta(days=7)
    return found


def days_of(month: Month) -> tuple[datetime.date, datetime.date]:
    """The first and the last day of the month, by the workspace's calendar."""
    zone = months.zone_of(month.workspace)
    end = month.span.end - datetime.timedelta(microseconds=1)
    return month.span.start.astimezone(zone).date(), end.astimezone(zone).date()


def _ask(statement: str, month: Month) -> list[tuple[Any, ...]]:
    values = {
        **month.values(),
        "zone": month.workspace.time_zone,
        "bounds": [days * DAY_SECONDS for days in DAYS],
    }
    with connection.cursor() as cursor:
        cursor.execute(LIFE.format(own="''") + BRIEFS + statement, values)
        return list(cursor.fetchall())
