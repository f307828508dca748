"""Writes rows of any number at once."""

from __future__ import annotations

from collections.abc import Sequence

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
