"""What a budget's window has consumed, worked out from the holds themselves."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from billing import windows
from billing.models import Budget, BudgetWindow

#: Holds made in a window that a budget covers; `%(provider)s` is the first part of a model's key.
COVERED = """
    FROM billing_hold h
    JOIN projects_take t ON t.id = h.take_id
    JOIN projects_deliverable d ON d.id = t.deliverable_id
    JOIN projects_campaign c ON c.id = d.campaign_id
    WHERE h.workspace_id = %(workspace)s AND h.made_at >= %(start)s
      AND (%(end)s::timestamptz IS NULL OR h.made_at < %(end)s)
      AND (%(phase)s = '' OR t.phase = %(phase)s)
      AND CASE %(scope)s
            WHEN 'workspace' THEN true
            WHEN 'provider' THEN split_part(h.model_key, '/', 1) = %(provider)s
            WHEN 'project' THEN c.project_id = %(target)s
            WHEN 'campaign' THEN d.campaign_id = %(target)s
            WHEN 'category' THEN d.category_id = %(target)s
            WHEN 'deliverable' THEN d.id = %(target)s
            ELSE t.requested_by_id = %(target)s END
"""
#: Refunds of a posted hold's entry that fell into the window.
REFUNDED = """
    COALESCE((SELECT sum(r.amount) FROM billing_entry r WHERE r.refunds = o.entry
              AND (%(freed_until)s::timestamptz IS NULL OR r.effective_at < %(freed_until)s)), 0)
"""
SO_FAR = f"""
    SELECT COALESCE(sum(CASE o.outcome WHEN 'posted' THEN o.amount + {REFUNDED} ELSE 0 END), 0),
           COALESCE(sum(CASE WHEN o.outcome IS NULL THEN h.amount ELSE 0 END), 0)
    FROM (SELECT h.id, h.amount {COVERED}) h
    LEFT JOIN billing_holdoutcome o ON o.hold_id = h.id
"""  # noqa: S608 - our own words only
ADOPT = f"""
    INSERT INTO billing_holdbudget (hold_id, window_id)
    SELECT h.id, %(window)s {COVERED}
"""
OF_WINDOW = f"""
    SELECT COALESCE(sum(CASE o.outcome WHEN 'posted' THEN o.amount + {REFUNDED} ELSE 0 END), 0),
           COALESCE(sum(CASE WHEN o.outcome IS NULL THEN h.amount ELSE 0 END), 0)
    FROM billing_holdbudget b
    JOIN billing_hold h ON h.id = b.hold_id
    LEFT JOIN billing_holdoutcome o ON o.hold_id = h.id
    WHERE b.window_id = %(window)s
"""  # noqa: S608 - our own words only


Values = dict[str, uuid.UUID | datetime.datetime | str | int | None]


class Used(NamedTuple):
    spent: Decimal
    reserved: Decimal


def so_far(budget: Budget, starts_at: datetime.datetime) -> Used:
    """What the holds of a window that starts at `starts_at` come to, whether counted there or not."""
    return _ask(SO_FAR, _values(budget, starts_at))


def of_days(budget: Budget, days: Sequence[datetime.datetime]) -> Used:
    """What the holds of the days of a rolling window come to, by the first instants of its days."""
    values = _values(budget, days[0])
    return _ask(SO_FAR, {**values, "end": windows.holds_end(budget, budget.workspace, days[-1])})


def of_window(window: BudgetWindow) -> Used:
    """What the holds that count in a window come to."""
    until = windows.end(window.budget, window.budget.workspace, window.starts_at)
    return _ask(OF_WINDOW, {"window": window.pk, "freed_until": until})


def adopt(budget: Budget, window: BudgetWindow) -> None:
    """Lets the holds made in a new window count in it."""
    with connection.cursor() as cursor:
        cursor.execute(ADOPT, {**_values(budget, window.starts_at), "window": window.pk})


def _values(budget: Budget, starts_at: datetime.datetime) -> Values:
    target = budget.project_id or budget.campaign_id or budget.category_id
    return {
        "workspace": budget.workspace_id,
        "start": starts_at,
        "end": windows.holds_end(budget, budget.workspace, starts_at),
        "freed_until": windows.end(budget, budget.workspace, starts_at),
        "phase": budget.phase,
        "scope": budget.scope,
        "provider": budget.provider,
        "target": target or budget.deliverable_id or budget.person_id,
    }


def _ask(statement: str, values: Values) -> Used:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return Used(*cursor.fetchone())
