"""Forecasts of months from the rows: of the running one, and of past ones as they would have been then."""

from __future__ import annotations

import collections
import dataclasses
import datetime
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Sum

from billing import forecast, month_sums, months, pot_days
from billing.acceptances import Month
from billing.forecast import EVERY, Ahead, Due, Made, Pattern
from billing.models import DeliverableCost
from projects.models import Workspace
from projects.models.work import BoardColumn

WEEKS = 26
MOST_MADE = 2_000
"""At most so many accepted deliverables, the latest ones, say what the next ones will take."""
TESTED_MONTHS, TESTED_DAY = 6, 10
#: Before an instant: the standing acceptances, the latest first.
MADE = """
    SELECT c.key, COALESCE(t.takes, 0), COALESCE(k.generation, 0)
    FROM (
        SELECT a.deliverable_id, a.at FROM projects_decision a
        WHERE a.workspace_id = %(workspace)s AND a.decision = 'accept' AND a.at < %(at)s AND a.at >= %(since)s
          AND NOT EXISTS (
              SELECT FROM projects_decision r WHERE r.reverses_id = a.sequence AND r.at < %(at)s
          )
        ORDER BY a.at DESC LIMIT %(most)s
    ) a
    JOIN projects_deliverable d ON d.id = a.deliverable_id
    JOIN projects_category c ON c.id = d.category_id
    LEFT JOIN billing_deliverablecost k ON k.deliverable_id = d.id
    CROSS JOIN LATERAL (
        SELECT count(*) AS takes FROM projects_take t
        WHERE t.deliverable_id = d.id AND t.counted_at <= a.at
    ) t
"""
#: Due in the month and open at an instant, with the takes asked for before it that count against a cap.
DUE = """
    SELECT c.key, (
        SELECT count(*) FROM projects_take t
        WHERE t.deliverable_id = d.id AND t.requested_at < %(at)s
          AND (t.counted_at IS NOT NULL OR t.failed_charged OR t.state IN ('planned', 'queued', 'rendering'))
    )
    FROM projects_deliverable d
    JOIN projects_category c ON c.id = d.category_id
    LEFT JOIN LATERAL (
        SELECT x.decision FROM projects_decision x
        WHERE x.deliverable_id = d.id AND x.at < %(at)s
          AND x.decision IN ('accept', 'reverse', 'write_off', 'reopen')
        ORDER BY x.at DESC, x.sequence DESC LIMIT 1
    ) s ON true
    WHERE d.workspace_id = %(workspace)s AND d.board_column = ANY(%(columns)s)
      AND d.due_on >= %(first)s AND d.due_on < %(next)s AND d.created_at < %(at)s
      AND COALESCE(s.decision, 'reopen') IN ('reverse', 'reopen')
"""
#: Holds that were open at an instant; one that was open for longer than a month is past waiting for.
HELD = """
    SELECT COALESCE(sum(h.amount), 0) FROM billing_hold h
    LEFT JOIN billing_holdoutcome o ON o.hold_id = h.id
    WHERE h.workspace_id = %(workspace)s AND h.made_at < %(at)s AND h.made_at >= %(since)s
      AND (o.at IS NULL OR o.at >= %(at)s)
"""
#: Cash of a span that lies before an instant and was booked from then on. What came with a history was known
#: when it happened.
UNKNOWN = """
    SELECT COALESCE(sum(e.amount), 0) FROM billing_entry e
    WHERE e.workspace_id = %(workspace)s AND e.kind <> 'transfer' AND e.booked_at >= %(at)s
      AND e.effective_at >= %(start)s AND e.effective_at < %(at)s
      AND NOT EXISTS (
          SELECT FROM billing_importedcharge i
          WHERE i.workspace_id = e.workspace_id AND i.external_id = e.external_id AND i.entry = e.id
      )
"""
#: By day from a month's first instant to its last: whole days (UTC) are kept, of those that the month shares
#: with another its own entries are read, by the workspace's clock.
DAYS = """
    SELECT day, sum(amount) FROM (
        SELECT day, amount FROM billing_potday
        WHERE workspace_id = %(workspace)s AND account = 'spent' AND day >= %(whole)s AND day < %(broken)s
        UNION ALL
        SELECT (effective_at AT TIME ZONE %(zone)s)::date, amount FROM billing_entry
        WHERE workspace_id = %(workspace)s AND kind <> 'transfer'
          AND (effective_at >= %(start)s AND effective_at < %(whole_at)s
               OR effective_at >= %(broken_at)s AND effective_at < %(until)s)
    ) spent GROUP BY 1 ORDER BY 1
"""
DAY, MOMENT = datetime.timedelta(days=1), datetime.timedelta(microseconds=1)


@dataclasses.dataclass(frozen=True)
class Part:
    """A category's part: open deliverables that are due, what they used, and what is to come."""

    category: str
    due: int
    used: int
    pattern: Pattern | None
    amount: Decimal
    borrowed: bool  # nothing of it was accepted lately: all categories together stand for it


@dataclasses.dataclass(frozen=True)
class Forecast:
    """A month's spend at its end, as foreseen at an instant."""

    month: str
    at: datetime.datetime
    booked: Decimal
    reserved: Decimal
    ahead: Ahead
    parts: list[Part]
    made: int

    @property
    def amount(self) -> Decimal:
        return self.booked + self.reserved + self.ahead.amount

    @property
    def low(self) -> Decimal:
        return self.booked + self.reserved + self.ahead.low

    @property
    def high(self) -> Decimal:
        return self.booked + self.reserved + self.ahead.high


@dataclasses.dataclass(frozen=True)
class Tested:
    """A forecast of a month that is over, and what it came to."""

    forecast: Forecast
    actual: Decimal

    @property
    def held(self) -> bool:
        return self.forecast.low <= self.actual <= self.forecast.high


def of_month(workspace: Workspace, *, at: datetime.datetime) -> Forecast:
    """The forecast of the month in which an instant lies, from what there was at that instant."""
    with month_sums.snapshot():
        rows = DeliverableCost.objects.filter(workspace=workspace)
        reserved = rows.aggregate(held=Sum("reserved"))["held"] or Decimal(0)
        return _foreseen(workspace, at, _spent(workspace, months.start_of(workspace, at), at), reserved)


def back_test(workspace: Workspace, *, now: datetime.datetime, count: int = TESTED_MONTHS) -> list[Tested]:
    """The last whole months, foreseen as of the first instant of their TESTED_DAY, the latest first.

    Months in which nothing was spent are left out.
    """
    found: list[Tested] = []
    name = months.month_of(workspace, now)
    with month_sums.snapshot():
        for _ in range(count):
            name = months.before(name)
            span = months.span(workspace, name)
            actual = _spent(workspace, span.start, span.end)
            if actual:
                first = span.start.astimezone(months.zone_of(workspace)).date()
                day = first.replace(day=TESTED_DAY)
                at = months.first_instant(day, months.zone_of(workspace))
                booked = _booked_by(workspace, span.start, at)
                found.append(Tested(_foreseen(workspace, at, booked, _held(workspace, at)), actual))
    return found


def course(workspace: Workspace, *, month: str) -> list[tuple[datetime.date, Decimal]]:
    """What was spent on each day (UTC, at either end by the workspace's clock) of the month so far.

    The days add up to the month.
    """
    span = months.span(workspace, month)
    whole, broken = _midnight(span.start + DAY - MOMENT), _midnight(span.end)
    values = {
        "workspace": workspace.pk,
        "zone": workspace.time_zone,
        "start": span.start,
        "until": span.end,
        "whole": whole.date(),
        "whole_at": whole,
        "broken": broken.date(),
        "broken_at": broken,
    }
    return [(day, amount) for day, amount in _ask(DAYS, values)]


def _midnight(at: datetime.datetime) -> datetime.datetime:
    return at.astimezone(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _foreseen(workspace: Workspace, at: datetime.datetime, booked: Decimal, reserved: Decimal) -> Forecast:
    month = Month(workspace, months.span(workspace, months.month_of(workspace, at)))
    history, due = _history(workspace, at), _due(month, at)
    name = months.month_of(workspace, at)
    return Forecast(
        month=name,
        at=at,
        booked=booked,
        reserved=reserved,
        ahead=forecast.ahead(due, history, seed=f"{workspace.pk}:{name}"),
        parts=_parts(due, history),
        made=len(history.get(EVERY, ())),
    )


def _parts(due: Sequence[Due], history: forecast.History) -> list[Part]:
    groups: dict[str, list[Due]] = collections.defaultdict(list)
    for one in due:
        groups[one.category].append(one)
    return [
        Part(
            category=category,
            due=len(group),
            used=sum(one.used for one in group),
            pattern=forecast.pattern(forecast.basis(category, history)),
            amount=forecast.expected(group, history),
            borrowed=not forecast.pattern(history.get(category, ())),
        )
        for category, group in sorted(groups.items())
    ]


def _history(workspace: Workspace, at: datetime.datetime) -> dict[str, list[Made]]:
    values = {
        "workspace": workspace.pk,
        "at": at,
        "since": at - datetime.timedelta(weeks=WEEKS),
        "most": MOST_MADE,
    }
    found: dict[str, list[Made]] = collections.defaultdict(list)
    for category, takes, cash in _ask(MADE, values):
        found[category].append(Made(takes, cash))
        found[EVERY].append(Made(takes, cash))
    return dict(found)


def _due(month: Month, at: datetime.datetime) -> list[Due]:
    zone = months.zone_of(month.workspace)
    values = {
        "workspace": month.workspace.pk,
        "at": at,
        "first": month.span.start.astimezone(zone).date(),
        "next": month.span.end.astimezone(zone).date(),
        "columns": list(BoardColumn.values),
    }
    return sorted(Due(*row) for row in _ask(DUE, values))


def _held(workspace: Workspace, at: datetime.datetime) -> Decimal:
    since = at - datetime.timedelta(days=31)
    return Decimal(_ask(HELD, {"workspace": workspace.pk, "at": at, "since": since})[0][0])


def _spent(workspace: Workspace, start: datetime.datetime, until: datetime.datetime) -> Decimal:
    first, then = (pot_days.content(workspace=workspace, at=at)[pot_days.SPENT] for at in (start, until))
    return then - first


def _booked_by(workspace: Workspace, start: datetime.datetime, at: datetime.datetime) -> Decimal:
    """What was spent since `start`, as far as it was booked before `at`."""
    unknown = _ask(UNKNOWN, {"workspace": workspace.pk, "start": start, "at": at})[0][0]
    return _spent(workspace, start, at) - Decimal(unknown)


def _ask(statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
