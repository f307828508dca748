"""Numbers and times as the words that pages, mails and notices show. Pure: the same for everybody."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from fractions import Fraction

from django.utils import timezone

SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}
# ISO 4217: currencies whose minor unit is not a hundredth.
WITHOUT_MINOR_UNITS = frozenset(
    [
        *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
        *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
    ]
)
THOUSANDTHS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])
MOST_DIGITS = 4
"""Behind the point of an amount in a table that adds up; what has more is rounded."""

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"
THIN = "\N{NARROW NO-BREAK SPACE}"


def minor_digits(currency: str) -> int:
    """Digits behind the point of a currency's minor unit: EUR 2, JPY 0, KWD 3; a credit unit 2."""
    if currency in WITHOUT_MINOR_UNITS:
        return 0
    return 3 if currency in THOUSANDTHS else 2


def decimals(value: Decimal) -> int:
    """Digits behind the point that an amount has, trailing zeros left out."""
    exponent = value.normalize().as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0


def shared_digits(amounts: Iterable[Decimal], currency: str) -> int:
    """The fewest digits behind the point in which all these amounts are exact; MOST_DIGITS at most."""
    places = max(map(decimals, amounts), default=0)
    return min(max(places, minor_digits(currency)), MOST_DIGITS)


def decimal_or_none(value: object) -> Decimal | None:
    """`value` (Decimal, int, Fraction, decimal string) as a Decimal; None for nothing, and for floats."""
    if value is None or value == "" or isinstance(value, float):
        return None
    if isinstance(value, Fraction):
        return Decimal(value.numerator) / Decimal(value.denominator)
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def with_currency(digits: str, currency: str) -> str:
    """`12.00`, EUR → `€12.00`; a currency without a symbol of its own stands behind: `12.00 CHF`."""
    if currency in SYMBOLS:
        return SYMBOLS[currency] + digits
    return f"{digits}{THIN}{currency}" if currency else digits


def money_words(amount: Decimal, currency: str, *, digits: int | None = None) -> str:
    """An amount rounded half-even to the minor unit; what is not zero never reads as zero."""
    places = minor_digits(currency) if digits is None else digits
    step = Decimal(1).scaleb(-places)
    rounded = abs(amount).quantize(step, ROUND_HALF_EVEN)
    if amount and not rounded:
        return "<" + with_currency(f"{step}", currency)
    sign = MINUS if amount < 0 and rounded else ""
    return sign + with_currency(f"{rounded:,}", currency)


def relative_words(moment: datetime.datetime, now: datetime.datetime) -> str:
    """`3 min ago`, `in 2 h`, `just now`; from 30 days on the date. relative-time.js says the same."""
    seconds = (now - moment).total_seconds()
    distance = abs(seconds)
    if distance < 45:
        return "just now" if seconds >= 0 else "in a moment"
    if distance >= 30 * 86400:
        return f"{timezone.localtime(moment):%-d %b %Y}"
    number, unit = (
        (round(distance / 60) or 1, "min")
        if distance < 3570
        else (round(distance / 3600), "h")
        if distance < 84600
        else (round(distance / 86400), "d")
    )
    return f"{number}{THIN}{unit} ago" if seconds > 0 else f"in {number}{THIN}{unit}"
