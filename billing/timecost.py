"""Time opportunity cost: derived from openings, decisions, logs and waiting; no ledger entry and no cash.

Review: from a person's last opening of a take to that person's decision on it, cut off at the workspace's
cap; where the person logged time on the take, the log stands instead; at the reviewer's rate (a log: at that
of the role it names). Waiting: take asked for → ready, cut off at the workspace's cap; at the producer's
rate and the workspace's waiting weight. A rate is that of the day on which the interval begins.

What overlaps for one person counts once, split equally by minute, whatever it is. An interval belongs to the
instant at which it is known: the decision, the end of the log, the take being ready. Imported rows are logs
in money and taken as they are.

All of it stands on a CTE `life` (deliverables, their acceptance, category, own key). Of other deliverables
only what can overlap with theirs is read: what begins in a span that is `near`.
"""

from __future__ import annotations

#: Of a log `w`: it takes nothing back, and nothing takes it back.
STANDS = """
    {0}.reverses_id IS NULL
    AND NOT EXISTS (SELECT FROM projects_timelog back WHERE back.reverses_id = {0}.id)
"""
NOBODY = "'00000000-0000-0000-0000-000000000000'::uuid"
#: Spans of a person, apart from each other, in which whatever overlaps with time of the life's takes begins.
NEAR = f"""
    settings AS (
        SELECT id, time_zone, waiting_weight, time_by_person,
               make_interval(mins => review_cap_minutes::int) AS review_cap,
               make_interval(mins => waiting_cap_minutes::int) AS waiting_cap,
               make_interval(mins => GREATEST(review_cap_minutes, waiting_cap_minutes)::int) AS longest
        FROM projects_workspace WHERE id = %(workspace)s
    ), own_takes AS MATERIALIZED (
        SELECT t.id, t.requested_by_id AS person_id, t.requested_at
        FROM life l JOIN projects_take t ON t.deliverable_id = l.deliverable_id
    ), spans AS (
        SELECT person_id, requested_at AS starts, requested_at + s.waiting_cap AS ends
        FROM own_takes CROSS JOIN settings s WHERE person_id IS NOT NULL
        UNION ALL
        SELECT v.person_id, v.at, v.at + s.review_cap
        FROM own_takes t JOIN projects_takeview v ON v.take_id = t.id CROSS JOIN settings s
        UNION ALL
        SELECT COALESCE(w.person_id, {NOBODY}), w.started_at,
               w.started_at + w.minutes::float8 * interval '1 minute'
        FROM life l JOIN projects_timelog w ON w.deliverable_id = l.deliverable_id
        WHERE w.minutes > 0 AND {STANDS.format("w")}
    ), ordered AS (
        SELECT person_id, starts - s.longest AS starts, ends,
               max(ends) OVER (
                   PARTITION BY person_id ORDER BY starts, ends
                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
               ) AS so_far
        FROM spans CROSS JOIN settings s
    ), islands AS (
        SELECT person_id, starts, ends,
               count(*) FILTER (WHERE so_far IS NULL OR so_far < starts)
                   OVER (PARTITION BY person_id ORDER BY starts, ends) AS island
        FROM ordered
    ), near AS MATERIALIZED (
        SELECT person_id, min(starts) AS starts, max(ends) AS ends FROM islands GROUP BY person_id, island
    )
"""  # noqa: S608 - our own words only
#: The intervals of people that begin near, as far as they are known by the month's end.
INTERVALS = f"""
    waits AS (
        SELECT t.* FROM near n CROSS JOIN settings s CROSS JOIN LATERAL (
            SELECT t.id AS take_id, t.deliverable_id, t.requested_by_id AS person_id, 'producer' AS role,
                   s.waiting_weight AS weight, t.requested_at AS starts,
                   LEAST(t.ended_at, t.requested_at + s.waiting_cap) AS ends, t.ended_at AS known_at
            FROM projects_take t
            WHERE t.workspace_id = %(workspace)s AND t.requested_at >= n.starts AND t.requested_at < n.ends
              AND t.requested_by_id = n.person_id AND t.state = 'ready' AND NOT t.imported
              AND t.kind <> 'uploaded' AND t.ended_at > t.requested_at AND t.ended_at < %(until)s
            OFFSET 0
        ) t
    ), opened AS (
        SELECT DISTINCT v.* FROM near n CROSS JOIN LATERAL (
            SELECT v.take_id, v.person_id, v.at FROM projects_takeview v
            WHERE v.workspace_id = %(workspace)s AND v.at >= n.starts AND v.at < n.ends
              AND v.person_id = n.person_id AND v.at < %(until)s
            OFFSET 0
        ) v
    ), reviews AS (
        SELECT d.take_id, d.deliverable_id, d.by_id AS person_id, 'reviewer' AS role, 1::numeric AS weight,
               v.at AS starts, LEAST(d.at, v.at + s.review_cap) AS ends, d.at AS known_at
        FROM opened v
        CROSS JOIN settings s
        CROSS JOIN LATERAL (
            SELECT d.take_id, d.deliverable_id, d.by_id, d.at, d.imported
            FROM projects_decision d
            WHERE d.take_id = v.take_id AND d.by_id = v.person_id AND d.at >= v.at
              AND d.decision IN ('select', 'accept', 'reject')
            ORDER BY d.at, d.sequence LIMIT 1
        ) d
        WHERE NOT d.imported AND d.at < %(until)s
          AND NOT EXISTS (
              SELECT FROM projects_takeview o
              WHERE o.take_id = v.take_id AND o.person_id = v.person_id AND o.at > v.at AND o.at <= d.at
          )
          AND NOT EXISTS (
              SELECT FROM projects_timelog o
              WHERE o.take_id = v.take_id AND o.person_id = v.person_id AND o.minutes IS NOT NULL
                AND {STANDS.format("o")}
          )
    ), logs AS (
        SELECT w.take_id, w.deliverable_id, COALESCE(w.person_id, {NOBODY}) AS person_id,
               COALESCE(NULLIF(w.role, ''), 'reviewer') AS role,
               1::numeric AS weight, w.started_at AS starts,
               w.started_at + w.minutes::float8 * interval '1 minute' AS ends,
               w.started_at + w.minutes::float8 * interval '1 minute' AS known_at
        FROM projects_timelog w
        WHERE w.workspace_id = %(workspace)s AND w.minutes > 0 AND w.deliverable_id IS NOT NULL
          AND {STANDS.format("w")} AND w.started_at < %(until)s AND EXISTS (
              SELECT FROM near n
              WHERE n.person_id = COALESCE(w.person_id, {NOBODY}) AND w.started_at < n.ends
                AND w.started_at + w.minutes::float8 * interval '1 minute' > n.starts
          )
    ), intervals AS MATERIALIZED (
        SELECT * FROM reviews WHERE ends > starts
        UNION ALL SELECT * FROM waits
        UNION ALL SELECT * FROM logs WHERE known_at < %(until)s
    )
"""  # noqa: S608
#: How many intervals of a person run at each moment, and the time shared out since the first. An interval's
#: part is what the clock went on from its start to its end; both ends are looked up in one join by both of
#: its columns, since a plan that joins the clock to itself by person alone would never end.
SHARES = """
    points AS (
        SELECT person_id, at, sum(delta) AS delta FROM (
            SELECT person_id, starts AS at, 1 AS delta FROM intervals
            UNION ALL SELECT person_id, ends, -1 FROM intervals
        ) p GROUP BY 1, 2
    ), running AS (
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
        FROM running
    ), own_pieces AS MATERIALIZED (
        SELECT row_number() OVER () AS number, l.category, l.own, i.*
        FROM life l JOIN intervals i ON i.deliverable_id = l.deliverable_id AND i.known_at <= l.at
    ), lengths AS (
        SELECT e.number, sum(e.sign * c.shared) AS seconds
        FROM (
            SELECT number, person_id, starts AS at, -1 AS sign FROM own_pieces
            UNION ALL SELECT number, person_id, ends, 1 FROM own_pieces
        ) e
        JOIN clock c ON c.person_id = e.person_id AND c.at = e.at
        GROUP BY e.number
    ), derived AS (
        SELECT i.deliverable_id, i.take_id, i.category, i.own, COALESCE(t.phase, '') AS phase,
               COALESCE(t.tier, '') AS tier,
               COALESCE(t.provider, '') AS provider, COALESCE(t.model, '') AS model,
               CASE WHEN s.time_by_person THEN COALESCE(p.email, '') ELSE '' END AS person,
               n.seconds / 3600 * i.weight * COALESCE(r.hourly_rate, 0) AS amount
        FROM own_pieces i
        JOIN lengths n ON n.number = i.number
        CROSS JOIN settings s
        LEFT JOIN projects_take t ON t.id = i.take_id
        LEFT JOIN projects_person p ON p.id = i.person_id
        LEFT JOIN LATERAL (
            SELECT r.hourly_rate FROM projects_rolerate r
            WHERE r.workspace_id = s.id AND r.role = i.role
              AND r.starts_on <= (i.starts AT TIME ZONE s.time_zone)::date
            ORDER BY r.starts_on DESC LIMIT 1
        ) r ON true
    ), w AS (
        SELECT l.deliverable_id, w.take_id, l.category, l.own, w.phase, w.tier, w.provider, w.model,
               CASE WHEN s.time_by_person THEN COALESCE(NULLIF(w.person_email, ''), p.email, '')
                    ELSE '' END AS person,
               w.amount
        FROM life l
        JOIN projects_timelog w ON w.deliverable_id = l.deliverable_id
        CROSS JOIN settings s
        LEFT JOIN projects_person p ON p.id = w.person_id
        WHERE w.amount IS NOT NULL AND w.started_at <= l.at
        UNION ALL
        SELECT deliverable_id, take_id, category, own, phase, tier, provider, model, person, amount
        FROM derived
    )
"""
#: CTEs that follow `life` and end in `w`: each piece of time with its amount.
PIECES = f"{NEAR}, {INTERVALS}, {SHARES}"
