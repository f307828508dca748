"""What lies in each pot at an instant, from sums kept by day: no page reads the whole ledger for it.

The days are kept by a trigger with every booking. A month may begin within a day (UTC), so entries of that
one day are read themselves: those before the instant are put in, or those after it are taken out, whichever
part of the day is the shorter.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from decimal import Decimal
from typing import Any

from django.db import connection

from billing import money
from projects.models import Workspace

SPENT = "spent"
DAY = datetime.timedelta(days=1)
CONTENT = """
    SELECT account, sum(amount) FROM (
        SELECT account, amount FROM billing_potday
        WHERE workspace_id = %(workspace)s AND day < %(day)s
        UNION ALL
        SELECT debit, %(sign)s * amount FROM billing_entry
        WHERE workspace_id = %(workspace)s AND effective_at >= %(since)s AND effective_at < %(until)s
        UNION ALL
        SELECT credit, -%(sign)s * amount FROM billing_entry
        WHERE workspace_id = %(workspace)s AND effective_at >= %(since)s AND effective_at < %(until)s
          AND kind = 'transfer'
        UNION ALL
        SELECT 'spent', %(sign)s * amount FROM billing_entry
        WHERE workspace_id = %(workspace)s AND effective_at >= %(since)s AND effective_at < %(until)s
          AND kind <> 'transfer'
    ) moved GROUP BY 1
"""
#: Rows of the same day and account become one; what is written meanwhile stays beside it.
COMPACT = """
    WITH many AS (
        SELECT workspace_id, day, account FROM billing_potday GROUP BY 1, 2, 3 HAVING count(*) > 1
    ), gone AS (
        DELETE FROM billing_potday p USING many m
        WHERE p.workspace_id = m.workspace_id AND p.day = m.day AND p.account = m.account
        RETURNING p.workspace_id, p.day, p.account, p.amount
    )
    INSERT INTO billing_potday (workspace_id, day, account, amount)
    SELECT workspace_id, day, account, sum(amount) FROM gone GROUP BY 1, 2, 3
"""
ACTUAL = """
    SELECT workspace_id, day, account, sum(amount) FROM (
        SELECT workspace_id, (effective_at AT TIME ZONE 'UTC')::date AS day, debit AS account, amount
        FROM billing_entry
        UNION ALL
        SELECT workspace_id, (effective_at AT TIME ZONE 'UTC')::date, credit, -amount
        FROM billing_entry WHERE kind = 'transfer'
        UNION ALL
        SELECT workspace_id, (effective_at AT TIME ZONE 'UTC')::date, 'spent', amount
        FROM billing_entry WHERE kind <> 'transfer'
    ) moved GROUP BY 1, 2, 3 HAVING sum(amount) <> 0
"""
REBUILD = f"INSERT INTO billing_potday (workspace_id, day, account, amount) {ACTUAL}"
DIFFERENT = f"""
    SELECT account, day, COALESCE(k.amount, 0), COALESCE(a.amount, 0)
    FROM (
        SELECT workspace_id, day, account, sum(amount) AS amount FROM billing_potday GROUP BY 1, 2, 3
    ) k
    FULL JOIN ({ACTUAL}) a (workspace_id, day, account, amount) USING (workspace_id, day, account)
    WHERE COALESCE(k.amount, 0) <> COALESCE(a.amount, 0)
    ORDER BY 2, 1
"""  # noqa: S608 - our own words only


def content(*, workspace: Workspace, at: datetime.datetime) -> dict[str, Decimal]:
    """What lies in each pot, and under `spent` all cash, by everything effective before an instant."""
    midnight = at.astimezone(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    values = {"workspace": workspace.pk, "day": midnight.date(), "sign": 1, "since": midnight, "until": at}
    if at - midnight > DAY / 2:
        following = midnight + DAY
        values |= {"day": following.date(), "sign": -1, "since": at, "until": following}
    return defaultdict(Decimal, _ask(CONTENT, values))


def compact(*, now: datetime.datetime) -> int:
    """Adds up the rows of each day and account; answers how many days were touched."""
    with connection.cursor() as cursor:
        cursor.execute(COMPACT)
        return int(cursor.rowcount)


def rebuild() -> None:
    """Makes all days anew from the entries, after rows came in past the trigger."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM billing_potday")
        cursor.execute(REBUILD)


def problems() -> list[str]:
    """Days whose kept sum differs from the entries."""
    return [
        f"{account} on {day}: kept as {money.exact(kept)}, the entries say {money.exact(actual)}."
        for account, day, kept, actual in _ask(DIFFERENT, {})
    ]


def _ask(statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return list(cursor.fetchall())
