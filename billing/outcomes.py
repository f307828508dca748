"""Spend by outcome: every cash entry of the month falls into exactly one kind, the first that fits."""

from __future__ import annotations

from django.db import models


class Outcome(models.TextChoices):
    """In the order in which they are tried."""

    PERIOD = "period", "Period costs"
    SHARED = "shared", "Shared by a campaign"
    FAILED_REFUNDED = "failed_refunded", "Given back"
    FAILED_CHARGED = "failed_charged", "Failed, charged"
    ACCEPTED = "accepted", "Signed off"
    REJECTED = "rejected", "Rejected"
    SUPERSEDED = "superseded", "Superseded"
    WRITTEN_OFF = "written_off", "Written off"
    OPEN = "open", "Open"


#: As of the month's end: the last decision on a take gives its mark, and the last that moves cash the
#: state of its deliverable.
SORTING = """
    cash AS MATERIALIZED (
        SELECT e.* FROM billing_entry e
        WHERE e.workspace_id = %(workspace)s AND e.kind <> 'transfer'
          AND e.effective_at >= %(start)s AND e.effective_at < %(until)s
          AND (%(only)s::uuid[] IS NULL OR e.deliverable_id = ANY(%(only)s::uuid[]))
    ), given_back AS MATERIALIZED (
        SELECT r.refunds AS id FROM billing_entry r
        WHERE r.workspace_id = %(workspace)s AND r.kind = 'refund' AND r.refunds IS NOT NULL
          AND r.effective_at < %(until)s
          AND (%(only)s::uuid[] IS NULL OR r.deliverable_id = ANY(%(only)s::uuid[]))
        GROUP BY 1
        HAVING -sum(r.amount) >= (SELECT c.amount FROM billing_entry c WHERE c.id = r.refunds)
    ), marks AS (
        SELECT DISTINCT ON (d.take_id) d.take_id, d.decision
        FROM (SELECT DISTINCT take_id FROM cash WHERE take_id IS NOT NULL) t
        JOIN projects_decision d ON d.take_id = t.take_id
        WHERE d.at < %(until)s
        ORDER BY d.take_id, d.at DESC, d.sequence DESC
    ), states AS (
        SELECT DISTINCT ON (d.deliverable_id) d.deliverable_id, d.decision
        FROM (SELECT DISTINCT deliverable_id FROM cash WHERE deliverable_id IS NOT NULL) t
        JOIN projects_decision d ON d.deliverable_id = t.deliverable_id
        WHERE d.at < %(until)s AND d.decision IN ('accept', 'reverse', 'write_off', 'reopen')
        ORDER BY d.deliverable_id, d.at DESC, d.sequence DESC
    ), sorted AS (
        SELECT e.id, e.amount, e.deliverable_id, e.take_id, CASE
            WHEN e.deliverable_id IS NULL AND e.campaign_id IS NULL THEN 'period'
            WHEN e.deliverable_id IS NULL THEN 'shared'
            WHEN g.id IS NOT NULL THEN 'failed_refunded'
            WHEN e.failed_charged THEN 'failed_charged'
            WHEN m.decision = 'accept' OR (m.decision = 'select' AND s.decision = 'accept')
              OR (e.take_id IS NULL AND s.decision = 'accept') THEN 'accepted'
            WHEN m.decision = 'reject' THEN 'rejected'
            WHEN s.decision = 'accept' THEN 'superseded'
            WHEN s.decision = 'write_off' THEN 'written_off'
            ELSE 'open' END AS outcome
        FROM cash e
        LEFT JOIN given_back g ON g.id = COALESCE(e.refunds, e.id)
        LEFT JOIN marks m ON m.take_id = e.take_id
        LEFT JOIN states s ON s.deliverable_id = e.deliverable_id
    )
"""
SORTED = f"WITH {SORTING}"
#: Of entries without a deliverable: none is marked or decided on.
WITHOUT_DELIVERABLE = """
    SELECT CASE WHEN e.campaign_id IS NULL THEN 'period' ELSE 'shared' END, sum(e.amount)
    FROM billing_entry e
    WHERE e.workspace_id = %(workspace)s AND e.kind <> 'transfer' AND e.deliverable_id IS NULL
      AND e.effective_at >= %(start)s AND e.effective_at < %(until)s
    GROUP BY 1
"""
