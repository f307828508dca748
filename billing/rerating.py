"""Re-rating: a price that proved wrong is replaced by a new row, and each entry under it is adjusted.

Nothing is edited. An adjustment is booked into the open month, names the entry that it corrects and the new
row, and carries its take, so that every split of the month follows. Again, it books only what is missing.
"""

from __future__ import annotations

import dataclasses
import datetime
import itertools
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from billing import entries, money, periods, pots, price_rules, price_uses
from billing.models import Entry, PriceRow
from billing.models.ledger import EntryKind
from billing.price_rules import Unsaid, Use
from billing.price_uses import LatePlaces
from projects import access, events
from projects.access import Right
from projects.models import Membership
from projects.problems import Invalid

CHUNK = 2000
#: What an adjustment does not repeat of the entry that it corrects.
NOT_OF_AN_ADJUSTMENT = (
    *("native_amount", "computed_amount", "refunds", "decision", "hold", "external_id", "note"),
)


class Rerated(NamedTuple):
    """What a re-rating booked, or would book: entries, and their sum in the workspace's currency."""

    entries: int
    amount: Decimal


def preview(*, wrong: PriceRow, right: PriceRow) -> Rerated:
    """What `rerate` would book now. Raises Invalid (422) as it does."""
    _check(wrong, right)
    rows = _adjustments(wrong, right, timezone.now(), LatePlaces(wrong.workspace, right))
    return Rerated(len(rows), sum((row.amount for row in rows), Decimal(0)))


def rerate(
    *, wrong: PriceRow, right: PriceRow, by: Membership, note: str, now: datetime.datetime | None = None
) -> Rerated:
    """Books, for each charge under the wrong row, the difference to what the right one makes of its units.

    What a provider reported itself is not touched, nor what was given back whole. Raises MissingRight, or
    Invalid (422) where the rows do not belong together; then nothing was booked.
    """
    access.require(by, Right.KEEP_BOOKS)
    _check(wrong, right)
    if not note.strip():
        raise Invalid({"note": ["Say how the wrong price came about."]})
    now = now or timezone.now()
    with transaction.atomic():
        periods.lock(wrong.workspace_id)
        places = LatePlaces(wrong.workspace, right)
        rows = _adjustments(wrong, right, now, places)
        places.keep()
        for row in rows:
            row.note = note.strip()[:300]
        pots.book(rows)
        found = Rerated(len(rows), sum((row.amount for row in rows), Decimal(0)))
        events.record(
            workspace=wrong.workspace,
            kind="price.rerated",
            by=by,
            at=now,
            model=wrong.model_key,
            entries=found.entries,
            amount=money.exact(found.amount),
        )
    return found


def _check(wrong: PriceRow, right: PriceRow) -> None:
    errors: dict[str, Sequence[str]] = {}
    if wrong.pk == right.pk:
        errors["right"] = ["Choose another row than the wrong one."]
    if (wrong.workspace_id, wrong.model_key) != (right.workspace_id, right.model_key):
        errors["right"] = ["It is a price of another model."]
    elif (wrong.unit, wrong.currency) != (right.unit, right.currency):
        errors["right"] = [
            f"It counts {right.unit} in {right.currency}, not {wrong.unit} in {wrong.currency}."
        ]
    if errors:
        raise Invalid(errors)


def _adjustments(wrong: PriceRow, right: PriceRow, now: datetime.datetime, places: LatePlaces) -> list[Entry]:
    """Unsaved, without their pots."""
    first = periods.open_from(wrong.workspace_id)
    charges = Entry.objects.filter(
        workspace=wrong.workspace_id,
        price_row=wrong.pk,
        kind=EntryKind.CHARGE,
        computed_amount__isnull=True,
        native_amount__isnull=False,
    )
    already = _sums("corrects", wrong)
    back = _sums("refunds", wrong)
    rows = []
    for charge, use in _uses(charges.order_by("service_at", "id"), wrong, right, places):
        left = charge.amount + back.get(charge.id, Decimal(0))
        if not left and charge.amount:
            continue
        share = left / charge.amount if charge.amount else Decimal(1)
        native = money.booked(_native(charge, wrong, right, use) * share)
        meant = money.exchanged(native, charge.rate) if charge.rate is not None else native
        amount = money.booked(meant) - left - already.get(charge.id, Decimal(0))
        if amount:
            rows.append(_adjustment(charge, right, amount, now, first))
    return rows


def _sums(column: str, wrong: PriceRow) -> dict[object, Decimal]:
    """What adjustments or refunds have booked so far, by the charge that they are about."""
    kind = EntryKind.ADJUSTMENT if column == "corrects" else EntryKind.REFUND
    rows = Entry.objects.filter(workspace=wrong.workspace_id, kind=kind, **{f"{column}__isnull": False})
    return dict(rows.values_list(column).annotate(total=Sum("amount")).values_list(column, "total"))


def _uses(
    charges: QuerySet[Entry], wrong: PriceRow, right: PriceRow, places: LatePlaces
) -> Iterator[tuple[Entry, Use | None]]:
    """The charges with what they were priced by, where that was written down.

    At a right price with steps, a charge without a place takes the next one of its month, in this order.
    """
    depends = price_rules.depends(wrong) or price_rules.depends(right)
    stepped = "volume" in right.conditions and "volume" not in wrong.conditions
    rows = charges.iterator(CHUNK)
    while part := list(itertools.islice(rows, CHUNK)):
        known = price_uses.of(part) if depends else {}
        placed = places.known(part) if stepped else {}
        for charge in part:
            use = known.get(charge.id)
            if stepped:
                use = use or Use(_units(charge, wrong))
                place = placed.get(charge.id)
                place = places.next(charge, use.units) if place is None else place
                use = dataclasses.replace(use, place=place)
            yield charge, use


def _native(charge: Entry, wrong: PriceRow, right: PriceRow, use: Use | None) -> Decimal:
    """The charge's native amount under the right row: its units are those that the wrong row had counted.

    Raises Invalid (422) where the right price depends on what was not written down with the charge.
    """
    kept = use is not None and bool(use.facts)
    use = use or Use(_units(charge, wrong))
    try:
        native = price_rules.native(right, use)
        if kept or "per_reference" not in right.conditions:
            return native
        if wrong.conditions.get("per_reference") != right.conditions["per_reference"]:
            raise Unsaid("how many references went in")
        return native + (charge.native_amount or Decimal(0)) - price_rules.native(wrong, use)
    except Unsaid as missing:
        said = (
            f"This price depends on {missing}, which the charge of {charge.service_at:%Y-%m-%d} does not say."
        )
        raise Invalid({"right": [said]}, remedy="Adjust those charges by the provider's invoice.") from None


def _units(charge: Entry, row: PriceRow) -> Decimal:
    """How many units a charge stands for; with a first unit of its own price, the first is that."""
    if charge.units is not None:
        return charge.units
    amount = charge.native_amount or Decimal(0)
    if row.first_amount is None:
        return amount / row.amount
    return 1 + (amount - row.first_amount) / row.amount


def _adjustment(
    charge: Entry, right: PriceRow, amount: Decimal, now: datetime.datetime, first: datetime.datetime | None
) -> Entry:
    words = f"re-rated from {money.unit_price(charge.amount)} at the price of {right.starts_at:%Y-%m-%d}"
    return entries.like(
        charge,
        without=NOT_OF_AN_ADJUSTMENT,
        kind=EntryKind.ADJUSTMENT,
        amount=amount,
        booked_at=now,
        effective_at=periods.effective(charge.service_at, now, first),
        corrects=charge.id,
        price_row=right.pk,
        calculation=words,
    )
