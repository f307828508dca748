"""A routing table as its page shows it: each route by models' names, and what a version changes."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from generation.routing_forms import as_text
from projects.models import Workspace
from routing import catalogue, differences, tables, words
from routing.document import ModelChoice, Route, Table
from routing.facts import named_models
from routing.models import RoutingTable
from routing.models.tables import TableState
from routing.words import Names


def names_of(workspace: Workspace, *found: Table) -> Names:
    """The names of the models that these tables name; one query."""
    keys = set().union(*(named_models(table) for table in found))
    return {key: row.name for key, row in catalogue.models_by_key(workspace, keys).items()}


def told(table: Table, names: Names) -> dict[str, Any]:
    """The routes in two lists: which pipeline makes a deliverable, and which models make its steps."""
    return {
        "making": [_making(route, names) for route in table.routes if not route.step],
        "steps": [_step(route, names) for route in table.routes if route.step],
    }


def compared_with(table: RoutingTable, rows: Sequence[RoutingTable]) -> RoutingTable | None:
    """What a version is compared with: a proposal with the table in force, others with the one before."""
    others = [row for row in rows if row.version < table.version]
    if table.state == TableState.PROPOSED:
        others = [row for row in rows if row.state == TableState.PUBLISHED]
    return next((row for row in others if row.published_at), None)


def changed(before: RoutingTable, after: RoutingTable, names: Names) -> dict[str, Any]:
    """What a version changes in another: in words, and as lines of the document."""
    lines = difflib.unified_diff(
        as_text(before.document).splitlines(),
        as_text(after.document).splitlines(),
        f"version {before.version}",
        f"version {after.version}" if after.version else "this proposal",
        lineterm="",
    )
    return {
        "version": before.version,
        "changes": differences.of(before.document, after.document, names=names),
        "lines": "\n".join(lines),
    }


def parsed(table: RoutingTable | None) -> Table | None:
    return tables.parsed(table) if table else None


def _making(route: Route, names: Names) -> dict[str, Any]:
    switches = [words.criterion(rule, names=names) for rule in route.criteria]
    return {
        "route": route,
        "subject": words.subject(route),
        "switches": switches,
        "errors": words.errors(route),
    }


def _step(route: Route, names: Names) -> dict[str, Any]:
    return {
        "route": route,
        "subject": words.subject(route),
        "choices": _models(route.choices, names),
        "fallbacks": _models(route.fallbacks, names),
        "errors": words.errors(route),
    }


def _models(choices: Sequence[ModelChoice], names: Names) -> list[dict[str, Any]]:
    return [
        {"key": one.model, "name": words.named(one, names), "parameters": one.parameters} for one in choices
    ]
