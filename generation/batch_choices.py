"""What a batch over deliverables may vary: models of their draft routes, switches, variables, profiles."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from generation import pipelines, prompts
from generation.models import ControlProfile
from projects.models import Deliverable, Phase, Workspace
from routing import catalogue, tables
from routing.brief import Brief, Step
from routing.document import Route, SwitchRule, Table


@dataclasses.dataclass(frozen=True)
class Choices:
    """Keys with their labels, as a form offers them."""

    models: Sequence[tuple[str, str]]
    switches: Sequence[tuple[str, str]]
    profiles: Sequence[tuple[str, str]]
    variables: Sequence[str]


def of(deliverables: Sequence[Deliverable]) -> Choices:
    """The choices of these deliverables of one workspace; the number of queries does not grow with them."""
    if not deliverables:
        return Choices((), (), (), ())
    workspace = deliverables[0].workspace
    table = tables.current(workspace)
    places = dict.fromkeys((row.category.key, row.campaign.project.key) for row in deliverables)
    briefs = [Brief(category=key, phase=Phase.DRAFT, project=project) for key, project in places]
    routes = [route for brief in briefs for route in _routes(table, brief, workspace)]
    rules = [rule for brief in briefs if (route := table.pipeline_route(brief)) for rule in route.criteria]
    return Choices(
        models=_models(workspace, routes, rules),
        switches=sorted({(rule.key, _words(rule)) for rule in rules}),
        profiles=_profiles(workspace),
        variables=_variables(workspace, deliverables),
    )


def _routes(table: Table, brief: Brief, workspace: Workspace) -> Iterable[Route]:
    """The routes of the generating steps of the draft that a brief leads to."""
    route = table.pipeline_route(brief)
    row = pipelines.find(workspace, route.pipeline) if route else None
    for step in pipelines.parse(row.document) if row else ():
        found = table.step_route(brief, Step(key=step.key, kind=step.kind))
        if step.stage == "generation" and found is not None:
            yield found


def _models(
    workspace: Workspace, routes: Iterable[Route], rules: Iterable[SwitchRule]
) -> list[tuple[str, str]]:
    """In the routes' order, then what switches lead to."""
    named = [choice.model for route in routes for choice in (*route.choices, *route.fallbacks)]
    named += [choice.model for rule in rules for choice in rule.choices]
    keys = list(dict.fromkeys(named))
    rows = catalogue.models_by_key(workspace, keys)
    return [(key, rows[key].name) for key in keys if key in rows]


def _words(rule: SwitchRule) -> str:
    return f"Switch {rule.step} to {rule.tier or rule.choices[0].model} ({rule.key})"


def _profiles(workspace: Workspace) -> list[tuple[str, str]]:
    return [(str(row), row.name) for row in ControlProfile.objects.newest(workspace)]


def _variables(workspace: Workspace, deliverables: Iterable[Deliverable]) -> list[str]:
    """What the deliverables' templates ask for beside what is given, in the order of the texts."""
    templates = dict.fromkeys(row.prompt_template for row in deliverables if row.prompt_template)
    found = [prompts.find(workspace, name) for name in templates]
    names = [name for template in found if template for name in prompts.names_in(template.body)]
    return [name for name in dict.fromkeys(names) if name not in prompts.GIVEN]
