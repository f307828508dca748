"""The cells of a history's files: each read by a rule of its own; what does not fit is noted by its line."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from billing.months import YEARS
from projects.models.work import KEY_PATTERN

_KEY = re.compile(KEY_PATTERN)
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,20})?", re.ASCII)
_COUNT = re.compile(r"[1-9][0-9]{0,6}", re.ASCII)
_CURRENCY = re.compile(r"[A-Za-z][A-Za-z0-9:_-]{1,11}", re.ASCII)
_FORMULA = ("=", "@", "\t", "\r")


class BadCell(Exception):
    """One cell that does not fit; the message names it."""


class Faults:
    """Bad lines of both files, each with all its reasons."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int], list[str]] = {}

    def add(self, file: str, line: int, reason: str) -> None:
        reasons = self._found.setdefault((file, line), [])
        if reason not in reasons:
            reasons.append(reason)

    def __bool__(self) -> bool:
        return bool(self._found)

    def lines(self) -> list[dict[str, Any]]:
        return [
            {"file": file, "line": line, "reason": "; ".join(reasons)}
            for (file, line), reasons in sorted(self._found.items())
        ]


class Cells:
    """The cells of one line, each read by its rule; what does not fit is noted."""

    def __init__(self, file: str, line: int, cells: Mapping[str, str], faults: Faults) -> None:
        self.file, self.line, self.faults, self.sound = file, line, faults, True
        self.cells = {name: cell.strip() for name, cell in cells.items()}
        for name, cell in cells.items():
            if cell.startswith(_FORMULA):
                self.refuse(f"{name}: begins like a formula ({cell[:12]!r}); remove the first sign")

    def __getitem__(self, name: str) -> str:
        return self.cells.get(name, "")

    def refuse(self, reason: str) -> None:
        self.sound = False
        self.faults.add(self.file, self.line, reason)

    def read(self, name: str, rule: Callable[[str], Any], *, empty: Any = None, needed: bool = False) -> Any:
        cell = self[name]
        if not cell:
            if needed:
                self.refuse(f"{name}: is empty")
            return empty
        try:
            return rule(cell)
        except BadCell as error:
            self.refuse(f"{name}: {error}")
            return empty


def text(longest: int) -> Callable[[str], str]:
    def read(cell: str) -> str:
        if len(cell) > longest:
            raise BadCell(f"is longer than {longest} characters")
        return cell

    return read


def key(cell: str) -> str:
    if not _KEY.fullmatch(cell):
        raise BadCell(f"“{cell[:40]}” is no key: up to 119 characters without “/”")
    return cell


def provider(cell: str) -> str:
    if "/" in cell or len(cell) > 40:
        raise BadCell("up to 40 characters without “/”")
    return cell


def one_of(words: Sequence[str]) -> Callable[[str], str]:
    def read(cell: str) -> str:
        if cell not in words:
            raise BadCell(f"“{cell[:40]}” is none of {', '.join(words)}")
        return cell

    return read


def count(cell: str) -> int:
    if not _COUNT.fullmatch(cell):
        raise BadCell(f"“{cell[:20]}” is no number from 1 on")
    return int(cell)


def amount(cell: str) -> Decimal:
    if not _NUMBER.fullmatch(cell):
        raise BadCell(f"“{cell[:30]}” is no amount from 0 on; write 12.50")
    return Decimal(cell)


def rate(cell: str) -> Decimal:
    if not _NUMBER.fullmatch(cell) or not 0 < Decimal(cell) < 10**10:
        raise BadCell(f"“{cell[:30]}” is no rate above 0; write 0.92")
    if len(cell.partition(".")[2].rstrip("0")) > 10:
        raise BadCell("has more than ten decimals")
    return Decimal(cell)


def currency(cell: str) -> str:
    if not _CURRENCY.fullmatch(cell):
        raise BadCell(f"“{cell[:20]}” is no currency; write EUR")
    return cell


def instant(cell: str) -> datetime.datetime:
    try:
        found = datetime.datetime.fromisoformat(cell)
    except ValueError:
        raise BadCell(f"“{cell[:40]}” is no instant; write 2025-10-14T12:00:00Z") from None
    if found.tzinfo is None:
        raise BadCell(f"“{cell[:40]}” has no offset; end it with Z or +02:00")
    if found.year not in YEARS:
        raise BadCell(f"the year {found.year} lies outside {YEARS.start}–{YEARS.stop - 1}")
    return found.astimezone(datetime.UTC)
