"""Uses at prices with conditions: what each was priced by, and its place among the units of the month.

Where a price has steps by volume, a use takes the next units of its model and month, in the order in which
uses are booked: one counter gives each its own place, so that whatever their order their costs add up to the
price of the month's units. A refund gives no place back.
"""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.db import connection

from billing import money, months, price_rules
from billing.models import Entry, MonthVolume, PricedUse, PriceRow
from billing.price_rules import Use
from projects.models import Workspace

TAKEN = """
    INSERT INTO billing_monthvolume AS v (workspace_id, model_key, unit, month, units)
    VALUES (%(workspace)s, %(model_key)s, %(unit)s, %(month)s, %(units)s)
    ON CONFLICT (workspace_id, model_key, unit, month) DO UPDATE SET units = v.units + EXCLUDED.units
    RETURNING units
"""


def used(workspace: Workspace, rows: Iterable[PriceRow], at: datetime.datetime) -> dict[str, Decimal]:
    """How many units of the month each model has, of those whose price has steps; no query without any."""
    stepped = [row.model_key for row in rows if "volume" in row.conditions]
    if not stepped:
        return {}
    found = MonthVolume.objects.filter(
        workspace=workspace, month=months.month_of(workspace, at), model_key__in=stepped
    )
    return {row.model_key: row.units for row in found}


def place(made: Mapping[uuid.UUID, Use], cash: Iterable[Entry]) -> dict[uuid.UUID, Use]:
    """Gives each unsaved charge at a price with steps its place, and its amount from there.

    `made` are the uses by entry; answers them with their places. Runs in the transaction that books the
    charges, for those that are booked for certain.
    """
    priced = [entry for entry in cash if entry.id in made]
    rows = PriceRow.objects.in_bulk({entry.price_row for entry in priced}) if priced else {}
    stepped = [entry for entry in priced if "volume" in rows[entry.price_row].conditions]
    if not stepped:
        return dict(made)
    workspace = Workspace.objects.get(pk=stepped[0].workspace_id)
    found = dict(made)
    for entry in sorted(
        stepped, key=lambda entry: (entry.model, months.month_of(workspace, entry.service_at))
    ):
        row = rows[entry.price_row]
        use = made[entry.id]
        found[entry.id] = use = _placed(use, entry, row, workspace)
        _price(entry, row, use)
    return found


def keep(entries: Iterable[Entry], uses: Mapping[uuid.UUID, Use]) -> None:
    """Writes down what booked charges were priced by."""
    PricedUse.objects.bulk_create(
        PricedUse(
            entry=entry.id,
            workspace_id=entry.workspace_id,
            facts=dict(uses[entry.id].facts),
            input_units=uses[entry.id].input_units,
            place=uses[entry.id].place,
        )
        for entry in entries
        if entry.id in uses
    )


def of(entries: Collection[Entry]) -> dict[uuid.UUID, Use]:
    """What these charges were priced by, where it was written down."""
    units = {entry.id: entry.units for entry in entries}
    return {
        row.entry: Use(units[row.entry] or Decimal(0), row.facts, row.input_units, row.place)
        for row in PricedUse.objects.filter(pk__in=units)
    }


def _placed(use: Use, entry: Entry, row: PriceRow, workspace: Workspace) -> Use:
    units = money.booked(use.units)
    values: dict[str, Any] = {
        "workspace": workspace.pk,
        "model_key": row.model_key,
        "unit": row.unit,
        "month": months.month_of(workspace, entry.service_at),
        "units": units,
    }
    with connection.cursor() as cursor:
        cursor.execute(TAKEN, values)
        (after,) = cursor.fetchone()
    return dataclasses.replace(use, place=after - units)


def _price(entry: Entry, row: PriceRow, use: Use) -> None:
    """The charge from its place on; where the provider reported its own, what stands beside it."""
    native = money.booked(price_rules.native(row, use))
    words = f"{use.units.normalize():f} {row.unit} beyond {use.place.normalize():f} of the month"
    if entry.computed_amount is not None:
        entry.computed_amount = money.exchanged(native, use.rate or Decimal(0))
        return
    entry.native_amount = native
    entry.calculation = words
    if use.rate is not None:
        entry.amount = money.exchanged(native, use.rate)
