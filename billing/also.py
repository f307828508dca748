"""What an audit prints beside its figures: lead time, pace, take curve, error bars, exceptions."""

from __future__ import annotations

import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from django.db import connection

from billing import figures, month_figures, month_sums, months
from billing.month_figures import Figures
from projects.models import (
    CapDecision,
    CategoryTarget,
    Decision,
    HeroRequest,
    Workspace,
)


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


#: What pages and files tell of an exception.
OF_DECISION = (
    *("at", "note", "money_saved", "by_email", "deliverable__name", "take__number", "take__deliverable_id"),
)
OF_GRANT = (
    *("at", "cap_request__more", "cap_request__reason", "cap_request__at_most"),
    "cap_request__deliverable__name",
)
OF_REQUEST = ("decided_at", "note", "shown_amount", "deliverable__name")
OF_PEOPLE = {name: (f"{name}__name", f"{name}__email") for name in ("by", "requested_by")}


NUMBER = """
    SELECT (SELECT count(*) FROM projects_decision WHERE workspace_id = %(workspace)s
              AND at >= %(start)s AND at < %(until)s AND decision = 'accept' AND as_is)
         + (SELECT count(*) FROM projects_capdecision WHERE workspace_id = %(workspace)s
              AND at >= %(start)s AND at < %(until)s AND decision = 'grant')
         + (SELECT count(*) FROM projects_herorequest WHERE workspace_id = %(workspace)s
              AND decided_at >= %(start)s AND decided_at < %(until)s AND self_approved)
"""


class Exceptions(NamedTuple):
    """The first of each kind, and how many there are of all kinds."""

    as_is: list[Decision]
    caps_raised: list[CapDecision]
    self_approved: list[HeroRequest]
    number: int

    def __bool__(self) -> bool:
        return bool(self.number)

    @property
    def rest(self) -> int:
        return self.number - len(self.as_is) - len(self.caps_raised) - len(self.self_approved)


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
    workspace, span = found.month
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


def exceptions(*, workspace: Workspace, month: str, most: int | None = None) -> Exceptions:
    """What a reader of the month should look at: taken as is, caps raised, self-approved; `most` of each."""
    start, end = months.span(workspace, month)
    of_month = {"workspace": workspace, "at__gte": start, "at__lt": end}
    as_is = Decision.objects.filter(**of_month, decision="accept", as_is=True)
    caps = CapDecision.objects.filter(**of_month, decision="grant")
    alone = HeroRequest.objects.filter(
        workspace=workspace, self_approved=True, decided_at__gte=start, decided_at__lt=end
    )
    decided = as_is.select_related("deliverable", "take", "by").only(*OF_DECISION, *OF_PEOPLE["by"])
    granted = caps.select_related("cap_request__deliverable", "by").only(*OF_GRANT, *OF_PEOPLE["by"])
    approved = alone.select_related("deliverable", "requested_by").only(
        *OF_REQUEST, *OF_PEOPLE["requested_by"]
    )
    first = list(decided.order_by("at", "sequence")[:most])
    raised = list(granted.order_by("at", "sequence")[:most])
    selves = list(approved.order_by("decided_at", "id")[:most])
    shown = len(first) + len(raised) + len(selves)
    return Exceptions(first, raised, selves, shown if most is None else _number(workspace, start, end))


def _number(workspace: Workspace, start: datetime.datetime, end: datetime.datetime) -> int:
    """How many exceptions there are; counted apart, for a window over all of them would join all of them."""
    with connection.cursor() as cursor:
        cursor.execute(NUMBER, {"workspace": workspace.pk, "start": start, "until": end})
        return int(cursor.fetchone()[0])
