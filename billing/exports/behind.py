"""What stands beside the entries under a month's figures: accepted deliverables, their takes and time, pots.

Streamed from the database in constant memory. Call these in `month_sums.snapshot()`.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from billing import bridge, dimensions, month_parts, timecost
from billing.acceptances import LAST_CALL, LIFE, PEOPLE_OF_TAKES, Month
from billing.dimensions import By
from billing.exports.stream import stream

CAMPAIGN = dimensions.OWN[By.CAMPAIGN]
TAKES = f"""
    {LIFE.format(own=CAMPAIGN)} {LAST_CALL}
    SELECT id, deliverable, campaign, category, number, phase, tier, provider, model, person, counted_at,
           counted, accepted, counted AND place = 1 AS first_of_round, shared
    FROM (
        SELECT t.id, d.key AS deliverable, l.own AS campaign, l.category, t.number, t.phase,
               {dimensions.dimension(By.TIER).of_take} AS tier,
               {dimensions.dimension(By.PROVIDER).of_take} AS provider,
               {dimensions.dimension(By.MODEL).of_take} AS model,
               {dimensions.dimension(By.PERSON).of_take} AS person, t.counted_at,
               COALESCE(t.counted_at <= l.at, false) AS counted, t.id = l.take_id AS accepted,
               row_number() OVER (
                   PARTITION BY COALESCE(t.counted_at <= l.at, false), COALESCE(t.round_id, t.id)
                   ORDER BY t.number
               ) AS place,
               CASE WHEN t.id = l.take_id THEN (
                   SELECT sum(s.amount) FROM billing_costshare s
                   WHERE s.deliverable_id = l.deliverable_id AND s.at <= l.at
               ) END AS shared
        FROM life l
        JOIN projects_deliverable d ON d.id = l.deliverable_id
        JOIN projects_take t ON t.deliverable_id = l.deliverable_id
        LEFT JOIN x ON x.take_id = t.id {PEOPLE_OF_TAKES}
    ) rows
    WHERE counted OR accepted
    ORDER BY campaign, deliverable, number, id
"""  # noqa: S608 - our own words only
TIME = f"""
    {LIFE.format(own=CAMPAIGN)}, {timecost.PIECES}
    SELECT d.key, w.own, w.category, t.number, w.phase, w.tier, w.provider, w.model, w.person, w.amount
    FROM w
    JOIN projects_deliverable d ON d.id = w.deliverable_id
    LEFT JOIN projects_take t ON t.id = w.take_id
    WHERE w.amount <> 0
    ORDER BY w.own, d.key, t.number, w.amount
"""  # noqa: S608
ACCEPTED = f"""
    {LIFE.format(own=CAMPAIGN)}, {month_parts.PLACES}, {month_parts.CASH}
    SELECT l.deliverable_id, d.key, d.name, l.own, l.category, l.at, a.number, o.place,
           COALESCE((SELECT sum(whole) FROM cash_to_date x WHERE x.deliverable_id = l.deliverable_id), 0),
           EXTRACT(epoch FROM l.at - d.created_at), d.due_on, (l.at AT TIME ZONE %(zone)s)::date <= d.due_on
    FROM life l
    JOIN projects_deliverable d ON d.id = l.deliverable_id
    JOIN projects_take a ON a.id = l.take_id
    JOIN places o ON o.deliverable_id = l.deliverable_id
    ORDER BY l.own, d.key, l.deliverable_id
"""  # noqa: S608
#: Of each place where cash lies, what moved in the month or waits in work in progress at one of its ends.
POTS = f"""
    SELECT CASE WHEN g.id IS NULL THEN '' ELSE {CAMPAIGN} END, COALESCE(d.key, ''), COALESCE(d.name, ''),
           m.opening, m.accepted, m.written_off, m.period, m.closing, b.amount
    FROM (
        SELECT campaign_id, deliverable_id,
               COALESCE(sum(amount) FILTER (WHERE pot = 'wip' AND NOT inside), 0) AS opening,
               COALESCE(sum(amount) FILTER (WHERE pot = 'accepted' AND inside), 0) AS accepted,
               COALESCE(sum(amount) FILTER (WHERE pot = 'written_off' AND inside), 0) AS written_off,
               COALESCE(sum(amount) FILTER (WHERE pot = 'period' AND inside), 0) AS period,
               COALESCE(sum(amount) FILTER (WHERE pot = 'wip'), 0) AS closing
        FROM (
            SELECT campaign_id, deliverable_id, debit AS pot, amount, effective_at >= %(start)s AS inside
            FROM billing_entry WHERE workspace_id = %(workspace)s AND effective_at < %(until)s
            UNION ALL
            SELECT campaign_id, CASE WHEN stage = 'shared' THEN NULL ELSE deliverable_id END, credit, -amount,
                   effective_at >= %(start)s
            FROM billing_entry
            WHERE workspace_id = %(workspace)s AND effective_at < %(until)s AND kind = 'transfer'
        ) booked GROUP BY 1, 2
    ) m
    LEFT JOIN projects_campaign g ON g.id = m.campaign_id
    LEFT JOIN projects_project p ON p.id = g.project_id
    LEFT JOIN projects_deliverable d ON d.id = m.deliverable_id
    LEFT JOIN ({bridge.SHARED_BACK}) b ON b.deliverable_id = m.deliverable_id
    WHERE m.opening <> 0 OR m.accepted <> 0 OR m.written_off <> 0 OR m.period <> 0 OR m.closing <> 0
       OR b.amount <> 0
    ORDER BY 1, 2
"""  # noqa: S608


class TakeRow(NamedTuple):
    """A take of an accepted deliverable: counted by its acceptance, or the accepted one itself."""

    id: uuid.UUID
    deliverable: str
    campaign: str
    category: str
    number: int
    phase: str
    tier: str
    provider: str
    model: str
    person: str
    counted_at: datetime.datetime | None
    counted: bool
    accepted: bool
    first_of_round: bool
    shared: Decimal | None


class TimeRow(NamedTuple):
    """A piece of people's time on an accepted deliverable, in money; no cash."""

    deliverable: str
    campaign: str
    category: str
    take: int | None
    phase: str
    tier: str
    provider: str
    model: str
    person: str
    amount: Decimal


class AcceptedRow(NamedTuple):
    """A deliverable accepted in the month; `place` counts its takes up to the accepted one."""

    id: uuid.UUID
    deliverable: str
    name: str
    campaign: str
    category: str
    at: datetime.datetime
    take: int
    place: int
    cash: Decimal
    lead_seconds: Decimal
    due_on: datetime.date | None
    on_time: bool | None


class PotRow(NamedTuple):
    """What moved where cash lies: a deliverable, a campaign's shared costs, or neither."""

    campaign: str
    deliverable: str
    name: str
    opening_wip: Decimal
    accepted: Decimal
    written_off: Decimal
    period: Decimal
    closing_wip: Decimal
    shared_back: Decimal | None


def takes(month: Month) -> Iterator[TakeRow]:
    return map(TakeRow._make, stream(TAKES, month))


def time(month: Month) -> Iterator[TimeRow]:
    return map(TimeRow._make, stream(TIME, month))


def accepted(month: Month) -> Iterator[AcceptedRow]:
    return map(AcceptedRow._make, stream(ACCEPTED, month))


def pots(month: Month) -> Iterator[PotRow]:
    return map(PotRow._make, stream(POTS, month))
