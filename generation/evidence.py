"""What is known of each model in each category and phase: the facts that decisions on routing stand on.

A cohort: the takes that were asked for within a span, up to its end, with all their cash and what was decided
on them so far. One range of an index, one statement. What every figure means: docs/numbers.md, "Evidence for
routing".
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from django.db import connection

from billing import intervals
from billing.intervals import UNKNOWN, Interval, Pairs
from projects.models import Membership

SPANS = {4: "Last 4 weeks", 13: "Last 13 weeks", 26: "Last 26 weeks"}
LEAST = (10, 20, 50, 100)
USUAL_WEEKS, USUAL_LEAST = 13, 20
#: A failed take was charged to no model: the one that was asked last is named, else that of its charge.
ASKED = """
    WITH asked AS MATERIALIZED (
        SELECT t.id, t.phase, t.mark, t.counted_at IS NOT NULL AS counted, c.key AS category, c.name,
               d.state AS stands, d.accepted_at - d.created_at AS lead,
               CASE WHEN t.counted_at IS NULL THEN COALESCE(
                   (SELECT k.model FROM generation_call k JOIN generation_run r ON r.id = k.run_id
                    WHERE r.take_id = t.id ORDER BY k.intended_at DESC LIMIT 1), t.model
               ) ELSE t.model END AS model
        FROM projects_take t
        JOIN projects_deliverable d ON d.id = t.deliverable_id
        JOIN projects_category c ON c.id = d.category_id
        WHERE t.workspace_id = %(workspace)s AND t.requested_at >= %(since)s AND t.requested_at < %(until)s
          AND t.kind <> 'uploaded' AND (t.counted_at IS NOT NULL OR t.state = 'failed')
          AND (%(category)s = '' OR c.key = %(category)s) AND (%(phase)s = '' OR t.phase = %(phase)s)
    )
"""
COUNTED = f"""
    {ASKED}, paid AS (
        SELECT e.take_id, sum(e.amount) AS amount, max(e.model) FILTER (WHERE e.kind = 'charge') AS charged
        FROM billing_entry e
        WHERE e.workspace_id = %(workspace)s AND e.effective_at >= %(since)s
          AND e.kind <> 'transfer' AND e.take_id IS NOT NULL
        GROUP BY 1
    ), judged AS (
        SELECT COALESCE(NULLIF(a.model, ''), p.charged, '') AS model, a.category, a.name, a.phase, a.mark,
               a.lead, a.counted, COALESCE(p.amount, 0) AS amount,
               mark IN ('accepted', 'selected') AS kept,
               counted AND (mark <> '' OR stands <> 'open') AS judged
        FROM asked a LEFT JOIN paid p ON p.take_id = a.id
    )
    SELECT model, category, min(name), phase,
           count(*) FILTER (WHERE counted), count(*) FILTER (WHERE NOT counted),
           count(*) FILTER (WHERE judged), count(*) FILTER (WHERE judged AND kept),
           COALESCE(sum(amount) FILTER (WHERE judged OR NOT counted), 0),
           COALESCE(sum(amount * amount) FILTER (WHERE judged OR NOT counted), 0),
           COALESCE(sum(amount) FILTER (WHERE judged AND kept), 0),
           COALESCE(array_agg(EXTRACT(epoch FROM lead)::float8 ORDER BY lead) FILTER (
               WHERE mark = 'accepted' AND lead IS NOT NULL
           ), ARRAY[]::float8[])
    FROM judged GROUP BY 1, 2, 4 ORDER BY 2, 4, 1
"""  # noqa: S608 - our own words only


class Figure(NamedTuple):
    """What a figure of a row is, its interval, and from how many it comes. `value` is None without any."""

    value: Decimal | None
    interval: Interval
    number: int


@dataclasses.dataclass(frozen=True)
class Row:
    """Takes of a model in a category and a phase. `paid` is of the judged and the failed ones."""

    model: str
    category: str
    category_name: str
    phase: str
    takes: int
    failed: int
    judged: int
    kept: int
    paid: Decimal
    squared: Decimal
    paid_for_kept: Decimal
    leads: Sequence[float]

    @property
    def acceptance(self) -> Figure:
        return Figure(_over(self.kept, self.judged), intervals.share(self.kept, self.judged), self.judged)

    @property
    def takes_per_accepted(self) -> Figure:
        return Figure(_over(self.judged, self.kept), intervals.inverse(self.acceptance.interval), self.judged)

    @property
    def cost(self) -> Figure:
        number = self.judged + self.failed
        pairs = Pairs(number, self.paid, self.kept, self.squared, self.paid_for_kept)
        return Figure(_over(self.paid, self.kept), intervals.ratio(pairs), number)

    @property
    def lead(self) -> Figure:
        """Seconds; the median, between the two in the middle."""
        number = len(self.leads)
        if not number:
            return Figure(None, UNKNOWN, 0)
        middle = (self.leads[(number - 1) // 2] + self.leads[number // 2]) / 2
        places = intervals.median_places(number)
        ends = [_seconds(self.leads[place]) for place in places] if places else UNKNOWN
        return Figure(_seconds(middle), Interval(*ends), number)

    @property
    def failure(self) -> Figure:
        ended = self.takes + self.failed
        return Figure(_over(self.failed, ended), intervals.share(self.failed, ended), ended)


class Measure(NamedTuple):
    """A figure by which rows can be ranked, and its name in files. `few`: whether less of it is better."""

    label: str
    column: str
    of: Callable[[Row], Figure]
    few: bool


MEASURES: dict[str, Measure] = {
    "cost": Measure("Cost per acceptable", "cost_per_acceptable", lambda row: row.cost, True),
    "acceptance": Measure("Acceptance", "acceptance", lambda row: row.acceptance, False),
    "takes": Measure("Takes per accepted", "takes_per_accepted", lambda row: row.takes_per_accepted, True),
    "lead": Measure("Lead time", "lead_seconds", lambda row: row.lead, True),
    "failure": Measure("Failure", "failure", lambda row: row.failure, True),
}


class Ranked(NamedTuple):
    """A row with its place in its category and phase; without one where its sample is too small.

    `level`: whether its interval overlaps that of the first, so that the two cannot be told apart.
    """

    row: Row
    place: int | None
    level: bool


def since(weeks: int, now: datetime.datetime) -> datetime.datetime:
    """When a span of so many weeks up to now begins: at a midnight (UTC)."""
    midnight = now.astimezone(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - datetime.timedelta(weeks=weeks)


def rows(
    member: Membership, *, weeks: int, now: datetime.datetime, category: str = "", phase: str = ""
) -> list[Row]:
    """What there is of each model in each category and phase; one query."""
    values: dict[str, Any] = {
        "workspace": member.workspace_id,
        "since": since(weeks, now),
        "until": now,
        "category": category,
        "phase": phase,
    }
    with connection.cursor() as cursor:
        cursor.execute(COUNTED, values)
        return [Row(*found) for found in cursor.fetchall()]


def ranked(found: Iterable[Row], *, by: str, least: int) -> list[Ranked]:
    """Best first within each category and phase, by a measure; those with a sample below `least` come after
    them, without a place, by name."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in found:
        groups.setdefault((row.category, row.phase), []).append(row)
    return [each for _, group in sorted(groups.items()) for each in _group(group, MEASURES[by], least)]


def _group(group: Iterable[Row], measure: Measure, least: int) -> list[Ranked]:
    large: list[tuple[Decimal, str, Row]] = []
    small: list[Row] = []
    for row in group:
        figure = measure.of(row)
        if figure.value is None or figure.number < least:
            small.append(row)
        else:
            large.append((figure.value if measure.few else -figure.value, row.model, row))
    order = [row for _, _, row in sorted(large, key=lambda one: one[:2])]
    placed = [
        Ranked(row, place, place > 1 and measure.of(row).interval.overlaps(measure.of(order[0]).interval))
        for place, row in enumerate(order, 1)
    ]
    return [*placed, *(Ranked(row, None, False) for row in sorted(small, key=lambda row: row.model))]


def _over(above: Decimal | int, below: int) -> Decimal | None:
    if not below:
        return None
    exact = Fraction(above) / below
    return Decimal(exact.numerator) / Decimal(exact.denominator)


def _seconds(value: float) -> Decimal:
    return Decimal(round(value))
