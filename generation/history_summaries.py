"""Summaries of imported takes and their deliverables, worked out from the rows in a few statements."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db import connection

from generation.history_known import parts

#: Counted from the first charged call of a stage that yields media; tier, provider and model are those of
#: the last charged generation call, else of the last charged call; the mark is that of the last decision.
TAKES = """
    WITH touched AS MATERIALIZED (
        SELECT id FROM projects_take WHERE deliverable_id = ANY(%(ids)s) AND imported
    ), cash AS MATERIALIZED (
        SELECT e.* FROM billing_entry e
        WHERE e.deliverable_id = ANY(%(ids)s) AND e.kind = 'charge' AND e.take_id IS NOT NULL
    ), facts AS (
        SELECT take_id,
               min(effective_at) FILTER (
                   WHERE NOT failed_charged AND stage IN ('generation', 'refinement')
               ) AS counted_at,
               bool_or(failed_charged) AS failed_charged
        FROM cash GROUP BY 1
    ), last_call AS (
        SELECT DISTINCT ON (take_id) take_id, tier, provider, model FROM cash
        WHERE NOT failed_charged
        ORDER BY take_id, (stage = 'generation') DESC, effective_at DESC, booked_at DESC, id DESC
    ), marks AS (
        SELECT DISTINCT ON (take_id) take_id, decision FROM projects_decision
        WHERE deliverable_id = ANY(%(ids)s) AND take_id IS NOT NULL
        ORDER BY take_id, at DESC, sequence DESC
    )
    UPDATE projects_take t SET
        counted_at = f.counted_at,
        state = CASE WHEN f.counted_at IS NULL THEN 'failed' ELSE 'ready' END,
        failure = CASE WHEN f.counted_at IS NULL THEN 'No provider turned it into media.' ELSE '' END,
        failed_charged = COALESCE(f.failed_charged, false),
        tier = COALESCE(x.tier, ''),
        provider = COALESCE(x.provider, ''),
        model = COALESCE(x.model, ''),
        mark = CASE m.decision WHEN 'select' THEN 'selected' WHEN 'accept' THEN 'accepted'
                               WHEN 'reject' THEN 'rejected' ELSE '' END
    FROM touched
    LEFT JOIN facts f ON f.take_id = touched.id
    LEFT JOIN last_call x ON x.take_id = touched.id
    LEFT JOIN marks m ON m.take_id = touched.id
    WHERE t.id = touched.id
"""
#: As `projects.board` says it, for many at once.
DELIVERABLES = """
    WITH takes AS (
        SELECT deliverable_id,
               max(number) AS take_count,
               min(requested_at) FILTER (WHERE imported) AS first_at,
               count(*) FILTER (WHERE used AND phase = 'draft') AS drafts_used,
               count(*) FILTER (WHERE used AND phase = 'hero') AS heroes_used,
               bool_or(in_flight) AS in_flight,
               bool_or(state = 'ready' AND phase = 'hero' AND mark = '') AS hero_ready,
               bool_or(state = 'ready' AND phase = 'draft' AND mark IN ('', 'selected')) AS draft_ready
        FROM (
            SELECT *, state IN ('planned', 'queued', 'rendering') AS in_flight,
                   counted_at IS NOT NULL OR failed_charged
                       OR state IN ('planned', 'queued', 'rendering') AS used
            FROM projects_take WHERE deliverable_id = ANY(%(ids)s)
        ) t GROUP BY 1
    ), states AS (
        SELECT DISTINCT ON (deliverable_id) deliverable_id, decision, at FROM projects_decision
        WHERE deliverable_id = ANY(%(ids)s)
          AND decision IN ('accept', 'reverse', 'write_off', 'reopen')
        ORDER BY deliverable_id, at DESC, sequence DESC
    ), asked AS (
        SELECT DISTINCT deliverable_id FROM projects_herorequest
        WHERE deliverable_id = ANY(%(ids)s) AND state = 'waiting'
    ), firsts AS (
        SELECT deliverable_id, min(effective_at) AS first_at FROM billing_entry
        WHERE deliverable_id = ANY(%(ids)s) AND kind <> 'transfer' GROUP BY 1
    )
    UPDATE projects_deliverable d SET
        state = CASE s.decision WHEN 'accept' THEN 'accepted' WHEN 'write_off' THEN 'written_off'
                                ELSE 'open' END,
        accepted_at = CASE s.decision WHEN 'accept' THEN s.at END,
        created_at = CASE WHEN d.imported THEN LEAST(d.created_at, t.first_at, f.first_at)
                          ELSE d.created_at END,
        take_count = COALESCE(t.take_count, 0),
        drafts_used = COALESCE(t.drafts_used, 0),
        heroes_used = COALESCE(t.heroes_used, 0),
        board_column = CASE
            WHEN s.decision = 'accept' THEN 'done'
            WHEN s.decision = 'write_off' THEN 'dropped'
            WHEN t.hero_ready THEN 'review'
            WHEN a.deliverable_id IS NOT NULL THEN 'approval'
            WHEN t.in_flight THEN 'making'
            WHEN t.draft_ready THEN 'choosing'
            WHEN t.take_count > 0 THEN 'making'
            ELSE 'brief' END,
        updated_at = now()
    FROM projects_deliverable own
    LEFT JOIN takes t ON t.deliverable_id = own.id
    LEFT JOIN states s ON s.deliverable_id = own.id
    LEFT JOIN asked a ON a.deliverable_id = own.id
    LEFT JOIN firsts f ON f.deliverable_id = own.id
    WHERE d.id = own.id AND own.id = ANY(%(ids)s)
"""
#: An imported category is delivered in the phase of its accepted takes; mixed counts as draft.
CATEGORIES = """
    UPDATE projects_category c SET delivered_in = accepted.phase
    FROM (
        SELECT d.category_id, min(t.phase) AS phase
        FROM projects_decision a
        JOIN projects_take t ON t.id = a.take_id
        JOIN projects_deliverable d ON d.id = a.deliverable_id
        WHERE a.workspace_id = %(workspace)s AND a.decision = 'accept'
        GROUP BY 1
    ) accepted
    WHERE accepted.category_id = c.id AND c.imported AND c.workspace_id = %(workspace)s
"""


def refresh(*, workspace: uuid.UUID, deliverables: Iterable[uuid.UUID]) -> None:
    """Brings takes, deliverables and imported categories up to date with their rows."""
    with connection.cursor() as cursor:
        for ids in parts(deliverables):
            cursor.execute(TAKES, {"ids": ids})
            cursor.execute(DELIVERABLES, {"ids": ids})
        cursor.execute(CATEGORIES, {"workspace": workspace})
