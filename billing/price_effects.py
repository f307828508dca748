"""What a proposed price would have cost on a month's use: before, after, difference, by model.

Charges whose units are known are computed anew, each at its own exchange rate; at prices with conditions
those of which it was written down what they were priced by. All others are scaled by the ratio of the two
unit prices. Steps by volume are taken by the month's units together, at their mean exchange rate.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone

from billing import money, months, price_rules, rates
from billing.models import PriceRow
from billing.price_rules import Unsaid, Use
from projects.models import Workspace

USE = """
    SELECT e.model, e.price_row, e.native_currency,
           e.kind = 'charge' AND e.computed_amount IS NULL AS by_the_book, u.facts,
           count(*) AS number, sum(e.amount) AS amount, count(e.units) AS told,
           COALESCE(sum(e.units * e.rate), 0) AS units,
           COALESCE(sum(GREATEST(e.units - 1, 0) * e.rate), 0) AS further,
           COALESCE(sum(e.rate), 0) AS first, COALESCE(sum(e.units), 0) AS plain,
           count(u.input_units) AS read, COALESCE(sum(u.input_units * e.rate), 0) AS went_in,
           count(DISTINCT e.rate) AS rates
    FROM billing_entry e LEFT JOIN billing_priceduse u ON u.entry = e.id
    WHERE e.workspace_id = %(workspace)s AND e.effective_at >= %(start)s AND e.effective_at < %(end)s
      AND e.kind IN ('charge', 'refund') AND e.model = ANY(%(models)s)
    GROUP BY 1, 2, 3, 4, 5
"""


#: Conditions that are not known of a charge from its units and what was asked for.
APART = frozenset({"per_reference", "minimum_units"})


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
    place = Decimal(0)
    for group in groups:
        old = booked_at.get(group["price_row"])
        part = _computed(row, old, group, place)
        place += group["plain"]
        if part is None or ("volume" in row.conditions and group["rates"] > 1):
            exact = False
        if part is None:
            part = _scaled(row, old, group["amount"], known)
        after = None if after is None or part is None else after + part
    number = sum(group["number"] for group in groups)
    return Effect(row, number, before, None if after is None else money.booked(after), exact)


def _computed(row: PriceRow, old: PriceRow | None, group: dict[str, Any], place: Decimal) -> Decimal | None:
    """The group's cash at the new price, where its units and what was asked for say it all."""
    told = group["by_the_book"] and group["told"] == group["number"]
    if not told or old is None or old.unit != row.unit or row.currency != group["native_currency"]:
        return None
    if "volume" in row.conditions:
        native = price_rules.native(row, Use(group["plain"], place=place))
        return native * group["units"] / group["plain"] if group["plain"] else Decimal(0)
    if not APART.isdisjoint({*old.conditions, *row.conditions}):
        return None
    return _at_amounts(row, group)


def _at_amounts(row: PriceRow, group: dict[str, Any]) -> Decimal | None:
    try:
        each = price_rules.unit_amount(row, json.loads(group["facts"] or "{}"))
    except Unsaid:
        return None
    each_in = price_rules.number(row, "input_amount")
    if each_in is not None and group["read"] != group["number"]:
        return None
    went_in = group["went_in"] * (each_in or Decimal(0))
    if row.first_amount is None:
        return Decimal(group["units"] * each + went_in)
    return Decimal(group["first"] * row.first_amount + group["further"] * each + went_in)


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
