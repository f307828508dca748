"""What a shared cost that is entered by hand has to be like."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal

from django.utils.text import slugify

from billing import money, months, rates
from billing.models.ledger import Stage
from projects.models import Membership

MOST = Decimal(10) ** 9


def wrong(
    amount: Decimal,
    currency: str,
    at: datetime.datetime,
    reason: str,
    evidence: str,
    stage: str,
    provider: str,
    now: datetime.datetime,
) -> dict[str, Sequence[str]]:
    """What is wrong with it, by field; nothing where it can be booked."""
    errors: dict[str, Sequence[str]] = {}
    if not amount.is_finite() or not 0 < amount < MOST or amount != money.booked(amount):
        errors["amount"] = ["Give an amount above zero, with at most eight decimals."]
    if not rates.CURRENCY.fullmatch(currency) or currency.startswith("credit:"):
        errors["currency"] = ["Give three capital letters such as USD."]
    if at > now + datetime.timedelta(days=1):
        errors["service_on"] = ["This day is still to come."]
    elif at.year not in months.YEARS:
        errors["service_on"] = [months.OUTSIDE]
    if stage not in Stage.values:
        errors["stage"] = [f"Give one of {', '.join(Stage.values)}."]
    if provider.strip() and not slugify(provider):
        errors["provider"] = ["Give a name with Latin letters or digits."]
    for name, text in (("reason", reason), ("evidence", evidence)):
        if not text.strip():
            errors[name] = ["This is needed."]
    return errors


def noon(by: Membership, day: datetime.date) -> datetime.datetime:
    """The day's noon by the workspace's clock."""
    zone = months.zone_of(by.workspace)
    return datetime.datetime.combine(day, datetime.time(12), zone).astimezone(datetime.UTC)
