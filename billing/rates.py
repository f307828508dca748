"""Exchange rates: entered with a day, never edited; the last one published on or before a date counts."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal

from django.db import IntegrityError, connection, transaction

from billing import money, months
from billing.models import ExchangeRate
from projects import access
from projects.access import Right
from projects.models import Membership, Workspace
from projects.problems import Invalid, Refused

ONE = Decimal(1)
CURRENCY = re.compile(r"[A-Z]{3}|credit:[a-z0-9-]{1,40}")
TEN_PLACES = Decimal("1e-10")
#: Jumps from currency to currency by the index: a workspace may hold decades of days. Lots come last, so
#: that they overrule a rate that was entered for their unit.
RATES = """
    WITH RECURSIVE named AS (
        SELECT min(currency) AS currency FROM billing_exchangerate WHERE workspace_id = %(workspace)s
        UNION ALL
        SELECT (
            SELECT min(e.currency) FROM billing_exchangerate e
            WHERE e.workspace_id = %(workspace)s AND e.currency > named.currency
        )
        FROM named WHERE named.currency IS NOT NULL
    ), lots AS (
        SELECT l.unit, l.cost / (l.credits + l.bonus) AS rate, l.expires_on, l.bought_on, l.id,
               b.credits > 0 AND (l.expires_on IS NULL OR l.expires_on >= %(day)s) AS usable
        FROM billing_creditlot l JOIN billing_creditbalance b ON b.lot_id = l.id
        WHERE l.workspace_id = %(workspace)s AND l.bought_on <= %(day)s
    )
    SELECT named.currency, last.rate
    FROM named CROSS JOIN LATERAL (
        SELECT e.rate FROM billing_exchangerate e
        WHERE e.workspace_id = %(workspace)s AND e.currency = named.currency AND e.day <= %(day)s
        ORDER BY e.day DESC LIMIT 1
    ) last
    UNION ALL
    (
        SELECT DISTINCT ON (unit) unit, rate FROM lots
        ORDER BY unit, usable DESC, CASE WHEN usable THEN expires_on END NULLS LAST,
                 CASE WHEN usable THEN bought_on END, bought_on DESC, id
    )
"""


class NoRate(Refused):
    """A foreign amount has no exchange rate on or before its date."""

    status = 422
    title = "No exchange rate"


def rate_at(workspace: Workspace, currency: str, at: datetime.datetime) -> Decimal | None:
    """What one unit of `currency` is worth in the workspace's currency at an instant; None if unknown."""
    return rates_at(workspace, at).get(currency)


def rates_at(workspace: Workspace, at: datetime.datetime) -> dict[str, Decimal]:
    """All rates that hold at an instant, by currency, in one query; the workspace's own is 1.

    Credits take the rate of the lot that would be used next, else of the last one bought.
    """
    day = at.astimezone(months.zone_of(workspace)).date()
    with connection.cursor() as cursor:
        cursor.execute(RATES, {"workspace": workspace.pk, "day": day})
        rows = cursor.fetchall()
    found = {name: rate.quantize(TEN_PLACES, context=money.EXACT) for name, rate in rows}
    return {**found, workspace.currency: ONE}


def required(workspace: Workspace, currency: str, at: datetime.datetime) -> Decimal:
    """As `rate_at`; raises NoRate where there is none."""
    rate = rate_at(workspace, currency, at)
    if rate is None:
        raise NoRate(
            f"There is no rate from {currency} to {workspace.currency} on or before {at:%Y-%m-%d}.",
            remedy="Finance enters one on the page Prices & rates.",
        )
    return rate


def add_rate(
    *,
    currency: str,
    day: datetime.date,
    rate: Decimal,
    by: Membership,
    source: str = "",
) -> ExchangeRate:
    """Enters the rate of a day; it holds from then until a later one. Needs the right to keep the books.

    Raises Invalid (422) for a currency of the workspace's own, a rate that is not positive, or a day
    that has a rate of this currency already.
    """
    access.require(by, Right.KEEP_BOOKS)
    errors = _errors(by.workspace, currency, rate)
    if errors:
        raise Invalid(errors)
    try:
        with transaction.atomic():
            return ExchangeRate.objects.create(
                workspace=by.workspace,
                currency=currency,
                day=day,
                rate=rate,
                source=source,
                author=by.person,
            )
    except IntegrityError:
        raise Invalid(
            {"day": [f"{day:%Y-%m-%d} has a rate for {currency} already; rates are never edited."]},
            remedy="Enter the right rate with the next day.",
        ) from None


def _errors(workspace: Workspace, currency: str, rate: Decimal) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    if currency == workspace.currency:
        errors["currency"] = [f"{currency} is the workspace's own currency; its rate is always 1."]
    elif not CURRENCY.fullmatch(currency):
        errors["currency"] = ["Give three capital letters such as USD."]
    if not rate.is_finite() or not 0 < rate < Decimal(10) ** 10:
        errors["rate"] = ["Give a number above zero."]
    elif rate != rate.quantize(Decimal("1e-10")):
        errors["rate"] = ["Give at most ten decimals."]
    return errors
