"""The cash of months by provider, model, price row and currency, from sums kept by day.

The days (UTC) are kept by a trigger with every booking; entries themselves are read only of the days in which
a month begins or ends, where the workspace's midnight is none of UTC's.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from billing import money, months
from projects.models import Workspace

KEY = "provider, model, price_row, native_currency"
SPENT = f"""
    WITH spans AS (
        SELECT * FROM unnest(
            %(names)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[],
            %(firsts)s::date[], %(lasts)s::date[]
        ) AS s (name, start, until, first, last)
    )
    SELECT name, {KEY}, sum(amount) FROM (
        SELECT m.name, d.provider, d.model, d.price_row, d.native_currency, d.amount
        FROM spans m JOIN billing_spendday d
            ON d.workspace_id = %(workspace)s AND d.day >= m.first AND d.day < m.last
        UNION ALL
        SELECT m.name, e.provider, e.model, e.price_row, e.native_currency, e.amount
        FROM spans m JOIN billing_entry e
            ON e.workspace_id = %(workspace)s AND e.effective_at >= m.start
           AND e.effective_at < m.first::timestamp AT TIME ZONE 'UTC'
        WHERE e.kind <> 'transfer'
        UNION ALL
        SELECT m.name, e.provider, e.model, e.price_row, e.native_currency, e.amount
        FROM spans m JOIN billing_entry e
            ON e.workspace_id = %(workspace)s AND e.effective_at < m.until
           AND e.effective_at >= m.last::timestamp AT TIME ZONE 'UTC'
        WHERE e.kind <> 'transfer'
    ) spent GROUP BY 1, 2, 3, 4, 5 HAVING sum(amount) <> 0 ORDER BY 1, 2, 3
"""  # noqa: S608 - our own words only
COMPACT = f"""
    WITH many AS (
        SELECT workspace_id, day FROM billing_spendday
        GROUP BY workspace_id, day, {KEY} HAVING count(*) > 1
    ), gone AS (
        DELETE FROM billing_spendday p USING (SELECT DISTINCT workspace_id, day FROM many) m
        WHERE p.workspace_id = m.workspace_id AND p.day = m.day
        RETURNING p.workspace_id, p.day, {", ".join(f"p.{name}" for name in KEY.split(", "))}, p.amount
    )
    INSERT INTO billing_spendday (workspace_id, day, {KEY}, amount)
    SELECT workspace_id, day, {KEY}, sum(amount) FROM gone GROUP BY workspace_id, day, {KEY}
"""  # noqa: S608
ACTUAL = f"""
    SELECT workspace_id, (effective_at AT TIME ZONE 'UTC')::date AS day, {KEY}, sum(amount) AS amount
    FROM billing_entry WHERE kind <> 'transfer'
    GROUP BY workspace_id, (effective_at AT TIME ZONE 'UTC')::date, {KEY} HAVING sum(amount) <> 0
"""  # noqa: S608
REBUILD = f"INSERT INTO billing_spendday (workspace_id, day, {KEY}, amount) {ACTUAL}"
DIFFERENT = f"""
    SELECT COALESCE(k.model, a.model), COALESCE(k.day, a.day), COALESCE(k.amount, 0), COALESCE(a.amount, 0)
    FROM (
        SELECT workspace_id, day, provider, model, native_currency,
               COALESCE(price_row::text, '') AS row, sum(amount) AS amount
        FROM billing_spendday GROUP BY 1, 2, 3, 4, 5, 6
    ) k FULL JOIN (
        SELECT workspace_id, day, provider, model, native_currency,
               COALESCE(price_row::text, '') AS row, amount FROM ({ACTUAL}) e
    ) a USING (workspace_id, day, provider, model, native_currency, row)
    WHERE COALESCE(k.amount, 0) <> COALESCE(a.amount, 0) ORDER BY 2, 1
"""  # noqa: S608


class Spent(NamedTuple):
    """Cash of a month, in the workspace's currency."""

    month: str
    provider: str
    model: str
    price_row: uuid.UUID | None
    native_currency: str
    amount: Decimal


def of_months(workspace: Workspace, names: Sequence[str]) -> list[Spent]:
    """The cash of each month (YYYY-MM) by what it was spent on; what adds up to nothing is left out."""
    spans = [months.span(workspace, name) for name in names]
    values: dict[str, Any] = {
        "workspace": workspace.pk,
        "names": list(names),
        "starts": [span.start for span in spans],
        "ends": [span.end for span in spans],
        "firsts": [_first_whole_day(span.start) for span in spans],
        "lasts": [span.end.astimezone(datetime.UTC).date() for span in spans],
    }
    return [Spent(*row) for row in _ask(SPENT, values)]


def compact(*, now: datetime.datetime) -> int:
    """Adds up the rows of each day that say the same; answers how many are left of them."""
    with connection.cursor() as cursor:
        cursor.execute(COMPACT)
        return int(cursor.rowcount)


def rebuild() -> None:
    """Makes all days anew from the entries, after rows came in past the trigger."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM billing_spendday")
        cursor.execute(REBUILD)


def problems() -> list[str]:
    """Days whose kept sum differs from the entries."""
    return [
        f"Spend on {model or 'no model'} on {day}: kept as {money.exact(kept)}, "
        f"the entries say {money.exact(actual)}."
        for model, day, kept, actual in _ask(DIFFERENT, {})
    ]


def _first_whole_day(start: datetime.datetime) -> datetime.date:
    """The first day (UTC) of which nothing lies before the instant."""
    day = start.astimezone(datetime.UTC)
    midnight = day.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.date() if midnight == day else midnight.date() + datetime.timedelta(days=1)


def _ask(statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return list(cursor.fetchall())
