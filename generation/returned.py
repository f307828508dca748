"""Requests that come back from a recall: nothing in them is believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from generation import pipelines, prompts
from projects.models import Asset, Deliverable, Phase
from projects.problems import Invalid
from routing import brief as questions

_FIELDS = {"deliverable", "phase", "pipeline", "prompt", "seed", "picture", "steps"}
_STEP_FIELDS = {
    "key",
    "kind",
    "stage",
    "needs",
    "prompt",
    "seed",
    "width",
    "height",
    "duration_seconds",
    "guidance",
    "motion",
    "inputs",
    "parameters",
    "choices",
    "on_error",
    "retries",
}


def check_request(deliverable: Deliverable, request: Mapping[str, Any]) -> None:
    """Raises Invalid unless this is a request that `resolve` could have made for the deliverable.

    Clients send requests back that a recall gave them: nothing in them is believed.
    """
    shape = _shape_errors(request)
    if shape:
        raise Invalid({"request": [shape]}, remedy="Send the request as the recall answered it.")
    if request["deliverable"] != str(deliverable.pk):
        raise Invalid({"request": ["This request belongs to another deliverable."]})
    pipeline = pipelines.find(deliverable.workspace, request["pipeline"])
    if pipeline is None:
        raise Invalid({"request": [f"There is no pipeline {request['pipeline']}."]})
    steps = pipelines.parse(pipeline.document)
    named = [(s["key"], s["kind"], s["stage"], tuple(s["needs"])) for s in request["steps"]]
    if named != [(step.key, step.kind, step.stage, step.needs) for step in steps]:
        raise Invalid({"request": [f"Its steps are not those of {request['pipeline']}."]})
    _check_references(deliverable, request)


def _shape_errors(request: Mapping[str, Any]) -> str:
    if not isinstance(request, Mapping) or not set(request) >= _FIELDS:
        return "This is no request."
    if request["phase"] not in Phase.values or not isinstance(request["prompt"], str):
        return "Phase or prompt are missing."
    if len(request["prompt"]) > prompts.MAX_LENGTH:
        return f"The prompt has more than {prompts.MAX_LENGTH} characters."
    steps = request["steps"]
    if not isinstance(steps, list) or not steps:
        return "It has no steps."
    for step in steps:
        if not isinstance(step, Mapping) or not set(step) >= _STEP_FIELDS:
            return "A step lacks some of its fields."
        if any(not isinstance(c, Mapping) or "model" not in c for c in step["choices"]):
            return f"Step {step['key']} names no model."
        sides = [step["width"] or 16, step["height"] or 16]
        if any(not isinstance(side, int) or not 16 <= side <= 16384 for side in sides):
            return f"Step {step['key']} has no sane size."
        if not all(_names_one(entry, step["needs"]) for entry in step["inputs"]):
            return f"An input of step {step['key']} names neither a file nor a step that it needs."
    return ""


def _names_one(entry: Mapping[str, Any], needs: Sequence[str]) -> bool:
    """Whether an input is a file by its hash, or what a step before brought; a prompt is always a step's."""
    if "step" in entry:
        return entry["step"] in needs and "sha256" not in entry
    return bool(entry.get("sha256")) and entry["role"] != "prompt"


def _check_references(deliverable: Deliverable, request: Mapping[str, Any]) -> None:
    named = {entry["sha256"] for step in request["steps"] for entry in step["inputs"] if "sha256" in entry}
    known = set(
        Asset.objects.filter(workspace=deliverable.workspace_id, sha256__in=named).values_list(
            "sha256", flat=True
        )
    )
    if missing := named - known:
        short = ", ".join(sorted(sha256[:12] for sha256 in missing))
        raise Invalid({"request": [f"Its reference pictures are not here: {short}."]})


def step_of(step: Mapping[str, Any]) -> questions.Step:
    duration = step["duration_seconds"]
    return questions.Step(
        key=step["key"],
        kind=step["kind"],
        stage=step["stage"],
        width=step["width"],
        height=step["height"],
        duration_seconds=None if duration is None else Decimal(str(duration)),
        references=sum("sha256" in entry for entry in step["inputs"]),
        prompt_characters=len(step["prompt"]),
        source=_source_of(step),
        seed_locked=False,
        parameters=step["parameters"],
    )


def _source_of(step: Mapping[str, Any]) -> str:
    if not any(entry["role"] == "source" for entry in step["inputs"]):
        return ""
    return "video" if step["duration_seconds"] and step["kind"] not in pipelines.MOVING_KINDS else "image"
