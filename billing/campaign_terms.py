"""The roll-forward of a month by campaign, from the kept pots: each line and their sum hold exactly."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from billing.acceptances import Month
from billing.roll_forward import Terms

ZERO = Decimal(0)
#: Only transfers are credited to a pot. Early is what was booked before the month.
BY_CAMPAIGN = """
    WITH moved AS (
        SELECT campaign_id, debit, credit, kind, amount, effective_at < %(start)s AS early FROM billing_entry
        WHERE workspace_id = %(workspace)s AND effective_at < %(until)s
    ), terms AS (
        SELECT campaign_id,
               sum(amount) FILTER (WHERE early AND debit = 'wip') AS wip_in,
               sum(amount) FILTER (WHERE early AND credit = 'wip') AS wip_out,
               sum(amount) FILTER (WHERE NOT early AND kind <> 'transfer') AS spend,
               sum(amount) FILTER (WHERE NOT early AND debit = 'accepted') AS accepted_in,
               sum(amount) FILTER (WHERE NOT early AND credit = 'accepted') AS accepted_out,
               sum(amount) FILTER (WHERE NOT early AND debit = 'written_off') AS written_in,
               sum(amount) FILTER (WHERE NOT early AND credit = 'written_off') AS written_out,
               sum(amount) FILTER (WHERE NOT early AND debit = 'period') AS period_in,
               sum(amount) FILTER (WHERE NOT early AND credit = 'period') AS period_out,
               sum(amount) FILTER (WHERE debit = 'wip') AS rest_in,
               sum(amount) FILTER (WHERE credit = 'wip') AS rest_out
        FROM moved GROUP BY 1
    )
    SELECT t.campaign_id, p.key || '/' || g.key, g.name, wip_in, wip_out, spend, accepted_in, accepted_out,
           written_in, written_out, period_in, period_out, rest_in, rest_out
    FROM terms t
    LEFT JOIN projects_campaign g ON g.id = t.campaign_id
    LEFT JOIN projects_project p ON p.id = g.project_id
    ORDER BY 2 NULLS LAST
"""


class Line(NamedTuple):
    """A campaign's terms; without a campaign, what belongs to none."""

    campaign_id: uuid.UUID | None
    key: str
    name: str
    terms: Terms


def lines(month: Month) -> list[Line]:
    """The terms of each campaign of which one differs from zero, by the keys of projects and campaigns."""
    with connection.cursor() as cursor:
        cursor.execute(BY_CAMPAIGN, month.values())
        rows = cursor.fetchall()
    found = []
    for campaign_id, key, name, *sums in rows:
        amounts = [amount or ZERO for amount in sums]
        terms = Terms(
            opening_wip=amounts[0] - amounts[1],
            spend=amounts[2],
            accepted=amounts[3] - amounts[4],
            written_off=amounts[5] - amounts[6],
            period=amounts[7] - amounts[8],
            closing_wip=amounts[9] - amounts[10],
        )
        if any(vars(terms).values()):
            found.append(Line(campaign_id, key or "", name or "", terms))
    return found
