"""The audit of a month: what a finished, approved deliverable really cost, and where the month's cash went.

Every figure is as of the month's last instant. Sums are exact and added up in the database; ratios are exact
fractions of them, rounded once, half-even to eight decimals, when they are printed.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from billing import (
    acceptances,
    dimensions,
    effects,
    figures,
    month_figures,
    month_sums,
    months,
    pot_days,
    roll_forward,
    standing,
)
from billing.also import Also, ErrorBar, also, also_of, error_bars, error_bars_of
from billing.bridge import Bridge
from billing.figures import Cells, Sums, printed, printed_or_none, ratio
from billing.models import Pot
from billing.month_figures import Figures
from billing.roll_forward import Terms
from projects.models import Workspace

__all__ = [
    "Also",
    "ErrorBar",
    "also",
    "error_bars",
    "month_by_each",
    "month_document",
    "month_page",
    "roll_forward_check",
]

Document = dict[str, Any]


def month_document(*, workspace: Workspace, month: str, by: str = "campaign") -> Document:
    """The audit of a month (YYYY-MM) as the API answers it: amounts as strings with eight decimals.

    Raises Invalid (422) for an unknown month or dimension.
    """
    return month_page(workspace=workspace, month=month, by=by).document


def month_by_each(*, workspace: Workspace, month: str, by: Sequence[str]) -> dict[str, Document]:
    """As `month_document`, by each of the dimensions, as of one instant; the figures are worked out once."""
    months.span(workspace, month)
    with month_sums.snapshot():
        this = month_figures.of(workspace, month)
        document = _document(this, month_figures.totals_before(this))
        return {
            name: {**document, "rows": rows(workspace=workspace, cells=_split(this, name), by=name)}
            for name in by
        }


class Page(NamedTuple):
    """The audit of a month and what is printed beside it; `row_count` is that of all rows of the split."""

    document: Document
    also: Also
    bars: list[ErrorBar]
    row_count: int


def month_page(*, workspace: Workspace, month: str, by: str, most: int | None = None) -> Page:
    """All of the page as of one instant, with at most so many rows of the split; raises as above."""
    dimensions.dimension(by)
    months.span(workspace, month)
    with month_sums.snapshot():
        this = month_figures.of(workspace, month)
        before = month_figures.totals_before(this)
        split = _split(this, by)
        document = _document(this, before)
        document["rows"] = rows(workspace=workspace, cells=split, by=by, most=most)
        return Page(document, also_of(this), error_bars_of(this), len(_shown(split)))


def _split(this: Figures, by: str) -> Cells:
    if month_figures.is_kept(by):
        return month_figures.cells_by(this, by)
    return acceptances.cells(month=this.month, by=by)


def _document(this: Figures, before: Figures) -> Document:
    workspace = this.month.workspace
    cells, cells_before = this.cells, before.cells
    first, opening, closing = (
        pot_days.content(workspace=workspace, at=at) for at in (before.month.span.start, *this.month.span)
    )
    terms_before, terms = terms_between(first, opening), terms_between(opening, closing)
    state, digest = standing.state_of(workspace, months.month_of(workspace, this.month.span.start))
    bridge_before, over = month_figures.bridge(before), month_figures.bridge(this)
    cash = figures.total(cells.values()).cash
    return {
        "month": months.month_of(workspace, this.month.span.start),
        "currency": workspace.currency,
        "time_zone": workspace.time_zone,
        "state": state,
        "digest": digest,
        "totals": _totals(cells, terms, over),
        "previous": _totals(cells_before, terms_before, bridge_before),
        "effects": effects.effects(old=cells_before, new=cells),
        "bridge": _printed({"cash": cash, **over._asdict()}),
        "outcomes": _printed(month_figures.outcomes_of(this)),
        "roll_forward": _printed(vars(terms)),
    }


def rows(*, workspace: Workspace, cells: Cells, by: str, most: int | None = None) -> list[Document]:
    """A row for each key of the dimension of which a figure differs from zero, in the order of the keys."""
    by_key = _shown(cells)
    keys = sorted(by_key)[:most]
    named = dimensions.names(workspace=workspace, by=by, keys=keys)
    return [{"key": key, "name": named[key], **figures.of(by_key[key])} for key in keys]


def _shown(cells: Cells) -> dict[str, Sums]:
    by_key: dict[str, Sums] = collections.defaultdict(Sums)
    for (_, _, key), sums in cells.items():
        by_key[key].add(sums)
    return {key: sums for key, sums in by_key.items() if not sums.is_empty()}


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
        "loaded_cost_per_acceptable": printed_or_none(ratio(loaded, sums.accepted)),
    }


def _printed(amounts: dict[str, Decimal]) -> dict[str, str]:
    return {name: printed(amount) for name, amount in amounts.items()}
