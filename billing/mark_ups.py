"""What clients pay above cost: the percent of a month, and the mark-up on an amount that came or went."""

from __future__ import annotations

import collections
import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal

from django.db import connection

from billing import money
from billing.acceptances import Month
from billing.models import MarkUp
from projects.models import Workspace

#: What sign-offs that were withdrawn in the month had been charged for in the months before, by those months.
WITHDRAWN = """
    SELECT e.campaign_id, to_char(e.effective_at AT TIME ZONE %(zone)s, 'YYYY-MM'),
           sum(CASE WHEN e.debit = 'accepted' THEN e.amount ELSE -e.amount END)
    FROM projects_decision r
    JOIN projects_decision a ON a.sequence = r.reverses_id AND a.decision = 'accept'
    JOIN billing_entry e ON e.deliverable_id = a.deliverable_id
     AND e.effective_at >= a.at AND e.effective_at < %(start)s
     AND (e.debit = 'accepted' OR (e.kind = 'transfer' AND e.credit = 'accepted'))
    WHERE r.workspace_id = %(workspace)s AND r.decision = 'reverse'
      AND r.at >= %(start)s AND r.at < %(until)s
    GROUP BY 1, 2
"""
Percents = Mapping[str, Mapping[uuid.UUID, Decimal]]
"""By month (YYYY-MM) and project."""
Amounts = Mapping[uuid.UUID, Mapping[str, Decimal]]
"""By campaign and month."""


def percents(workspace: Workspace, names: Iterable[str]) -> dict[str, dict[uuid.UUID, Decimal]]:
    """The percent of each client in each of these months: that of the last month named up to it, as it was
    said last; one query."""
    rows = MarkUp.objects.filter(workspace=workspace).order_by("first_month", "id")
    said = list(rows.values_list("first_month", "project", "percent"))
    return {name: {project: percent for first, project, percent in said if first <= name} for name in names}


def withdrawn(month: Month) -> Amounts:
    """What is given back in a month, by the months in which it was charged."""
    found: dict[uuid.UUID, dict[str, Decimal]] = collections.defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(WITHDRAWN, {**month.values(), "zone": month.workspace.time_zone})
        for campaign_id, name, amount in cursor.fetchall():
            found[campaign_id][name] = amount
    return found


def on(amount: Decimal, percent: Decimal, given_back: Iterable[tuple[Decimal, Decimal]]) -> Decimal:
    """The mark-up on an amount, rounded once; what it gives back counts at the percent it was charged at."""
    exact = money.EXACT.multiply(amount, percent)
    for back, charged_at in given_back:
        exact = money.EXACT.add(exact, money.EXACT.multiply(back, percent - charged_at))
    return money.booked(money.EXACT.divide(exact, Decimal(100)))
