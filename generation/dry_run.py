"""What the routing table in force would choose: nothing is written, and nothing is spent."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from generation import facts, pipelines
from generation import steps as priced
from generation.models import Pipeline
from projects.models import Format, Workspace
from projects.problems import Invalid
from routing import decide as deciding
from routing import tables
from routing.brief import Brief
from routing.decision import Decision, StepPlan, as_document
from routing.facts import named_models
from routing.models import RoutingTable


def resolve(
    *,
    workspace: Workspace,
    brief: Brief,
    now: datetime.datetime,
    shape: Format | None = None,
    step: str = "",
    table: RoutingTable | None = None,
) -> Decision:
    """The decision for a brief, by the table in force or another version, at today's prices and health.

    `step` (a key or a kind) leaves only that step. Without a deliverable there are neither caps used
    nor budgets. Raises NoTable, and Invalid where the pipeline has no such step.
    """
    document = tables.parsed(table or tables.in_force(workspace))
    route = document.pipeline_route(brief)
    row = pipelines.find(workspace, route.pipeline) if route else None
    if row is not None:
        brief = with_steps(brief, row, shape=shape, step=step)
    known = facts.collect(workspace=workspace, models=named_models(document), now=now)
    return deciding.decide(brief, document, known)


def with_steps(brief: Brief, row: Pipeline, *, shape: Format | None = None, step: str = "") -> Brief:
    """The brief with the steps of a pipeline, or the one that is asked for; raises Invalid without it."""
    steps = priced.priced_steps(pipelines.parse(row.document), shape=shape, phase=brief.phase)
    wanted = tuple(found for found in steps if step in ("", found.key, found.kind))
    if not wanted:
        names = ", ".join(found.key for found in steps)
        raise Invalid({"step": [f"The pipeline {row} has no step {step}: it has {names}."]})
    return dataclasses.replace(brief, pipeline=str(row), steps=wanted)


def answer(decision: Decision) -> dict[str, Any]:
    """The decision as the API answers it: the choices of the main step, and `steps` with all of them.

    The main step is the only one asked for, else the last that makes raw content.
    """
    main = _main_step(decision)
    plain = as_document(decision)
    steps = [_step(step) for step in plain["steps"]]
    chosen = next((step for step in steps if main and step["step"] == main.key), None)
    return {
        "routing_version": decision.routing_version,
        "route": decision.route,
        "pipeline": decision.pipeline,
        "choices": chosen["choices"] if chosen else [],
        "chosen": chosen["chosen"] if chosen else None,
        "steps": steps,
        "outcome": decision.outcome,
        "amount": plain["expected"],
        "at_most": plain["at_most"],
        "currency": decision.currency,
        "compute_units": plain["compute_units"],
        "reasons": list(decision.reasons),
    }


def _main_step(decision: Decision) -> StepPlan | None:
    making = [plan for plan in decision.steps if plan.stage == "generation"]
    candidates = making or list(decision.steps)
    return candidates[-1] if candidates else None


def _step(step: dict[str, Any]) -> dict[str, Any]:
    """One step of the plain document in the API's words."""
    return {
        "step": step["key"],
        "kind": step["kind"],
        "route": step["route"],
        "chosen": step["chosen"]["model"] if step["chosen"] else None,
        "choices": [
            {
                "model": choice["model"],
                "tier": choice["tier"],
                "parameters": choice["parameters"],
                "fallback": choice["fallback"],
                "quote": {"amount": choice["expected"], "at_most": choice["at_most"]},
                "health": choice["health"],
                "eligible": choice["eligible"],
                "why": choice["why"],
            }
            for choice in step["choices"]
        ],
    }
