"""Providers' balances from a CSV file: all of it or nothing, each with what our books had at that moment.

The same file again changes nothing. A balance that is there already with another number is named.
"""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from billing import credit_books, credit_lots, months
from billing.models import ProviderBalance
from projects import access, events
from projects.access import Right
from projects.models import Membership
from projects.plain import is_plain
from projects.problems import BadLines

COLUMNS = ("unit", "credits", "read_at", "source")
MOST_LINES = 2_000
Fault = dict[str, Any]
Found = dict[tuple[str, datetime.datetime], tuple[int, ProviderBalance]]


def bring_in(*, text: str, by: Membership, now: datetime.datetime | None = None) -> int:
    """Enters the balances of a file; answers how many are new. Needs the right to keep the books.

    `read_at` is an instant, by the workspace's clock where it names no offset. Raises BadLines (422) naming
    every bad line; then nothing was entered.
    """
    access.require(by, Right.KEEP_BOOKS)
    now = now or timezone.now()
    faults: list[Fault] = []
    found: Found = {}
    for number, line in _lines(text):
        row, wrong = _row(line, by, now)
        place = (row.unit, row.read_at)
        if not wrong and place in found:
            wrong = ["this unit and instant stand in an earlier line; keep one of the two"]
        faults += [{"line": number, "reason": words} for words in wrong]
        found.setdefault(place, (number, row))
    if not found:
        faults.append({"line": 1, "reason": "there is no line below the header"})
    with transaction.atomic():
        for unit in sorted({row.unit for _, row in found.values() if is_plain(row.unit)}):
            credit_lots.lock(by.workspace_id, unit)
        new = _new(found, by, faults)
        if faults:
            raise BadLines(faults)
        for row in new:
            row.ours = credit_books.ours_at(by.workspace_id, row.unit, row.read_at)
        ProviderBalance.objects.bulk_create(new, batch_size=500)
        if new:
            kind = "credit.balances_imported"
            events.record(workspace=by.workspace, kind=kind, by=by, at=now, rows=len(new))
    return len(new)


def _lines(text: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    rows = _readable(text)
    header = [name.strip() for name in next(rows, [])]
    if sorted(header) != sorted(COLUMNS):
        raise BadLines([{"line": 1, "reason": f"the header is not {','.join(COLUMNS)}; begin with that"}])
    for number, cells in enumerate(rows, start=2):
        if number > MOST_LINES + 1:
            raise BadLines([{"line": number, "reason": f"more than {MOST_LINES:,} lines; split the file"}])
        if len(cells) != len(header):
            raise BadLines([{"line": number, "reason": "it has more or fewer cells than the header"}])
        yield number, {name: cell.strip() for name, cell in zip(header, cells, strict=True)}


def _readable(text: str) -> Iterator[list[str]]:
    """The lines that have a cell; raises BadLines for what is no CSV."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        yield from (cells for cells in reader if cells)
    except csv.Error as error:
        words = f"this is not read as CSV ({error}); look for a quotation mark that is not closed"
        raise BadLines([{"line": reader.line_num, "reason": words}]) from error


def _row(
    line: Mapping[str, str], by: Membership, now: datetime.datetime
) -> tuple[ProviderBalance, list[str]]:
    """The balance as the line says it, and what is wrong with it."""
    wrong = [f"{name}: has characters that no text has" for name, cell in line.items() if not is_plain(cell)]
    try:
        left = Decimal(line["credits"])
    except InvalidOperation:
        left = Decimal("NaN")
    read_at = _instant(line["read_at"], by)
    if read_at is None:
        wrong.append(f"read_at: “{line['read_at'][:40]}” is no instant; write 2026-10-31T18:00")
    elif read_at.year not in months.YEARS:
        wrong.append(f"read_at: lies outside the years {months.YEARS.start} to {months.YEARS.stop - 1}")
    elif read_at > now:
        wrong.append("read_at: lies in the future")
    errors = credit_books.check_balance(unit=line["unit"], credits_left=left, source=line["source"])
    wrong += [f"{name}: {words}" for name, many in errors.items() for words in many]
    row = ProviderBalance(
        workspace=by.workspace,
        unit=line["unit"],
        credits=left,
        read_at=read_at or now,
        source=line["source"],
        author=by.person,
    )
    return row, wrong


def _instant(text: str, by: Membership) -> datetime.datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    if found is None or found.tzinfo:
        return found
    return found.replace(tzinfo=months.zone_of(by.workspace))


def _new(found: Found, by: Membership, faults: list[Fault]) -> list[ProviderBalance]:
    """Those that are not there yet; one that is there with another number is a fault."""
    there = ProviderBalance.objects.visible_to(by).filter(unit__in={unit for unit, _ in found})
    known = {(row.unit, row.read_at): row.credits for row in there}
    for place, (number, row) in found.items():
        if place in known and known[place] != row.credits:
            said = f"{row.unit} has another balance of this instant, and balances are never edited"
            faults.append({"line": number, "reason": said})
    return [row for place, (_, row) in found.items() if place not in known]
