"""Uses at prices with conditions: what each was priced by, and its place among the units of the month.

Where a price has steps by volume, a use takes the next units of its model and month, in the order in which
uses are booked: one counter gives each its own place, so that whatever their order their costs add up to the
price of the month's units. A refund gives no place back.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import uuid
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.db import connection

from billing import money, months, price_rules
from billing.models import Entry, LatePlace, MonthVolume, PricedUse, PriceRow
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


class LatePlaces:
    """Places for charges that were booked without one, behind all of their months; kept when they are booked.

    A charge that was given one before keeps it.
    """

    def __init__(self, workspace: Workspace, row: PriceRow) -> None:
        self.workspace, self.row = workspace, row
        self.volume = _volume(workspace, row)
        self.new: dict[uuid.UUID, Decimal] = {}
        self.taken: dict[str, Decimal] = collections.defaultdict(Decimal)

    def known(self, entries: Collection[Entry]) -> dict[uuid.UUID, Decimal]:
        rows = LatePlace.objects.filter(pk__in=[entry.id for entry in entries])
        return dict(rows.values_list("entry", "place"))

    def next(self, entry: Entry, units: Decimal) -> Decimal:
        month = months.month_of(self.workspace, entry.service_at)
        found = self.new[entry.id] = self.volume.get(month, Decimal(0)) + self.taken[month]
        self.taken[month] += money.booked(units)
        return found

    def keep(self) -> None:
        """Writes the places down. The caller's transaction lets nobody else book (`periods.lock`)."""
        with connection.cursor() as cursor:
            for month, units in sorted(self.taken.items()):
                cursor.execute(TAKEN, _counter(self.workspace, self.row, month, units))
        rows = [
            LatePlace(entry=key, workspace=self.workspace, place=place) for key, place in self.new.items()
        ]
        LatePlace.objects.bulk_create(rows, batch_size=2000)


def _volume(workspace: Workspace, row: PriceRow) -> dict[str, Decimal]:
    rows = MonthVolume.objects.filter(workspace=workspace, model_key=row.model_key, unit=row.unit)
    return dict(rows.values_list("month", "units"))


def _counter(workspace: Workspace, row: PriceRow, month: str, units: Decimal) -> dict[str, Any]:
    return {
        "workspace": workspace.pk,
        "model_key": row.model_key,
        "unit": row.unit,
        "month": month,
        "units": units,
    }


def _placed(use: Use, entry: Entry, row: PriceRow, workspace: Workspace) -> Use:
    units = money.booked(use.units)
    month = months.month_of(workspace, entry.service_at)
    with connection.cursor() as cursor:
        cursor.execute(TAKEN, _counter(workspace, row, month, units))
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
