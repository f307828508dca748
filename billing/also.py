"""What an audit prints beside its figures: lead time, pace, take curve, error bars."""

from __future__ import annotations

import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from billing import figures, month_figures, month_sums, months
from billing.month_figures import Figures
from projects.models import CategoryTarget, Workspace


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


def also(*, workspace: Workspace, month: str) -> Also:
    """What is printed beside the figures of a month (YYYY-MM)."""
    with month_sums.snapshot():
        return also_of(month_figures.of(workspace, month))


def also_of(found: Figures) -> Also:
    start, end = found.month.span
    accepted = int(figures.total(found.cells.values()).accepted)
    due = int(found.amount("due"))
    cash = found.by_key("curve_cash")
    places = sorted((int(place), int(count)) for place, count in found.by_key("curve").items())
    weeks = Fraction(int((end - start).total_seconds()), 7 * 24 * 3600)
    return Also(
        lead_median=_lead(found, accepted, Decimal("0.5")),
        lead_80=_lead(found, accepted, Decimal("0.8")),
        accepted_a_week=Fraction(accepted) / weeks,
        on_time=Fraction(int(found.amount("on_time")), due) if due else None,
        curve=[Place(place, count, cash.get(str(place), Decimal(0))) for place, count in places],
    )


def _lead(found: Figures, accepted: int, share: Decimal) -> datetime.timedelta | None:
    if not accepted:
        return None
    seconds = month_sums.lead_share(found.month, found.changed, accepted=accepted, share=share)
    return datetime.timedelta(seconds=float(seconds))


def error_bars(*, workspace: Workspace, month: str) -> list[ErrorBar]:
    """For each category whose target of the month lies above its figure: r·s / (1 + s)."""
    with month_sums.snapshot():
        return error_bars_of(month_figures.of(workspace, month))


def error_bars_of(found: Figures) -> list[ErrorBar]:
    workspace, span = found.month.workspace, found.month.span
    last_day = (span.end - datetime.timedelta(seconds=1)).astimezone(months.zone_of(workspace)).date()
    rows = CategoryTarget.objects.filter(workspace=workspace, starts_on__lte=last_day).order_by("starts_on")
    targets = dict(rows.values_list("category__key", "amount"))
    by_category: dict[str, list[figures.Sums]] = {}
    for (category, _, _), part in found.cells.items():
        by_category.setdefault(category, []).append(part)
    bars = []
    for category, target in sorted(targets.items()):
        bar = _bar(category, figures.total(by_category.get(category, [])), target)
        if bar:
            bars.append(bar)
    return bars


def _bar(category: str, sums: figures.Sums, target: Decimal) -> ErrorBar | None:
    if not sums.accepted or not sums.takes or not sums.cash:
        return None
    figure = Fraction(sums.cash) / sums.accepted
    over = Fraction(target) / figure - 1
    if over <= 0:
        return None
    bias = Fraction(sums.accepted, sums.takes) * over / (1 + over)
    return ErrorBar(category, Decimal(figures.printed(figure)), target, bias)
