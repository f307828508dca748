"""What changed in a week that may explain its figures: routes, pipelines, templates, prices and models.

Each is dated and in words.
"""

from __future__ import annotations

import collections
import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from django.db import connection
from django.db.models import Q

from billing import money, months, prices
from billing.control import WEEK
from billing.models import PriceDecision, PriceRow
from generation.models import Pipeline, PromptTemplate
from generation.stability import Flag, Stability
from projects.models import Workspace
from routing import differences, document
from routing.models import RoutingTable

ROUTE, PRICE, MODEL, PIPELINE, TEMPLATE = "Route", "Price", "Model", "Pipeline", "Template"
MOST = 6
"""Of a kind, how many are told; the rest is counted."""
#: By which pipelines and templates each category's takes were made, whatever their versions.
MADE_BY = """
    SELECT DISTINCT c.key, split_part(r.pipeline, '@', 1), split_part(r.prompt_template, '@', 1)
    FROM projects_take t
    JOIN projects_deliverable d ON d.id = t.deliverable_id
    JOIN projects_category c ON c.id = d.category_id
    JOIN generation_recipe r ON r.take_id = t.id
    WHERE t.workspace_id = %s AND t.requested_at >= %s AND c.key = ANY(%s)
"""
FOR_EVER = datetime.datetime.max.replace(tzinfo=datetime.UTC)
Published = Pipeline | PromptTemplate


class Cause(NamedTuple):
    """Something that changed on a day of the week: a version, or something about a model.

    `version` is that of a routing table, `model` the key of the model that it is about.
    """

    kind: str
    on: datetime.date
    words: str
    version: int = 0
    model: str = ""


def of_flags(workspace: Workspace, found: Stability, flags: Sequence[Flag]) -> list[tuple[Flag, list[Cause]]]:
    """What changed in each flagged week for its category; five queries whatever their number."""
    if not flags:
        return []
    zone = months.zone_of(workspace)
    tables = _tables(workspace)
    prices = _prices(workspace, set().union(*(found.used_models(flag.category) for flag in flags)))
    published = _published(workspace, found, {flag.category for flag in flags})
    causes = []
    for flag in flags:
        week = flag.point.week
        start, end = (months.first_instant(day, zone) for day in (week, week + WEEK))
        told = [
            *_routes(tables, flag.category, start, end, zone),
            *_versions(published[flag.category], start, end, zone),
            *_dearer(prices, found.used_models(flag.category), start, end, zone),
            *_new(found.new_models(flag.category, week), week),
        ]
        causes.append((flag, sorted(told, key=lambda cause: (cause.on, cause.kind, cause.words))))
    return causes


def _new(models: Sequence[str], week: datetime.date) -> Iterable[Cause]:
    for model in models[:MOST]:
        yield Cause(MODEL, week, f"{model} made its first takes here", model=model)
    rest = len(models) - MOST
    if rest > 0:
        yield Cause(MODEL, week, f"{rest} more model{'s' if rest > 1 else ''} made first takes here")


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


def _published(
    workspace: Workspace, found: Stability, categories: set[str]
) -> Mapping[str, Sequence[Published]]:
    """By category, all versions of the pipelines and templates that made its takes in the weeks shown."""
    since = months.first_instant(found.weeks[0], months.zone_of(workspace))
    with connection.cursor() as cursor:
        cursor.execute(MADE_BY, [workspace.pk, since, sorted(categories)])
        rows = cursor.fetchall()
    made: dict[str, list[Published]] = collections.defaultdict(list)
    for model, place in ((Pipeline, 1), (PromptTemplate, 2)):
        slugs = {row[place] for row in rows}
        versions = model.objects.filter(workspace=workspace, slug__in=slugs, published_at__gte=since)
        for version in versions.order_by("slug", "version"):
            for category in {row[0] for row in rows if row[place] == version.slug}:
                made[category].append(version)
    return made


def _versions(
    published: Sequence[Published], start: datetime.datetime, end: datetime.datetime, zone: datetime.tzinfo
) -> Iterable[Cause]:
    for version in published:
        if not start <= version.published_at < end:
            continue
        kind = PIPELINE if isinstance(version, Pipeline) else TEMPLATE
        why = f": {version.reason}" if version.reason else ""
        yield Cause(kind, version.published_at.astimezone(zone).date(), f"{version} was published{why}")


def _prices(workspace: Workspace, models: set[str]) -> list[PriceRow]:
    """The rows of these models that were in force, in the order of their starts.

    Proposed ones are so until the model's first approved one begins (`billing.prices.in_force`).
    """
    rows = PriceRow.objects.filter(workspace=workspace, model_key__in=models).select_related("decision")
    kept = rows.exclude(Q(decision__decision=PriceDecision.Kind.DECLINED))
    ordered = list(kept.order_by("model_key", "starts_at", "created_at"))
    approved_from: dict[str, datetime.datetime] = {}
    for row in ordered:
        if _is_approved(row):
            approved_from.setdefault(row.model_key, row.starts_at)
    return [
        row
        for row in ordered
        if _is_approved(row) or row.starts_at < approved_from.get(row.model_key, FOR_EVER)
    ]


def _is_approved(row: PriceRow) -> bool:
    return prices.state_of(row) == PriceDecision.Kind.APPROVED


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
