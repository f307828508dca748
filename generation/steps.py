"""One step of a request: its size, length, references and models, for pricing and for the run."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from generation import pipelines, prompts
from generation.models import ControlProfile
from generation.pipelines import PipelineStep
from generation.seeds import SEEDED_KINDS
from projects.models import Deliverable, Format
from routing import brief as questions
from routing.decision import Choice, Decision, StepPlan

SIZED_KINDS = ("image", "edit", "image-to-video", "video", "upscale", "overlay")
DEFAULT_SIZE = (1280, 720)
#: Models that draw want sides in whole sixteens; what finishes a picture keeps its shape to four pixels.
FINISHING_KINDS = ("upscale", "overlay")
DRAWN_GRAIN, FINISHED_GRAIN = 16, 4


@dataclasses.dataclass(frozen=True)
class Subject:
    """What goes into every step."""

    deliverable: Deliverable
    phase: str
    prompt: str
    profile: ControlProfile | None
    anchors: tuple[str, ...]
    picture: str  # SHA-256 of the source take's picture, or ""


def priced_steps(
    steps: Sequence[PipelineStep], *, shape: Format | None, phase: str
) -> tuple[questions.Step, ...]:
    """The steps of a pipeline as `decide` prices them for a picture of this shape, whoever asks."""
    anybody = Deliverable(format=shape)
    subject = Subject(deliverable=anybody, phase=phase, prompt="", profile=None, anchors=(), picture="")
    return tuple(asked(step, steps, subject, locked=False) for step in steps)


def asked(
    step: PipelineStep, steps: Sequence[PipelineStep], subject: Subject, *, locked: bool
) -> questions.Step:
    """The step as `decide` needs to know it."""
    width, height = _size(step, subject.deliverable)
    return questions.Step(
        key=step.key,
        kind=step.kind,
        stage=step.stage,
        width=width,
        height=height,
        duration_seconds=_duration(step, steps, subject),
        references=len(_references(step, subject)),
        prompt_characters=len(step.prompt.replace("{prompt}", subject.prompt)),
        source=_source_kind(step, steps),
        seed_locked=locked and step.kind in SEEDED_KINDS,
        parameters=step.parameters,
    )


def _size(step: PipelineStep, deliverable: Deliverable) -> tuple[int | None, int | None]:
    """The format's pixels times the step's scale, in the whole steps that the kind of model works in."""
    if step.kind not in SIZED_KINDS:
        return None, None
    chosen = deliverable.format
    width, height = (chosen.width, chosen.height) if chosen else DEFAULT_SIZE
    grain = FINISHED_GRAIN if step.kind in FINISHING_KINDS else DRAWN_GRAIN
    return _in_steps(width * step.scale, grain), _in_steps(height * step.scale, grain)


def _in_steps(side: Decimal, grain: int) -> int:
    return max(16, int((side / grain).quantize(Decimal(1), ROUND_HALF_EVEN)) * grain)


def _duration(step: PipelineStep, steps: Sequence[PipelineStep], subject: Subject) -> Decimal | None:
    """Seconds of moving pictures: the profile's, else the step's; refining steps take their source's."""
    if step.kind in pipelines.MOVING_KINDS:
        own = subject.profile.duration_seconds if subject.profile else None
        return own or step.duration_seconds
    before = [other for other in steps if other.key in step.needs]
    lengths = [_duration(other, steps, subject) for other in before]
    return max((length for length in lengths if length is not None), default=None)


def _source_kind(step: PipelineStep, steps: Sequence[PipelineStep]) -> str:
    """Whether the step works on a picture, on a video, or on nothing."""
    for other in steps:
        if other.key in step.needs and other.kind in pipelines.MEDIA_KINDS:
            if other.kind in pipelines.MOVING_KINDS:
                return "video"
            return _source_kind(other, steps) or "image" if other.kind in ("upscale", "overlay") else "image"
    return ""


def _references(step: PipelineStep, subject: Subject) -> list[dict[str, str]]:
    """Pictures that go in beside what the step needs: the draft's picture first, then the anchors."""
    found: list[dict[str, str]] = []
    if subject.picture and step.kind in ("image", "edit") and step.stage == "generation":
        role = "source" if step.kind == "edit" else "reference"
        found.append({"role": role, "sha256": subject.picture})
    if step.anchors:
        found += [{"role": "reference", "sha256": sha256} for sha256 in subject.anchors]
    return found


def usable(plan: StepPlan) -> list[Choice]:
    """The models that may make the step: the eligible ones, and those that only rest for now."""
    return [choice for choice in plan.choices if choice.eligible or choice.resting_until]


def dearest(plan: StepPlan) -> Choice | None:
    """The dearest model that may make the step: what is held for its call."""
    return max(usable(plan), key=lambda choice: choice.at_most or Decimal(0), default=None)


def amounts_by_provider(decision: Decision) -> dict[str, Decimal]:
    """What is held for one take, by the provider of each planned call."""
    found: dict[str, Decimal] = {}
    for plan in decision.steps:
        choice = dearest(plan)
        if choice is not None:
            found[choice.provider] = found.get(choice.provider, Decimal(0)) + (choice.at_most or Decimal(0))
    return found


def step_request(
    step: PipelineStep, steps: Sequence[PipelineStep], subject: Subject, plan: StepPlan
) -> dict[str, Any]:
    width, height = _size(step, subject.deliverable)
    kinds = {other.key: other.kind for other in steps}
    profile = subject.profile
    return {
        "key": step.key,
        "kind": step.kind,
        "stage": step.stage,
        "needs": list(step.needs),
        "prompt": step.prompt.replace("{prompt}", subject.prompt),
        "seed": None,
        "width": width,
        "height": height,
        "duration_seconds": _duration(step, steps, subject),
        "guidance": profile.guidance if profile else None,
        "motion": profile.motion if profile else None,
        "inputs": [
            *(_input(name, kinds[name]) for name in step.needs),
            *_references(step, subject),
        ],
        "parameters": _parameters(step, subject.deliverable),
        "choices": [_choice(choice, subject.deliverable) for choice in usable(plan)],
        "on_error": dict(plan.on_error),
        "retries": plan.retries,
    }


def _parameters(step: PipelineStep, deliverable: Deliverable) -> dict[str, Any]:
    """The step's parameters; `{client}`, `{campaign}` and the like stand for the deliverable's own words."""
    found = dict(step.parameters)
    for name, text in found.items():
        if isinstance(text, str) and "{" in text:
            for word, value in prompts.given_values(deliverable).items():
                found[name] = found[name].replace(f"{{{word}}}", value)
    return found


def _input(step: str, kind: str) -> dict[str, str]:
    """A text goes in as the prompt, media as the source, a judge's word not at all."""
    return {"role": "prompt" if kind == "text" else "source", "step": step}


def _choice(choice: Choice, deliverable: Deliverable) -> dict[str, Any]:
    """A model with its parameters; the built-in renderer is given the campaign's palette as well."""
    parameters = dict(choice.parameters)
    if choice.provider == questions.BUILTIN and deliverable.campaign.palette:
        parameters.setdefault("palette", list(deliverable.campaign.palette))
    return {"model": choice.model, "tier": choice.tier, "parameters": parameters}
