"""Cash of earlier months whose outcome changed in a month: by its kind before the month and at its end.

Only what was decided on, or given back, in the month can have changed, so only that is sorted anew.
"""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from billing.acceptances import Month
from billing.outcomes import SORTING, Outcome

LONG_AGO = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
TOUCHED = """
    SELECT deliverable_id FROM projects_decision
    WHERE workspace_id = %(workspace)s AND at >= %(start)s AND at < %(until)s AND deliverable_id IS NOT NULL
    UNION
    SELECT deliverable_id FROM billing_entry
    WHERE workspace_id = %(workspace)s AND effective_at >= %(start)s AND effective_at < %(until)s
      AND kind = 'refund' AND deliverable_id IS NOT NULL
"""
#: The same sorting as of the border and as of the month's end.
CHANGED = f"""
    WITH was AS MATERIALIZED (
        WITH {SORTING.replace("%(until)s", "%(border)s")}
        SELECT id, deliverable_id, amount, outcome FROM sorted
    ), now AS MATERIALIZED (WITH {SORTING} SELECT id, outcome FROM sorted),
    changed AS (
        SELECT w.id, w.deliverable_id, w.amount, w.outcome AS old, n.outcome AS new
        FROM was w JOIN now n ON n.id = w.id WHERE w.outcome <> n.outcome
    )
"""  # noqa: S608 - our own words only
BY_KIND = f"{CHANGED} SELECT old, new, count(*), sum(amount) FROM changed GROUP BY 1, 2 ORDER BY 1, 2"  # noqa: S608
LISTED = f"""
    {CHANGED}
    SELECT c.deliverable_id, d.name, p.key || '/' || g.key, count(*), sum(c.amount)
    FROM changed c
    JOIN projects_deliverable d ON d.id = c.deliverable_id
    JOIN projects_campaign g ON g.id = d.campaign_id
    JOIN projects_project p ON p.id = g.project_id
    WHERE c.old = %(old)s AND c.new = %(new)s
    GROUP BY 1, 2, 3 ORDER BY abs(sum(c.amount)) DESC, 1 LIMIT %(limit)s OFFSET %(offset)s
"""  # noqa: S608


class Changed(NamedTuple):
    """So many entries of earlier months went from one kind to another."""

    old: Outcome
    new: Outcome
    entries: int
    amount: Decimal


class Part(NamedTuple):
    """A deliverable's part of that."""

    deliverable_id: uuid.UUID
    deliverable: str
    campaign: str
    entries: int
    amount: Decimal


def by_kind(month: Month) -> list[Changed]:
    """What changed in the month, by old and new kind."""
    rows = _ask(BY_KIND, month)
    return [Changed(Outcome(old), Outcome(new), entries, amount) for old, new, entries, amount in rows]


def listed(
    month: Month, *, old: Outcome, new: Outcome, limit: int | None = None, offset: int = 0
) -> list[Part]:
    """The deliverables behind one line, largest first."""
    asked = {"old": old.value, "new": new.value, "limit": limit, "offset": offset}
    return [Part(*row) for row in _ask(LISTED, month, **asked)]


def _ask(statement: str, month: Month, **asked: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(TOUCHED, month.values())
        only = [row[0] for row in cursor.fetchall()]
        values = {**month.values(), "start": LONG_AGO, "border": month.span.start, "only": only, **asked}
        cursor.execute(statement, values)
        return list(cursor.fetchall())
