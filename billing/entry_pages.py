"""A page of the entries behind a month's figures: only what is shown is sorted by its outcome.

An outcome stands on the decisions and refunds of an entry's deliverable. To sort all entries of a month for a
hundred of them takes seconds where there are many, so the newest are read first and sorted with their
deliverables alone; where one outcome is asked for, so many more as it takes to fill the page.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connection

from billing import dimensions, month_sums
from billing.acceptances import PEOPLE_OF_ENTRIES, Month
from billing.month_entries import COLUMNS, require_outcome
from billing.outcomes import SORTED, Outcome

FIRST_LOOK, LOOKS_GROW = 500, 4
"""How many entries are sorted first in search of one outcome, and by how much more each time after."""
WITHOUT_DELIVERABLE = (Outcome.PERIOD, Outcome.SHARED)
NEWEST = """
    SELECT e.id, e.effective_at, e.deliverable_id
    FROM billing_entry e
    LEFT JOIN projects_project p ON p.id = e.project_id
    LEFT JOIN projects_campaign g ON g.id = e.campaign_id
    LEFT JOIN projects_deliverable d ON d.id = e.deliverable_id
    LEFT JOIN projects_category c ON c.id = d.category_id
    {people}
    WHERE e.workspace_id = %(workspace)s AND e.kind <> 'transfer'
      AND e.effective_at >= %(start)s AND e.effective_at < %(until)s
      AND (%(key)s::text IS NULL OR {dimension} = %(key)s) {narrowed}
    ORDER BY e.effective_at DESC, e.id DESC
    LIMIT %(limit)s OFFSET %(offset)s
"""
OLDER = "AND (e.effective_at, e.id) < (%(last_at)s, %(last_id)s)"
OUTCOMES = f"{SORTED} SELECT s.id, s.outcome FROM sorted s WHERE s.id = ANY(%(ids)s)"  # noqa: S608
#: In the order of `COLUMNS`; the outcome stands where there is no deliverable, and is looked up otherwise.
SHOWN = """
    SELECT e.id, e.effective_at, e.kind, e.amount, e.native_amount, e.native_currency, e.rate, e.stage,
           CASE WHEN e.campaign_id IS NULL THEN 'period' ELSE 'shared' END,
           p.key, g.key, d.key, d.id, t.number, e.phase, e.tier, e.provider, e.model, e.external_id,
           e.calculation, e.price_row
    FROM billing_entry e
    LEFT JOIN projects_project p ON p.id = e.project_id
    LEFT JOIN projects_campaign g ON g.id = e.campaign_id
    LEFT JOIN projects_deliverable d ON d.id = e.deliverable_id
    LEFT JOIN projects_take t ON t.id = e.take_id
    WHERE e.id = ANY(%(ids)s) AND e.effective_at >= %(first)s AND e.effective_at <= %(last)s
    ORDER BY e.effective_at DESC, e.id DESC
"""
Row = dict[str, Any]


class Found(NamedTuple):
    """An entry before it is sorted."""

    id: uuid.UUID
    at: datetime.datetime
    deliverable: uuid.UUID | None


def page(
    *, month: Month, outcome: str = "", by: str = "", key: str | None = None, limit: int, offset: int = 0
) -> list[Row]:
    """The same rows as `month_entries.entries` has at these places, and raises as it does."""
    require_outcome(outcome)
    with month_sums.snapshot():
        if not outcome or outcome in WITHOUT_DELIVERABLE:
            some = _newest(month, outcome, by, key, limit=limit, offset=offset)
            return _shown(some, _outcomes(month, some))
        found: list[Found] = []
        outcomes: dict[uuid.UUID, str] = {}
        for some in _looks(month, by, key):
            outcomes |= _outcomes(month, some)
            found += (each for each in some if outcomes[each.id] == outcome)
            if len(found) >= offset + limit:
                break
        return _shown(found[offset : offset + limit], outcomes)


def _looks(month: Month, by: str, key: str | None) -> Iterator[list[Found]]:
    """All entries with a deliverable, the newest first, ever more at a time."""
    size, last = FIRST_LOOK, None
    while some := _newest(month, "", by, key, limit=size, last=last, narrowed="AND d.id IS NOT NULL"):
        yield some
        size, last = size * LOOKS_GROW, some[-1]


def _newest(
    month: Month,
    outcome: str,
    by: str,
    key: str | None,
    *,
    limit: int,
    offset: int = 0,
    last: Found | None = None,
    narrowed: str = "",
) -> list[Found]:
    """Entries of the month within one row of a table, newest first, from a place or behind an entry on."""
    dimension, people = "''", ""
    if by and key is not None:
        asked = dimensions.dimension(by)
        dimension = f"COALESCE({dimensions.OWN.get(dimensions.By(by), asked.of_entry)}, '')"
        people = PEOPLE_OF_ENTRIES if asked.of_person else ""
    if outcome:
        of_campaign = "IS NULL" if outcome == Outcome.PERIOD else "IS NOT NULL"
        narrowed = f"AND e.deliverable_id IS NULL AND e.campaign_id {of_campaign}"
    statement = NEWEST.format(
        people=people, dimension=dimension, narrowed=f"{narrowed} {OLDER if last else ''}"
    )
    values = {
        **month.values(),
        "key": key if by else None,
        "limit": limit,
        "offset": offset,
        "last_at": last.at if last else None,
        "last_id": last.id if last else None,
    }
    return [Found(*row) for row in _ask(statement, values)]


def _outcomes(month: Month, some: Sequence[Found]) -> dict[uuid.UUID, str]:
    """The outcome of each of these entries that has a deliverable."""
    values = {
        **month.values(),
        "only": list({each.deliverable for each in some if each.deliverable}),
        "ids": [each.id for each in some if each.deliverable],
    }
    return dict(_ask(OUTCOMES, values)) if values["ids"] else {}


def _shown(some: Sequence[Found], outcomes: Mapping[uuid.UUID, str]) -> list[Row]:
    """These entries in their order, as they are shown."""
    if not some:
        return []
    values = {"ids": [each.id for each in some], "first": some[-1].at, "last": some[0].at}
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in _ask(SHOWN, values)]
    return [{**row, "outcome": outcomes.get(row["id"], row["outcome"])} for row in rows]


def _ask(statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
