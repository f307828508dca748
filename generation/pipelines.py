"""Pipelines: versioned graphs of steps that make a take.

A document is `{"steps": [step, …]}`, each step::

    {"key": "motion", "kind": "image-to-video", "stage": "generation",
     "needs": ["image"],              steps whose results go in, as their source
     "anchors": false,                the campaign's reference pictures go in as well
     "scale": "1",                    of the format's pixel size
     "duration_seconds": "4",         moving pictures; a control profile overrides it
     "prompt": "{prompt}",            built from the take's prompt; empty for none
     "parameters": {}}                passed on to the model; texts know `{client}`, `{campaign}`, `{name}`

Published versions are never edited.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing.models.ledger import Stage
from generation.canonical import digest
from generation.models import Pipeline
from projects import access
from projects.access import Right
from projects.models import Membership, Workspace
from projects.problems import Invalid

KINDS = (
    "text",
    "image",
    "edit",
    "image-to-video",
    "video",
    "upscale",
    "overlay",
    "judge",
    "human",
)
MEDIA_KINDS = ("image", "edit", "image-to-video", "video", "upscale", "overlay", "human")
MOVING_KINDS = ("image-to-video", "video")
MAX_STEPS = 20


@dataclasses.dataclass(frozen=True)
class PipelineStep:
    """One node of the graph, with the defaults filled in."""

    key: str
    kind: str
    stage: str
    needs: tuple[str, ...] = ()
    anchors: bool = False
    scale: Decimal = Decimal(1)
    duration_seconds: Decimal | None = None
    prompt: str = "{prompt}"
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def parse(document: Mapping[str, Any]) -> tuple[PipelineStep, ...]:
    """The steps in an order in which each comes after what it needs; raises Invalid, naming the step."""
    entries = document.get("steps") if isinstance(document, Mapping) else None
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_STEPS:
        raise _wrong(f"A pipeline has 1 to {MAX_STEPS} steps under the name “steps”.")
    steps = [_step(entry) for entry in entries]
    keys = [step.key for step in steps]
    if repeated := sorted({key for key in keys if keys.count(key) > 1}):
        raise _wrong(f"Steps stand there twice: {', '.join(repeated)}.")
    seen: set[str] = set()
    for step in steps:
        if unknown := [name for name in step.needs if name not in seen]:
            raise _wrong(f"Step {step.key} needs {', '.join(unknown)}, which does not come before it.")
        seen.add(step.key)
    if not any(step.kind in MEDIA_KINDS for step in steps):
        raise _wrong("No step brings a picture or a video.")
    return tuple(steps)


def find(workspace: Workspace, name: str) -> Pipeline | None:
    """The pipeline `slug@version`, or the newest version of a bare slug."""
    return Pipeline.objects.named(workspace, name)


def publish(
    *,
    slug: str,
    name: str,
    document: Mapping[str, Any],
    by: Membership,
    reason: str = "",
    now: datetime.datetime | None = None,
) -> Pipeline:
    """A new version; raises Invalid for a document that does not parse."""
    access.require(by, Right.PUBLISH_TABLES)
    parse(document)
    return store(
        workspace=by.workspace,
        slug=slug,
        name=name,
        document=document,
        author=by,
        reason=reason,
        now=now,
    )


def store(
    *,
    workspace: Workspace,
    slug: str,
    name: str,
    document: Mapping[str, Any],
    author: Membership | None,
    reason: str = "",
    now: datetime.datetime | None = None,
) -> Pipeline:
    """Writes the next version of the slug, without asking for a right."""
    with transaction.atomic():
        return Pipeline.objects.create(
            workspace=workspace,
            slug=slug,
            version=Pipeline.objects.next_version(workspace, slug),
            name=name,
            document=document,
            digest=digest(document),
            author=author.person if author else None,
            reason=reason,
            published_at=now or timezone.now(),
        )


def _step(entry: Any) -> PipelineStep:
    if not isinstance(entry, Mapping) or not str(entry.get("key", "")).strip():
        raise _wrong("Each step needs a key.")
    key, kind = str(entry["key"]), entry.get("kind")
    if kind not in KINDS:
        raise _wrong(f"Step {key}: the kind {kind} is unknown; known are {', '.join(KINDS)}.")
    stage = entry.get("stage", Stage.GENERATION)
    if stage not in Stage.values:
        raise _wrong(f"Step {key}: the stage is one of {', '.join(Stage.values)}.")
    duration = entry.get("duration_seconds")
    return PipelineStep(
        key=key,
        kind=kind,
        stage=stage,
        needs=tuple(entry.get("needs", ())),
        anchors=bool(entry.get("anchors", False)),
        scale=_number(key, "scale", entry.get("scale", "1"), most=8),
        duration_seconds=None if duration is None else _number(key, "duration_seconds", duration, most=600),
        prompt=entry.get("prompt", "{prompt}"),
        parameters=dict(entry.get("parameters", {})),
    )


def _number(key: str, name: str, value: Any, *, most: int) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal(0)
    if not (number.is_finite() and 0 < number <= most):
        raise _wrong(f"Step {key}: {name} is a number above 0 and at most {most}.")
    return number


def _wrong(said: str) -> Invalid:
    return Invalid({"document": [said]})


_IMAGE = {"key": "image", "kind": "image", "stage": "generation", "anchors": True}
_OVERLAY = {
    "key": "overlay",
    "kind": "overlay",
    "stage": "refinement",
    "needs": ["upscale"],
    "prompt": "",
    "parameters": {"logo_text": "{client}"},
}
_UPSCALE = {"key": "upscale", "kind": "upscale", "stage": "refinement", "prompt": "", "scale": "1.5"}
#: What a new workspace starts with; the default routing table names these versions.
DEFAULTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("draft-image", "Draft picture", {"steps": [{**_IMAGE, "scale": "0.75"}]}),
    (
        "draft-video",
        "Draft clip",
        {
            "steps": [
                {**_IMAGE, "scale": "0.75"},
                {
                    "key": "motion",
                    "kind": "image-to-video",
                    "stage": "generation",
                    "needs": ["image"],
                    "scale": "0.5",
                    "duration_seconds": "2",
                },
            ]
        },
    ),
    (
        "character-draft",
        "Draft of a character, judged against the anchors",
        {
            "steps": [
                {
                    "key": "words",
                    "kind": "text",
                    "stage": "control",
                    "parameters": {"task": "prompt"},
                },
                {**_IMAGE, "needs": ["words"], "scale": "0.75"},
                {
                    "key": "judge",
                    "kind": "judge",
                    "stage": "control",
                    "needs": ["image"],
                    "anchors": True,
                    "prompt": "",
                },
            ]
        },
    ),
    (
        "hero-still",
        "Hero picture",
        {"steps": [_IMAGE, {**_UPSCALE, "needs": ["image"]}, _OVERLAY]},
    ),
    (
        "hero-film",
        "Hero clip",
        {
            "steps": [
                _IMAGE,
                {
                    "key": "motion",
                    "kind": "image-to-video",
                    "stage": "generation",
                    "needs": ["image"],
                    "duration_seconds": "4",
                },
                {**_UPSCALE, "needs": ["motion"]},
                _OVERLAY,
            ]
        },
    ),
)
