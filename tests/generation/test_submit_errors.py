"""A provider that answers a submit with an error of its own: was the job accepted, and what does it lead to.

fal charges nothing for a 5xx, and names each request that it has begun (`x-fal-request-id`). A 500 without
that name comes from its ingress: no job was made, the next model is asked, and the same one is not asked
again, because fal's queue has tried often by then. A 500 under a request's name may hide a job.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing.models import Entry, HoldOutcome
from generation import unknown
from generation.models import Run
from generation.models.runs import CallState, RunState
from projects.models import Take
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, SKETCH, Engine

INGRESS = ["500", "502", "503"]


def ask(cast: Cast, directive: str, *models: str) -> Take:
    prompt = f"A lighthouse {directive}"
    asked = engine_rows.step(models=models, amount="0.05", prompt=prompt)
    return engine_rows.take(cast.deliverable, asked, person=cast.producer.person)


@pytest.mark.parametrize("status", INGRESS)
def test_it_leads_to_the_next_model_and_only_that_one_is_paid(
    cast: Cast, engine: Engine, fal: Fal, status: str
) -> None:
    engine_rows.model(cast.workspace, SKETCH)
    take = ask(cast, f"[[fail:{status}]]", FLUX, SKETCH)
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, take.model, take.failed_charged) == (TakeState.READY, SKETCH, False)
    first, second = engine_rows.calls_of(take)
    assert (first.state, first.error_class, first.posted) == (CallState.REFUSED, "unavailable", None)
    assert (second.state, second.posted) == (CallState.SUCCEEDED, Decimal("0.01"))
    assert list(Entry.objects.filter(take=take).values_list("amount", flat=True)) == [Decimal("0.01")]
    assert (fal.program.refused(), fal.jobs, engine_rows.open_holds(take)) == ({status: 1}, [], 0)


@pytest.mark.parametrize("status", INGRESS)
def test_without_another_model_the_take_fails_and_costs_nothing(
    cast: Cast, engine: Engine, fal: Fal, status: str
) -> None:
    take = ask(cast, f"[[fail:{status}]]", FLUX)
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, take.failure_class) == (TakeState.FAILED, "unavailable")
    assert HoldOutcome.objects.get(hold__take=take).outcome == "voided"
    assert (Entry.objects.filter(take=take).count(), engine_rows.open_holds(take)) == (0, 0)
    assert fal.program.refused() == {status: 1}


def test_a_500_under_the_requests_own_name_may_hide_a_job_and_is_not_sent_again(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    """fal had accepted it: the run is unknown, its hold stays open, and no other model is asked."""
    engine_rows.model(cast.workspace, SKETCH)
    take = ask(cast, "[[fail:crash]]", FLUX, SKETCH)
    engine.until_quiet()
    (call,) = engine_rows.calls_of(take)
    assert (call.state, engine_rows.states_of(take)) == (CallState.UNKNOWN, [RunState.UNKNOWN])
    assert "500" in call.evidence["what_happened"]
    assert "a person" in Run.objects.get(take=take).waiting_for
    assert (len(fal.jobs), engine_rows.open_holds(take)) == (1, 1)
    assert Entry.objects.filter(take=take).count() == 0


def test_one_name_that_hides_a_job_costs_once_when_it_is_found(cast: Cast, engine: Engine, fal: Fal) -> None:
    take = ask(cast, "[[fail:crash]]", FLUX)
    engine.until_quiet()
    (call,) = engine_rows.calls_of(take)
    unknown.it_happened(call=call, by=cast.manager, job_id=fal.jobs[0]["request_id"], now=engine.now)
    fal.finish_all(engine)
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, len(fal.jobs), engine_rows.open_holds(take)) == (TakeState.READY, 1, 0)
    assert list(Entry.objects.filter(take=take).values_list("amount", flat=True)) == [Decimal("0.05")]
