"""The month in words, as its page says it: headline, what moved it, the statement's tables."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from billing import months
from billing.money import MINOR_UNITS, minor, shown
from billing.outcomes import Outcome

Document = dict[str, Any]
NOTHING = "–"
EFFECTS = {
    "price": "prices",
    "multiplier": "takes per accepted",
    "rest": "control and refinement",
    "mix": "the mix of categories",
}


class Headline(NamedTuple):
    """The large figure, its change against the month before, and the signed parts of that."""

    figure: str
    change: str
    before: str
    parts: list[tuple[str, Decimal, str]]


def month_name(month: str) -> str:
    return f"{datetime.date.fromisoformat(f'{month}-01'):%B %Y}"


def amount(text: str | Decimal | None, currency: str) -> str:
    """Money as a page rounds it, with a minus sign; what is not zero never reads as zero; a dash for none."""
    if text is None:
        return NOTHING
    number = Decimal(text)
    if number and not minor(number, currency):
        return f"<{Decimal(1).scaleb(-MINOR_UNITS.get(currency, 2))} {currency}"
    return shown(number, currency).replace("-", "−")


def change(number: Decimal, currency: str) -> str:
    words = amount(abs(number), currency)
    return f"+{words}" if number > 0 else f"−{words}" if number < 0 else f"±{words}"


def count(number: int | None) -> str:
    return NOTHING if number is None else f"{number:,}"


def ratio(text: str | None) -> str:
    return NOTHING if text is None else f"{Decimal(text):,.2f}"


def headline(document: Document) -> Headline:
    currency, found = document["currency"], document["effects"]
    now, was = (document[name]["cash_per_acceptable"] for name in ("totals", "previous"))
    figure = "No acceptance" if now is None else amount(now, currency)
    before = month_name(months.before(document["month"]))
    if found is None or now is None or was is None:
        return Headline(figure, "", before, [])
    parts = [
        (label, Decimal(found[name]), change(Decimal(found[name]), currency))
        for name, label in EFFECTS.items()
    ]
    return Headline(figure, change(Decimal(now) - Decimal(was), currency), before, parts)


def moved(found: Headline) -> str:
    """One sentence on what moved the figure."""
    if not found.parts:
        return f"There is no acceptance in {found.before} to compare with, or none in this month."
    *some, last = [f"{label} {words}" for label, _, words in found.parts]
    return f"{found.change} against {found.before}: {', '.join(some)} and {last}."


def outcomes(document: Document) -> list[tuple[str, Decimal, str]]:
    """What the month's cash became, without the kinds that had none."""
    found = [(kind.label, Decimal(document["outcomes"][kind])) for kind in Outcome]
    return [(label, cash, amount(cash, document["currency"])) for label, cash in found if cash]
