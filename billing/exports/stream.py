"""Rows of a statement as they come: the database keeps the cursor, so that memory stays the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db import connection

from billing import month_parts
from billing.acceptances import Month

AT_ONCE = 2_000


def stream(statement: str, month: Month) -> Iterator[tuple[Any, ...]]:
    """The rows that a statement finds for the month; needs the caller's transaction."""
    return stream_values(statement, month_parts.values(month))


def stream_values(statement: str, values: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """The rows that a statement finds for these values; needs the caller's transaction."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement, values)
        while some := cursor.fetchmany(AT_ONCE):
            yield from some
