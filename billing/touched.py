"""Deliverables whose kept parts of months may be out of date, from the notes that triggers leave.

Time of one person that overlaps is shared, so a new interval changes the figures of every accepted
deliverable with time of that person beside it: those are found here, since nobody wrote to them. Intervals of
a person that meet are looked at as one, for of a thousand takes that wait at once each overlaps all others.
"""

from __future__ import annotations

import uuid
from typing import NamedTuple

from django.db import connection

from billing.timecost import NOBODY
from projects.models import Workspace

MANY = 2_000
"""Of more deliverables than this everything is worked out anew."""
MOST_NOTES = 20_000
SEEN = "SELECT * FROM projects_touch WHERE workspace_id = %(workspace)s LIMIT %(notes)s"
TAKEN = "DELETE FROM projects_touch WHERE workspace_id = %(workspace)s RETURNING *"
FOUND = f"""
    WITH noted AS ({{noted}}), whole AS MATERIALIZED (
        SELECT count(*) >= %(notes)s
               OR count(*) FILTER (WHERE deliverable_id IS NULL AND starts_at IS NULL) > 0
               OR count(DISTINCT deliverable_id) > %(many)s AS everything
        FROM noted
    ), spans AS (
        SELECT person_id, lower(span) AS starts, COALESCE(upper(span), 'infinity') AS ends,
               make_interval(mins => review_cap_minutes::int) AS review_cap,
               make_interval(mins => waiting_cap_minutes::int) AS waiting_cap
        FROM (
            SELECT workspace_id, person_id,
                   range_agg(tstzrange(
                       starts_at, CASE WHEN ends_at < starts_at THEN starts_at ELSE ends_at END, '[]'
                   )) AS merged
            FROM noted WHERE starts_at IS NOT NULL AND NOT (SELECT everything FROM whole)
            GROUP BY workspace_id, person_id
        ) m JOIN projects_workspace w ON w.id = m.workspace_id CROSS JOIN LATERAL unnest(m.merged) span
    ), beside AS (
        SELECT f.deliverable_id FROM spans n CROSS JOIN LATERAL (
            SELECT t.deliverable_id FROM projects_take t
            WHERE t.workspace_id = %(workspace)s AND t.requested_at >= n.starts - n.waiting_cap
              AND t.requested_at < n.ends AND t.ended_at > n.starts
              AND (n.person_id IS NULL OR t.requested_by_id = n.person_id)
            OFFSET 0
        ) f
        UNION
        SELECT t.deliverable_id FROM spans n CROSS JOIN LATERAL (
            SELECT v.take_id FROM projects_takeview v
            WHERE v.workspace_id = %(workspace)s AND v.at >= n.starts - n.review_cap AND v.at < n.ends
              AND (n.person_id IS NULL OR v.person_id = n.person_id)
            OFFSET 0
        ) f JOIN projects_take t ON t.id = f.take_id
        UNION
        SELECT w.deliverable_id
        FROM spans n
        JOIN projects_timelog w ON w.started_at < n.ends
         AND w.started_at + w.minutes::float8 * interval '1 minute' > n.starts
         AND (n.person_id IS NULL OR n.person_id = COALESCE(w.person_id, {NOBODY}))
        WHERE w.workspace_id = %(workspace)s AND w.minutes > 0 AND w.deliverable_id IS NOT NULL
    ), accepted AS (
        SELECT b.deliverable_id FROM beside b
        WHERE EXISTS (
            SELECT FROM projects_decision d
            WHERE d.deliverable_id = b.deliverable_id AND d.decision = 'accept'
        )
        LIMIT %(many)s + 1
    )
    SELECT (SELECT everything FROM whole), (
        SELECT array_agg(deliverable_id) FROM (
            SELECT deliverable_id FROM noted
            WHERE deliverable_id IS NOT NULL AND NOT (SELECT everything FROM whole)
            UNION SELECT deliverable_id FROM accepted
        ) found
    )
"""  # noqa: S608 - our own words only


class Touched(NamedTuple):
    """These deliverables, or with `everything` all of the workspace."""

    everything: bool
    deliverables: frozenset[uuid.UUID]

    def __bool__(self) -> bool:
        return self.everything or bool(self.deliverables)


def seen(workspace: Workspace) -> Touched:
    """What is noted now, and what stands beside it."""
    return _found(SEEN, workspace)


def taken(workspace: Workspace) -> Touched:
    """The same, and the notes are gone; what is read after this holds all that they spoke of."""
    return _found(TAKEN, workspace)


def _found(noted: str, workspace: Workspace) -> Touched:
    with connection.cursor() as cursor:
        cursor.execute(
            FOUND.format(noted=noted), {"workspace": workspace.pk, "many": MANY, "notes": MOST_NOTES}
        )
        everything, deliverables = cursor.fetchone()
    if everything or len(deliverables or ()) > MANY:
        return Touched(True, frozenset())
    return Touched(False, frozenset(deliverables or ()))
