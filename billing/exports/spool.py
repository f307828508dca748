"""Files that are whole before the first byte is sent: a slow reader holds no transaction open."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Sequence
from typing import IO, Any

from django.http import FileResponse
from django.utils.http import content_disposition_header

from billing import month_sums
from billing.exports import lines


def spooled(chunks: Callable[[], Iterable[bytes]]) -> IO[bytes]:
    """All that `chunks` yields, read as of one instant, in a file that is gone when it is closed."""
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(tempfile.TemporaryFile(prefix="circletake-export-"))
        with month_sums.snapshot():
            file.writelines(chunks())
        file.seek(0)
        opened.pop_all()  # it is closed by whoever reads it
        return file


def csv_download(rows: Callable[[], Iterable[Sequence[Any]]], *, name: str) -> FileResponse:
    """The rows as a CSV file, in constant memory. Whatever `rows` raises is raised here."""
    file = spooled(lambda: lines.encoded(rows()))
    answer = FileResponse(file, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    answer["Cache-Control"] = "private, no-store"
    return answer
