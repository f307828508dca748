"""Two sides of a comparison: two months, or what two campaigns have had accepted, in a month or all along."""

from __future__ import annotations

import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from billing import acceptances, figures, month_figures, months, variance
from billing.acceptances import Month
from billing.dimensions import By
from billing.months import Span
from billing.variance import Side
from projects.models import Campaign, Deliverable, Workspace

LABELS = {
    "accepted": "Accepted",
    "takes": "Takes",
    "rounds": "Rounds",
    "multiplier": "Takes per accepted (shooting ratio)",
    "base": "Base price of a take",
    "generation": "Generation",
    "control": "Control",
    "refinement": "Refinement",
    "cash": "Cash, life to date",
    "cash_per_acceptable": "Cash per acceptable deliverable",
    "time": "Time of people, no cash",
    "cost_per_acceptable": "With the time of people",
}
COUNTS = ("accepted", "takes", "rounds")
BEFORE_ALL = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class Line(NamedTuple):
    """One figure on both sides: a count, a plain ratio, or money."""

    key: str
    label: str
    before: Decimal | None
    after: Decimal | None

    @property
    def is_count(self) -> bool:
        return self.key in COUNTS

    @property
    def is_plain(self) -> bool:
        return self.key == "multiplier"

    @property
    def change(self) -> Decimal | None:
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def share(self) -> Fraction | None:
        change = self.change
        return Fraction(change) / Fraction(self.before) if change is not None and self.before else None


def of_month(workspace: Workspace, name: str) -> Side:
    """A month (YYYY-MM). Raises Invalid (422) for what is none."""
    asked = Month(workspace, months.span(workspace, name))
    label = f"{datetime.date.fromisoformat(f'{name}-01'):%B %Y}"
    return variance.side(label=label, month=asked, cells=month_figures.of(workspace, name).cells)


def of_campaign(campaign: Campaign, *, month: str = "", now: datetime.datetime) -> Side:
    """What a campaign has had accepted in a month, or until now. Raises as `of_month` does."""
    workspace = campaign.workspace
    span = months.span(workspace, month) if month else Span(BEFORE_ALL, now)
    keys = Deliverable.objects.filter(campaign=campaign).values_list("pk", flat=True)
    asked = Month(workspace, span, tuple(keys))
    cells = acceptances.cells(month=asked, by=By.CATEGORY)
    return variance.side(label=f"{campaign.project} · {campaign}", month=asked, cells=cells)


def lines(old: Side, new: Side) -> list[Line]:
    """The figures of both sides, in the order of the month's page."""
    before, after = figures.of(old.sums), figures.of(new.sums)
    return [Line(key, label, _number(before[key]), _number(after[key])) for key, label in LABELS.items()]


def _number(value: int | str | None) -> Decimal | None:
    return None if value is None else Decimal(value)
