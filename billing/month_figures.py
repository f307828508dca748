"""A month's figures as its pages and the API need them, from kept sums and what was touched since."""

from __future__ import annotations

import collections
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from billing import dimensions, figures, month_sums, months, outcomes, touched
from billing.acceptances import Month
from billing.bridge import Bridge
from billing.dimensions import By
from billing.figures import Cell, Cells, Sums
from billing.month_sums import Amounts
from billing.outcomes import Outcome
from billing.touched import Touched
from projects.models import Workspace

SUMMED = ("accepted", "takes", "rounds", "generation", "control", "refinement", "time", "shared")
COUNTS = ("accepted", "takes", "rounds")
NOUGHT = Decimal(0)


class Figures(NamedTuple):
    """Sums of a month, and what was touched when they were read."""

    month: Month
    changed: Touched
    amounts: Amounts
    cells: Cells  # of the accepted deliverables' life to date, by category and phase

    def amount(self, figure: str, key: str = "") -> Decimal:
        return self.amounts.get((figure, "", "", key), NOUGHT)

    def by_key(self, figure: str) -> dict[str, Decimal]:
        return {
            key: amount
            for (name, category, _, key), amount in self.amounts.items()
            if name == figure and not category
        }


def of(workspace: Workspace, name: str) -> Figures:
    """Figures of a month (YYYY-MM). Raises Invalid (422) for an unknown one."""
    month = Month(workspace, months.span(workspace, name))
    with month_sums.snapshot():
        changed = touched.seen(workspace)
        return _figures(month, changed, month_sums.read(month, changed))


def totals_before(this: Figures) -> Figures:
    """The month before, without what has a key; in the snapshot in which `this` was read."""
    workspace = this.month.workspace
    name = months.before(months.month_of(workspace, this.month.span.start))
    month = Month(workspace, months.span(workspace, name))
    return _figures(month, this.changed, month_sums.read_totals(month, this.changed))


def _figures(month: Month, changed: Touched, amounts: Amounts) -> Figures:
    cells = _cells(
        ((category, phase, ""), figure, amount)
        for (figure, category, phase, _), amount in amounts.items()
        if category
    )
    return Figures(month, changed, amounts, cells)


def cells_by(found: Figures, by: str) -> Cells:
    """The cells by campaign, category or project, as the last part of each one's place."""
    if by == By.CATEGORY:
        return {(category, phase, category): sums for (category, phase, _), sums in found.cells.items()}
    return _cells(
        (("", "", key.partition("/")[0] if by == By.PROJECT else key), figure, amount)
        for (figure, category, _, key), amount in found.amounts.items()
        if not category and figure in SUMMED
    )


def is_kept(by: str) -> bool:
    return by in dimensions.OWN


def outcomes_of(found: Figures) -> dict[str, Decimal]:
    """The cash of the month by outcome, every kind named."""
    kinds = found.by_key("outcome")
    with connection.cursor() as cursor:
        cursor.execute(outcomes.WITHOUT_DELIVERABLE, found.month.values())
        for kind, amount in cursor.fetchall():
            kinds[kind] = kinds.get(kind, NOUGHT) + amount
    return {kind: kinds.get(kind, NOUGHT) for kind in Outcome.values}


def bridge(found: Figures) -> Bridge:
    shared = figures.total(found.cells.values()).shared
    carried_back = found.amount("taken_out") + found.amount("late_gone") + found.amount("shared_back")
    return Bridge(found.amount("late"), shared, carried_back)


def _cells(amounts: Iterable[tuple[Cell, str, Decimal]]) -> Cells:
    found: Cells = collections.defaultdict(Sums)
    for cell, figure, amount in amounts:
        sums = found[cell]
        exact = int(amount) if figure in COUNTS else amount
        setattr(sums, figure, getattr(sums, figure) + exact)
    return dict(found)
