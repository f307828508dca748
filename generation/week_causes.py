"""What changed in a week that may explain its figures: routes, prices, models; each dated and in words."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db.models import Q

from billing import money, months
from billing.control import WEEK
from billing.models import PriceDecision, PriceRow
from generation.stability import Flag, Stability
from projects.models import Workspace
from routing import differences, document
from routing.models import RoutingTable

ROUTE, PRICE, MODEL = "Route", "Price", "Model"
MOST = 6
"""Of a kind, how many are told; the rest is counted."""


class Cause(NamedTuple):
    """Something that changed on a day of the week: a routing version, or something about a model."""

    kind: str
    on: datetime.date
    words: str
    version: int = 0
    model: str = ""


def of_flags(workspace: Workspace, found: Stability, flags: Sequence[Flag]) -> list[tuple[Flag, list[Cause]]]:
    """What changed in each flagged week for its category; two queries whatever their number."""
    if not flags:
        return []
    zone = months.zone_of(workspace)
    tables = _tables(workspace)
    prices = _prices(workspace, set().union(*(found.used_models(flag.category) for flag in flags)))
    causes = []
    for flag in flags:
        week = flag.point.week
        start, end = (months.first_instant(day, zone) for day in (week, week + WEEK))
        told = [
            *_routes(tables, flag.category, start, end, zone),
            *_dearer(prices, found.used_models(flag.category), start, end, zone),
            *(
                Cause(MODEL, week, f"{model} made its first takes here", model=model)
                for model in found.new_models(flag.category, week)[:MOST]
            ),
        ]
        causes.append((flag, sorted(told, key=lambda cause: (cause.on, cause.kind, cause.words))))
    return causes


def _tables(workspace: Workspace) -> list[RoutingTable]:
    """Every version that was ever in force, in the order of its publication."""
    rows = RoutingTable.objects.filter(workspace=workspace, published_at__isnull=False)
    return list(rows.order_by("published_at", "version"))


def _routes(
    tables: Sequence[RoutingTable],
    category: str,
    start: datetime.datetime,
    end: datetime.datetime,
    zone: datetime.tzinfo,
) -> Iterable[Cause]:
    """Versions published in the week that change a route of the category, or one of all categories."""
    for before, table in zip([None, *tables], tables, strict=False):
        at = table.published_at
        if at is None or not start <= at < end:
            continue
        on = at.astimezone(zone).date()
        if before is None:
            yield Cause(ROUTE, on, f"Routing version {table.version} came into force", table.version)
            continue
        told = _changes(before, table, category)
        more = f"; and {len(told) - MOST} more" if len(told) > MOST else ""
        if told:
            words = f"Routing version {table.version}: {'; '.join(told[:MOST])}{more}"
            yield Cause(ROUTE, on, words, table.version)


def _changes(before: RoutingTable, after: RoutingTable, category: str) -> list[str]:
    concerned = {
        route.key
        for table in (before, after)
        for route in document.parse(table.document).routes
        if route.match.get("category", category) == category
    }
    return [
        f"{change.subject} {change.kind}"
        if change.kind != "changed"
        else f"{change.subject}, " + ", ".join(_said(one) for one in change.differences)
        for change in differences.of(before.document, after.document)
        if change.route in concerned
    ]


def _said(one: differences.Difference) -> str:
    return f"{one.what.lower()}: {one.before or 'nothing'} → {one.after or 'nothing'}"


def _prices(workspace: Workspace, models: set[str]) -> list[PriceRow]:
    """All rows of these models, in the order of their starts."""
    rows = PriceRow.objects.filter(workspace=workspace, model_key__in=models)
    kept = rows.exclude(Q(decision__decision=PriceDecision.Kind.DECLINED))
    return list(kept.order_by("model_key", "starts_at", "created_at"))


def _dearer(
    prices: Sequence[PriceRow],
    models: frozenset[str],
    start: datetime.datetime,
    end: datetime.datetime,
    zone: datetime.tzinfo,
) -> Iterable[Cause]:
    last: dict[str, PriceRow] = {}
    for row in prices:
        was = last.get(row.model_key)
        last[row.model_key] = row
        if row.model_key not in models or not start <= row.starts_at < end:
            continue
        before = f", {_price(was)} before" if was else ""
        words = f"{row.model_key} at {_price(row)} per {row.get_unit_display().lower()}{before}"
        yield Cause(PRICE, row.starts_at.astimezone(zone).date(), words, model=row.model_key)


def _price(row: PriceRow) -> str:
    return f"{money.unit_price(row.amount)} {row.currency}"
