"""The table in force decides about each category and phase with facts that may be other than today's."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping
from typing import NamedTuple

from generation import dry_run, facts, pipelines
from generation.models import Pipeline
from projects.models import Category, Phase, Project, Workspace
from routing import decide as deciding
from routing import tables
from routing.brief import Brief, Facts
from routing.decision import Decision
from routing.document import Table
from routing.facts import named_models


class Place(NamedTuple):
    """What is made, in which phase; for a client that a route names apart, its project."""

    category: str
    phase: str
    project: uuid.UUID | None = None


class Trial(NamedTuple):
    """A table with the facts of a moment, and the pipelines that it names."""

    table: Table | None
    facts: Facts
    pipelines: Mapping[str, Pipeline | None]
    projects: Mapping[uuid.UUID, str]
    categories: Mapping[str, Category]

    def places(self) -> list[Place]:
        """Every category in the phases that it needs, for clients named apart and for all others."""
        return [
            Place(key, phase, project)
            for project in (None, *self.projects)
            for key, category in self.categories.items()
            for phase in Phase.values
            if phase == Phase.DRAFT or category.delivered_in == phase
        ]

    def name(self, place: Place) -> str:
        """What people call the category; its key where it is gone."""
        found = self.categories.get(place.category)
        return found.name if found else place.category

    def decision(self, place: Place, known: Facts | None = None) -> Decision | None:
        """What the table decides there, by its own facts or by others; None without a pipeline."""
        if self.table is None:
            return None
        project = self.projects.get(place.project, "") if place.project else ""
        brief = Brief(category=place.category, phase=place.phase, project=project)
        route = self.table.pipeline_route(brief)
        row = self.pipelines.get(route.pipeline) if route else None
        if row is None:
            return None
        return deciding.decide(dry_run.with_steps(brief, row), self.table, known or self.facts)


def of(workspace: Workspace, *, now: datetime.datetime) -> Trial:
    """The table in force with the facts of this moment, whatever may be decided about."""
    try:
        table = tables.current(workspace)
    except tables.NoTable:
        table = None
    routes = table.routes if table else ()
    own = {route.match["project"] for route in routes if "project" in route.match}
    projects = Project.objects.filter(workspace=workspace, key__in=own).order_by("key")
    categories = Category.objects.filter(workspace=workspace).order_by("name")
    named = sorted({route.pipeline for route in routes if route.pipeline})
    return Trial(
        table=table,
        facts=facts.collect(workspace=workspace, models=named_models(table) if table else (), now=now),
        pipelines={name: pipelines.find(workspace, name) for name in named},
        projects=dict(projects.values_list("pk", "key")),
        categories={category.key: category for category in categories},
    )
