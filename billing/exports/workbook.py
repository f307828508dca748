"""The month as an Excel workbook: figures as live formulas over the rows under them, each with its value."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from billing import audit, month_figures, months
from billing.dimensions import By
from billing.exports import canonical, document, figure_sheets, row_sheets, variance
from billing.exports.book import Book
from billing.exports.row_sheets import SPLITS
from projects.models import Workspace

NAMES = {by: f"By {by.label.lower()}" for by in SPLITS}
ROW_SHEETS = ("Accepted", "Work in progress", "Takes", "Time", "Entries")
WEEK_SECONDS = 7 * 24 * 3600


def write(
    path: str, *, workspace: Workspace, month: str, each: Callable[[int], object] = lambda number: None
) -> None:
    """Writes the workbook of a month (YYYY-MM) to `path`; call it in `month_sums.snapshot()`.

    `each` is told how many entries are written. Raises Invalid (422) for what is no month, and TooManyRows
    (422) where a sheet cannot hold its rows.
    """
    page = audit.month_page(workspace=workspace, month=month, by=By.CAMPAIGN)
    asked = document.month_of(workspace, month)
    digest = canonical.digest(asked)
    found = {by: _split(page.document, workspace, month, by) for by in SPLITS}
    places = {
        by: {row["key"]: number for number, row in enumerate(whole["rows"], start=1)}
        for by, whole in found.items()
    }
    title = f"{workspace.name}, {month}"
    zone = months.zone_of(workspace)
    book = Book(path, currency=workspace.currency, zone=zone, title=title)
    sheets = {name: book.sheet(name) for name in ("Month", "Variance", *NAMES.values(), *ROW_SHEETS)}
    row_sheets.write(book, sheets, asked, places, each)
    for by in SPLITS:
        figure_sheets.split(book, sheets[NAMES[by]], by, found[by])
    this = month_figures.of(workspace, month)
    before = month_figures.totals_before(this)
    variance.write(
        book,
        sheets["Variance"],
        old=before.cells,
        new=this.cells,
        places=places[By.CATEGORY],
        found=page.document["effects"],
    )
    first = figure_sheets.MonthSheet(book, sheets["Month"], page.document)
    weeks = Fraction(int((asked.span.end - asked.span.start).total_seconds()), WEEK_SECONDS)
    first.write(_said(page.document, title, digest), page.also, weeks)
    book.workbook.close()


def _split(whole: dict[str, Any], workspace: Workspace, month: str, by: By) -> dict[str, Any]:
    if by == By.CAMPAIGN:
        return whole
    return audit.month_document(workspace=workspace, month=month, by=by.value)


def _said(whole: dict[str, Any], title: str, digest: str) -> list[str]:
    now = datetime.datetime.now(datetime.UTC)
    return [
        title,
        f"Calendar month in {whole['time_zone']}, as of its last instant. Amounts in {whole['currency']}.",
        f"SHA-256 of the canonical rows: {digest}",
        f"Made {now:%Y-%m-%d %H:%M} UTC. Figures are formulas over the sheets of rows; columns called “no.” "
        "hold the number of a row's key on the sheet of that split. Cells keep fifteen digits.",
    ]
