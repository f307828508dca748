"""Triggers that note what the figures of a month may stand on, in `projects_touch`, with the write itself.

A note names a deliverable, or all of a workspace by naming none. Where time of a person is concerned it also
names the span in which it may run: the figures of others whose time overlaps with it may change as well.
"""

from __future__ import annotations

import pgtrigger

TAKE_ADDED = """
    INSERT INTO projects_touch (workspace_id, deliverable_id, person_id, starts_at, ends_at)
    SELECT t.workspace_id, t.deliverable_id, t.requested_by_id, t.requested_at,
           LEAST(t.ended_at, t.requested_at + make_interval(mins => w.waiting_cap_minutes::int))
    FROM added t JOIN projects_workspace w ON w.id = t.workspace_id
    WHERE t.state = 'ready' OR t.counted_at IS NOT NULL;
    RETURN NULL;
"""
TAKE_CHANGED = """
    INSERT INTO projects_touch (workspace_id, deliverable_id, person_id, starts_at, ends_at)
    SELECT t.workspace_id, t.deliverable_id, t.requested_by_id, t.requested_at,
           LEAST(t.ended_at, t.requested_at + make_interval(mins => w.waiting_cap_minutes::int))
    FROM (
        SELECT n.* FROM added n JOIN gone o ON o.id = n.id
        WHERE (n.state = 'ready' OR n.counted_at IS NOT NULL OR o.state = 'ready' OR o.counted_at IS NOT NULL)
          AND (n.state, n.counted_at, n.ended_at, n.requested_at, n.requested_by_id, n.phase, n.kind,
               n.round_id, n.imported)
              IS DISTINCT FROM
              (o.state, o.counted_at, o.ended_at, o.requested_at, o.requested_by_id, o.phase, o.kind,
               o.round_id, o.imported)
        UNION ALL
        SELECT o.* FROM added n JOIN gone o ON o.id = n.id
        WHERE o.state = 'ready' AND (n.requested_at, n.requested_by_id, n.ended_at)
              IS DISTINCT FROM (o.requested_at, o.requested_by_id, o.ended_at)
    ) t JOIN projects_workspace w ON w.id = t.workspace_id;
    RETURN NULL;
"""
#: Review runs from the last opening before the decision.
DECISION_ADDED = """
    INSERT INTO projects_touch (workspace_id, deliverable_id, person_id, starts_at, ends_at)
    SELECT d.workspace_id, d.deliverable_id, CASE WHEN v.at IS NOT NULL THEN d.by_id END, v.at,
           v.at + make_interval(mins => w.review_cap_minutes::int)
    FROM added d JOIN projects_workspace w ON w.id = d.workspace_id
    LEFT JOIN LATERAL (
        SELECT max(v.at) AS at FROM projects_takeview v
        WHERE v.take_id = d.take_id AND v.person_id = d.by_id AND v.at <= d.at
          AND d.decision IN ('select', 'accept', 'reject')
    ) v ON true
    WHERE d.deliverable_id IS NOT NULL;
    RETURN NULL;
"""
#: An opening matters at once only where its decision was there before it.
VIEW_ADDED = """
    INSERT INTO projects_touch (workspace_id, deliverable_id, person_id, starts_at, ends_at)
    SELECT v.workspace_id, t.deliverable_id, v.person_id, COALESCE(o.at, v.at),
           v.at + make_interval(mins => w.review_cap_minutes::int)
    FROM added v
    JOIN projects_take t ON t.id = v.take_id
    JOIN projects_workspace w ON w.id = v.workspace_id
    CROSS JOIN LATERAL (
        SELECT max(o.at) AS at FROM projects_takeview o
        WHERE o.take_id = v.take_id AND o.person_id = v.person_id AND o.at < v.at
    ) o
    WHERE EXISTS (
        SELECT FROM projects_decision d
        WHERE d.take_id = v.take_id AND d.by_id = v.person_id AND d.at >= v.at
    );
    RETURN NULL;
"""
#: A log of minutes stands instead of the openings of its take.
LOG_ADDED = """
    INSERT INTO projects_touch (workspace_id, deliverable_id, person_id, starts_at, ends_at)
    SELECT l.workspace_id, l.deliverable_id,
           COALESCE(l.person_id, '00000000-0000-0000-0000-000000000000'::uuid), l.started_at,
           l.started_at + l.minutes::float8 * interval '1 minute'
    FROM added l WHERE l.deliverable_id IS NOT NULL AND l.minutes IS NOT NULL
    UNION ALL
    SELECT DISTINCT l.workspace_id, l.deliverable_id, NULL::uuid, NULL::timestamptz, NULL::timestamptz
    FROM added l WHERE l.deliverable_id IS NOT NULL AND l.minutes IS NULL
    UNION ALL
    SELECT l.workspace_id, t.deliverable_id, l.person_id, v.at,
           v.at + make_interval(mins => w.review_cap_minutes::int)
    FROM added l
    JOIN projects_workspace w ON w.id = l.workspace_id
    JOIN projects_take t ON t.id = l.take_id
    JOIN projects_takeview v ON v.take_id = l.take_id AND v.person_id = l.person_id
    WHERE l.minutes IS NOT NULL;
    RETURN NULL;
"""
DELIVERABLE_CHANGED = """
    INSERT INTO projects_touch (workspace_id, deliverable_id) VALUES (NEW.workspace_id, NEW.id);
    RETURN NULL;
"""
WORKSPACE_CHANGED = """
    INSERT INTO projects_touch (workspace_id) VALUES (NEW.id);
    RETURN NULL;
"""
RATE_CHANGED = """
    INSERT INTO projects_touch (workspace_id, starts_at)
    SELECT workspace_id, starts_on::timestamp AT TIME ZONE 'UTC' - interval '1 day' FROM {rows};
    RETURN NULL;
"""
ENTRY_ADDED = """
    INSERT INTO projects_touch (workspace_id, deliverable_id)
    SELECT DISTINCT workspace_id, deliverable_id FROM added
    WHERE deliverable_id IS NOT NULL AND kind <> 'transfer';
    RETURN NULL;
"""


def added(name: str, func: str) -> pgtrigger.Trigger:
    """After each INSERT; `added` are its rows."""
    return pgtrigger.Trigger(
        name=f"{name}_touches",
        operation=pgtrigger.Insert,
        when=pgtrigger.After,
        level=pgtrigger.Statement,
        referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
        func=func,
    )


def changed(name: str, func: str) -> pgtrigger.Trigger:
    """After each UPDATE; `added` are its rows as they are, `gone` as they were."""
    return pgtrigger.Trigger(
        name=f"{name}_change_touches",
        operation=pgtrigger.Update,
        when=pgtrigger.After,
        level=pgtrigger.Statement,
        referencing=pgtrigger.Referencing(old="gone", new="added"),  # type: ignore[no-untyped-call]
        func=func,
    )


def changed_in(name: str, *columns: str, func: str) -> pgtrigger.Trigger:
    """For each row of which one of these columns gets another value."""
    return pgtrigger.Trigger(
        name=f"{name}_change_touches",
        operation=pgtrigger.UpdateOf(*columns),  # type: ignore[no-untyped-call]
        when=pgtrigger.After,
        condition=pgtrigger.AnyChange(*columns),
        func=func,
    )


def taken_away(name: str, func: str) -> pgtrigger.Trigger:
    """After each DELETE; `gone` are the rows as they were."""
    return pgtrigger.Trigger(
        name=f"{name}_loss_touches",
        operation=pgtrigger.Delete,
        when=pgtrigger.After,
        level=pgtrigger.Statement,
        referencing=pgtrigger.Referencing(old="gone"),  # type: ignore[no-untyped-call]
        func=func,
    )


def of_rates() -> list[pgtrigger.Trigger]:
    """A rate counts from its day on, whatever is done to it."""
    both = "(SELECT * FROM added UNION ALL SELECT * FROM gone) rates"
    return [
        added("role_rate", RATE_CHANGED.format(rows="added")),
        changed("role_rate", RATE_CHANGED.format(rows=both)),
        taken_away("role_rate", RATE_CHANGED.format(rows="gone")),
    ]
