"""What cash was spent on, in groups that a change of prices can be applied to: of a month, and of what it
accepted."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from billing.acceptances import LIFE, Month

GROUP = """
    e.category, e.phase,
    CASE WHEN e.project_id = ANY(%(projects)s::uuid[]) THEN e.project_id END,
    e.provider, e.model, e.native_currency, e.campaign_id = ANY(%(campaigns)s::uuid[])
"""
OF_MONTH = f"""
    SELECT {GROUP}, sum(e.amount) FROM billing_entry e
    WHERE e.workspace_id = %(workspace)s AND e.kind <> 'transfer'
      AND e.effective_at >= %(start)s AND e.effective_at < %(until)s
    GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING sum(e.amount) <> 0
"""  # noqa: S608 - our own words only
OF_ACCEPTED = f"""
    {LIFE.format(own="''")}
    SELECT {GROUP}, sum(e.amount)
    FROM life l JOIN billing_entry e ON e.deliverable_id = l.deliverable_id
    WHERE e.effective_at <= l.at AND e.effective_at < %(until)s AND e.kind <> 'transfer'
    GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING sum(e.amount) <> 0
"""  # noqa: S608
ACCEPTED = LIFE.format(own="''") + " SELECT count(*) FROM life"  # noqa: S608
#: Of campaigns with a fee that had not ended: fees, and all their cash to date.
FEES = """
    SELECT g.id, g.fee, COALESCE((
        SELECT sum(c.generation + c.control + c.refinement)
        FROM projects_deliverable d JOIN billing_deliverablecost c ON c.deliverable_id = d.id
        WHERE d.campaign_id = g.id
    ), 0) + COALESCE((
        SELECT sum(e.amount) FROM billing_entry e
        WHERE e.workspace_id = %(workspace)s AND e.deliverable_id IS NULL AND e.campaign_id = g.id
          AND e.kind <> 'transfer'
    ), 0)
    FROM projects_campaign g
    WHERE g.workspace_id = %(workspace)s AND g.fee IS NOT NULL
      AND (g.ended_at IS NULL OR g.ended_at >= %(start)s)
"""


class Use(NamedTuple):
    """Cash of one group. `project` is set for those that were asked for apart; `with_fee` says whether its
    campaign is among those whose margin is looked at."""

    category: str
    phase: str
    project: uuid.UUID | None
    provider: str
    model: str
    currency: str
    with_fee: bool
    amount: Decimal


class Fee(NamedTuple):
    """A campaign's fee, and its cash to date."""

    campaign: uuid.UUID
    fee: Decimal
    cash: Decimal


def fees(month: Month) -> list[Fee]:
    """Of campaigns that have a fee and had not ended when the month began."""
    return [Fee(*row) for row in _ask(FEES, month, (), ())]


def of_month(month: Month, *, projects: Sequence[uuid.UUID], campaigns: Sequence[uuid.UUID]) -> list[Use]:
    """All cash of the month."""
    return _uses(OF_MONTH, month, projects, campaigns)


def of_accepted(month: Month, *, projects: Sequence[uuid.UUID], campaigns: Sequence[uuid.UUID]) -> list[Use]:
    """The life to date of what was accepted in the month and stood at its end."""
    return _uses(OF_ACCEPTED, month, projects, campaigns)


def accepted(month: Month) -> int:
    return int(_ask(ACCEPTED, month, (), ())[0][0])


def _uses(
    statement: str, month: Month, projects: Sequence[uuid.UUID], campaigns: Sequence[uuid.UUID]
) -> list[Use]:
    rows = _ask(statement, month, projects, campaigns)
    return [Use._make((*place, bool(with_fee), amount)) for *place, with_fee, amount in rows]


def _ask(
    statement: str, month: Month, projects: Sequence[uuid.UUID], campaigns: Sequence[uuid.UUID]
) -> list[tuple[Any, ...]]:
    values = {**month.values(), "projects": list(projects), "campaigns": list(campaigns)}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
