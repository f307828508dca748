"""Rows of some stories, gathered and then written together, by COPY; triggers and constraints stay on."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from django.db import connection, models

from billing import ledger
from billing.models import Entry, Hold, HoldOutcome
from generation.models import Call, Recipe, Run
from projects import bulk
from projects.models import (
    CapDecision,
    CapRequest,
    Decision,
    Deliverable,
    Event,
    HeroDecision,
    HeroRequest,
    Round,
    Take,
    TakeView,
    Workspace,
)

Values = dict[str, Any]


@dataclasses.dataclass(eq=False)
class Decided:
    """A decision before it has its place in the sequence."""

    values: Values
    reverses: Decided | None = None
    sequence: int = 0


@dataclasses.dataclass
class Chunk:
    """Rows by table, each as its columns; the ledger's as unsaved entries."""

    deliverables: list[Values] = dataclasses.field(default_factory=list)
    rounds: list[Values] = dataclasses.field(default_factory=list)
    takes: list[Values] = dataclasses.field(default_factory=list)
    recipes: list[Values] = dataclasses.field(default_factory=list)
    runs: list[Values] = dataclasses.field(default_factory=list)
    calls: list[Values] = dataclasses.field(default_factory=list)
    holds: list[Values] = dataclasses.field(default_factory=list)
    outcomes: list[Values] = dataclasses.field(default_factory=list)
    views: list[Values] = dataclasses.field(default_factory=list)
    events: list[Values] = dataclasses.field(default_factory=list)
    hero_requests: list[Values] = dataclasses.field(default_factory=list)
    hero_decisions: list[Values] = dataclasses.field(default_factory=list)
    cap_requests: list[Values] = dataclasses.field(default_factory=list)
    cap_decisions: list[Values] = dataclasses.field(default_factory=list)
    decisions: list[Decided] = dataclasses.field(default_factory=list)
    entries: list[Entry] = dataclasses.field(default_factory=list)

    def write(self, workspace: Workspace) -> None:
        """Writes everything in the caller's transaction; the ledger last, so that it follows decisions."""
        bulk.prepare()
        copy(Deliverable, self.deliverables)
        copy(Round, self.rounds)
        copy(Take, self.takes)
        copy(Recipe, self.recipes)
        copy(Run, self.runs)
        copy(Hold, self.holds)
        copy(Call, self.calls)
        copy(TakeView, self.views)
        copy(HeroRequest, self.hero_requests)
        copy(HeroDecision, self.hero_decisions)
        copy(CapRequest, self.cap_requests)
        copy(CapDecision, self.cap_decisions)
        copy(Event, sorted(self.events, key=_at))
        copy(Decision, _in_sequence(self.decisions))
        ledger.book_many(workspace=workspace, cash=self.entries)
        copy(HoldOutcome, self.outcomes)


def copy(model: type[models.Model], rows: list[Values]) -> None:
    """Sends rows of equal columns through one COPY."""
    if not rows:
        return
    names = list(rows[0])
    columns = ", ".join(f'"{name}"' for name in names)
    with (
        connection.cursor() as cursor,
        cursor.copy(f'COPY "{model._meta.db_table}" ({columns}) FROM STDIN') as sent,
    ):
        for row in rows:
            sent.write_row(list(row.values()))


def _at(row: Values) -> datetime.datetime:
    at: datetime.datetime = row["at"]
    return at


def _in_sequence(decided: list[Decided]) -> list[Values]:
    """The decisions by their instants, numbered from the table's own sequence."""
    ordered = sorted(decided, key=lambda one: (one.values["at"], one.values["id"]))
    if not ordered:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('projects_decision', 'sequence'))"
            " FROM generate_series(1, %s)",
            [len(ordered)],
        )
        for one, (sequence,) in zip(ordered, cursor.fetchall(), strict=True):
            one.sequence = sequence
    return [
        {
            "sequence": one.sequence,
            **one.values,
            "reverses_id": one.reverses.sequence if one.reverses else None,
        }
        for one in ordered
    ]
