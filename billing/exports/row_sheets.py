"""The sheets of rows under the figures: entries, takes, time, accepted deliverables, work in progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from billing.acceptances import Month
from billing.dimensions import By
from billing.exports import behind, entries
from billing.exports.book import NONE, Book, Column

#: By these the month has sheets; a row names its place in each by the number that the sheet gives it.
SPLITS = (By.CAMPAIGN, By.CATEGORY, By.TIER, By.PROVIDER, By.MODEL, By.PERSON)
Places = Mapping[By, Mapping[str, int]]

SCOPE = (Column("Campaign", 26, "text"), Column("Deliverable", 24, "text"), Column("Take", 6, "count"))
MADE_BY = (
    Column("Tier", 11, "text"),
    Column("Provider", 13, "text"),
    Column("Model", 30, "text"),
    Column("Person", 24, "text"),
)


def _numbers(rows: str) -> tuple[Column, ...]:
    return tuple(Column(f"{by.label} no.", 9, "number", f"{rows}_{by.value}_no") for by in SPLITS)


ENTRIES = (
    *(Column("When", 18, "when"), Column("Service date", 18, "when"), Column("Kind", 11, "text"), *SCOPE),
    *(Column("Category", 16, "text"), Column("Phase", 8, "text", "entry_phase"), *MADE_BY),
    Column("Stage", 11, "text", "entry_stage"),
    Column("Outcome", 14, "text", "entry_outcome"),
    *(Column("Amount", 14, "exact", "entry_amount"), Column("Native amount", 14, "exact")),
    *(Column("Native currency", 9, "text"), Column("Rate", 10, "exact")),
    Column("Of the month", 8, "count", "entry_month"),
    Column("Of what was accepted, life to date", 10, "count", "entry_life"),
    Column("Late", 6, "count", "entry_late"),
    Column("Carried back", 8, "count", "entry_carried"),
    *_numbers("entry"),
    *(Column("How it came about", 40, "text"), Column("Price row", 36, "text")),
    *(Column("Provider's job", 30, "text"), Column("Entry", 36, "text")),
)
TAKES = (
    *SCOPE,
    *(Column("Category", 16, "text"), Column("Phase", 8, "text", "take_phase"), *MADE_BY),
    Column("Counted at", 18, "when"),
    Column("Counted", 8, "count", "take_counted"),
    Column("Accepted", 8, "count", "take_accepted"),
    Column("First of its round", 8, "count", "take_round"),
    Column("Share of shared costs", 14, "exact", "take_shared"),
    *_numbers("take"),
    Column("Take id", 36, "text"),
)
TIME = (
    *SCOPE,
    *(Column("Category", 16, "text"), Column("Phase", 8, "text"), *MADE_BY),
    Column("Time of people, no cash", 14, "exact", "time_amount"),
    *_numbers("time"),
)
ACCEPTED = (
    *(Column("Campaign", 26, "text"), Column("Deliverable", 24, "text"), Column("Name", 30, "text")),
    *(Column("Category", 16, "text"), Column("Accepted at", 18, "when"), Column("Take", 6, "count")),
    Column("At which take it was right", 10, "count", "accepted_place"),
    Column("Cash, life to date", 14, "exact", "accepted_cash"),
    Column("Brief to sign-off, days", 10, "ratio", "accepted_lead"),
    Column("Due on", 11, "day"),
    Column("Has a due date", 8, "count", "accepted_due"),
    Column("On time", 8, "count", "accepted_on_time"),
)
POTS = (
    *(Column("Campaign", 26, "text"), Column("Deliverable", 24, "text"), Column("Name", 30, "text")),
    Column("Opening work in progress", 14, "exact", "pot_opening"),
    Column("To cost of accepted", 14, "exact", "pot_accepted"),
    Column("To written off", 14, "exact", "pot_written_off"),
    Column("To period costs", 14, "exact", "pot_period"),
    Column("Closing work in progress", 14, "exact", "pot_closing"),
    Column("Share of shared costs carried back", 14, "exact", "pot_shared_back"),
)
DAY_SECONDS = 86_400


def write(
    book: Book, sheets: Mapping[str, Any], month: Month, places: Places, each: Callable[[int], Any]
) -> None:
    """Fills the sheets of rows; call it in `month_sums.snapshot()`. `each` is told how many entries are."""
    book.rows(sheets["Accepted"], ACCEPTED, _accepted(month))
    book.rows(sheets["Work in progress"], POTS, behind.pots(month))
    book.rows(sheets["Takes"], TAKES, _takes(month, places))
    book.rows(sheets["Time"], TIME, _time(month, places))
    book.rows(sheets["Entries"], ENTRIES, _entries(month, places), each=each)


def _entries(month: Month, places: Places) -> Iterator[list[object]]:
    start = month.span.start
    for row in entries.entries(month):
        yield [
            *(row.effective_at, row.service_at, row.kind, row.campaign, row.deliverable, row.take),
            *(row.category, row.phase or NONE, row.tier, row.provider, row.model, row.person),
            *(row.stage, row.outcome, row.amount, row.native_amount, row.native_currency, row.rate),
            *(int(row.effective_at >= start), int(row.life), int(row.late), int(row.carried)),
            *(_places(row, places) if row.life else [None] * len(SPLITS)),
            *(row.calculation, row.price_row, row.external_id, row.id),
        ]


def _takes(month: Month, places: Places) -> Iterator[list[object]]:
    for row in behind.takes(month):
        yield [
            *(row.campaign, row.deliverable, row.number, row.category, row.phase or NONE),
            *(row.tier, row.provider, row.model, row.person, row.counted_at),
            *(int(row.counted), int(row.accepted), int(row.first_of_round), row.shared),
            *_places(row, places),
            row.id,
        ]


def _time(month: Month, places: Places) -> Iterator[list[object]]:
    for row in behind.time(month):
        yield [
            *(row.campaign, row.deliverable, row.take, row.category, row.phase or NONE),
            *(row.tier, row.provider, row.model, row.person, row.amount),
            *_places(row, places),
        ]


def _accepted(month: Month) -> Iterator[list[object]]:
    for row in behind.accepted(month):
        yield [
            *(row.campaign, row.deliverable, row.name, row.category, row.at, row.take, row.place, row.cash),
            *(
                row.lead_seconds / DAY_SECONDS,
                row.due_on,
                int(row.due_on is not None),
                int(bool(row.on_time)),
            ),
        ]


def _places(row: Any, places: Places) -> list[int | None]:
    """The row's number on each sheet of a split; none where that has no such row, as all in it is zero."""
    return [places[by].get(getattr(row, by.value)) for by in SPLITS]
