"""CSV line by line: UTF-8, as RFC 4180 has it, and no text that a spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from billing import audit_tables


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def encoded(rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    writer = csv.writer(_Echo())
    for row in rows:
        yield writer.writerow([_text(cell) for cell in row]).encode()


def instant(at: datetime.datetime) -> str:
    """ISO 8601 in UTC, with microseconds only where there are some."""
    return at.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")


def _text(cell: Any) -> str:
    if isinstance(cell, datetime.datetime):
        return instant(cell)
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    return audit_tables.plain(cell)
