"""The board of a campaign: exact counts and the first cards of each column, and the same rows as a table."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from django.db.models import Count, DecimalField, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

from generation import cards
from generation.cards import Card
from projects.models import Campaign, Deliverable, Workspace
from projects.models.work import BoardColumn, DeliverableState

CARDS = 50
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
    cards: list[Card]

    @property
    def still_open(self) -> bool:
        """Whether takes can be made for what stands in it."""
        return self.key not in (BoardColumn.DONE, BoardColumn.DROPPED)

    @property
    def rest(self) -> int:
        return self.count - len(self.cards)


def columns(rows: QuerySet[Deliverable], *, workspace: Workspace, today: datetime.date) -> list[Column]:
    """All columns of these deliverables, in a number of queries that does not depend on theirs.

    Rows are counted by `*`: an index alone answers that, and would not for a column that it lacks.
    """
    counts = dict(rows.order_by().values_list("board_column").annotate(number=Count("*")))
    first = _first(rows, [key for key in BoardColumn.values if counts.get(key)])
    found = cards.of(first, workspace=workspace, today=today)
    return [
        Column(
            key=key,
            label=str(BoardColumn(key).label),
            count=counts.get(key, 0),
            cards=[card for card in found if card.column == key],
        )
        for key in BoardColumn.values
    ]


def filtered(rows: QuerySet[Deliverable], wanted: Mapping[str, Any]) -> QuerySet[Deliverable]:
    """The deliverables that fit the filters of the form: words, category, column, due date."""
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


def still_open(rows: QuerySet[Deliverable]) -> QuerySet[Deliverable]:
    """Those of them for which takes can be made."""
    return rows.filter(state=DeliverableState.OPEN)


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
        open=Count("pk", filter=Q(state=DeliverableState.OPEN)),
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


def _first(rows: QuerySet[Deliverable], keys: list[str]) -> list[uuid.UUID]:
    """The first deliverables of each column, by due date."""
    parts = [
        rows.filter(board_column=key)
        .order_by(F("due_on").asc(nulls_last=True), "key")
        .values_list("pk")[:CARDS]
        for key in keys
    ]
    if not parts:
        return []
    ids = parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0]
    return [pk for (pk,) in ids]


def of_campaign(campaign: Campaign) -> QuerySet[Deliverable]:
    return Deliverable.objects.filter(campaign=campaign)
