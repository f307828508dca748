"""What the kill matrix found, cell by cell, kept in its folder."""

from __future__ import annotations

import collections
import dataclasses
import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from billing.models import Entry
from drills import cells, truth
from generation import tokens
from generation.models import Call
from projects.models import Event, Take


@dataclasses.dataclass
class Results:
    path: Path
    cells: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, folder: Path) -> Results:
        path = folder / "matrix.json"
        return cls(path, json.loads(path.read_text())["cells"] if path.exists() else {})

    def has(self, name: str) -> bool:
        """Whether the cell was run and found sound; one with a violation is run again."""
        return name in self.cells and not self.cells[name]["violations"]

    def add(self, name: str, found: dict[str, Any]) -> None:
        self.cells[name] = found
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps({"cells": self.cells}, indent=1))
        fresh.rename(self.path)

    def violations(self) -> list[str]:
        return [f"{name}: {line}" for name, found in self.cells.items() for line in found["violations"]]

    def summary(self) -> str:
        judged = [found for found in self.cells.values() if "state" in found]
        there = sum(not cell.does_not_exist for cell in cells.ALL)
        said: collections.Counter[str] = collections.Counter()
        for found in judged:
            said.update(found["settled"])
        return (
            f"{len(judged)} of {there} cells were run, each in {_between(judged, 'seconds')} s at a load of"
            f" {_between(judged, 'load')}. Violations: {len(self.violations()) or 'none'}."
            f" Answers lost: {sum(found['unknown'] for found in judged)}; the log settled {said.total()}:"
            f" {said['it happened']} had happened, {said['it did not happen']} had not."
            f" Sent once more by itself: {sum(found['sent_once_more'] for found in judged)}."
        )

    def markdown(self) -> str:
        lines = [self.summary(), cells.table(self.cells, cells.KILLS), cells.table(self.cells, cells.ANSWERS)]
        return "\n\n".join([*lines, *(f"VIOLATION {line}" for line in self.violations())]) + "\n"


def _between(judged: Sequence[Mapping[str, Any]], name: str) -> str:
    """The least, the middle and the most of a figure."""
    figures = sorted(found[name] for found in judged) or [0]
    return f"{figures[0]:g} to {figures[-1]:g} (median {figures[len(figures) // 2]:g})"


def of_take(pk: uuid.UUID, jobs: Sequence[truth.Job]) -> dict[str, Any]:
    """How a take ended: its calls, the jobs that the provider has of them, what was charged and booked."""
    take = Take.objects.get(pk=pk)
    calls = list(Call.objects.filter(run__take=take).order_by("intended_at"))
    known = truth.by_token(jobs)
    made = [job for call in calls for job in known.get(tokens.token_of(call.pk, call.token_hash), [])]
    events = Event.objects.filter(take=take).order_by("at", "pk").values_list("kind", flat=True)
    return {
        "state": str(take.state),
        "failure_class": take.failure_class,
        "calls": [f"{call.state} {call.error_class}".strip() for call in calls],
        "unknown": sum("unknown_since" in call.evidence for call in calls),
        "jobs": len(made),
        "charged": sum(job["charged"] for job in made),
        "booked": Entry.objects.exclude(kind="transfer").filter(call__in=[call.pk for call in calls]).count(),
        "sent_once_more": list(events).count("take.sent_once_more"),
        "events": list(events),
    }
