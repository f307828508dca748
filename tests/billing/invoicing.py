"""Bills for tests: a ledger of calls, the file that bills them, and what is planted into it."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from billing import ledger
from billing.invoices import imports
from billing.models import Entry, ExchangeRate, PriceRow
from projects.models import Membership, Take
from tests.billing.booking import NOON
from tests.factories import utc

COLUMNS = (
    "Request ID",
    "Endpoint",
    "Completed At",
    "Units",
    "Unit",
    "Cost",
    "Currency",
    "Type",
    "Rate",
    "Key",
)
MONTH = "2026-10"
FIRST = utc("2026-10-01T00:10:00")
RATE = Decimal("0.9")


def price_row(by: Membership, **said: Any) -> PriceRow:
    """0.05 USD an image, and what a dollar is worth."""
    ExchangeRate.objects.create(
        workspace=by.workspace, currency="USD", day=datetime.date(2026, 9, 1), rate=RATE, author=by.person
    )
    return PriceRow.objects.create(
        workspace=by.workspace,
        model_key="fal/flux",
        unit="image",
        amount=Decimal("0.05"),
        currency="USD",
        starts_at=utc("2026-01-01"),
        author=by.person,
        **said,
    )


def entry(take: Take, job: str, at: datetime.datetime, native: str, row: PriceRow | None = None) -> Entry:
    """An unsaved charge in USD of a call of the take."""
    deliverable = take.deliverable
    return Entry(
        workspace_id=take.workspace_id,
        kind="charge",
        amount=Decimal(native) * RATE,
        native_amount=Decimal(native),
        native_currency="USD",
        rate=RATE,
        service_at=at,
        booked_at=at,
        effective_at=at,
        stage="generation",
        provider="fal",
        model="fal/flux",
        external_id=job,
        project_id=deliverable.campaign.project_id,
        campaign_id=deliverable.campaign_id,
        deliverable_id=deliverable.pk,
        take=take,
        category=deliverable.category.key,
        phase=take.phase,
        price_row=row.pk if row else None,
    )


def book(take: Take, rows: Iterable[Entry]) -> None:
    ledger.book_many(workspace=take.workspace, cash=rows)


def line(job: str = "", at: datetime.datetime = NOON, cost: str = "0.05", **said: str) -> dict[str, str]:
    usual = {
        "Request ID": job,
        "Endpoint": "flux",
        "Completed At": at.isoformat(),
        "Units": "1",
        "Unit": "image",
        "Cost": cost,
        "Currency": "USD",
    }
    return {**usual, **said}


def file(lines: Iterable[Mapping[str, str]], columns: tuple[str, ...] = COLUMNS) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue().encode()


def bill(content: bytes, **said: Any) -> imports.Bill:
    usual = {"provider": "fal", "month": MONTH, "source": "invoice", "file_name": "fal-2026-10.csv"}
    return imports.Bill(content=content, **{**usual, **said})
