"""Money: the one function that rounds what is booked, and the one that rounds what pages show."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

EIGHT_PLACES = Decimal("0.00000001")
ZERO = Decimal(0)
#: Wide enough that a product of two stored numbers is exact before it is rounded.
EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
#: Decimals of the minor unit where they are not two (ISO 4217).
WITHOUT_MINOR = (
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI"),
    *("VND", "VUV", "XAF", "XOF", "XPF"),
)
THREE_DECIMALS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
MINOR_UNITS = {**dict.fromkeys(WITHOUT_MINOR, 0), **dict.fromkeys(THREE_DECIMALS, 3)}


def booked(amount: Decimal) -> Decimal:
    """The amount as it is booked: half-even to eight decimals, once."""
    return amount.quantize(EIGHT_PLACES, context=EXACT)


def exchanged(amount: Decimal, rate: Decimal) -> Decimal:
    """A native amount in the workspace's currency at `rate`, as it is booked."""
    return booked(EXACT.multiply(amount, rate))


def minor(amount: Decimal, currency: str) -> Decimal:
    """The amount in the currency's minor unit, half-even; for pages only."""
    step = Decimal(1).scaleb(-MINOR_UNITS.get(currency, 2))
    return amount.quantize(step, context=EXACT)


def shown(amount: Decimal, currency: str) -> str:
    """The amount for a page, as `1,234.50 EUR`."""
    rounded = minor(amount, currency)
    return f"{rounded or abs(rounded):,} {currency}"


def exact(amount: Decimal) -> str:
    """The amount for the API and for documents: a string with eight decimals."""
    return f"{booked(amount):.8f}"


def unit_price(amount: Decimal) -> str:
    """A price of one unit: all its digits, and never fewer than two decimals."""
    plain = f"{amount:f}"
    whole, _, decimals = plain.partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"
