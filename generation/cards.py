"""Cards of deliverables, as board and home show them.

A board has hundreds, so their rows come from one statement that is written out, with nothing in them but what
a card tells; categories and caps are few, and are looked up apart.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection
from django.urls import reverse

from generation import caps
from projects.models import Category, Membership, Workspace
from projects.models.takes import TAKES_IN_FLIGHT
from projects.models.work import BoardColumn
from routing import tables

ROWS = """
    WITH running AS (
        SELECT deliverable_id, count(*) AS number FROM projects_take
        WHERE workspace_id = %(workspace)s AND state = ANY(%(in_flight)s)
        GROUP BY deliverable_id
    )
    SELECT d.id::text, d.name, d.board_column, d.category_id, p.key, d.drafts_used, d.cap, d.extra_drafts,
           d.due_on, coalesce(s.generation + s.control + s.refinement, 0), coalesce(running.number, 0),
           CASE WHEN a.name <> '' THEN a.id::text END
    FROM projects_deliverable d
    JOIN projects_campaign c ON c.id = d.campaign_id JOIN projects_project p ON p.id = c.project_id
    LEFT JOIN billing_deliverablecost s ON s.deliverable_id = d.id
    LEFT JOIN projects_asset a ON a.id = d.poster_id
    LEFT JOIN running ON running.deliverable_id = d.id
    WHERE d.workspace_id = %(workspace)s AND d.id = ANY(%(ids)s)
    ORDER BY d.due_on ASC NULLS LAST, d.key
"""
#: Of each column in its place: how many of a person's deliverables stand there, and the next few by due date.
MINE = """
    SELECT c.name, (
        SELECT count(*) FROM projects_deliverable d
        WHERE d.workspace_id = %(workspace)s AND d.created_by_id = %(person)s AND d.board_column = c.name
    ), ARRAY(
        SELECT d.id FROM projects_deliverable d
        WHERE d.workspace_id = %(workspace)s AND d.created_by_id = %(person)s AND d.board_column = c.name
        ORDER BY d.due_on ASC NULLS LAST, d.key LIMIT %(each)s
    )
    FROM unnest(%(columns)s::text[]) WITH ORDINALITY AS c (name, place) ORDER BY c.place
"""
PLACE = uuid.UUID(int=0)
"""Stands in an address where the id of a row goes."""
CLOSED = (BoardColumn.DONE, BoardColumn.DROPPED)


class Card(NamedTuple):
    """What one card tells.

    `cap` is the number of drafts that may be made, None without a limit; `spent` is in `currency`, the
    workspace's; `poster` is the address of the picture, "" before there is one.
    """

    href: str
    title: str
    column: str
    poster: str
    category: str
    takes_used: int
    cap: int | None
    spent: Decimal
    currency: str
    due_on: datetime.date | None
    late: bool
    running: int


def of(ids: Collection[uuid.UUID], *, workspace: Workspace, today: datetime.date) -> list[Card]:
    """Cards of these deliverables of the workspace, by due date."""
    if not ids:
        return []
    values: dict[str, Any] = {"workspace": workspace.pk, "in_flight": list(TAKES_IN_FLIGHT), "ids": list(ids)}
    with connection.cursor() as cursor:
        cursor.execute(ROWS, values)
        found = cursor.fetchall()
    categories = {row.pk: row for row in Category.objects.filter(workspace=workspace).only("key", "name")}
    limits = _route_caps(workspace, {(categories[row[3]].key, row[4]) for row in found})
    desk = addresses("generation:desk", workspace.slug)
    picture = addresses("generation:rendition", workspace.slug, "thumbnail")
    return [
        Card(
            href=desk(pk),
            title=title,
            column=column,
            poster=picture(poster) if poster else "",
            category=categories[category].name,
            takes_used=used,
            cap=_with_extra(limits.get((categories[category].key, project)) if cap is None else cap, extra),
            spent=spent,
            currency=workspace.currency,
            due_on=due_on,
            late=bool(due_on and due_on < today and column not in CLOSED),
            running=running,
        )
        for pk, title, column, category, project, used, cap, extra, due_on, spent, running, poster in found
    ]


def mine(member: Membership, *, columns: Sequence[str], each: int) -> list[tuple[str, int, list[uuid.UUID]]]:
    """Of each of these columns that has some of one's own deliverables: how many, and the first `each`."""
    values: dict[str, Any] = {
        "workspace": member.workspace_id,
        "person": member.person_id,
        "columns": [str(key) for key in columns],
        "each": each,
    }
    with connection.cursor() as cursor:
        cursor.execute(MINE, values)
        return [row for row in cursor.fetchall() if row[1]]


def _with_extra(cap: int | None, extra: int) -> int | None:
    return None if cap is None else cap + extra


def addresses(name: str, workspace: str, *more: str) -> Callable[[object], str]:
    """Addresses of many rows of one page: found once, with the row's id put into its place."""
    before, after = reverse(name, args=[workspace, PLACE, *more]).split(str(PLACE))
    return lambda pk: f"{before}{pk}{after}"


def _route_caps(
    workspace: Workspace, wanted: Collection[tuple[str, str]]
) -> Mapping[tuple[str, str], int | None]:
    """The cap on drafts that the table in force gives each category and project; empty without a table."""
    try:
        table = tables.current(workspace)
    except tables.NoTable:
        return {}
    return {(category, project): caps.route_cap(table, category, project) for category, project in wanted}
