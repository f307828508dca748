"""How the price of a model came about: its rows, which is in force, and the steps that a chart shows."""

from __future__ import annotations

import datetime
from typing import NamedTuple

from billing import prices
from billing.charts import PriceStep
from billing.models import PriceRow
from projects.models import Membership


class Line(NamedTuple):
    """A price row and how it stands; `state` is `approved`, `proposed` or `declined`."""

    row: PriceRow
    state: str
    in_force: bool


def of_model(*, model_key: str, by: Membership, now: datetime.datetime) -> list[Line]:
    """The model's rows that this member sees, newest first."""
    rows = (
        PriceRow.objects.visible_to(by)
        .filter(model_key=model_key)
        .select_related("author", "decision__decided_by")
        .order_by("-starts_at", "-created_at", "-id")
    )
    found = prices.in_force(by.workspace, [model_key], now).get(model_key)
    return [Line(row, prices.state_of(row), bool(found and found.pk == row.pk)) for row in rows]


def steps(lines: list[Line]) -> list[PriceStep]:
    """What the chart of the lines shows, oldest first."""
    return [
        PriceStep(
            line.row.starts_at,
            line.row.amount,
            f"{line.row.currency} per {line.row.get_unit_display().lower()}",
            line.state,
        )
        for line in reversed(lines)
        if line.state != "declined"
    ]
