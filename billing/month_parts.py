"""What each deliverable brings to the figures of a month, worked out from the rows in one statement.

A part is (figure, category, phase, key, amount). Figures of accepted deliverables, life to date: `accepted`,
`takes`, `rounds`, `generation`, `control`, `refinement`, `time`, `shared` by category and phase with the
campaign as key (shares of shared costs in the phase of the accepted take); `curve` and `curve_cash` with the
place of the accepted take as key; `due` and `on_time`. Figures of the month's entries: `outcome` with its
kind as key, `late`, `late_gone`, `taken_out` and `shared_back` of the bridge.
Time is rounded to thirty decimals for each part, so that sums of parts do not depend on their order.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from billing import bridge, dimensions, outcomes, timecost
from billing.acceptances import LIFE, Month

#: By the number of counted takes up to the accepted one, in the order of their numbers.
PLACES = """
    places AS (
        SELECT l.deliverable_id, GREATEST(1, count(t.id) FILTER (WHERE t.number <= a.number)) AS place
        FROM life l
        JOIN projects_take a ON a.id = l.take_id
        LEFT JOIN projects_take t ON t.deliverable_id = l.deliverable_id AND t.counted_at <= l.at
        GROUP BY 1
    )
"""
CASH = """
    cash_to_date AS MATERIALIZED (
        SELECT l.deliverable_id, l.category, e.phase, l.own, sum(e.amount) AS whole,
               COALESCE(sum(e.amount) FILTER (WHERE e.stage = 'generation'), 0) AS generation,
               COALESCE(sum(e.amount) FILTER (WHERE e.stage = 'control'), 0) AS control,
               COALESCE(sum(e.amount) FILTER (WHERE e.stage = 'refinement'), 0) AS refinement
        FROM life l
        JOIN billing_entry e ON e.deliverable_id = l.deliverable_id
        WHERE e.effective_at <= l.at AND e.effective_at < %(until)s AND e.kind <> 'transfer'
        GROUP BY 1, 2, 3, 4
    )
"""
#: A round stands where its first counted take does.
TAKES = """
    takes_to_date AS (
        SELECT deliverable_id, category, phase, own, count(*) FILTER (WHERE accepted) AS accepted,
               count(*) FILTER (WHERE counted) AS takes,
               count(*) FILTER (WHERE counted AND place = 1) AS rounds
        FROM (
            SELECT l.deliverable_id, l.category, t.phase, l.own, t.id = l.take_id AS accepted,
                   COALESCE(t.counted_at <= l.at, false) AS counted,
                   row_number() OVER (
                       PARTITION BY COALESCE(t.counted_at <= l.at, false), COALESCE(t.round_id, t.id)
                       ORDER BY t.number
                   ) AS place
            FROM life l JOIN projects_take t ON t.deliverable_id = l.deliverable_id
        ) rows
        GROUP BY 1, 2, 3, 4
    )
"""
#: What was given back before the acceptance in force adds up to nothing with what was taken.
SHARED = """
    shared AS (
        SELECT l.deliverable_id, l.category, a.phase, l.own, sum(s.amount) AS amount
        FROM life l
        JOIN billing_costshare s ON s.deliverable_id = l.deliverable_id AND s.at <= l.at
        JOIN projects_take a ON a.id = l.take_id
        GROUP BY 1, 2, 3, 4
    )
"""
PARTS = f"""
    {LIFE.format(own=dimensions.own(dimensions.By.CAMPAIGN))},
    {PLACES}, {CASH}, {TAKES}, {SHARED}, {timecost.PIECES}, {outcomes.SORTING},
    late AS ({bridge.LATE}), taken_out AS ({bridge.TAKEN_OUT}),
    shared_back AS ({bridge.SHARED_BACK}),
    briefs AS (
        SELECT l.deliverable_id, EXTRACT(epoch FROM l.at - d.created_at) AS lead_seconds, d.due_on,
               (l.at AT TIME ZONE %(zone)s)::date <= d.due_on AS on_time
        FROM life l JOIN projects_deliverable d ON d.id = l.deliverable_id
    ), parts AS (
        SELECT c.deliverable_id, v.figure, c.category, c.phase, c.own AS key, v.amount
        FROM cash_to_date c CROSS JOIN LATERAL (VALUES
            ('generation', c.generation), ('control', c.control), ('refinement', c.refinement)
        ) v (figure, amount)
        UNION ALL
        SELECT t.deliverable_id, v.figure, t.category, t.phase, t.own, v.amount::numeric
        FROM takes_to_date t CROSS JOIN LATERAL (VALUES
            ('accepted', t.accepted), ('takes', t.takes), ('rounds', t.rounds)
        ) v (figure, amount)
        UNION ALL
        SELECT deliverable_id, 'time', category, phase, own, round(sum(amount), 30) FROM w GROUP BY 1, 3, 4, 5
        UNION ALL
        SELECT deliverable_id, 'shared', category, phase, own, amount FROM shared
        UNION ALL
        SELECT deliverable_id, 'curve', '', '', place::text, 1 FROM places
        UNION ALL
        SELECT p.deliverable_id, 'curve_cash', '', '', p.place::text, sum(c.whole)
        FROM places p JOIN cash_to_date c ON c.deliverable_id = p.deliverable_id GROUP BY 1, 5
        UNION ALL
        SELECT deliverable_id, 'due', '', '', '', 1 FROM briefs WHERE due_on IS NOT NULL
        UNION ALL
        SELECT deliverable_id, 'on_time', '', '', '', 1 FROM briefs WHERE on_time
        UNION ALL
        SELECT deliverable_id, 'outcome', '', '', outcome, sum(amount)
        FROM sorted WHERE deliverable_id IS NOT NULL GROUP BY 1, 5
        UNION ALL
        SELECT deliverable_id, 'late', '', '', '', late FROM late
        UNION ALL
        SELECT deliverable_id, 'late_gone', '', '', '', gone FROM late
        UNION ALL
        SELECT deliverable_id, 'taken_out', '', '', '', amount FROM taken_out
        UNION ALL
        SELECT deliverable_id, 'shared_back', '', '', '', amount FROM shared_back
    )
"""  # noqa: S608 - our own words only
ADDED_UP = f"""
    {PARTS}
    SELECT figure, category, phase, key, sum(amount) FROM parts WHERE amount <> 0 GROUP BY 1, 2, 3, 4
"""  # noqa: S608
LEADS = """
    SELECT EXTRACT(epoch FROM l.at - d.created_at)
    FROM life l JOIN projects_deliverable d ON d.id = l.deliverable_id
"""


class Part(NamedTuple):
    """An amount of a figure, by category and phase, or by a key of its own."""

    figure: str
    category: str
    phase: str
    key: str
    amount: Decimal


def values(month: Month, only: Sequence[uuid.UUID] | None = None) -> dict[str, Any]:
    """What `PARTS` asks for: the month, of these deliverables alone where they are given."""
    zone = month.workspace.time_zone
    return {**month.values(), "zone": zone, "only": None if only is None else list(only)}


def added_up(month: Month, only: Sequence[uuid.UUID] | None = None) -> list[Part]:
    """The parts of all deliverables, or of these, added up by figure, category, phase and key."""
    with connection.cursor() as cursor:
        cursor.execute(ADDED_UP, values(month, only))
        return [Part(*row) for row in cursor.fetchall()]


def leads(month: Month, only: Sequence[uuid.UUID] | None = None) -> list[Decimal]:
    """Seconds from brief to acceptance of what was accepted, of these deliverables where they are given."""
    life = LIFE.format(own="''")
    with connection.cursor() as cursor:
        cursor.execute(life + LEADS, values(month, only))
        return [seconds for (seconds,) in cursor.fetchall()]
