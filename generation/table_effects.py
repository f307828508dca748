"""What a routing table would change for the work there is: models, expected prices, caps, deliverables.

Both tables decide about the same briefs with the same facts of this moment; nothing is written.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
from collections.abc import Iterator, Mapping
from decimal import Decimal

from django.db.models import Count

from generation import dry_run, facts, pipelines
from generation.models import Pipeline
from projects.models import Category, Deliverable, Phase, Project, Workspace
from projects.models.work import DeliverableState
from routing import decide as deciding
from routing.brief import Brief, Facts
from routing.decision import Decision
from routing.document import Table
from routing.facts import named_models

NOBODY = "nobody"


@dataclasses.dataclass(frozen=True)
class StepEffect:
    """The model of a step before and after, by name, with the expected price of one take's step."""

    key: str
    before: str
    after: str
    price_before: Decimal | None
    price_after: Decimal | None

    @property
    def differs(self) -> bool:
        return (self.before, self.price_before) != (self.after, self.price_after)


@dataclasses.dataclass(frozen=True)
class Side:
    """What a table says about a brief. `expected` is the price of one take; None where it can make none."""

    pipeline: str
    cap: int | None
    expected: Decimal | None


@dataclasses.dataclass(frozen=True)
class Effect:
    """What becomes of one category in one phase, and how many open deliverables it is about."""

    category: str
    phase: str
    project: str
    deliverables: int
    before: Side
    after: Side
    steps: tuple[StepEffect, ...]

    @property
    def differs(self) -> bool:
        return self.before != self.after or any(step.differs for step in self.steps)


@dataclasses.dataclass(frozen=True)
class Effects:
    """The effects that differ, and how many categories and phases stay as they are."""

    rows: list[Effect]
    unchanged: int

    @property
    def deliverables(self) -> int:
        """Open deliverables that are affected in some phase; each once."""
        most: dict[tuple[str, str], int] = {}
        for row in self.rows:
            place = (row.category, row.project)
            most[place] = max(most.get(place, 0), row.deliverables)
        return sum(most.values())


def of(workspace: Workspace, before: Table | None, after: Table, *, now: datetime.datetime) -> Effects:
    """What `after` changes against `before`; the number of queries does not grow with the deliverables."""
    both = [table for table in (before, after) if table is not None]
    keys = set().union(*(named_models(table) for table in both))
    known = facts.collect(workspace=workspace, models=keys, now=now)
    trial = _Trial(workspace, known, both)
    found = [
        trial.effect(brief, category, project, number, before, after)
        for brief, category, project, number in _briefs(workspace, both)
    ]
    rows = [effect for effect in found if effect.differs]
    return Effects(rows=rows, unchanged=len(found) - len(rows))


class _Trial:
    """Decides about briefs by one table and another, each pipeline read once."""

    def __init__(self, workspace: Workspace, known: Facts, tables: list[Table]) -> None:
        self.known = known
        named = {route.pipeline for table in tables for route in table.routes if route.pipeline}
        self.pipelines: Mapping[str, Pipeline | None] = {
            name: pipelines.find(workspace, name) for name in sorted(named)
        }

    def effect(
        self,
        brief: Brief,
        category: str,
        project: str,
        deliverables: int,
        before: Table | None,
        after: Table,
    ) -> Effect:
        was = self._decision(brief, before) if before else None
        becomes = self._decision(brief, after)
        return Effect(
            category=category,
            phase=brief.phase,
            project=project,
            deliverables=deliverables,
            before=_side(was),
            after=_side(becomes),
            steps=tuple(self._steps(was, becomes)),
        )

    def _decision(self, brief: Brief, table: Table) -> Decision | None:
        route = table.pipeline_route(brief)
        row = self.pipelines.get(route.pipeline) if route else None
        return deciding.decide(dry_run.with_steps(brief, row), table, self.known) if row else None

    def _steps(self, was: Decision | None, becomes: Decision | None) -> Iterator[StepEffect]:
        old = self._chosen(was)
        new = self._chosen(becomes)
        for key in dict.fromkeys([*old, *new]):
            before, after = old.get(key, ("", None)), new.get(key, ("", None))
            yield StepEffect(key, before[0], after[0], before[1], after[1])

    def _chosen(self, decision: Decision | None) -> dict[str, tuple[str, Decimal | None]]:
        """By step that needs a model, the name of the chosen one and its price."""
        return {
            plan.key: (self._name(plan.chosen.model), plan.expected) if plan.chosen else (NOBODY, None)
            for plan in (decision.steps if decision else ())
            if plan.needs_model
        }

    def _name(self, key: str) -> str:
        return self.known.models[key].name or key if key in self.known.models else key


def _side(decision: Decision | None) -> Side:
    if decision is None:
        return Side("", None, None)
    makes = all(plan.settled for plan in decision.steps)
    return Side(decision.pipeline, decision.cap.limit, decision.expected if makes else None)


def _briefs(workspace: Workspace, tables: list[Table]) -> Iterator[tuple[Brief, str, str, int]]:
    """Every category in both phases, for clients that a route names apart, with their open deliverables."""
    categories = list(Category.objects.filter(workspace=workspace).order_by("name"))
    own = {route.match["project"] for table in tables for route in table.routes if "project" in route.match}
    names = dict(Project.objects.filter(workspace=workspace, key__in=own).values_list("key", "name"))
    counts: dict[tuple[str, str], int] = collections.defaultdict(int)
    rows = Deliverable.objects.filter(workspace=workspace, state=DeliverableState.OPEN)
    counted = rows.values_list("category__key", "campaign__project__key").annotate(Count("pk")).order_by()
    for category, project, number in counted:
        counts[category, project if project in names else ""] += number
    for project, name in [("", ""), *sorted(names.items())]:
        for row in categories:
            for phase in Phase.values:
                brief = Brief(category=row.key, phase=phase, project=project)
                goes_there = phase == Phase.DRAFT or row.delivered_in == phase
                yield brief, row.name, name, counts[row.key, project] if goes_there else 0
