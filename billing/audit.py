"""The audit of a month: what a finished, approved deliverable really cost, and where the month's cash went.

Every figure is as of the month's last instant. Sums are exact and added up in the database; ratios are exact
fractions of them, rounded once, half-even to eight decimals, when they are printed.
"""

from __future__ import annotations

import collections
from decimal import Decimal
from typing import Any

from django.db import connection

from billing import acceptances, bridge, dimensions, effects, figures, months, outcomes, roll_forward
from billing.acceptances import Month
from billing.also import also, error_bars, exceptions
from billing.bridge import Bridge
from billing.figures import Cells, Sums, printed, printed_or_none, ratio
from billing.roll_forward import Terms
from projects.models import Workspace

__all__ = ["also", "error_bars", "exceptions", "month_document", "roll_forward_check"]

Document = dict[str, Any]


def month_document(*, workspace: Workspace, month: str, by: str = "campaign") -> Document:
    """The audit of a month (YYYY-MM) as the API answers it: amounts as strings with eight decimals.

    Raises Invalid (422) for an unknown month or dimension.
    """
    dimensions.dimension(by)
    this = Month(workspace, months.span(workspace, month))
    before = Month(workspace, months.span(workspace, months.before(month)))
    cells = acceptances.cells(month=this, by=by)
    cells_before = acceptances.cells(month=before, by=dimensions.By.CATEGORY)
    terms_before, terms = terms_of(before), terms_of(this)
    bridge_before, over = bridge.bridge(before), bridge.bridge(this)
    cash = figures.total(cells.values()).cash
    return {
        "month": month,
        "currency": workspace.currency,
        "time_zone": workspace.time_zone,
        "state": "open",
        "digest": None,
        "totals": _totals(cells, terms, over),
        "previous": _totals(cells_before, terms_before, bridge_before),
        "effects": effects.effects(old=cells_before, new=cells),
        "bridge": _printed({"cash": cash, **over._asdict()}),
        "outcomes": _printed(outcomes.outcomes(this)),
        "roll_forward": _printed(vars(terms)),
        "rows": rows(workspace=workspace, cells=cells, by=by),
    }


def rows(*, workspace: Workspace, cells: Cells, by: str) -> list[Document]:
    """A row for each key of the dimension of which a figure differs from zero, in the order of the keys."""
    by_key: dict[str, Sums] = collections.defaultdict(Sums)
    for (_, _, key), sums in cells.items():
        by_key[key].add(sums)
    keys = sorted(key for key, sums in by_key.items() if not sums.is_empty())
    named = dimensions.names(workspace=workspace, by=by, keys=keys)
    return [{"key": key, "name": named[key], **figures.of(by_key[key])} for key in keys]


def roll_forward_check(workspace: Workspace, month: str) -> roll_forward.RollForward:
    """The kept terms of the month against entries × decisions; it holds, or says where it parts."""
    return roll_forward.roll_forward(workspace, month)


#: What was booked into and out of each pot before the month and in it.
KEPT = """
    SELECT pot, COALESCE(sum(amount) FILTER (WHERE effective_at < %(start)s), 0),
           COALESCE(sum(amount) FILTER (WHERE effective_at >= %(start)s), 0),
           COALESCE(sum(amount) FILTER (WHERE effective_at >= %(start)s AND cash), 0)
    FROM (
        SELECT debit AS pot, amount, effective_at, kind <> 'transfer' AS cash FROM billing_entry
        WHERE workspace_id = %(workspace)s AND effective_at < %(until)s
        UNION ALL
        SELECT credit, -amount, effective_at, false FROM billing_entry
        WHERE workspace_id = %(workspace)s AND effective_at < %(until)s AND kind = 'transfer'
    ) booked GROUP BY 1
"""


def terms_of(month: Month) -> Terms:
    """The kept terms of the roll-forward, of the whole workspace."""
    with connection.cursor() as cursor:
        cursor.execute(KEPT, month.values())
        pots = {pot: amounts for pot, *amounts in cursor.fetchall()}
    nothing = [Decimal(0)] * 3
    opening, growth = pots.get("wip", nothing)[:2]
    return Terms(
        opening_wip=opening,
        spend=sum((spent for *_, spent in pots.values()), Decimal(0)),
        accepted=pots.get("accepted", nothing)[1],
        written_off=pots.get("written_off", nothing)[1],
        period=pots.get("period", nothing)[1],
        closing_wip=opening + growth,
    )


def _totals(cells: Cells, terms: Terms, over: Bridge) -> Document:
    sums = figures.total(cells.values())
    loaded = terms.accepted + terms.written_off + terms.period
    return {
        **figures.of(sums),
        "late": printed(over.late),
        "shared": printed(over.shared),
        "cost_per_acceptable_with_shared": printed_or_none(
            ratio(sums.cash + sums.time + over.shared, sums.accepted)
        ),
        "loaded_cost_per_acceptable": printed_or_none(ratio(loaded, sums.accepted)),
    }


def _printed(amounts: dict[str, Decimal]) -> dict[str, str]:
    return {name: printed(amount) for name, amount in amounts.items()}
