"""Writes rows of any number at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection, models

FEW = 200


def insert(model: type[models.Model], rows: Sequence[models.Model]) -> None:
    """Writes new rows of one model in the caller's transaction; many of them by COPY."""
    if len(rows) < FEW:
        model._default_manager.bulk_create(rows)
        return
    fields = [field for field in model._meta.local_concrete_fields if field.column]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    names = [field.attname for field in fields]
    with (
        connection.cursor() as cursor,
        cursor.copy(f'COPY "{model._meta.db_table}" ({columns}) FROM STDIN') as copy,
    ):
        for row in rows:
            copy.write_row([getattr(row, name) for name in names])


def copy(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    beside: Mapping[str, Any],
) -> None:
    """Writes plain rows of these columns by COPY; all of them have what is `beside`."""
    names = ", ".join(f'"{name}"' for name in (*columns, *beside))
    same = list(beside.values())
    with (
        connection.cursor() as cursor,
        cursor.copy(f'COPY "{model._meta.db_table}" ({names}) FROM STDIN') as target,
    ):
        for row in rows:
            target.write_row([*row, *same])
