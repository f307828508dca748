"""The audit of a month: what a finished, approved deliverable really cost, and where the month's cash went.

Every figure is as of the month's last instant. Sums are exact and added up in the database; ratios are exact
fractions of them, rounded once, half-even to eight decimals, when they are printed.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from billing import (
    acceptances,
    bridge,
    dimensions,
    effects,
    figures,
    months,
    outcomes,
    pot_days,
    roll_forward,
)
from billing.acceptances import Month
from billing.also import also, error_bars, exceptions
from billing.bridge import Bridge
from billing.figures import Cells, Sums, printed, printed_or_none, ratio
from billing.models import Pot
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
    first, opening, closing = (
        pot_days.content(workspace=workspace, at=at) for at in (before.span.start, *this.span)
    )
    terms_before, terms = terms_between(first, opening), terms_between(opening, closing)
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


def terms_between(opening: Mapping[str, Decimal], closing: Mapping[str, Decimal]) -> Terms:
    """The kept terms of the roll-forward, of the whole workspace, from its pots at both ends."""
    return Terms(
        opening_wip=opening[Pot.WIP],
        spend=closing[pot_days.SPENT] - opening[pot_days.SPENT],
        accepted=closing[Pot.ACCEPTED] - opening[Pot.ACCEPTED],
        written_off=closing[Pot.WRITTEN_OFF] - opening[Pot.WRITTEN_OFF],
        period=closing[Pot.PERIOD] - opening[Pot.PERIOD],
        closing_wip=closing[Pot.WIP],
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
