"""How steady work is: takes per accepted and failures by category and week, with the weeks that stand out."""

from __future__ import annotations

import collections
import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connection

from billing import control, months
from billing.control import BEFORE, WEEK, Point, Tally
from projects.models import Category, Workspace

SHOWN = 13
TAKES, FAILURES = "takes", "failures"
MEASURES = {TAKES: "Takes per accepted", FAILURES: "Failures per take"}
#: Acceptances that stand today, with the takes counted up to each.
ACCEPTED = """
    SELECT c.key, date_trunc('week', a.at AT TIME ZONE %(zone)s)::date, sum(t.takes)::int, count(*)
    FROM projects_decision a
    JOIN projects_deliverable d ON d.id = a.deliverable_id
    JOIN projects_category c ON c.id = d.category_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS takes FROM projects_take t
        WHERE t.deliverable_id = a.deliverable_id AND t.counted_at <= a.at
    ) t
    WHERE a.workspace_id = %(workspace)s AND a.decision = 'accept'
      AND a.at >= %(since)s AND a.at < %(until)s
      AND NOT EXISTS (SELECT FROM projects_decision r WHERE r.reverses_id = a.sequence)
    GROUP BY 1, 2
"""
#: Takes by the week in which they were asked for, and by model: those that failed, and all that ended.
ASKED = """
    SELECT c.key, date_trunc('week', t.requested_at AT TIME ZONE %(zone)s)::date, t.model,
           count(*) FILTER (WHERE t.counted_at IS NULL), count(*)
    FROM projects_take t
    JOIN projects_deliverable d ON d.id = t.deliverable_id
    JOIN projects_category c ON c.id = d.category_id
    WHERE t.workspace_id = %(workspace)s AND t.requested_at >= %(since)s AND t.requested_at < %(until)s
      AND t.kind <> 'uploaded' AND (t.counted_at IS NOT NULL OR t.state = 'failed')
    GROUP BY 1, 2, 3
"""
Weeks = dict[datetime.date, Tally]


class Flag(NamedTuple):
    """A week of a category that is out of its limits."""

    category: str
    measure: str
    point: Point


@dataclasses.dataclass(frozen=True)
class Stability:
    """`counts` by measure and category; `models` that made takes, by category and week."""

    weeks: list[datetime.date]
    counts: Mapping[str, Mapping[str, Weeks]]
    models: Mapping[str, Mapping[datetime.date, frozenset[str]]]
    names: Mapping[str, str]

    def chart(self, measure: str, category: str) -> list[Point]:
        return control.chart(self.counts[measure].get(category, {}), self.weeks)

    def flags(self, measure: str) -> list[Flag]:
        """The latest first."""
        found = [
            Flag(category, measure, point)
            for category in self.counts[measure]
            for point in self.chart(measure, category)
            if point.is_out
        ]
        return sorted(found, key=lambda flag: (flag.point.week, flag.category), reverse=True)

    def new_models(self, category: str, week: datetime.date) -> list[str]:
        """Models that made takes in the week and in none of the weeks before."""
        by_week = self.models.get(category, {})
        before = (by_week.get(week - WEEK * number, frozenset()) for number in range(1, BEFORE + 1))
        return sorted(by_week.get(week, frozenset()) - frozenset().union(*before))

    def used_models(self, category: str) -> frozenset[str]:
        return frozenset().union(*self.models.get(category, {}).values())


def of(workspace: Workspace, *, now: datetime.datetime) -> Stability:
    """The last weeks, the running one among them, with those that they are compared with; three queries."""
    zone = months.zone_of(workspace)
    today = now.astimezone(zone).date()
    this_week = today - datetime.timedelta(days=today.weekday())
    weeks = [this_week - WEEK * number for number in reversed(range(SHOWN))]
    values = {
        "workspace": workspace.pk,
        "zone": workspace.time_zone,
        "since": months.first_instant(weeks[0] - WEEK * BEFORE, zone),
        "until": now,
    }
    asked = _ask(ASKED, values)
    return Stability(
        weeks=weeks,
        counts={TAKES: _accepted(_ask(ACCEPTED, values)), FAILURES: _failed(asked)},
        models=_models(asked),
        names=dict(Category.objects.filter(workspace=workspace).values_list("key", "name")),
    )


def _accepted(rows: Sequence[Any]) -> dict[str, Weeks]:
    found: dict[str, Weeks] = collections.defaultdict(dict)
    for category, week, takes, accepted in rows:
        found[category][week] = Tally(takes, accepted)
    return dict(found)


def _failed(rows: Sequence[Any]) -> dict[str, Weeks]:
    found: dict[str, Weeks] = collections.defaultdict(dict)
    for category, week, _, failed, ended in rows:
        so_far = found[category].get(week, Tally())
        found[category][week] = Tally(so_far.events + failed, so_far.units + ended)
    return dict(found)


def _models(rows: Sequence[Any]) -> dict[str, dict[datetime.date, frozenset[str]]]:
    found: dict[str, dict[datetime.date, set[str]]] = collections.defaultdict(
        lambda: collections.defaultdict(set)
    )
    for category, week, model, *_ in rows:
        if model:
            found[category][week].add(model)
    return {
        category: {week: frozenset(models) for week, models in by_week.items()}
        for category, by_week in found.items()
    }


def _ask(statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
