"""Exchange rates from the reference files of the European Central Bank.

Read are `eurofxref-hist.csv` and the daily `eurofxref.csv`, each also inside its zip, and the XML files
(daily, 90 days, all). They say what one euro is worth in each currency; N/A is no rate. A workspace in
another currency takes cross rates of the same day. Days that are there already are left as they are.
"""

from __future__ import annotations

import csv
import datetime
import io
import zipfile
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import NamedTuple
from xml.etree import ElementTree

from django.db import transaction

from billing import money, rates
from billing.models import CreditLot, ExchangeRate, PriceRow
from projects import access, events
from projects.access import Right
from projects.models import Membership
from projects.problems import Invalid

SOURCE = "European Central Bank"
EURO = "EUR"
TEN_PLACES = Decimal("1e-10")
MOST_BYTES = 4_000_000
MOST_UNPACKED = 40_000_000
#: What one euro is worth, by day and currency.
Fixings = dict[datetime.date, dict[str, Decimal]]


class Differing(NamedTuple):
    """A day that has another rate already, which stays."""

    day: datetime.date
    currency: str
    ours: Decimal
    theirs: Decimal


class Imported(NamedTuple):
    """What an import did. `gaps` are days on which the file lacks the workspace's own currency."""

    new: int
    unchanged: int
    differing: list[Differing]
    gaps: int
    first: datetime.date | None
    last: datetime.date | None


def read(data: bytes) -> Fixings:
    """The fixings of a file; raises Invalid (422) where it is none of those that are read."""
    if data[:2] == b"PK":
        data = _unpacked(data)
    if len(data) > MOST_UNPACKED:
        raise _unreadable("The file is larger than any that the bank publishes.")
    found = _from_xml(data) if data.lstrip()[:1] == b"<" else _from_csv(data)
    if not found:
        raise _unreadable("The file names no day.")
    return found


def used_currencies(by: Membership) -> list[str]:
    """The currencies that the workspace has prices, rates or credits in, but its own; and the euro."""
    own = by.workspace.currency
    found = {EURO}
    for model in (PriceRow, ExchangeRate, CreditLot):
        found |= set(model.objects.visible_to(by).order_by().values_list("currency", flat=True).distinct())
    return sorted(code for code in found if code != own and not code.startswith("credit:"))


def import_file(
    *,
    data: bytes,
    by: Membership,
    currencies: Iterable[str] = (),
    since: datetime.date | None = None,
) -> Imported:
    """Enters what the file says of these currencies (those in use) from a day on; needs the books' right.

    A day that has a rate of a currency keeps it; where the file says otherwise, that is named.
    """
    access.require(by, Right.KEEP_BOOKS)
    fixings = {day: line for day, line in read(data).items() if since is None or day >= since}
    wanted = set(currencies) or set(used_currencies(by))
    own = by.workspace.currency
    offered: dict[tuple[datetime.date, str], Decimal] = {}
    gaps = 0
    for day, line in fixings.items():
        crossed = _crossed(line, own, wanted)
        gaps += own != EURO and own not in line
        offered |= {(day, currency): rate for currency, rate in crossed.items()}
    with transaction.atomic():
        return _enter(offered, gaps, by)


def _enter(offered: dict[tuple[datetime.date, str], Decimal], gaps: int, by: Membership) -> Imported:
    days = sorted(day for day, _ in offered)
    there: dict[tuple[datetime.date, str], Decimal] = {}
    if days:
        rows = ExchangeRate.objects.visible_to(by).filter(day__gte=days[0], day__lte=days[-1])
        there = {(row.day, row.currency): row.rate for row in rows}
    new = [
        ExchangeRate(
            workspace=by.workspace, currency=currency, day=day, rate=rate, source=SOURCE, author=by.person
        )
        for (day, currency), rate in sorted(offered.items())
        if (day, currency) not in there
    ]
    ExchangeRate.objects.bulk_create(new, ignore_conflicts=True, batch_size=2000)
    differing = [
        Differing(*place, there[place], rate)
        for place, rate in sorted(offered.items())
        if place in there and there[place] != rate
    ]
    if new:
        events.record(workspace=by.workspace, kind="rates.imported", by=by, rows=len(new))
    known = len(offered) - len(new) - len(differing)
    return Imported(len(new), known, differing, gaps, *((days[0], days[-1]) if days else (None, None)))


def _crossed(line: dict[str, Decimal], own: str, wanted: set[str]) -> dict[str, Decimal]:
    """What one unit of each wanted currency is worth in the workspace's, half-even to ten decimals."""
    known = {**line, EURO: Decimal(1)}
    if own not in known:
        return {}
    crossed = {
        currency: money.EXACT.divide(known[own], known[currency]).quantize(TEN_PLACES, context=money.EXACT)
        for currency in wanted & known.keys() - {own}
    }
    return {currency: rate for currency, rate in crossed.items() if rate > 0}


def _from_csv(data: bytes) -> Fixings:
    try:
        lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error):
        raise _unreadable("The file is neither CSV nor XML.") from None
    if not lines or not lines[0] or lines[0][0].strip() != "Date":
        raise _unreadable("The first cell of the file is not “Date”.")
    names = [cell.strip() for cell in lines[0]]
    found: Fixings = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line or not line[0].strip():
            continue
        cells = zip(names[1:], (cell.strip() for cell in line[1:]), strict=False)
        found[_day(line[0].strip(), number)] = {
            name: _rate(cell, number)
            for name, cell in cells
            if rates.CURRENCY.fullmatch(name) and cell not in ("", "N/A")
        }
    return found


def _from_xml(data: bytes) -> Fixings:
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise _unreadable("The bank's files declare no entities; this one does.")
    try:
        tree = ElementTree.fromstring(data)  # noqa: S314  # without a DOCTYPE nothing can be expanded
    except ElementTree.ParseError as error:
        raise _unreadable(f"The XML breaks off: {error}.") from None
    found: Fixings = {}
    for cube in tree.iter():
        if (time := cube.get("time")) is None:
            continue
        found[_day(time, 0)] = {
            code: _rate(each.get("rate", ""), 0)
            for each in cube
            if rates.CURRENCY.fullmatch(code := each.get("currency", ""))
            and each.get("rate", "") not in ("", "N/A")
        }
    return found


def _unpacked(data: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as pack:
            inside = [each for each in pack.infolist() if each.filename.lower().endswith((".csv", ".xml"))]
            if len(inside) != 1 or inside[0].file_size > MOST_UNPACKED:
                raise _unreadable("The zip holds another thing than one CSV file of rates.")
            with pack.open(inside[0]) as file:
                return file.read(MOST_UNPACKED + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError):
        raise _unreadable("The zip cannot be opened.") from None


def _day(text: str, line: int) -> datetime.date:
    """A day as the history writes it (2026-11-20), or as the daily file does (20 November 2026)."""
    for form in ("%Y-%m-%d", "%d %B %Y"):
        try:
            return datetime.datetime.strptime(text, form).replace(tzinfo=datetime.UTC).date()
        except ValueError:
            continue
    raise _unreadable(f"{_where(line)}“{text[:30]}” is no day.")


def _rate(text: str, line: int) -> Decimal:
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal(0)
    if not rate.is_finite() or not 0 < rate < 10**9:
        raise _unreadable(f"{_where(line)}“{text[:30]}” is no rate.")
    return rate


def _where(line: int) -> str:
    return f"Line {line}: " if line else ""


def _unreadable(reason: str) -> Invalid:
    remedy = (
        "Download eurofxref-hist.zip, eurofxref.zip or an XML file from the bank's page of reference rates."
    )
    return Invalid({"file": [reason]}, remedy=remedy)
