"""How a bill parts from our books: the difference of a pair cut into kinds that add up to it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

from billing import money
from billing.invoices.matching import Pair
from billing.models import InvoiceTolerance, PriceRow
from billing.models.reconciliation import DifferenceKind as Kind

Part = tuple[Kind, Decimal, str]
ZERO = Decimal(0)
NEARLY = Decimal("0.000001")
"""Prices and quantities that are this close, as a share, are the same: they come from rounded amounts."""
ROUNDINGS = (ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_FLOOR, ROUND_CEILING)


def parts(pair: Pair, tolerance: InvoiceTolerance, prices: Mapping[uuid.UUID, PriceRow]) -> list[Part]:
    """Kind, amount and words of each part; together they are theirs less ours, to the last digit.

    With the same native currency on both sides, what the native amounts differ by is price, quantity or
    rounding at our rate, and the rest is exchange. A price row tells price and quantity apart.
    """
    theirs = sum((line.amount for line in pair.lines), ZERO)
    whole = theirs - pair.item.amount
    if not whole:
        return []
    currency = pair.lines[0].currency
    if pair.item.native is None or pair.item.currency != currency:
        return _of_native(pair, whole, theirs, pair.item.amount, Decimal(1), tolerance, None)
    native = sum((line.native_amount for line in pair.lines), ZERO)
    rate = pair.item.rate or Decimal(1)
    booked = money.exchanged(native - pair.item.native, rate)
    found = []
    if booked:
        row = prices.get(pair.item.price_row) if pair.item.price_row else None
        found = _of_native(pair, booked, native, pair.item.native, rate, tolerance, row)
    if whole != booked:
        lines_rate = pair.lines[0].rate
        said = f"billed at {lines_rate.normalize():f} per {currency}, booked at {rate.normalize():f}"
        found.append((Kind.EXCHANGE, whole - booked, said))
    return found


def _of_native(
    pair: Pair,
    amount: Decimal,
    theirs: Decimal,
    ours: Decimal,
    rate: Decimal,
    tolerance: InvoiceTolerance,
    row: PriceRow | None,
) -> list[Part]:
    """The kinds of `amount`; `theirs` and `ours` are in one currency, of which a unit is worth `rate`."""
    if abs(amount) <= tolerance.rounding and _is_rounded(theirs, ours):
        said = f"billed {theirs.normalize():f}, booked {ours.normalize():f}"
        return [(Kind.ROUNDING, amount, said)]
    quantities = [line.quantity for line in pair.lines]
    quantity = sum((each for each in quantities if each is not None), ZERO)
    if row is None or None in quantities or not quantity or not _is_plain(row, pair):
        return [(Kind.PRICE, amount, f"billed {theirs.normalize():f}, booked {ours.normalize():f}")]
    used = pair.item.units if pair.item.units and not pair.item.netted else ours / row.amount
    return _by_quantity(amount, theirs, used, rate, quantity, row)


def _by_quantity(
    amount: Decimal, theirs: Decimal, used: Decimal, rate: Decimal, quantity: Decimal, row: PriceRow
) -> list[Part]:
    """Δquantity × our price is quantity; what remains, Δprice × their quantity, is price."""
    price = theirs / quantity
    by_quantity = f"{quantity.normalize():f} {row.unit} billed, {_short(used)} used"
    by_price = f"{_short(price)} per {row.unit} billed, {_short(row.amount)} agreed"
    if abs(price - row.amount) <= NEARLY * row.amount:
        return [(Kind.QUANTITY, amount, by_quantity)]
    if abs(quantity - used) <= NEARLY * max(used, quantity):
        return [(Kind.PRICE, amount, by_price)]
    of_quantity = money.booked((quantity - used) * row.amount * rate)
    found = [(Kind.QUANTITY, of_quantity, by_quantity), (Kind.PRICE, amount - of_quantity, by_price)]
    return [part for part in found if part[1]]


def _is_plain(row: PriceRow, pair: Pair) -> bool:
    """Whether amounts are units times price, without first units, steps or conditions."""
    same = row.currency == pair.lines[0].currency
    return bool(row.amount) and row.first_amount is None and not row.conditions and same


def _is_rounded(theirs: Decimal, ours: Decimal) -> bool:
    steps = (Decimal(1).scaleb(-places) for places in range(8))
    return any(
        ours.quantize(step, rounding=how, context=money.EXACT) == theirs
        for step in steps
        for how in ROUNDINGS
    )


def _short(number: Decimal) -> str:
    plain = f"{number.quantize(money.EIGHT_PLACES, context=money.EXACT):f}"
    return plain.rstrip("0").rstrip(".") or "0"


def price_rows(pairs: Iterable[Pair]) -> dict[uuid.UUID, PriceRow]:
    """The price rows of pairs that differ, in one query."""
    ids = {
        pair.item.price_row
        for pair in pairs
        if pair.item.price_row and sum((line.amount for line in pair.lines), ZERO) != pair.item.amount
    }
    return PriceRow.objects.in_bulk(ids)
