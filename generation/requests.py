"""The complete resolved request of a take, and its hash.

A request holds everything that decides what comes out: pipeline, prompt, seeds, references by their
SHA-256, parameters, and per step the models in order. Running it again runs exactly that. Prices and the
version of the routing table are recorded beside it and not hashed, so that a new price changes no hash.

Seeds: a policy of `campaign` or `deliverable` locks the seed of take 1 of a phase; take n uses that seed
plus n - 1, so that a series can be made again. A hero take keeps the seed of its draft in each step that
uses the same model; elsewhere the picture carries over and not the seed.
"""

from __future__ import annotations

import copy
import dataclasses
import datetime
import secrets
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from django.utils import timezone

from generation import facts, pipelines, prompts
from generation.canonical import digest, plain
from generation.models import ControlProfile, Recipe
from generation.pipelines import PipelineStep
from projects.models import Asset, Deliverable, Format, Phase, ReferenceAnchor, Take
from projects.models.work import SeedPolicy
from projects.problems import Invalid, Refused
from projects.work import MAX_SEED
from routing import brief as questions
from routing import decide as deciding
from routing import document, tables
from routing.decision import Choice, Decision, StepPlan
from routing.facts import named_models
from routing.models import CatalogueModel

SEEDED_KINDS = ("image", "edit", "image-to-video", "video", "text")
SIZED_KINDS = ("image", "edit", "image-to-video", "video", "upscale", "overlay")
MOVING = ("image-to-video", "video")
DEFAULT_SIZE = (1280, 720)


class NoRoute(Refused):
    """The routing table in force, or its models, cannot make this."""

    status = 409
    title = "Nothing can make this now"


@dataclasses.dataclass(frozen=True)
class Resolved:
    """A request with its hash, and the decision that it stands on."""

    request: dict[str, Any]
    request_hash: str
    decision: Decision
    routing_version: int
    seed_policy: str
    budgets: tuple[questions.BudgetLeft, ...]


@dataclasses.dataclass(frozen=True)
class _Subject:
    """What goes into every step."""

    deliverable: Deliverable
    phase: str
    prompt: str
    profile: ControlProfile | None
    anchors: tuple[str, ...]
    picture: str  # SHA-256 of the source take's picture, or ""


def resolve(
    *,
    deliverable: Deliverable,
    phase: str,
    prompt: str | None = None,
    seed: int | None = None,
    control_profile: str | None = None,
    model: str | None = None,
    source_take: Take | None = None,
    count: int = 1,
    switch: str = "",
    now: datetime.datetime | None = None,
) -> Resolved:
    """The request that a take of this phase would run now, with its decision; nothing is written.

    Raises Invalid for values that do not fit, NoTable or NoRoute where no table or
    route serves the deliverable.
    """
    now = now or timezone.now()
    check_seed(seed)
    table = tables.parsed(tables.in_force(deliverable.workspace))
    text, template = _prompt(deliverable, prompt)
    profile = _profile(deliverable, control_profile)
    subject = _Subject(
        deliverable=deliverable,
        phase=phase,
        prompt=text,
        profile=profile,
        anchors=_anchors(deliverable) if profile is None or profile.use_anchors else (),
        picture=_picture(source_take) if source_take else "",
    )
    question = _question(deliverable, phase, count=count, switch=switch)
    pipeline_name, steps = _pipeline(deliverable, table, question)
    policy = (profile.seed_policy if profile else "") or deliverable.campaign.seed_policy
    asked = [_asked(step, steps, subject, locked=policy != SeedPolicy.FREE) for step in steps]
    question = dataclasses.replace(
        question, pipeline=pipeline_name, steps=tuple(asked), pinned=_pinned(model, steps, deliverable)
    )
    collected = facts.collect(
        workspace=deliverable.workspace,
        models={*named_models(table), *([model] if model else [])},
        now=now,
        deliverable=deliverable,
        phase=phase,
    )
    decision = deciding.decide(question, table, collected)
    request = _request(subject, steps, decision, pipeline_name, template)
    first = seed if seed is not None else _first_seed(deliverable, phase, policy, source_take)
    request = _carry_seeds(request, source_take, first) if source_take else with_seed(request, first)
    return Resolved(
        request=request,
        request_hash=digest(request),
        decision=decision,
        routing_version=table.version,
        seed_policy=policy,
        budgets=collected.budgets,
    )


def priced(
    *,
    deliverable: Deliverable,
    request: Mapping[str, Any],
    count: int = 1,
    now: datetime.datetime | None = None,
) -> Decision:
    """Today's prices and obstacles of exactly this request: its own models in its own order."""
    now = now or timezone.now()
    check_request(deliverable, request)
    routes = [
        document.Route(
            key=step["key"],
            match={},
            step=step["key"],
            choices=tuple(
                document.ModelChoice(choice["model"], choice["parameters"]) for choice in step["choices"]
            ),
            on_error=step["on_error"],
            retries=step["retries"],
        )
        for step in request["steps"]
    ]
    routes.append(_cap_route(deliverable, request["phase"]))
    table = document.Table(version=0, routes=tuple(routes))
    question = dataclasses.replace(
        _question(deliverable, request["phase"], count=count),
        pipeline=request["pipeline"],
        steps=tuple(_step_of(step) for step in request["steps"]),
    )
    collected = facts.collect(
        workspace=deliverable.workspace,
        models=named_models(table),
        now=now,
        deliverable=deliverable,
        phase=request["phase"],
    )
    return deciding.decide(question, table, collected)


def with_seed(request: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """The same request with another seed in every step that takes one."""
    changed = copy.deepcopy(dict(request))
    changed["seed"] = seed
    for step in changed["steps"]:
        if step["kind"] in SEEDED_KINDS:
            step["seed"] = seed
    return changed


def usable(plan: StepPlan) -> list[Choice]:
    """The models that may make the step: the eligible ones, and those that only rest for now."""
    return [choice for choice in plan.choices if choice.eligible or choice.resting_until]


def check_seed(seed: int | None) -> None:
    if seed is not None and not 0 <= seed <= MAX_SEED:
        raise Invalid({"seed": [f"Give a whole number between 0 and {MAX_SEED}."]})


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


def carried_over(request: Mapping[str, Any]) -> dict[str, str]:
    """Per step of a hero request what carries over from the draft: `seed`, or the `picture` alone."""
    return dict(request.get("carried", {}))


# --- the parts of a request -----------------------------------------------------------------------


def _prompt(deliverable: Deliverable, prompt: str | None) -> tuple[str, str]:
    if prompt is None:
        return prompts.for_deliverable(deliverable)
    text = prompt.strip()
    if not text or len(text) > prompts.MAX_LENGTH:
        raise Invalid({"prompt": [f"Give 1 to {prompts.MAX_LENGTH} characters."]})
    return text, ""


def _profile(deliverable: Deliverable, name: str | None) -> ControlProfile | None:
    if not name:
        return None
    slug, _, version = name.partition("@")
    rows = ControlProfile.objects.filter(workspace=deliverable.workspace, slug=slug)
    if version:
        rows = rows.filter(version=int(version) if version.isdecimal() else 0)
    found = rows.order_by("-version").first()
    if found is None:
        raise Invalid({"control_profile": [f"There is no control profile {name}."]})
    return found


def _anchors(deliverable: Deliverable) -> tuple[str, ...]:
    return tuple(
        ReferenceAnchor.objects.filter(campaign=deliverable.campaign_id, removed_at__isnull=True)
        .order_by("position", "pk")
        .values_list("asset__sha256", flat=True)
    )


def _picture(take: Take) -> str:
    """The picture of a take: its last picture, for a moving take the one that it was moved from."""
    found = (
        take.take_assets.filter(asset__kind=Asset.Kind.IMAGE, role__in=["output", "step"])
        .order_by("role", "-position")
        .values_list("asset__sha256", flat=True)
        .first()
    )
    return found or (take.poster.sha256 if take.poster else "")


def _question(deliverable: Deliverable, phase: str, *, count: int = 1, switch: str = "") -> questions.Brief:
    return questions.Brief(
        category=deliverable.category.key,
        phase=phase,
        project=deliverable.campaign.project.key,
        count=count,
        switch=switch,
    )


def _pipeline(
    deliverable: Deliverable, table: document.Table, question: questions.Brief
) -> tuple[str, tuple[PipelineStep, ...]]:
    route = table.pipeline_route(question)
    if route is None:
        raise NoRoute(
            f"Routing version {table.version} has no route for {question.category}, {question.phase}.",
            remedy="A manager publishes a table that has one.",
        )
    row = pipelines.find(deliverable.workspace, route.pipeline)
    if row is None:
        raise NoRoute(
            f"The pipeline {route.pipeline} is not published.",
            remedy="A manager publishes it, or routes to another one.",
        )
    return str(row), pipelines.parse(row.document)


def _pinned(model: str | None, steps: Sequence[PipelineStep], deliverable: Deliverable) -> dict[str, str]:
    """Where a person asks for one model: the generating steps that it can make."""
    if not model:
        return {}
    row = (
        CatalogueModel.objects.filter(key=model, workspace=None)
        | CatalogueModel.objects.filter(key=model, workspace=deliverable.workspace)
    ).first()
    if row is None:
        raise Invalid({"model": [f"{model} is not in the catalogue."]})
    fits = [step.key for step in steps if step.stage == "generation" and step.kind in row.kinds]
    if not fits:
        kinds = ", ".join(row.kinds) or "nothing"
        raise Invalid({"model": [f"{model} makes {kinds}, which no step here asks for."]})
    return dict.fromkeys(fits, model)


def priced_steps(
    steps: Sequence[PipelineStep], *, shape: Format | None, phase: str
) -> tuple[questions.Step, ...]:
    """The steps of a pipeline as `decide` prices them for a picture of this shape, whoever asks."""
    anybody = Deliverable(format=shape)
    subject = _Subject(deliverable=anybody, phase=phase, prompt="", profile=None, anchors=(), picture="")
    return tuple(_asked(step, steps, subject, locked=False) for step in steps)


def _asked(
    step: PipelineStep, steps: Sequence[PipelineStep], subject: _Subject, *, locked: bool
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
    )


def _size(step: PipelineStep, deliverable: Deliverable) -> tuple[int | None, int | None]:
    """The format's pixels times the step's scale, in whole steps of 16."""
    if step.kind not in SIZED_KINDS:
        return None, None
    chosen = deliverable.format
    width, height = (chosen.width, chosen.height) if chosen else DEFAULT_SIZE
    return _sixteenths(width * step.scale), _sixteenths(height * step.scale)


def _sixteenths(side: Decimal) -> int:
    return max(16, int((side / 16).quantize(Decimal(1), ROUND_HALF_EVEN)) * 16)


def _duration(step: PipelineStep, steps: Sequence[PipelineStep], subject: _Subject) -> Decimal | None:
    """Seconds of moving pictures: the profile's, else the step's; refining steps take their source's."""
    if step.kind in MOVING:
        own = subject.profile.duration_seconds if subject.profile else None
        return own or step.duration_seconds
    before = [other for other in steps if other.key in step.needs]
    lengths = [_duration(other, steps, subject) for other in before]
    return max((length for length in lengths if length is not None), default=None)


def _source_kind(step: PipelineStep, steps: Sequence[PipelineStep]) -> str:
    """Whether the step works on a picture, on a video, or on nothing."""
    for other in steps:
        if other.key in step.needs and other.kind in pipelines.MEDIA_KINDS:
            if other.kind in MOVING:
                return "video"
            return _source_kind(other, steps) or "image" if other.kind in ("upscale", "overlay") else "image"
    return ""


def _references(step: PipelineStep, subject: _Subject) -> list[dict[str, str]]:
    """Pictures that go in beside what the step needs: the draft's picture first, then the anchors."""
    found: list[dict[str, str]] = []
    if subject.picture and step.kind in ("image", "edit") and step.stage == "generation":
        role = "source" if step.kind == "edit" else "reference"
        found.append({"role": role, "sha256": subject.picture})
    if step.anchors:
        found += [{"role": "reference", "sha256": sha256} for sha256 in subject.anchors]
    return found


def _request(
    subject: _Subject,
    steps: Sequence[PipelineStep],
    decision: Decision,
    pipeline_name: str,
    template: str,
) -> dict[str, Any]:
    profile = subject.profile
    body = {
        "deliverable": str(subject.deliverable.pk),
        "phase": subject.phase,
        "pipeline": pipeline_name,
        "prompt_template": template,
        "control_profile": str(profile) if profile else "",
        "prompt": subject.prompt,
        "seed": None,
        "picture": subject.picture,
        "steps": [_step_request(step, steps, subject, decision.step(step.key)) for step in steps]
        if decision.steps
        else [],
    }
    return dict(plain(body))


def _step_request(
    step: PipelineStep, steps: Sequence[PipelineStep], subject: _Subject, plan: StepPlan
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
        "parameters": dict(step.parameters),
        "choices": [_choice(choice, subject.deliverable) for choice in usable(plan)],
        "on_error": dict(plan.on_error),
        "retries": plan.retries,
    }


def _input(step: str, kind: str) -> dict[str, str]:
    """A text goes in as the prompt, media as the source, a judge's word not at all."""
    return {"role": "prompt" if kind == "text" else "source", "step": step}


def _choice(choice: Choice, deliverable: Deliverable) -> dict[str, Any]:
    """A model with its parameters; the built-in renderer is given the campaign's palette as well."""
    parameters = dict(choice.parameters)
    if choice.provider == questions.BUILTIN and deliverable.campaign.palette:
        parameters.setdefault("palette", list(deliverable.campaign.palette))
    return {"model": choice.model, "tier": choice.tier, "parameters": parameters}


# --- seeds ----------------------------------------------------------------------------------------


def _first_seed(deliverable: Deliverable, phase: str, policy: str, source_take: Take | None) -> int:
    if source_take is not None:  # the same draft must ask for the same thing each time
        own = source_take.seed
        return int(source_take.pk.hex[-8:], 16) if own is None else own
    if policy == SeedPolicy.FREE:
        return secrets.randbelow(MAX_SEED + 1)
    base = deliverable.campaign.seed if policy == SeedPolicy.CAMPAIGN else None
    if base is None:
        base = int(deliverable.pk.hex[-8:], 16)
    made = Take.objects.filter(deliverable=deliverable, phase=phase).count()
    return (base + made) % (MAX_SEED + 1)


def _carry_seeds(request: dict[str, Any], source_take: Take, fresh: int) -> dict[str, Any]:
    """Keeps the draft's seed where a step's first model is the draft's, and says what carries over."""
    changed = with_seed(request, fresh)
    recipe = Recipe.objects.filter(take=source_take).first()
    drafted = {
        step["choices"][0]["model"]: step["seed"]
        for step in (recipe.request["steps"] if recipe else [])
        if step["choices"] and step["seed"] is not None
    }
    carried: dict[str, str] = {}
    for step in changed["steps"]:
        if step["kind"] not in SEEDED_KINDS or not step["choices"]:
            continue
        seed = drafted.get(step["choices"][0]["model"])
        carried[step["key"]] = "picture" if seed is None else "seed"
        if seed is not None:
            step["seed"] = seed
    return {**changed, "carried": carried}


# --- requests that come back ----------------------------------------------------------------------

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
    return ""


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


def _step_of(step: Mapping[str, Any]) -> questions.Step:
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
    )


def _source_of(step: Mapping[str, Any]) -> str:
    if not any(entry["role"] == "source" for entry in step["inputs"]):
        return ""
    return "video" if step["duration_seconds"] and step["kind"] not in MOVING else "image"


def _cap_route(deliverable: Deliverable, phase: str) -> document.Route:
    """The cap that the table in force gives this deliverable, as a route without models."""
    table = tables.parsed(tables.in_force(deliverable.workspace))
    found = table.pipeline_route(_question(deliverable, phase))
    return document.Route(key="cap", match={}, pipeline="", cap=found.cap if found else None)
