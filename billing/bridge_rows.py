"""What a term of a month's bridge is made of: deliverables, and campaigns where there is none."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from billing.acceptances import LIFE, Month
from billing.bridge import LATE_ENTRIES, SHARED_BACK, TAKEN_OUT
from billing.models import Pot

#: The growth of a pot in the month, by where its cash lies.
GROWTH = """
    SELECT deliverable_id, campaign_id, sum(amount) AS amount FROM (
        SELECT deliverable_id, campaign_id, amount FROM billing_entry
        WHERE workspace_id = %(workspace)s AND effective_at >= %(start)s AND effective_at < %(until)s
          AND debit = %(pot)s
        UNION ALL
        SELECT CASE WHEN stage = 'shared' THEN NULL ELSE deliverable_id END, campaign_id, -amount
        FROM billing_entry
        WHERE workspace_id = %(workspace)s AND effective_at >= %(start)s AND effective_at < %(until)s
          AND credit = %(pot)s AND kind = 'transfer'
    ) moved GROUP BY 1, 2
"""
LATE = f"""
    SELECT l.deliverable_id, d.campaign_id, sum(l.amount) AS amount
    FROM ({LATE_ENTRIES}) l JOIN projects_deliverable d ON d.id = l.deliverable_id GROUP BY 1, 2
"""  # noqa: S608 - our own words only
CARRIED_BACK = f"""
    SELECT b.deliverable_id, d.campaign_id, -sum(b.amount) AS amount FROM (
        SELECT deliverable_id, amount FROM ({TAKEN_OUT}) o
        UNION ALL SELECT deliverable_id, amount FROM ({LATE_ENTRIES}) l WHERE NOT stands
        UNION ALL SELECT deliverable_id, amount FROM ({SHARED_BACK}) s
    ) b JOIN projects_deliverable d ON d.id = b.deliverable_id GROUP BY 1, 2
"""  # noqa: S608
SHARED = f"""
    {LIFE.format(own="''")}
    SELECT s.deliverable_id, s.campaign_id, sum(s.amount) AS amount
    FROM life l JOIN billing_costshare s ON s.deliverable_id = l.deliverable_id AND s.at <= l.at GROUP BY 1, 2
"""  # noqa: S608
TERMS = {
    "late": LATE,
    "shared": SHARED,
    "carried_back": CARRIED_BACK,
    "accepted": GROWTH,
    "written_off": GROWTH,
    "wip": GROWTH,
}
POTS = {"accepted": Pot.ACCEPTED, "written_off": Pot.WRITTEN_OFF, "wip": Pot.WIP}
LISTED = """
    WITH found AS MATERIALIZED ({term}), shown AS (
        SELECT * FROM found
        WHERE amount <> 0 AND (%(campaign)s::uuid IS NULL OR campaign_id = %(campaign)s)
    )
    SELECT s.deliverable_id, d.name, g.id, p.key || '/' || g.key, d.state, s.amount,
           (SELECT count(*) FROM shown), (SELECT COALESCE(sum(amount), 0) FROM shown)
    FROM shown s
    LEFT JOIN projects_deliverable d ON d.id = s.deliverable_id
    LEFT JOIN projects_campaign g ON g.id = s.campaign_id
    LEFT JOIN projects_project p ON p.id = g.project_id
    ORDER BY abs(s.amount) DESC, s.deliverable_id, g.id LIMIT %(limit)s OFFSET %(offset)s
"""


class Part(NamedTuple):
    """A deliverable's part of a term; without one, a campaign's own costs."""

    deliverable_id: uuid.UUID | None
    deliverable: str | None
    campaign_id: uuid.UUID | None
    campaign: str | None
    state: str | None
    amount: Decimal


class Parts(NamedTuple):
    """Some of the parts, how many there are, and their sum, which is the term."""

    rows: list[Part]
    number: int
    total: Decimal


def parts(
    *, month: Month, term: str, campaign: uuid.UUID | None = None, limit: int | None = None, offset: int = 0
) -> Parts:
    """The parts of a term, largest first. Raises KeyError for what has none of its own (`TERMS`)."""
    values: dict[str, Any] = {
        **month.values(),
        "pot": POTS.get(term, ""),
        "campaign": campaign,
        "limit": limit,
        "offset": offset,
    }
    with connection.cursor() as cursor:
        cursor.execute(LISTED.format(term=TERMS[term]), values)
        rows = cursor.fetchall()
    number, total = rows[0][-2:] if rows else (0, Decimal(0))
    return Parts([Part(*row[:-2]) for row in rows], number, total)
