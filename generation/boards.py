"""The board of a campaign: exact counts and the first cards of each column, and the same rows as a table."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from django.db.models import Count, DecimalField, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce
from django.urls import reverse

from projects.models import Campaign, Deliverable, Phase, Take, Workspace
from projects.models.takes import TAKES_IN_FLIGHT
from projects.models.work import BoardColumn
from routing import tables
from routing.brief import Brief
from routing.document import Table

CARDS = 50
ON_CARDS = (
    *("name", "board_column", "cap", "extra_drafts", "drafts_used", "due_on"),
    *("category__key", "category__name", "format__key", "poster__name", "campaign__name"),
    *("campaign__project__key", "cost__generation", "cost__control", "cost__refinement"),
)
"""What a card tells; briefs, variables and the like stay in the database."""
ZERO = Value(Decimal(0), output_field=DecimalField(max_digits=20, decimal_places=8))
SPENT = (
    Coalesce(F("cost__generation"), ZERO)
    + Coalesce(F("cost__control"), ZERO)
    + Coalesce(F("cost__refinement"), ZERO)
)
CSV_COLUMNS = (
    "key",
    "name",
    "category",
    "format",
    "state",
    "due_on",
    "drafts_used",
    "heroes_used",
    "spent",
)


@dataclasses.dataclass(frozen=True)
class Column:
    """One column: how many deliverables stand in it, and its first cards by due date."""

    key: str
    label: str
    count: int
    cards: list[dict[str, Any]]

    @property
    def rest(self) -> int:
        return self.count - len(self.cards)


def columns(rows: QuerySet[Deliverable], *, workspace: Workspace, today: datetime.date) -> list[Column]:
    """All columns of these deliverables, in a number of queries that does not depend on theirs.

    Rows are counted by `*`: an index alone answers that, and would not for a column that it lacks.
    """
    counts = dict(rows.order_by().values_list("board_column").annotate(number=Count("*")))
    shown = list(_first(rows, [key for key in BoardColumn.values if counts.get(key)]))
    cards = _cards(shown, workspace=workspace, today=today)
    return [
        Column(
            key=key,
            label=str(BoardColumn(key).label),
            count=counts.get(key, 0),
            cards=[cards[row.pk] for row in shown if row.board_column == key],
        )
        for key in BoardColumn.values
    ]


def cards_of(
    rows: QuerySet[Deliverable], *, workspace: Workspace, today: datetime.date
) -> list[dict[str, Any]]:
    """Cards of these deliverables, in their order."""
    shown = list(_with_relations(rows))
    cards = _cards(shown, workspace=workspace, today=today)
    return [cards[row.pk] for row in shown]


def filtered(rows: QuerySet[Deliverable], wanted: Mapping[str, Any]) -> QuerySet[Deliverable]:
    """The deliverables that fit the filters of the form: words, category, column, due date, mine."""
    if words := wanted.get("q"):
        for word in words.split():
            rows = rows.filter(Q(name__icontains=word) | Q(key__icontains=word) | Q(brief__icontains=word))
    if category := wanted.get("category"):
        rows = rows.filter(category=category)
    if column := wanted.get("column"):
        rows = rows.filter(board_column=column)
    if due := wanted.get("due_before"):
        rows = rows.filter(due_on__lte=due)
    return rows


def table_rows(rows: QuerySet[Deliverable]) -> QuerySet[Deliverable]:
    """The same deliverables as a table shows them: with what was spent, by due date."""
    return (
        rows.select_related("category", "format", "poster", "campaign__project")
        .annotate(spent=SPENT)
        .order_by(F("due_on").asc(nulls_last=True), "key")
    )


def totals(rows: QuerySet[Deliverable]) -> dict[str, Any]:
    """The footer of the table: over all rows that fit, not those of the page."""
    return rows.order_by().aggregate(
        number=Count("pk"),
        drafts=Coalesce(Sum("drafts_used"), 0),
        heroes=Coalesce(Sum("heroes_used"), 0),
        spent=Coalesce(Sum(SPENT), ZERO),
    )


def csv_rows(rows: QuerySet[Deliverable]) -> Iterator[list[Any]]:
    """Header and rows for export, streamed."""
    yield list(CSV_COLUMNS)
    for row in table_rows(rows).iterator(chunk_size=2000):
        yield [
            row.key,
            row.name,
            row.category.key,
            row.format.key if row.format else "",
            row.board_column,
            row.due_on or "",
            row.drafts_used,
            row.heroes_used,
            f"{row.spent:.8f}",  # type: ignore[attr-defined]
        ]


def route_caps(workspace: Workspace, project: str, categories: Iterable[str]) -> dict[str, int | None]:
    """The cap on drafts that the table in force gives each category; empty without a table."""
    try:
        table = tables.parsed(tables.in_force(workspace))
    except tables.NoTable:
        return {}
    return {key: _cap(table, key, project) for key in set(categories)}


def cap_of(table: Table, row: Deliverable) -> int | None:
    """The cap on drafts: the deliverable's own, else its route's, and what was granted on top."""
    cap = row.cap if row.cap is not None else _cap(table, row.category.key, row.campaign.project.key)
    return None if cap is None else cap + row.extra_drafts


def switched_of(table: Table, row: Deliverable) -> int:
    """Takes that a switch of the draft's route allows on top of its cap, the widest one."""
    route = table.pipeline_route(
        Brief(category=row.category.key, phase=Phase.DRAFT, project=row.campaign.project.key)
    )
    return max((rule.more_takes for rule in route.criteria), default=0) if route else 0


def _cap(table: Table, category: str, project: str) -> int | None:
    route = table.pipeline_route(Brief(category=category, phase=Phase.DRAFT, project=project))
    return route.cap if route else None


def _first(rows: QuerySet[Deliverable], keys: list[str]) -> Iterable[Deliverable]:
    """The first cards of each column, by due date, in two queries."""
    parts = [
        rows.filter(board_column=key)
        .order_by(F("due_on").asc(nulls_last=True), "key")
        .values_list("pk")[:CARDS]
        for key in keys
    ]
    if not parts:
        return []
    ids = parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0]
    wanted = Deliverable.objects.filter(pk__in=[pk for (pk,) in ids])
    return _with_relations(wanted).order_by(F("due_on").asc(nulls_last=True), "key")


def _with_relations(rows: QuerySet[Deliverable]) -> QuerySet[Deliverable]:
    related = rows.select_related("category", "format", "poster", "cost", "campaign__project")
    return related.only(*ON_CARDS)


def _cards(
    shown: list[Deliverable], *, workspace: Workspace, today: datetime.date
) -> dict[uuid.UUID, dict[str, Any]]:
    running = dict(
        Take.objects.filter(deliverable__in=[row.pk for row in shown], state__in=TAKES_IN_FLIGHT)
        .order_by()
        .values_list("deliverable")
        .annotate(number=Count("pk"))
    )
    project = shown[0].campaign.project.key if shown else ""
    caps = route_caps(workspace, project, {row.category.key for row in shown})
    return {row.pk: _card(row, workspace, today, caps, running.get(row.pk, 0)) for row in shown}


def _card(
    row: Deliverable,
    workspace: Workspace,
    today: datetime.date,
    caps: Mapping[str, int | None],
    running: int,
) -> dict[str, Any]:
    cap = row.cap if row.cap is not None else caps.get(row.category.key)
    cost = getattr(row, "cost", None)
    open_ = row.board_column not in (BoardColumn.DONE, BoardColumn.DROPPED)
    return {
        "id": row.pk,
        "href": reverse("generation:desk", args=[workspace.slug, row.pk]),
        "title": row.name,
        "campaign": row.campaign.name,
        "column": row.board_column,
        "poster": poster_url(workspace, row),
        "format": row.format.key if row.format else "16x9",
        "category": row.category.name,
        "takes_used": row.drafts_used,
        "cap": None if cap is None else cap + row.extra_drafts,
        "spent": cost.generation + cost.control + cost.refinement if cost else Decimal(0),
        "currency": workspace.currency,
        "due_on": row.due_on,
        "late": bool(row.due_on and row.due_on < today and open_),
        "running": running,
    }


def poster_url(workspace: Workspace, row: Deliverable) -> str:
    """The address of the card's picture; empty before there is one whose bytes were kept."""
    if row.poster is None or not row.poster.name:
        return ""
    return reverse("generation:rendition", args=[workspace.slug, row.poster_id, "thumbnail"])


def of_campaign(campaign: Campaign) -> QuerySet[Deliverable]:
    return Deliverable.objects.filter(campaign=campaign)
