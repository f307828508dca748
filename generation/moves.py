"""Transitions: the one way in which a run, a call or a take changes its state.

Each compares and sets in one statement, along the tables of allowed moves. What had moved already, or may
not move there, is left as it is and missing from the answer: a lost race is a normal return.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db import connection, models

from generation import journal
from generation.models import Call, Run
from generation.models.runs import CALL_MOVES, RUN_MOVES
from projects.models import Take
from projects.models.takes import TAKE_MOVES

FREE: Mapping[str, Any] = {"lease": None, "leased_until": None}
"""A row that is no longer leased."""

RESTING: Mapping[str, Any] = {**FREE, "lane": "", "due_at": None, "waiting_for": ""}
"""A run that no lane has to do with any more."""


def runs(
    changes: Mapping[uuid.UUID, Mapping[str, Any]],
    *,
    to: str,
    sources: Collection[str] | None = None,
) -> set[uuid.UUID]:
    """Moves runs to a state, each with its own changes to other columns; answers which were moved."""
    return _move(Run, RUN_MOVES, changes, to=to, sources=sources)


def calls(
    changes: Mapping[uuid.UUID, Mapping[str, Any]],
    *,
    to: str,
    sources: Collection[str] | None = None,
) -> set[uuid.UUID]:
    """Moves calls to a state; answers which were moved."""
    return _move(Call, CALL_MOVES, changes, to=to, sources=sources)


def takes(
    changes: Mapping[uuid.UUID, Mapping[str, Any]],
    *,
    to: str,
    sources: Collection[str] | None = None,
) -> set[uuid.UUID]:
    """Moves takes to a state; answers which were moved."""
    return _move(Take, TAKE_MOVES, changes, to=to, sources=sources)


def alter(
    model: type[models.Model],
    changes: Mapping[uuid.UUID, Mapping[str, Any]],
    *,
    states: Collection[str],
) -> set[uuid.UUID]:
    """Changes columns other than the state, of rows in one of the states; answers which were changed."""
    return {row[0] for row in _rows(model, changes, states=states)}


def same(ids: Iterable[uuid.UUID], **columns: Any) -> dict[uuid.UUID, dict[str, Any]]:
    """The same changes for each of the rows."""
    return dict.fromkeys(ids, columns)


def _move(
    model: type[models.Model],
    moves: Mapping[str, frozenset[str]],
    changes: Mapping[uuid.UUID, Mapping[str, Any]],
    *,
    to: str,
    sources: Collection[str] | None,
) -> set[uuid.UUID]:
    allowed = {source for source, targets in moves.items() if to in targets}
    if sources is not None:
        if forbidden := set(sources) - allowed:
            raise ValueError(f"{model.__name__} does not move from {sorted(forbidden)} to {to}.")
        allowed = set(sources)
    changed = {key: {**columns, "state": to} for key, columns in changes.items()}
    told = journal.columns(model, to)
    moved = _rows(model, changed, states=allowed, told=told)
    journal.tell(model, to, moved, told)
    return {row[0] for row in moved}


def _rows(
    model: type[models.Model],
    changes: Mapping[uuid.UUID, Mapping[str, Any]],
    *,
    states: Collection[str],
    told: Mapping[str, str] = journal.NOTHING,
) -> list[tuple[Any, ...]]:
    """One statement for all rows; every row names the same columns. Rows are locked by key order.

    Answers the key of each that was changed, followed by what is `told` of it (name → expression).
    """
    if not changes:
        return []
    table = model._meta.db_table
    keys = sorted(changes)
    names = list(changes[keys[0]])
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    columns = ", ".join(f'"{field.column}" = v.c{i}' for i, field in enumerate(fields))
    casts = "".join(f", unnest(%s::{field.db_type(connection)}[]) AS c{i}" for i, field in enumerate(fields))
    returned = ", ".join(["t.id", *told.values()])
    sql = f"""
        WITH v AS (SELECT unnest(%s::uuid[]) AS id{casts}),
        locked AS (
            SELECT t.id FROM {table} t JOIN v ON v.id = t.id
            WHERE t.state = ANY(%s) ORDER BY t.id FOR UPDATE OF t
        )
        UPDATE {table} t SET {columns} FROM v JOIN locked ON locked.id = v.id
        WHERE t.id = v.id AND t.state = ANY(%s) RETURNING {returned}
    """  # noqa: S608  names come from the models
    values = [
        [_plain(field, changes[key][name]) for key in keys] for name, field in zip(names, fields, strict=True)
    ]
    found = [str(state) for state in states]
    with connection.cursor() as cursor:
        cursor.execute(sql, [keys, *values, found, found])
        return list(cursor.fetchall())


def _plain(field: Any, value: Any) -> Any:
    """A value as the statement takes it: JSON as text, enumerations as their values, rows as keys."""
    if isinstance(field, models.JSONField):
        return json.dumps(value)
    if isinstance(value, models.Model):
        return value.pk
    return str(value) if isinstance(value, str) else value
