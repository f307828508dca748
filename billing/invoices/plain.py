"""Matches by the database what leaves no question: one line and one charge of a job, of the same amount.

Most of a bill is that. What is left out here is looked at line by line (`billing.invoices.matching`), which
would have made the same matches.
"""

from __future__ import annotations

import datetime
from typing import Any

from billing import months
from billing.invoices import plans
from projects.models import Workspace

MATCHED = """
    WITH alone AS MATERIALIZED (
        SELECT job_id FROM billing_invoiceline
        WHERE workspace_id = %(workspace)s AND provider = %(provider)s AND job_id > ''
        GROUP BY 1 HAVING count(*) = 1
    ), lines AS MATERIALIZED (
        SELECT l.id, l.job_id, l.amount
        FROM billing_invoiceline l
        JOIN billing_invoice i ON i.id = l.invoice_id
        JOIN alone a ON a.job_id = l.job_id
        WHERE l.workspace_id = %(workspace)s AND l.provider = %(provider)s AND i.month = %(month)s
          AND l.kind = 'usage' AND l.amount > 0
          AND NOT EXISTS (SELECT FROM billing_linematch m WHERE m.line_id = l.id)
          AND NOT EXISTS (SELECT FROM billing_difference d WHERE d.line_id = l.id)
    ), booked AS MATERIALIZED (
        SELECT e.id, e.kind, e.external_id, e.amount, e.service_at, count(*) OVER (PARTITION BY e.external_id)
        FROM billing_entry e
        WHERE e.workspace_id = %(workspace)s AND e.provider = %(provider)s AND e.external_id > ''
          AND e.kind IN ('charge', 'refund', 'adjustment')
          AND e.effective_at >= %(first)s
    ), corrected AS MATERIALIZED (
        SELECT COALESCE(e.refunds, e.corrects) AS id FROM billing_entry e
        WHERE e.workspace_id = %(workspace)s AND e.kind IN ('refund', 'adjustment')
          AND e.effective_at >= %(first)s
    )
    INSERT INTO billing_linematch (id, workspace_id, provider, line_id, entry, part, by, why, matched_at)
    SELECT gen_random_uuid(), %(workspace)s, %(provider)s, l.id, e.id, 1, 'job', 'job ' || l.job_id, %(now)s
    FROM lines l JOIN booked e ON e.external_id = l.job_id AND e.amount = l.amount
    WHERE e.count = 1 AND e.kind = 'charge' AND e.service_at >= %(start)s AND e.service_at < %(end)s
      AND NOT EXISTS (SELECT FROM corrected c WHERE c.id = e.id)
      AND NOT EXISTS (SELECT FROM billing_linematch m WHERE m.entry = e.id)
      AND NOT EXISTS (SELECT FROM billing_difference d WHERE d.entry = e.id)
"""
QUARTER = datetime.timedelta(days=92)


def match_equal(*, workspace: Workspace, provider: str, month: str, now: datetime.datetime) -> int:
    """Matches those of the month's lines; answers how many. Runs under `reconcile.lock`."""
    span = months.span(workspace, month)
    values: dict[str, Any] = {"workspace": workspace.pk, "provider": provider, "month": month, "now": now}
    values |= {"start": span.start, "end": span.end, "first": span.start - QUARTER}
    with plans.sets() as cursor:
        cursor.execute(MATCHED, values)
        found: int = cursor.rowcount
    return found
