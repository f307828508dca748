"""Which of its choices a run can use now. Routing says what is eligible; here it is only asked again."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import datetime
import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal

import structlog

from generation import facts, pace
from generation.inputs import Materials, MissingInput
from generation.media.limits import StorageTrouble
from generation.models import Run
from generation.pipelines import MOVING_KINDS
from generation.providers import registry
from generation.providers.protocol import ErrorClass, Job, ModelFacts, Provider, ProviderError
from projects.models import Phase
from routing import eligibility
from routing.brief import Brief, Facts, Step
from routing.decision import Choice
from routing.document import ModelChoice

log = structlog.get_logger(__name__)

ODD = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What values raise that no table and no page would have made; requests come back from clients."""

RETRY = datetime.timedelta(seconds=60)
"""When a run is looked at again that no model can take at present."""

PROBE_PAUSE = datetime.timedelta(seconds=10)
"""When a run is looked at again whose model is being probed by others."""


@dataclasses.dataclass
class Order:
    """A run with the choice that it will be submitted to, translated for the provider."""

    run: Run
    index: int
    choice: Choice
    provider: Provider
    job: Job
    model_concurrency: int | None = None
    usual_seconds: float | None = None


@dataclasses.dataclass
class Later:
    """No choice can be used now, and one may be later."""

    run: Run
    until: datetime.datetime
    words: str


@dataclasses.dataclass
class Hopeless:
    """No choice can be used, and waiting would not help."""

    run: Run
    error_class: str
    words: str


Found = Order | Later | Hopeless


def choose(runs: Sequence[Run], *, open_files: contextlib.ExitStack, now: datetime.datetime) -> list[Found]:
    """Asks for each run, in order, which of its choices can be used; a fixed number of queries a workspace.

    Files that go in are paths until `open_files` closes.
    """
    materials = Materials(runs, open_files)
    by_workspace: dict[uuid.UUID, list[Run]] = collections.defaultdict(list)
    for run in runs:
        by_workspace[run.workspace_id].append(run)
    known = {
        workspace: facts.collect(workspace=group[0].take.workspace, models=_named(group), now=now)
        for workspace, group in by_workspace.items()
    }
    found = [_found(run, known[run.workspace_id], materials, now) for run in runs]
    usual = {
        workspace: pace.usual_seconds(
            workspace, {key: model.capabilities for key, model in about.models.items()}, now=now
        )
        for workspace, about in known.items()
    }
    for one in found:
        if isinstance(one, Order):
            one.usual_seconds = usual[one.run.workspace_id].get(one.choice.model)
    return found


def _named(runs: Iterable[Run]) -> set[str]:
    return {choice["model"] for run in runs for choice in run.request.get("choices", [])}


def _found(run: Run, known: Facts, materials: Materials, now: datetime.datetime) -> Found:
    """As `_choose`; a request that breaks it ends its own run, and keeps no other from its turn."""
    try:
        return _choose(run, known, materials, now)
    except ODD as fault:
        log.exception("a request could not be read", run=str(run.pk))
        words = f"The request of step {run.step} cannot be made into a job ({type(fault).__name__})."
        return Hopeless(run, ErrorClass.BAD_REQUEST, words)


def _choose(run: Run, known: Facts, materials: Materials, now: datetime.datetime) -> Found:
    """The first eligible choice from the run's own place on; what rests is waited for only alone."""
    against: list[str] = []
    rests: list[datetime.datetime] = []
    choices = run.request.get("choices", [])
    for index in range(run.choice, len(choices)):
        named = choices[index]
        choice = _assess(run, named, known, fallback=index > 0)
        if choice.eligible:
            try:
                return _translated(run, index, choice, known, materials)
            except StorageTrouble as trouble:  # of a file that goes in
                return Later(run, now + RETRY, trouble.waits_for)
        against += choice.why
        if choice.resting_until:
            rests.append(choice.resting_until)
    words = "; ".join(against) or "the route names no further model"
    if rests:
        return Later(run, max(min(rests), now + PROBE_PAUSE), words)
    if run.take.phase == Phase.HERO and choices[run.choice :]:
        return Later(run, now + RETRY, f"An approved model must become available: {words}")
    return Hopeless(run, ErrorClass.UNAVAILABLE, f"No model can make this: {words}.")


def same(run: Run, model: str, known: Facts, materials: Materials) -> Order | Hopeless | None:
    """The run with this model of its route, eligible or not: for a call that was sent already."""
    choices = run.request.get("choices", [])
    index = next((n for n, named in enumerate(choices) if named["model"] == model), None)
    if index is None or model not in known.models:
        return None
    choice = _assess(run, choices[index], known, fallback=index > 0)
    return _translated(run, index, choice, known, materials)


def _assess(run: Run, named: dict[str, object], known: Facts, *, fallback: bool) -> Choice:
    parameters = named.get("parameters")
    model = ModelChoice(str(named["model"]), parameters if isinstance(parameters, dict) else {})
    brief = Brief(category="", phase=run.take.phase)
    return eligibility.assess(
        model,
        brief=brief,
        step=step_of(run),
        facts=known,
        tier=str(named.get("tier", "")),
        fallback=fallback,
    )


def _translated(run: Run, index: int, choice: Choice, known: Facts, materials: Materials) -> Order | Hopeless:
    model = known.models[choice.model]
    try:
        provider = registry.get(choice.provider)
        on_disk = not provider.abilities.local
        request = materials.request(run, choice.parameters, on_disk=on_disk)
        endpoint = model.key.partition("/")[2]
        job = provider.translate(
            model=ModelFacts(key=model.key, endpoint=endpoint, capabilities=model.capabilities),
            request=request,
        )
    except (ProviderError, MissingInput) as error:
        error_class = getattr(error, "error_class", ErrorClass.BAD_REQUEST)
        return Hopeless(run, error_class, str(error))
    return Order(
        run=run,
        index=index,
        choice=choice,
        provider=provider,
        job=job,
        model_concurrency=model.capabilities.get("concurrency"),
    )


def step_of(run: Run) -> Step:
    """The step as routing prices it."""
    asked = run.request
    inputs = asked.get("inputs", [])
    duration = asked.get("duration_seconds")
    source = ""
    if any(entry["role"] == "source" for entry in inputs):
        source = "video" if duration and run.kind not in MOVING_KINDS else "image"
    return Step(
        key=run.step,
        kind=run.kind,
        stage=run.stage,
        width=asked.get("width"),
        height=asked.get("height"),
        duration_seconds=None if duration is None else Decimal(str(duration)),
        references=sum("sha256" in entry for entry in inputs),
        prompt_characters=len(str(asked.get("prompt") or "")),
        source=source,
        parameters=asked.get("parameters", {}),
    )
