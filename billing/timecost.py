"""Time opportunity cost: derived from openings, decisions, logs and waiting; no ledger entry and no cash.

Review: from a person's last opening of a take to that person's decision on it, cut off at the workspace's
cap; where the person logged time on the take, the log stands instead; at the reviewer's rate (a log: at that
of the role it names). Waiting: take asked for → ready, cut off at the workspace's cap; at the producer's
rate and the workspace's waiting weight. A rate is that of the day on which the interval begins.

What overlaps for one person counts once, split equally by minute, whatever it is. An interval belongs to the
instant at which it is known: the decision, the end of the log, the take being ready. Imported rows are logs
in money and taken as they are.
"""

from __future__ import annotations

from typing import Any

from django.db import connection

from billing import dimensions

#: All intervals of people, as far as they are known by the month's end.
INTERVALS = """
    , settings AS (
        SELECT id, time_zone, waiting_weight, time_by_person,
               make_interval(mins => review_cap_minutes::int) AS review_cap,
               make_interval(mins => waiting_cap_minutes::int) AS waiting_cap
        FROM projects_workspace WHERE id = %(workspace)s
    ), reviews AS (
        SELECT d.take_id, d.deliverable_id, d.by_id AS person_id, 'reviewer' AS role, 1::numeric AS weight,
               v.at AS starts, LEAST(d.at, v.at + s.review_cap) AS ends, d.at AS known_at
        FROM settings s
        JOIN projects_decision d ON d.workspace_id = s.id
        CROSS JOIN LATERAL (
            SELECT max(v.at) AS at FROM projects_takeview v
            WHERE v.take_id = d.take_id AND v.person_id = d.by_id AND v.at <= d.at
        ) v
        WHERE d.decision IN ('select', 'accept', 'reject') AND NOT d.imported
          AND d.by_id IS NOT NULL AND v.at IS NOT NULL AND d.at < %(until)s AND d.at >= %(low)s
          AND NOT EXISTS (
              SELECT FROM projects_decision o
              WHERE o.take_id = d.take_id AND o.by_id = d.by_id
                AND o.decision IN ('select', 'accept', 'reject') AND o.at >= v.at
                AND (o.at, o.sequence) < (d.at, d.sequence)
          )
          AND NOT EXISTS (
              SELECT FROM projects_timelog o
              WHERE o.take_id = d.take_id AND o.person_id = d.by_id AND o.minutes IS NOT NULL
          )
    ), waits AS (
        SELECT t.id AS take_id, t.deliverable_id, t.requested_by_id AS person_id, 'producer' AS role,
               s.waiting_weight AS weight, t.requested_at AS starts,
               LEAST(t.ended_at, t.requested_at + s.waiting_cap) AS ends, t.ended_at AS known_at
        FROM settings s
        JOIN projects_take t ON t.workspace_id = s.id
        WHERE t.state = 'ready' AND NOT t.imported AND t.kind <> 'uploaded'
          AND t.requested_by_id IS NOT NULL AND t.ended_at > t.requested_at
          AND t.ended_at < %(until)s AND t.requested_at >= %(low)s
    ), logs AS (
        SELECT w.take_id, w.deliverable_id,
               COALESCE(w.person_id, '00000000-0000-0000-0000-000000000000'::uuid) AS person_id,
               COALESCE(NULLIF(w.role, ''), 'reviewer') AS role,
               1::numeric AS weight, w.started_at AS starts,
               w.started_at + w.minutes::float8 * interval '1 minute' AS ends,
               w.started_at + w.minutes::float8 * interval '1 minute' AS known_at
        FROM settings s
        JOIN projects_timelog w ON w.workspace_id = s.id
        WHERE w.minutes > 0 AND w.deliverable_id IS NOT NULL
          AND w.started_at < %(until)s AND w.started_at >= %(low)s
    ), intervals AS MATERIALIZED (
        SELECT * FROM reviews WHERE ends > starts
        UNION ALL SELECT * FROM waits
        UNION ALL SELECT * FROM logs WHERE known_at < %(until)s
    )
"""
#: How many intervals of a person run at each moment, and the time shared out since the first.
SHARES = """
    , points AS (
        SELECT person_id, at, sum(delta) AS delta FROM (
            SELECT person_id, starts AS at, 1 AS delta FROM intervals
            UNION ALL SELECT person_id, ends, -1 FROM intervals
        ) p GROUP BY 1, 2
    ), steps AS (
        SELECT person_id, at,
               sum(delta) OVER (PARTITION BY person_id ORDER BY at) AS running,
               lead(at) OVER (PARTITION BY person_id ORDER BY at) AS next_at
        FROM points
    ), clock AS MATERIALIZED (
        SELECT person_id, at, COALESCE(sum(
            CASE WHEN running > 0 THEN
                EXTRACT(epoch FROM next_at - at)::numeric(40, 24) / running ELSE 0 END
        ) OVER (PARTITION BY person_id ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
            AS shared
        FROM steps
    ), derived AS (
        SELECT l.category, l.own, COALESCE(t.phase, '') AS phase, COALESCE(t.tier, '') AS tier,
               COALESCE(t.provider, '') AS provider, COALESCE(t.model, '') AS model,
               CASE WHEN s.time_by_person THEN COALESCE(p.email, '') ELSE '' END AS person,
               (b.shared - a.shared) / 3600 * i.weight * COALESCE(r.hourly_rate, 0) AS amount
        FROM life l
        JOIN intervals i ON i.deliverable_id = l.deliverable_id AND i.known_at <= l.at
        CROSS JOIN settings s
        JOIN clock a ON a.person_id = i.person_id AND a.at = i.starts
        JOIN clock b ON b.person_id = i.person_id AND b.at = i.ends
        LEFT JOIN projects_take t ON t.id = i.take_id
        LEFT JOIN projects_person p ON p.id = i.person_id
        LEFT JOIN LATERAL (
            SELECT r.hourly_rate FROM projects_rolerate r
            WHERE r.workspace_id = s.id AND r.role = i.role
              AND r.starts_on <= (i.starts AT TIME ZONE s.time_zone)::date
            ORDER BY r.starts_on DESC LIMIT 1
        ) r ON true
    )
"""
ADDED_UP = """
    , w AS (
        SELECT l.category, l.own, w.phase, w.tier, w.provider, w.model,
               CASE WHEN s.time_by_person THEN COALESCE(NULLIF(w.person_email, ''), p.email, '')
                    ELSE '' END AS person,
               w.amount
        FROM life l
        JOIN projects_timelog w ON w.deliverable_id = l.deliverable_id
        CROSS JOIN settings s
        LEFT JOIN projects_person p ON p.id = w.person_id
        WHERE w.amount IS NOT NULL AND w.started_at <= l.at
        UNION ALL
        SELECT category, own, phase, tier, provider, model, person, amount FROM derived
    )
    SELECT w.category, w.phase, {key}, sum(w.amount) FROM w GROUP BY 1, 2, 3
"""
#: Nothing before the first take, opening or log of the accepted deliverables can overlap with their time.
EARLIEST = """
    SELECT LEAST(
        (SELECT min(t.requested_at) FROM life l JOIN projects_take t ON t.deliverable_id = l.deliverable_id),
        (SELECT min(w.started_at) FROM life l JOIN projects_timelog w ON w.deliverable_id = l.deliverable_id)
    ) - interval '1 day'
"""


def of_accepted(*, life: str, month: dict[str, Any], by: str) -> list[tuple[Any, ...]]:
    """Time of the month's accepted deliverables up to their acceptance: category, phase, key, amount."""
    key = "w.own" if by in dimensions.OWN else dimensions.dimension(by).of_time
    with connection.cursor() as cursor:
        cursor.execute(life + EARLIEST, month)
        (low,) = cursor.fetchone()
        if low is None:
            return []
        cursor.execute(life + INTERVALS + SHARES + ADDED_UP.format(key=key), {**month, "low": low})
        return list(cursor.fetchall())
