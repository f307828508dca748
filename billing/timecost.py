"""Time opportunity cost: derived from openings, decisions, logs and waiting; no ledger entry and no cash.

Review: from a person's last opening of a take to that person's decision on it, cut off at the workspace's
cap; where the person logged time on the take, the log stands instead; at the reviewer's rate (a log: of the
role that it names). Waiting: take asked for → ready, cut off at the workspace's cap; at the producer's rate
and the workspace's waiting weight. What overlaps for one person counts once, split equally by minute.
Imported rows are logs in money and taken as they are. An interval belongs to the instant at which it ends.
"""

from __future__ import annotations

from typing import Any

from django.db import connection

from billing import dimensions

#: Logs in money, of deliverables accepted in the month.
IN_MONEY = """
    , w AS (
        SELECT l.category, l.own, w.phase, w.tier, w.provider, w.model,
               CASE WHEN {by_person} THEN COALESCE(NULLIF(w.person_email, ''), p.email, '') ELSE '' END
                   AS person,
               w.amount
        FROM life l
        JOIN projects_timelog w ON w.deliverable_id = l.deliverable_id
        LEFT JOIN projects_person p ON p.id = w.person_id
        WHERE w.amount IS NOT NULL AND w.started_at <= l.at
    )
    SELECT w.category, w.phase, {key}, sum(w.amount) FROM w {joined} GROUP BY 1, 2, 3
"""


def of_accepted(*, life: str, month: dict[str, Any], by: str) -> list[tuple[Any, ...]]:
    """Time of the month's accepted deliverables up to their acceptance: category, phase, key, amount."""
    dimension = dimensions.dimension(by)
    key = "w.own" if by in dimensions.OWN else dimension.of_time
    statement = life + IN_MONEY.format(
        key=key,
        joined="",
        by_person="(SELECT time_by_person FROM projects_workspace WHERE id = %(workspace)s)",
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, month)
        return list(cursor.fetchall())
