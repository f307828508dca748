"""What an audit prints beside its figures: lead time, pace, take curve, error bars, exceptions."""

from __future__ import annotations

import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from django.db import connection

from billing import acceptances, figures, months
from billing.acceptances import LIFE, Month
from projects.models import (
    CapDecision,
    CategoryTarget,
    Decision,
    HeroRequest,
    Workspace,
)

#: By the number of counted takes up to the accepted one, in the order of their numbers.
CURVE = """
    , counts AS (
        SELECT l.deliverable_id, l.at,
               GREATEST(1, count(t.id) FILTER (WHERE t.number <= a.number)) AS place
        FROM life l
        JOIN projects_take a ON a.id = l.take_id
        LEFT JOIN projects_take t ON t.deliverable_id = l.deliverable_id AND t.counted_at <= l.at
        GROUP BY 1, 2
    ), cash AS (
        SELECT c.deliverable_id, sum(e.amount) AS amount
        FROM counts c
        JOIN billing_entry e ON e.deliverable_id = c.deliverable_id
        WHERE e.effective_at <= c.at AND e.effective_at < %(until)s AND e.kind <> 'transfer'
        GROUP BY 1
    )
    SELECT c.place, count(*), COALESCE(sum(cash.amount), 0)
    FROM counts c LEFT JOIN cash ON cash.deliverable_id = c.deliverable_id
    GROUP BY 1 ORDER BY 1
"""
PACE = """
    SELECT EXTRACT(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY l.at - d.created_at)),
           EXTRACT(epoch FROM percentile_cont(0.8) WITHIN GROUP (ORDER BY l.at - d.created_at)),
           count(*), count(d.due_on),
           count(*) FILTER (WHERE (l.at AT TIME ZONE %(zone)s)::date <= d.due_on)
    FROM life l JOIN projects_deliverable d ON d.id = l.deliverable_id
"""


class Place(NamedTuple):
    """How many were accepted at the take of this place, and the cash they cost, life to date."""

    take: int
    accepted: int
    cash: Decimal


class Also(NamedTuple):
    """Lead time runs from brief to acceptance; on time is the share of those with a due date."""

    lead_median: datetime.timedelta | None
    lead_80: datetime.timedelta | None
    accepted_a_week: Fraction
    on_time: Fraction | None
    curve: list[Place]


class ErrorBar(NamedTuple):
    """The net labelling bias (a share of takes) that would carry a category's figure past its target."""

    category: str
    figure: Decimal
    target: Decimal
    bias: Fraction


class Exceptions(NamedTuple):
    as_is: list[Decision]
    caps_raised: list[CapDecision]
    self_approved: list[HeroRequest]

    def __bool__(self) -> bool:
        return any(self._asdict().values())


def also(*, workspace: Workspace, month: str) -> Also:
    this = Month(workspace, months.span(workspace, month))
    life = LIFE.format(own="''")
    with connection.cursor() as cursor:
        cursor.execute(life + PACE, {**this.values(), "zone": workspace.time_zone})
        median, late, accepted, due, on_time = cursor.fetchone()
        cursor.execute(life + CURVE, this.values())
        curve = [Place(*row) for row in cursor.fetchall()]
    weeks = Fraction(int((this.span.end - this.span.start).total_seconds()), 7 * 24 * 3600)
    return Also(
        lead_median=datetime.timedelta(seconds=float(median)) if accepted else None,
        lead_80=datetime.timedelta(seconds=float(late)) if accepted else None,
        accepted_a_week=Fraction(accepted) / weeks,
        on_time=Fraction(on_time, due) if due else None,
        curve=curve,
    )


def error_bars(*, workspace: Workspace, month: str) -> list[ErrorBar]:
    """For each category whose target of the month lies above its figure: r·s / (1 + s)."""
    this = Month(workspace, months.span(workspace, month))
    last_day = (this.span.end - datetime.timedelta(seconds=1)).astimezone(months.zone_of(workspace)).date()
    rows = CategoryTarget.objects.filter(workspace=workspace, starts_on__lte=last_day).order_by("starts_on")
    targets = dict(rows.values_list("category__key", "amount"))
    if not targets:
        return []
    by_category: dict[str, list[figures.Sums]] = {}
    for (category, _, _), part in acceptances.cells(month=this, by="category").items():
        by_category.setdefault(category, []).append(part)
    found = []
    for category, target in sorted(targets.items()):
        sums = figures.total(by_category.get(category, []))
        bar = _bar(category, sums, target)
        if bar:
            found.append(bar)
    return found


def _bar(category: str, sums: figures.Sums, target: Decimal) -> ErrorBar | None:
    if not sums.accepted or not sums.takes or not sums.cash:
        return None
    figure = Fraction(sums.cash) / sums.accepted
    over = Fraction(target) / figure - 1
    if over <= 0:
        return None
    bias = Fraction(sums.accepted, sums.takes) * over / (1 + over)
    return ErrorBar(category, Decimal(figures.printed(figure)), target, bias)


def exceptions(*, workspace: Workspace, month: str) -> Exceptions:
    """What a reader of the month should look at: taken as is, caps raised, self-approved."""
    start, end = months.span(workspace, month)
    return Exceptions(
        list(
            Decision.objects.filter(
                workspace=workspace, decision="accept", as_is=True, at__gte=start, at__lt=end
            )
            .select_related("deliverable", "take", "by")
            .order_by("at", "sequence")
        ),
        list(
            CapDecision.objects.filter(workspace=workspace, decision="grant", at__gte=start, at__lt=end)
            .select_related("cap_request__deliverable", "by")
            .order_by("at", "sequence")
        ),
        list(
            HeroRequest.objects.filter(
                workspace=workspace, self_approved=True, decided_at__gte=start, decided_at__lt=end
            )
            .select_related("deliverable", "take", "requested_by")
            .order_by("decided_at", "id")
        ),
    )
