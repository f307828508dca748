"""The exceptions of a month: what a reader of its figures should look at, each with who, when and how much.

They are as of the month's last instant, but for disputed charges, which are as of now: bills come later.
"""

from __future__ import annotations

import datetime
import hashlib
import uuid
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from billing import months
from billing.exception_kinds import COLUMNS, MEANINGS, Kind, union
from projects.models import Workspace
from projects.problems import Invalid

__all__ = ["MEANINGS", "Exceptional", "Filters", "Kind", "counts", "digest", "listed", "number"]

#: Names and missing amounts of the rows that are shown; a withdrawn decision moved what its transfers say.
LISTED = """
    SELECT x.kind, x.id, x.at, x.deliverable_id, d.name, p.key || '/' || g.key, x.take_id, t.number,
           COALESCE(NULLIF(w.name, ''), w.email, NULLIF(x.by_email, ''), ''), x.note,
           CASE x.kind
               WHEN 'route_overridden' THEN (
                   SELECT sum(e.amount) FROM billing_entry e
                   WHERE e.take_id = x.take_id AND e.kind <> 'transfer' AND e.effective_at < %(until)s)
               WHEN 'reversed' THEN (
                   SELECT sum(e.amount) FROM billing_entry e
                   JOIN projects_decision r ON r.id = x.id AND r.sequence = e.decision
                   WHERE e.deliverable_id = x.deliverable_id AND e.kind = 'transfer'
                     AND e.stage <> 'shared' AND e.effective_at < %(until)s)
               ELSE x.amount END,
           x.place
    FROM ({found} ORDER BY x.at, x.kind, x.id LIMIT %(limit)s OFFSET %(offset)s) x
    LEFT JOIN projects_deliverable d ON d.id = x.deliverable_id
    LEFT JOIN projects_campaign g ON g.id = d.campaign_id
    LEFT JOIN projects_project p ON p.id = g.project_id
    LEFT JOIN projects_take t ON t.id = x.take_id
    LEFT JOIN projects_person w ON w.id = x.by_id
    ORDER BY x.at, x.kind, x.id
"""
FOUND = """
    SELECT x.* FROM ({union}) x {columns}
    WHERE (%(by)s::uuid IS NULL OR x.by_id = %(by)s)
      AND (%(campaign)s::uuid IS NULL OR x.deliverable_id IN (
          SELECT id FROM projects_deliverable WHERE campaign_id = %(campaign)s))
"""


class Exceptional(NamedTuple):
    """One exception; `by` is a name, or an address where nobody of that address is known."""

    kind: Kind
    id: uuid.UUID
    at: datetime.datetime
    deliverable_id: uuid.UUID | None
    deliverable: str | None
    campaign: str | None
    take_id: uuid.UUID | None
    take: int | None
    by: str
    note: str
    amount: Decimal | None
    place: str


class Filters(NamedTuple):
    """Which exceptions are asked for; what is empty narrows nothing."""

    kind: str = ""
    campaign: uuid.UUID | None = None
    by: uuid.UUID | None = None


EVERYTHING = Filters()


def counts(*, workspace: Workspace, month: str, filters: Filters = EVERYTHING) -> dict[Kind, int]:
    """How many there are of each kind, every kind named. Raises Invalid (422) for another month or kind."""
    statement = f"SELECT kind, count(*) FROM ({_found(filters)}) f GROUP BY 1"  # noqa: S608 - our own words only
    found = dict(_ask(statement, workspace, month, filters))
    return {kind: found.get(kind.value, 0) for kind in Kind}


def number(*, workspace: Workspace, month: str) -> int:
    return sum(counts(workspace=workspace, month=month).values())


def listed(
    *,
    workspace: Workspace,
    month: str,
    filters: Filters = EVERYTHING,
    limit: int | None = None,
    offset: int = 0,
) -> list[Exceptional]:
    """The exceptions, the first first; all of them without a limit. Raises as `counts` does."""
    statement = LISTED.format(found=_found(filters))
    rows = _ask(statement, workspace, month, filters, limit=limit, offset=offset)
    return [Exceptional(Kind(kind), *rest) for kind, *rest in rows]


def digest(*, workspace: Workspace, month: str) -> str:
    """A hash of which exceptions there are, so that it shows when others have come since they were read."""
    statement = f"SELECT kind, id FROM ({_found(EVERYTHING)}) f ORDER BY 1, 2"  # noqa: S608
    hashed = hashlib.sha256()
    for kind, key in _ask(statement, workspace, month, EVERYTHING):
        hashed.update(f"{kind} {key}\n".encode())
    return hashed.hexdigest()


def _found(filters: Filters) -> str:
    if filters.kind and filters.kind not in Kind.values:
        raise Invalid({"kind": [f"“{filters.kind}” is none of {', '.join(Kind.values)}."]})
    return FOUND.format(union=union(filters.kind), columns=COLUMNS)


def _ask(
    statement: str,
    workspace: Workspace,
    month: str,
    filters: Filters,
    *,
    limit: int | None = None,
    offset: int = 0,
) -> list[tuple[Any, ...]]:
    start, until = months.span(workspace, month)
    values: dict[str, Any] = {
        "workspace": workspace.pk,
        "month": month,
        "start": start,
        "until": until,
        "campaign": filters.campaign,
        "by": filters.by,
        "limit": limit,
        "offset": offset,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
