"""The cash entries under a month's figures, streamed from the database in constant memory.

They are all cash of the month, and of earlier months what the figures contain: the life to date of the
accepted deliverables, and what a withdrawn sign-off carried back. Call these in `month_sums.snapshot()`.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from billing import bridge, dimensions, outcomes
from billing.acceptances import LIFE, PEOPLE_OF_ENTRIES, Month
from billing.dimensions import By
from billing.exports.stream import stream

CAMPAIGN = dimensions.OWN[By.CAMPAIGN]
SCOPE = f"""
    CASE WHEN g.id IS NULL THEN '' ELSE {CAMPAIGN} END AS campaign, COALESCE(d.key, '') AS deliverable,
    COALESCE(c.key, e.category) AS category
"""
JOINED = """
    LEFT JOIN projects_campaign g ON g.id = e.campaign_id
    LEFT JOIN projects_project p ON p.id = COALESCE(e.project_id, g.project_id)
    LEFT JOIN projects_deliverable d ON d.id = e.deliverable_id
    LEFT JOIN projects_category c ON c.id = d.category_id
    LEFT JOIN projects_take t ON t.id = e.take_id
    LEFT JOIN billing_pricerow r ON r.id = e.price_row
"""
ENTRY = f"""
    e.id, e.effective_at, e.service_at, e.booked_at, e.kind, {SCOPE}, t.number AS take, e.phase, e.tier,
    e.provider, e.model, {dimensions.dimension(By.PERSON).of_entry} AS person, e.stage, e.amount,
    e.native_amount, e.native_currency, e.rate, e.credit, e.price_row, e.external_id, e.calculation, e.note,
    e.units, r.unit, r.amount, r.list_amount
"""
#: The line of a bill that a charge was found in.
LINE = "(SELECT m.line_id FROM billing_linematch m WHERE m.entry = e.id AND m.part = 1)"
#: Those of the month, and of earlier ones; each with outcome, life, late, carried.
ENTRIES = f"""
    {LIFE.format(own="''")}, {outcomes.SORTING},
    late AS ({bridge.LATE_ENTRIES}), taken_out AS ({bridge.TAKEN_OUT_ENTRIES}),
    earlier AS (
        SELECT id, effective_at, bool_or(life) AS life, bool_or(carried) AS carried FROM (
            SELECT e.id, e.effective_at, true AS life, false AS carried
            FROM life l JOIN billing_entry e ON e.deliverable_id = l.deliverable_id
            WHERE e.effective_at <= l.at AND e.effective_at < %(start)s AND e.kind <> 'transfer'
            UNION ALL
            SELECT e.id, e.effective_at, false, true
            FROM taken_out o JOIN billing_entry e ON e.id = o.id AND e.deliverable_id = o.deliverable_id
        ) found GROUP BY 1, 2
    )
    SELECT {ENTRY}, NULL::uuid, '' AS outcome, w.life, false AS late, w.carried
    FROM earlier w
    JOIN billing_entry e ON e.id = w.id AND e.effective_at = w.effective_at
    {JOINED} {PEOPLE_OF_ENTRIES}
    UNION ALL
    SELECT {ENTRY}, NULL::uuid, s.outcome, COALESCE(e.effective_at <= l.at, false), late.id IS NOT NULL,
           late.stands IS FALSE
    FROM sorted s
    JOIN billing_entry e ON e.id = s.id AND e.effective_at >= %(start)s AND e.effective_at < %(until)s
    LEFT JOIN life l ON l.deliverable_id = e.deliverable_id
    LEFT JOIN late ON late.id = s.id
    {JOINED} {PEOPLE_OF_ENTRIES}
    ORDER BY 2, 1
"""  # noqa: S608 - our own words only
OF_MONTH = f"""
    {outcomes.SORTED}
    SELECT {ENTRY}, {LINE}, s.outcome, false AS life, false AS late, false AS carried
    FROM sorted s
    JOIN billing_entry e ON e.id = s.id AND e.effective_at >= %(start)s AND e.effective_at < %(until)s
    {JOINED} {PEOPLE_OF_ENTRIES}
    ORDER BY e.effective_at, e.id
"""  # noqa: S608
COUNT = """
    SELECT count(*) FROM billing_entry
    WHERE workspace_id = %(workspace)s AND kind <> 'transfer'
      AND effective_at >= %(start)s AND effective_at < %(until)s
"""


class Entry(NamedTuple):
    """A cash entry. `outcome` is empty where it lies before the month; money in the workspace's currency.

    `unit` and the amounts are those of its price row; `line` is the line of a bill that it was found in.
    """

    id: uuid.UUID
    effective_at: datetime.datetime
    service_at: datetime.datetime
    booked_at: datetime.datetime
    kind: str
    campaign: str
    deliverable: str
    category: str
    take: int | None
    phase: str
    tier: str
    provider: str
    model: str
    person: str
    stage: str
    amount: Decimal
    native_amount: Decimal | None
    native_currency: str
    rate: Decimal | None
    credit: str
    price_row: uuid.UUID | None
    external_id: str
    calculation: str
    note: str
    units: Decimal | None
    unit: str | None
    unit_amount: Decimal | None
    list_amount: Decimal | None
    line: uuid.UUID | None
    outcome: str
    life: bool
    late: bool
    carried: bool


def entries(month: Month) -> Iterator[Entry]:
    """All entries under the figures of the month, the oldest first."""
    return map(Entry._make, stream(ENTRIES, month))


def entries_of_month(month: Month) -> Iterator[Entry]:
    """The cash entries of the month alone, with their outcome, the oldest first."""
    return map(Entry._make, stream(OF_MONTH, month))


def count(month: Month) -> int:
    """How many cash entries the month has."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, month.values())
        return int(cursor.fetchone()[0])
