"""Cells of a bill: numbers as people and spreadsheets write them, instants, and what kind of line it is."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from decimal import Decimal

from billing.models.invoices import LineKind

_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,20})?", re.ASCII)
_DRESSING = re.compile(r"[\s\u00a0\u202f'’_]|^[$€£]|[$€£]$")
_GROUPS = {mark: re.compile(rf"[+-]?\d{{1,3}}(\{mark}\d{{3}})+") for mark in (",", ".")}
_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(.*)", re.ASCII)
_EPOCH = re.compile(r"\d{10}(\d{3})?", re.ASCII)
_WORDS = (
    (LineKind.TAX, re.compile(r"\b(tax|vat|gst|ust|mwst|umsatzsteuer|mehrwertsteuer|sales tax)\b", re.I)),
    (LineKind.CREDIT, re.compile(r"\b(credit note|credit|refund|gutschrift|erstattung)\b", re.I)),
    (
        LineKind.FEE,
        re.compile(r"\b(fee|fees|minimum|subscription|seat|commitment|plan|gebühr|grundgebühr)\b", re.I),
    ),
)
LARGEST = Decimal(10) ** 12
YEARS = range(2015, 2100)


class BadCell(Exception):
    """One cell that does not fit; the message says why and how to write it."""


def decimal_mark(cells: Iterable[str]) -> str:
    """The decimal mark of a file's numbers, `.` or `,`; empty where they leave it open.

    Where both marks stand in one number the last is the decimal mark; where one stands alone and not
    before exactly three digits, it is. Marks that disagree leave it open too.
    """
    found = set()
    for raw in cells:
        cell = _DRESSING.sub("", raw)
        point, comma = cell.rfind("."), cell.rfind(",")
        if point >= 0 and comma >= 0:
            found.add("." if point > comma else ",")
        elif max(point, comma) >= 0:
            mark = "." if point >= 0 else ","
            if cell.count(mark) > 1:
                found.add("," if mark == "." else ".")
            elif not _GROUPS[mark].fullmatch(cell) or cell.lstrip("+-").startswith("0"):
                found.add(mark)
    return found.pop() if len(found) == 1 else ""


def number(cell: str, mark: str) -> Decimal:
    """The number in a cell; with `mark` empty, one that could be read in two ways is refused."""
    plain = _DRESSING.sub("", cell)
    negative = plain.startswith("(") and plain.endswith(")")
    plain = f"-{plain[1:-1]}" if negative else plain
    if not mark and any(each.fullmatch(plain) for each in _GROUPS.values()):
        raise BadCell(f"“{cell[:30]}” may be thousands or decimals; write all digits with a decimal point")
    group = "," if (mark or ".") == "." else "."
    if group in plain:
        whole = plain.partition(mark or ".")[0]
        if not _GROUPS[group].fullmatch(whole):
            raise BadCell(f"“{cell[:30]}” is no number; write 1234.50")
        plain = plain.replace(group, "")
    plain = plain.replace(",", ".")
    if not _NUMBER.fullmatch(plain):
        raise BadCell(f"“{cell[:30]}” is no number; write 1234.50")
    found = Decimal(plain)
    if abs(found) >= LARGEST:
        raise BadCell(f"“{cell[:30]}” is more than the books hold")
    return found


def instant(cell: str) -> tuple[datetime.datetime, bool]:
    """The instant in UTC, and whether the cell gives a day only (then its noon). Without an offset: UTC."""
    german = _DAY.fullmatch(cell)
    if german:
        day, month, year, rest = german.groups()
        cell = f"{year}-{int(month):02d}-{int(day):02d}{rest}"
    try:
        if _EPOCH.fullmatch(cell):
            return _known(datetime.datetime.fromtimestamp(int(cell[:10]), datetime.UTC)), False
        found = datetime.datetime.fromisoformat(cell.removesuffix(" UTC"))
    except (ValueError, OverflowError):
        raise BadCell(f"“{cell[:40]}” is no instant; write 2026-10-14T12:00:00Z") from None
    if len(cell) == 10:
        noon = datetime.datetime.combine(found.date(), datetime.time(12), datetime.UTC)
        return _known(noon), True
    return _known(found if found.tzinfo else found.replace(tzinfo=datetime.UTC)), False


def _known(found: datetime.datetime) -> datetime.datetime:
    if found.year not in YEARS:
        raise BadCell(f"the year {found.year} lies outside {YEARS.start}–{YEARS.stop - 1}")
    return found.astimezone(datetime.UTC)


def kind(said: str, description: str, job_id: str, amount: Decimal) -> LineKind:
    """What a line bills: by the column that says so, else by the words of a line without a job."""
    for words in (said, "" if job_id else description):
        for found, pattern in _WORDS:
            if pattern.search(words):
                return found
    return LineKind.CREDIT if amount < 0 else LineKind.USAGE
