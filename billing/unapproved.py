"""The share of a month's spend at prices that finance had not approved by the month's end."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from django.db import connection

from billing import months
from projects.models import Workspace

#: What the provider reported itself is at no price of ours.
SPENT = """
    SELECT COALESCE(sum(e.amount), 0),
           COALESCE(sum(e.amount) FILTER (WHERE p.id IS NOT NULL AND e.computed_amount IS NULL), 0)
    FROM billing_entry e
    LEFT JOIN (
        SELECT row.id FROM billing_pricerow row
        LEFT JOIN billing_pricedecision d
            ON d.row_id = row.id AND d.decision = 'approved' AND d.decided_at < %(end)s
        WHERE row.workspace_id = %(workspace)s AND d.row_id IS NULL
    ) p ON p.id = e.price_row
    WHERE e.workspace_id = %(workspace)s AND e.effective_at >= %(start)s AND e.effective_at < %(end)s
      AND e.kind <> 'transfer'
"""


class Unapproved(NamedTuple):
    """A month's spend, and what of it was at prices nobody had approved; `share` is None without spend."""

    spend: Decimal
    amount: Decimal

    @property
    def share(self) -> Fraction | None:
        return Fraction(self.amount) / Fraction(self.spend) if self.spend else None


def of_month(*, workspace: Workspace, month: str) -> Unapproved:
    """Raises Invalid (422) where `month` is no YYYY-MM."""
    start, end = months.span(workspace, month)
    with connection.cursor() as cursor:
        cursor.execute(SPENT, {"workspace": workspace.pk, "start": start, "end": end})
        return Unapproved(*cursor.fetchone())
