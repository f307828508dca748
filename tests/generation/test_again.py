"""A provider that knows jobs by a key of ours: a lost answer is asked for again, nothing is made twice."""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import httpx
import pytest

from billing.models import Entry
from generation import tokens
from generation.models import Call, ProviderAccount, Run
from generation.models.runs import CallState, RunState
from generation.providers import registry
from generation.providers.profile import Abilities, Profile
from generation.providers.protocol import (
    Account,
    CancelOutcome,
    ErrorClass,
    Job,
    JobState,
    ModelFacts,
    Provider,
    ProviderError,
    Status,
    StepRequest,
    Submitted,
)
from projects.models import Take
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.engine_rows import Engine

MODEL = "toy/blocks"
OTHER = "builtin/sketch-draft"


class Toy(Provider):
    """A provider in memory that makes one job a key, and loses as many answers as it is told to."""

    name = "toy"
    profile = Profile(title="Toy", base_urls={"": "https://toy.example"})
    abilities = Abilities(idempotency=True)

    def __init__(self) -> None:
        self.jobs: dict[str, str] = {}
        self.asked: list[tuple[str, Any]] = []
        self.loses, self.suffix = 1, ""

    def translate(self, *, model: ModelFacts, request: StepRequest) -> Job:
        return Job(model=model.endpoint, kind=request.kind, payload={"prompt": request.prompt + self.suffix})

    async def submit(self, client: httpx.AsyncClient, *, account: Account, job: Job) -> Submitted:
        self.asked.append((job.token, job.payload))
        made = self.jobs.setdefault(job.token, f"job-{len(self.jobs) + 1}")
        if len(self.asked) <= self.loses:
            raise ProviderError(ErrorClass.UNKNOWN, "The answer was lost.", ambiguous=True)
        return Submitted(made, {})

    async def poll(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> Status:
        return Status(JobState.RUNNING)

    async def cancel(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> CancelOutcome:
        return CancelOutcome.UNSUPPORTED


@pytest.fixture
def toy(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Toy:
    made = Toy()
    module = types.ModuleType("tests.generation.toy_provider")
    module.provider = made  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(registry.MODULES, "toy", module.__name__)
    engine_rows.model(cast.workspace, MODEL, amount="0.05")
    row = engine_rows.account(cast.workspace, "http://127.0.0.1:9")
    ProviderAccount.objects.filter(pk=row.pk).update(provider="toy")
    return made


def ask(cast: Cast, *models: str) -> Take:
    asked = engine_rows.step(models=models or (MODEL,), amount="0.05")
    return engine_rows.take(cast.deliverable, asked, person=cast.producer.person)


def looked(engine: Engine, take: Take) -> Call:
    engine.submit()
    assert engine_rows.states_of(take) == [RunState.UNKNOWN]
    engine.later(15)
    engine.poll()
    (call,) = engine_rows.calls_of(take)
    return call


def test_a_lost_answer_is_asked_for_again_under_the_same_key(cast: Cast, engine: Engine, toy: Toy) -> None:
    take = ask(cast)
    call = looked(engine, take)
    assert (call.state, call.provider_job_id) == (CallState.ACCEPTED, "job-1")
    assert engine_rows.states_of(take) == [RunState.RENDERING]
    key = tokens.token(call.pk)
    assert toy.asked == [(key, {"prompt": "A lighthouse at dusk"})] * 2
    assert list(toy.jobs) == [key]
    assert (engine_rows.open_holds(take), Entry.objects.count()) == (1, 0)


def test_it_is_asked_again_until_an_answer_comes(cast: Cast, engine: Engine, toy: Toy) -> None:
    toy.loses = 3
    take = ask(cast)
    looked(engine, take)
    for _ in range(3):
        engine.later(60)
        engine.poll()
    (call,) = engine_rows.calls_of(take)
    assert (call.state, len(toy.jobs), len(toy.asked)) == (CallState.ACCEPTED, 1, 4)


def test_after_half_an_hour_in_vain_it_waits_for_a_person(cast: Cast, engine: Engine, toy: Toy) -> None:
    toy.loses = 1000
    take = ask(cast)
    looked(engine, take)
    engine.later(1801)
    asked = len(toy.asked)
    engine.poll()
    run = Run.objects.get(take=take)
    assert (run.state, len(toy.asked)) == (RunState.UNKNOWN, asked)
    assert "a person" in run.waiting_for
    assert engine_rows.open_holds(take) == 1


def test_a_request_that_would_not_be_the_very_same_is_never_sent_under_its_key(
    cast: Cast, engine: Engine, toy: Toy
) -> None:
    take = ask(cast)
    engine.submit()
    toy.suffix = " and fog"
    engine.later(15)
    engine.poll()
    assert len(toy.asked) == 1
    assert "a person" in Run.objects.get(take=take).waiting_for


def test_a_model_that_rests_by_now_is_asked_all_the_same_and_no_other(
    cast: Cast, engine: Engine, toy: Toy, settings: Any
) -> None:
    settings.BREAKER = {"least_calls": 1, "open_share": Decimal(1)}
    engine_rows.model(cast.workspace, OTHER)
    take = ask(cast, MODEL, OTHER)
    call = looked(engine, take)
    assert (call.model, call.state) == (MODEL, CallState.ACCEPTED)


def test_what_was_cancelled_meanwhile_is_not_asked_again(cast: Cast, engine: Engine, toy: Toy) -> None:
    take = ask(cast)
    engine.submit()
    Run.objects.filter(take=take).update(state=RunState.CANCELLED)
    engine.later(15)
    engine.poll()
    assert len(toy.asked) == 1
