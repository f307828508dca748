"""What a proposed price would have cost on a month's use: before, after, difference, by model.

Charges whose units are known, at prices without conditions, are computed anew, each at its own exchange
rate. All others are scaled by the ratio of the two unit prices.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone

from billing import money, months, rates
from billing.models import PriceRow
from projects.models import Workspace

USE = """
    SELECT model, price_row, native_currency, kind = 'charge' AND computed_amount IS NULL AS by_the_book,
           count(*) AS number, sum(amount) AS amount, count(units) AS told,
           COALESCE(sum(units * rate), 0) AS units,
           COALESCE(sum(GREATEST(units - 1, 0) * rate), 0) AS further,
           COALESCE(sum(rate), 0) AS first
    FROM billing_entry
    WHERE workspace_id = %(workspace)s AND effective_at >= %(start)s AND effective_at < %(end)s
      AND kind IN ('charge', 'refund') AND model = ANY(%(models)s)
    GROUP BY 1, 2, 3, 4
"""


class Effect(NamedTuple):
    """Cash of the model's charges as booked, and as the proposal would have had it.

    `after` is None where it cannot be told; `charges` is how many there were, `exact` whether none was
    scaled.
    """

    row: PriceRow
    charges: int
    before: Decimal
    after: Decimal | None
    exact: bool

    @property
    def difference(self) -> Decimal | None:
        return None if self.after is None else self.after - self.before


def of_month(*, workspace: Workspace, rows: Sequence[PriceRow], month: str) -> list[Effect]:
    """The effect of each row on the month's use of its model; three queries whatever their number."""
    start, end = months.span(workspace, month)
    values: dict[str, Any] = {
        "workspace": workspace.pk,
        "start": start,
        "end": end,
        "models": sorted({row.model_key for row in rows}),
    }
    with connection.cursor() as cursor:
        cursor.execute(USE, values)
        names = [column.name for column in cursor.description or ()]
        groups = [dict(zip(names, line, strict=True)) for line in cursor.fetchall()]
    booked_at = _rows({group["price_row"] for group in groups})
    known = rates.rates_at(workspace, timezone.now())
    return [
        _effect(row, [group for group in groups if group["model"] == row.model_key], booked_at, known)
        for row in rows
    ]


def _rows(ids: Iterable[uuid.UUID | None]) -> dict[uuid.UUID, PriceRow]:
    return PriceRow.objects.in_bulk([key for key in ids if key is not None])


def _effect(
    row: PriceRow,
    groups: Sequence[dict[str, Any]],
    booked_at: dict[uuid.UUID, PriceRow],
    known: dict[str, Decimal],
) -> Effect:
    before = sum((group["amount"] for group in groups), Decimal(0))
    after: Decimal | None = Decimal(0)
    exact = True
    for group in groups:
        old = booked_at.get(group["price_row"])
        part = _computed(row, old, group)
        if part is None:
            exact = False
            part = _scaled(row, old, group["amount"], known)
        after = None if after is None or part is None else after + part
    number = sum(group["number"] for group in groups)
    return Effect(row, number, before, None if after is None else money.booked(after), exact)


def _computed(row: PriceRow, old: PriceRow | None, group: dict[str, Any]) -> Decimal | None:
    """The group's cash at the new price, where its units say it all."""
    told = group["by_the_book"] and group["told"] == group["number"] and old is not None
    if not told or old is None or old.unit != row.unit or row.conditions or old.conditions:
        return None
    if row.currency != group["native_currency"]:
        return None
    if row.first_amount is None:
        return Decimal(group["units"] * row.amount)
    return Decimal(group["first"] * row.first_amount + group["further"] * row.amount)


def _scaled(
    row: PriceRow, old: PriceRow | None, amount: Decimal, known: dict[str, Decimal]
) -> Decimal | None:
    """The group's cash times the ratio of the unit prices; None where there is no such ratio."""
    if old is None or old.unit != row.unit or not old.amount:
        return None
    new_rate, old_rate = known.get(row.currency), known.get(old.currency)
    if row.currency == old.currency:
        return amount * row.amount / old.amount
    if not new_rate or not old_rate:
        return None
    return amount * (row.amount * new_rate) / (old.amount * old_rate)
