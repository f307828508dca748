"""What the kept part of a random history contains, as the naive reference met it (see `covered`)."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from tests.billing.histories import History
from tests.billing.naive import Reading
from tests.billing.naive_kept import rate_on
from tests.billing.naive_rows import Charge, Kept, Settings, instant, rows_of

REQUIRED = (
    "a pack used up in the midst of a charge",
    "a pack that expired with a rest",
    "credits used beyond the packs",
    "a pack that covers what was used before",
    "credits given back",
    "three currencies in one month",
    "an exchange rate that changed over a month's end",
    "an accrual, given back",
    "a charge booked into a month that was over",
    "a late charge of a closed month",
    "a shared cost that was shared",
    "a share that was given back",
    "a repaired take",
    "an upload",
    "an upload that cost nothing",
    "two versions",
    "an import and what was kept since",
)


def classes(history: History, reading: Reading) -> set[str]:
    """The names of what was kept; shared costs count in imports as well."""
    found = {name for month in history.months for name in of_shares(reading, month)}
    if history.kept is None:
        return found
    rows = list(rows_of(history.kept.charges))
    months = {month_of(instant(row["occurred_at"]), history.settings): set() for row in rows}
    for row in rows:
        months[month_of(instant(row["occurred_at"]), history.settings)].add(row["currency"])
    if any(len(units) >= 3 for units in months.values()):
        found.add("three currencies in one month")
    if len({row["routing_version"] for row in rows} - {""}) > 1:
        found.add("two versions")
    if next(rows_of(history.charges), None) and rows:
        found.add("an import and what was kept since")
    for row in rows:
        found |= set(of_row(row, history.settings, history.kept))
    assert reading.books is not None
    for lots in reading.books.lots.values():
        found |= lots.met
    return found | set(of_closes(reading.charges, history.kept))


def month_of(at, settings: Settings) -> str:
    return f"{at.astimezone(ZoneInfo(settings.time_zone)):%Y-%m}"


def of_shares(reading: Reading, month: str) -> Iterator[str]:
    for portion in reading.month(month).portions:
        if portion.deliverable and portion.amount:
            taken = portion.amount > 0
            yield "a shared cost that was shared" if taken else "a share that was given back"


def of_row(row: dict[str, str], settings: Settings, kept: Kept) -> Iterator[str]:
    if row["kind"] == "repaired":
        yield "a repaired take"
    if row["kind"] == "uploaded":
        yield "an upload" if float(row["amount"]) else "an upload that cost nothing"
    service, booked = instant(row["occurred_at"]), instant(row["booked_at"])
    if row["charge"] != "failed" and month_of(service, settings) != month_of(booked, settings):
        yield "a charge booked into a month that was over"
        if len(row["currency"]) == 3 and row["currency"] != settings.currency and not row["refunds"]:
            days = (at.astimezone(ZoneInfo(settings.time_zone)).date() for at in (service, booked))
            before, after = (rate_on(rows_of(kept.rates), row["currency"], day) for day in days)
            if before != after:
                yield "an exchange rate that changed over a month's end"


def of_closes(charges: list[Charge], kept: Kept) -> Iterator[str]:
    for charge in charges:
        row = charge.row
        if row["charge"] == "accrued":
            yield "an accrual, given back"
        if row.get("step") and row["charge"] == "charged" and charge.at != instant(row["occurred_at"]):
            yield "a late charge of a closed month"
