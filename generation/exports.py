"""CSV out: streamed row by row, and no cell can become a formula in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def safe(cell: Any) -> str:
    """The cell as text; what a spreadsheet would take for a formula begins with an apostrophe.

    Numbers stay numbers, negative ones too.
    """
    text = "" if cell is None else str(cell)
    if text.startswith(FORMULA_SIGNS) and not _is_number(text):
        return f"'{text}"
    return text


def lines(rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Lines of CSV, as RFC 4180 has them."""
    writer = csv.writer(_Echo())
    for row in rows:
        yield writer.writerow([safe(cell) for cell in row])


def csv_response(rows: Iterable[Sequence[Any]], *, filename: str) -> StreamingHttpResponse:
    """The rows as a download that begins at once and needs constant memory."""
    response = StreamingHttpResponse(lines(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, filename) or "attachment"
    return response


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
