"""The entries behind a month's figures: by outcome, by a key of a dimension, or all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection

from billing import dimensions
from billing.acceptances import PEOPLE_OF_ENTRIES, Month
from billing.exports.stream import stream_values
from billing.outcomes import SORTED, Outcome
from projects.problems import Invalid

FOUND = """
    {sorted}
    SELECT e.id, e.effective_at, e.kind, e.amount, e.native_amount, e.native_currency, e.rate, e.stage,
           s.outcome, p.key AS project, g.key AS campaign, d.key AS deliverable, d.id AS deliverable_id,
           t.number AS take, e.phase, e.tier, e.provider, e.model, e.external_id, e.calculation, e.price_row
    FROM sorted s
    JOIN billing_entry e ON e.id = s.id AND e.effective_at >= %(start)s AND e.effective_at < %(until)s
    LEFT JOIN projects_project p ON p.id = e.project_id
    LEFT JOIN projects_campaign g ON g.id = e.campaign_id
    LEFT JOIN projects_deliverable d ON d.id = e.deliverable_id
    LEFT JOIN projects_category c ON c.id = d.category_id
    LEFT JOIN projects_take t ON t.id = e.take_id
    {people}
    WHERE (%(outcome)s = '' OR s.outcome = %(outcome)s) AND (%(key)s::text IS NULL OR {dimension} = %(key)s)
    ORDER BY e.effective_at DESC, e.id DESC
    LIMIT %(limit)s OFFSET %(offset)s
"""
COLUMNS = (
    *("id", "effective_at", "kind", "amount", "native_amount", "native_currency", "rate", "stage"),
    *("outcome", "project", "campaign", "deliverable", "deliverable_id", "take", "phase", "tier"),
    *("provider", "model", "external_id", "calculation", "price_row"),
)


def entries(
    *, month: Month, outcome: str = "", by: str = "", key: str | None = None, limit: int, offset: int = 0
) -> list[dict[str, Any]]:
    """Cash entries of the month with their outcome, newest first.

    `by` and `key` narrow them to one row of a table. Raises Invalid (422) for an unknown outcome or `by`.
    """
    statement, values = _asked(month, outcome, by, key)
    with connection.cursor() as cursor:
        cursor.execute(statement, {**values, "limit": limit, "offset": offset})
        return [dict(zip(COLUMNS, row, strict=True)) for row in cursor.fetchall()]


def table(
    *, month: Month, outcome: str = "", by: str = "", key: str | None = None
) -> Iterator[Sequence[Any]]:
    """All of them under their `COLUMNS`, in constant memory; needs the caller's transaction."""
    statement, values = _asked(month, outcome, by, key)
    yield COLUMNS
    yield from stream_values(statement, values)


def _asked(month: Month, outcome: str, by: str, key: str | None) -> tuple[str, dict[str, Any]]:
    """The statement with its values, for all rows."""
    require_outcome(outcome)
    dimension, people = "''", ""
    if by and key is not None:
        found = dimensions.dimension(by)
        dimension = f"COALESCE({dimensions.OWN.get(dimensions.By(by), found.of_entry)}, '')"
        people = PEOPLE_OF_ENTRIES if found.of_person else ""
    statement = FOUND.format(sorted=SORTED, people=people, dimension=dimension)
    asked = {"outcome": outcome, "key": key if by else None, "limit": None, "offset": 0}
    return statement, {**month.values(), **asked}


def require_outcome(outcome: str) -> None:
    """Raises Invalid (422) for what is no outcome; none at all is one."""
    if outcome and outcome not in Outcome.values:
        raise Invalid({"outcome": [f"“{outcome}” is none of {', '.join(Outcome.values)}."]})
