"""One of everything about prices: decisions, rates, packs of credits with use of them, and an agreement."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal

from billing import agreements, credit_books, credits, ledger, price_decisions, prices, rates
from billing.entries import Charge
from tests.cast import Cast
from tests.factories import utc

HISTORY = "w/studio/prices/history/?model=runway/gen4-turbo"


def furnish(cast: Cast) -> uuid.UUID:
    """Fills the pages about prices; answers the id of an agreement."""
    _prices(cast)
    _credits(cast)
    made = agreements.agree(
        kind="subscription",
        name="fal, team plan",
        provider="fal",
        fee=Decimal(90),
        currency="EUR",
        models_covered=["fal/fal-ai/flux/own"],
        planned_units=Decimal(3000),
        unit="image",
        first_month="2025-08",
        source="Order 2025-17",
        by=cast.finance,
    )
    agreements.settle(workspace=cast.workspace, month="2025-08")
    return made.pk


def _prices(cast: Cast) -> None:
    rows = []
    for month, amount in ((3, "0.05"), (6, "0.06"), (9, "0.055"), (11, "0.045")):
        row = prices.add_row(
            model_key="runway/gen4-turbo",
            unit="second",
            amount=Decimal(amount),
            list_amount=Decimal("0.07"),
            currency="USD",
            conditions={"by_height": {"1080": "0.12"}} if month == 9 else {},
            starts_at=utc(f"2025-{month:02}-01"),
            source="docs.dev.runwayml.com, guides, pricing",
            by=cast.finance,
        )
        rows.append(row)
    for row in rows[:2]:
        price_decisions.approve(row=row, by=cast.finance, note="As on the invoice.")
    price_decisions.decline(row=rows[2], by=cast.finance, note="The page names 0.045.")
    for day, rate in ((1, "0.8517"), (2, "0.8534")):
        rates.add_rate(
            currency="USD",
            day=datetime.date(2025, 10, day),
            rate=Decimal(rate),
            source="European Central Bank",
            by=cast.finance,
        )


def _credits(cast: Cast) -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    for name, days in (("R-1021", 9), ("R-1044", 200)):
        credits.buy(
            unit="credit:runway",
            credits=Decimal(1000),
            bonus=Decimal(100),
            price=Decimal(10),
            currency="USD",
            bought_on=today - datetime.timedelta(days=30),
            expires_on=today + datetime.timedelta(days=days),
            source=name,
            by=cast.finance,
        )
    charge = Charge(
        amount=Decimal(1),
        service_at=datetime.datetime.now(datetime.UTC),
        stage="generation",
        provider="runway",
        native_amount=Decimal(340),
        native_currency="credit:runway",
    )
    ledger.charge_without_hold(workspace=cast.workspace, charge=charge)
    credit_books.told(
        unit="credit:runway", credits_left=Decimal(1850), source="Runway, billing", by=cast.finance
    )
