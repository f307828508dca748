"""The complete resolved request of a take, and its hash.

A request holds everything that decides what comes out: pipeline, prompt, seeds, references by their
SHA-256, parameters, and per step the models in order. Running it again runs exactly that. Prices and the
version of the routing table are recorded beside it and not hashed, so that a new price changes no hash.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from generation import caps, prompts, returned, seeds, steps
from generation.canonical import digest, plain
from generation.grounds import Grounds
from generation.models import ControlProfile
from generation.pipelines import PipelineStep
from projects.models import Asset, Deliverable, Take
from projects.models.work import SeedPolicy
from projects.problems import Invalid, Refused
from routing import brief as questions
from routing import decide as deciding
from routing import document
from routing.decision import Decision
from routing.facts import named_models


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
    instead_of: str = ""
    """The route's first model, where a person named another one."""


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
    wording: prompts.Wording = prompts.AS_IT_IS,
    person_id: uuid.UUID | None = None,
    now: datetime.datetime | None = None,
    grounds: Grounds | None = None,
) -> Resolved:
    """The request that a take of this phase would run now, with its decision; nothing is written.

    `person_id` is who asks, so that the budgets on that person are looked at too. `wording` varies the
    prompt of the brief. `grounds` are what was read for many requests already.
    Raises Invalid for values that do not fit, NoTable or NoRoute where no table or
    route serves the deliverable.
    """
    seeds.check_seed(seed)
    on = grounds or Grounds(deliverable.workspace, now=now or timezone.now(), person_id=person_id)
    text, template = _prompt(deliverable, prompt, wording, on)
    subject = _subject(deliverable, phase, text, on.profile(control_profile), source_take, on)
    question = _question(deliverable, phase, count=count, switch=switch)
    pipeline_name, graph = _pipeline(on, question)
    policy = (subject.profile.seed_policy if subject.profile else "") or deliverable.campaign.seed_policy
    question = dataclasses.replace(question, pipeline=pipeline_name)
    decision, budgets = _decided(question, graph, subject, policy, model, on)
    request = _request(subject, graph, decision, pipeline_name, template)
    seeded = _seeded(request, subject, policy, seed, source_take, on)
    instead_of = _routed(model, graph, question, on)
    return Resolved(seeded, digest(seeded), decision, on.table.version, policy, budgets, instead_of)


def priced(
    *,
    deliverable: Deliverable,
    request: Mapping[str, Any],
    count: int = 1,
    person_id: uuid.UUID | None = None,
    now: datetime.datetime | None = None,
    grounds: Grounds | None = None,
) -> Decision:
    """Today's prices and obstacles of exactly this request: its own models in its own order."""
    now = now or timezone.now()
    on = grounds or Grounds(deliverable.workspace, now=now, person_id=person_id)
    returned.check_request(deliverable, request)
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
    routes.append(_cap_route(on, deliverable, request["phase"]))
    table = document.Table(version=0, routes=tuple(routes))
    question = dataclasses.replace(
        _question(deliverable, request["phase"], count=count),
        pipeline=request["pipeline"],
        steps=tuple(returned.step_of(step) for step in request["steps"]),
    )
    collected = on.facts(deliverable, request["phase"], named_models(table))
    return deciding.decide(question, table, collected)


def carried_over(request: Mapping[str, Any]) -> dict[str, str]:
    """Per step of a hero request what carries over from the draft: `seed`, or the `picture` alone."""
    return dict(request.get("carried", {}))


# --- the parts of a request -----------------------------------------------------------------------


def _prompt(
    deliverable: Deliverable, prompt: str | None, wording: prompts.Wording, on: Grounds
) -> tuple[str, str]:
    if prompt is None:
        return prompts.for_deliverable(deliverable, wording, find_template=on.template)
    text = prompt.strip()
    if not text or len(text) > prompts.MAX_LENGTH:
        raise Invalid({"prompt": [f"Give 1 to {prompts.MAX_LENGTH} characters."]})
    return text, ""


def _subject(
    deliverable: Deliverable,
    phase: str,
    prompt: str,
    profile: ControlProfile | None,
    source_take: Take | None,
    on: Grounds,
) -> steps.Subject:
    return steps.Subject(
        deliverable=deliverable,
        phase=phase,
        prompt=prompt,
        profile=profile,
        anchors=on.anchors(deliverable.campaign_id) if profile is None or profile.use_anchors else (),
        picture=_picture(source_take) if source_take else "",
    )


def _decided(
    question: questions.Brief,
    graph: Sequence[PipelineStep],
    subject: steps.Subject,
    policy: str,
    model: str | None,
    on: Grounds,
) -> tuple[Decision, tuple[questions.BudgetLeft, ...]]:
    """The decision about the steps of the pipeline, and the budgets that it looked at."""
    locked = policy != SeedPolicy.FREE
    question = dataclasses.replace(
        question,
        steps=tuple(steps.asked(step, graph, subject, locked=locked) for step in graph),
        pinned=_pinned(model, graph, on),
    )
    models = {*named_models(on.table), *([model] if model else [])}
    collected = on.facts(subject.deliverable, subject.phase, models)
    return deciding.decide(question, on.table, collected), collected.budgets


def _seeded(
    request: dict[str, Any],
    subject: steps.Subject,
    policy: str,
    seed: int | None,
    source_take: Take | None,
    on: Grounds,
) -> dict[str, Any]:
    """The request with the seed that was given, else with the one that the policy says."""
    if seed is None:
        made = functools.partial(on.takes_made, subject.deliverable, subject.phase)
        seed = seeds.first_seed(subject.deliverable, policy, source_take, made=made)
    if source_take:
        return seeds.carry_seeds(request, source_take, seed)
    return seeds.with_seed(request, seed)


def _picture(take: Take) -> str:
    """The picture of a take: its last picture, for a moving take the one that it was moved from."""
    found = (
        take.take_assets.filter(asset__kind=Asset.Kind.IMAGE, role__in=["output", "step"])
        .order_by("role", "-position")
        .values_list("asset__sha256", flat=True)
        .first()
    )
    if found is None and take.poster and take.poster.kind == Asset.Kind.IMAGE:
        return take.poster.sha256
    return found or ""


def _question(deliverable: Deliverable, phase: str, *, count: int = 1, switch: str = "") -> questions.Brief:
    return questions.Brief(
        category=deliverable.category.key,
        phase=phase,
        project=deliverable.campaign.project.key,
        count=count,
        switch=switch,
    )


def _pipeline(on: Grounds, question: questions.Brief) -> tuple[str, tuple[PipelineStep, ...]]:
    route = on.table.pipeline_route(question)
    if route is None:
        raise NoRoute(
            f"Routing version {on.table.version} has no route for {question.category}, {question.phase}.",
            remedy="A manager publishes a table that has one.",
        )
    row = on.pipeline(route.pipeline)
    if row is None:
        raise NoRoute(
            f"The pipeline {route.pipeline} is not published.",
            remedy="A manager publishes it, or routes to another one.",
        )
    return str(row), on.steps(row)


def _pinned(model: str | None, graph: Sequence[PipelineStep], on: Grounds) -> dict[str, str]:
    """Where a person asks for one model: the generating steps that it can make."""
    if not model:
        return {}
    row = on.model(model)
    fits = [step.key for step in graph if step.stage == "generation" and step.kind in row.kinds]
    if not fits:
        kinds = ", ".join(row.kinds) or "nothing"
        raise Invalid({"model": [f"{model} makes {kinds}, which no step here asks for."]})
    return dict.fromkeys(fits, model)


def _routed(model: str | None, graph: Sequence[PipelineStep], question: questions.Brief, on: Grounds) -> str:
    """The model that the table names first for a step for which a person named another one."""
    for key in _pinned(model, graph, on):
        step = next(step for step in graph if step.key == key)
        route = on.table.step_route(question, questions.Step(step.key, step.kind, step.stage))
        if route and route.choices and route.choices[0].model != model:
            return route.choices[0].model
    return ""


def _request(
    subject: steps.Subject,
    graph: Sequence[PipelineStep],
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
        "steps": [steps.step_request(step, graph, subject, decision.step(step.key)) for step in graph]
        if decision.steps
        else [],
    }
    return dict(plain(body))


def _cap_route(on: Grounds, deliverable: Deliverable, phase: str) -> document.Route:
    """The cap that the table in force gives this deliverable, as a route without models."""
    cap = caps.route_cap(on.table, deliverable.category.key, deliverable.campaign.project.key, phase)
    return document.Route(key="cap", match={}, pipeline="", cap=cap)
