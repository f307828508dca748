"""What stands between the cash of the accepted deliverables and the month's cost of accepted.

    cost of accepted(M) = cash of A + late(M) + shared shares taken(M) − carried back(M)

Late is cash of the month on deliverables that were accepted at the entry's instant, less what the accepted
deliverables' life to date contains. Shared shares taken are those of the acceptances of A. Carried back is
what lay in the pot of accepted at the opening and was taken out by a reversal, shares included, and what came
late to a deliverable that is not accepted at the month's end.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

#: An entry's instant lies after a decision only where it is later: charges come before decisions.
LATE_ENTRIES = """
    SELECT e.id, e.deliverable_id, e.amount, EXISTS (
        SELECT FROM projects_decision s
        WHERE s.deliverable_id = e.deliverable_id AND s.decision = 'accept' AND s.at < %(until)s
          AND NOT EXISTS (
              SELECT FROM projects_decision b WHERE b.reverses_id = s.sequence AND b.at < %(until)s
          )
    ) AS stands
    FROM billing_entry e
    JOIN projects_decision a ON a.deliverable_id = e.deliverable_id AND a.decision = 'accept'
    LEFT JOIN projects_decision r ON r.reverses_id = a.sequence
    WHERE e.workspace_id = %(workspace)s AND e.kind <> 'transfer'
      AND e.effective_at >= %(start)s AND e.effective_at < %(until)s
      AND (%(only)s::uuid[] IS NULL OR e.deliverable_id = ANY(%(only)s::uuid[]))
      AND a.at < e.effective_at AND (r.at IS NULL OR r.at >= e.effective_at)
      AND NOT EXISTS (
          SELECT FROM projects_decision l
          WHERE l.deliverable_id = e.deliverable_id AND l.decision = 'accept'
            AND l.at >= e.effective_at AND l.at < %(until)s
            AND NOT EXISTS (
                SELECT FROM projects_decision b WHERE b.reverses_id = l.sequence AND b.at < %(until)s
            )
      )
"""
LATE = f"""
    SELECT deliverable_id, sum(amount) AS late, COALESCE(sum(amount) FILTER (WHERE NOT stands), 0) AS gone
    FROM ({LATE_ENTRIES}) late
    GROUP BY deliverable_id
"""  # noqa: S608 - our own words only
TAKEN_OUT_ENTRIES = """
    SELECT e.id, a.deliverable_id, e.amount
    FROM projects_decision r
    JOIN projects_decision a ON a.sequence = r.reverses_id AND a.decision = 'accept'
    JOIN billing_entry e ON e.deliverable_id = a.deliverable_id
    WHERE r.workspace_id = %(workspace)s AND r.decision = 'reverse'
      AND r.at >= %(start)s AND r.at < %(until)s AND a.at < %(start)s
      AND e.effective_at < %(start)s AND e.kind <> 'transfer'
      AND (%(only)s::uuid[] IS NULL OR a.deliverable_id = ANY(%(only)s::uuid[]))
"""
TAKEN_OUT = f"""
    SELECT deliverable_id, sum(amount) AS amount FROM ({TAKEN_OUT_ENTRIES}) gone GROUP BY 1
"""  # noqa: S608


#: Shares of shared costs that went back with it: rows of the reversal, negative.
SHARED_BACK = """
    SELECT s.deliverable_id, -sum(s.amount) AS amount
    FROM projects_decision r
    JOIN projects_decision a ON a.sequence = r.reverses_id AND a.decision = 'accept'
    JOIN billing_costshare s ON s.deliverable_id = r.deliverable_id AND s.decision = r.sequence
    WHERE r.workspace_id = %(workspace)s AND r.decision = 'reverse'
      AND r.at >= %(start)s AND r.at < %(until)s AND a.at < %(start)s
      AND (%(only)s::uuid[] IS NULL OR r.deliverable_id = ANY(%(only)s::uuid[]))
    GROUP BY 1
"""


class Bridge(NamedTuple):
    """The terms beside the cash of A."""

    late: Decimal
    shared: Decimal
    carried_back: Decimal
