"""What a provider does not say about money is not taken for free: the hold stays, and a person is asked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing.models import Entry, HoldOutcome
from generation import aftermath, cancel, hooks, sweep, unknown, verdicts
from generation.models import Call
from generation.models.runs import CallState, RunState
from generation.providers.protocol import ErrorClass, JobState, ProviderError, Status, WebhookEvent
from projects.models import Notice, Take
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, Engine
from tests.generation.pages import signed_in, text


def ended(
    cast: Cast, engine: Engine, *, models: tuple[str, ...] = (FLUX,), **status: Any
) -> tuple[Take, Call]:
    """A take whose accepted job then ended badly, as `status` says."""
    asked = engine_rows.step(models=models, amount="0.05", on_error={"unavailable": "next"})
    take = engine_rows.take(cast.deliverable, asked, person=cast.producer.person)
    engine.submit()
    (call,) = engine_rows.calls_of(take)
    error = ProviderError(ErrorClass.UNAVAILABLE, "It broke.", charged=status.pop("charged", None))
    aftermath.ended_badly(call=call, status=Status(JobState.FAILED, error=error, **status), now=engine.now)
    call.refresh_from_db()
    take.refresh_from_db()
    return take, call


def test_a_failed_job_of_which_no_charge_was_told_keeps_its_hold(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    take, call = ended(cast, engine)
    assert (take.state, engine_rows.states_of(take)) == (TakeState.FAILED, [RunState.FAILED])
    assert (call.state, call.error, engine_rows.open_holds(take)) == (CallState.UNKNOWN, "It broke.", 1)
    assert call in unknown.waiting(membership=cast.manager)
    assert Notice.objects.filter(title__contains="whether fal charged a job").exists()
    assert sweep.orphan_holds(now=engine.now) == 0


@pytest.mark.parametrize("told", [{"charged": False}, {"billed_units": Decimal(0)}])
def test_a_failed_job_that_is_said_to_be_free_is_free(
    cast: Cast, engine: Engine, fal: Fal, told: dict[str, Any]
) -> None:
    take, call = ended(cast, engine, **told)
    assert (call.state, engine_rows.open_holds(take)) == (CallState.FAILED, 0)
    assert HoldOutcome.objects.get(hold__take=take).outcome == "voided"


@pytest.mark.parametrize("charged", [True, False])
def test_a_person_says_whether_it_was_charged(cast: Cast, engine: Engine, fal: Fal, charged: bool) -> None:
    take, call = ended(cast, engine)
    if charged:
        unknown.it_happened(call=call, by=cast.manager, now=engine.now)
    else:
        unknown.it_did_not(call=call, by=cast.manager, now=engine.now)
    call.refresh_from_db()
    take.refresh_from_db()
    assert (call.state, take.state, engine_rows.open_holds(take)) == (CallState.FAILED, TakeState.FAILED, 0)
    booked = [entry.amount for entry in Entry.objects.filter(take=take)]
    assert (booked, take.failed_charged) == ([Decimal("0.05")] if charged else [], charged)
    assert verdicts.waiting([call.pk]) == {}


def test_the_next_model_holds_money_of_its_own_while_the_first_is_in_doubt(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    other = "fal/fal-ai/flux/schnell"
    engine_rows.model(cast.workspace, other, amount="0.02", unit="call")
    take, first = ended(cast, engine, models=(FLUX, other))
    assert (first.state, engine_rows.open_holds(take)) == (CallState.UNKNOWN, 1)
    engine.later(60)
    assert engine.submit() == 1
    fal.finish_all(engine)
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, engine_rows.open_holds(take)) == (TakeState.READY, 1)
    assert [call.state for call in engine_rows.calls_of(take)] == [CallState.UNKNOWN, CallState.SUCCEEDED]


def test_a_webhook_of_an_ended_job_follows_nothing(cast: Cast, engine: Engine, fal: Fal) -> None:
    take, call = ended(cast, engine)
    hooks.take_up(call=call, event=WebhookEvent(call.provider_job_id, None), now=engine.now)
    call.refresh_from_db()
    assert (call.state, engine_rows.states_of(take)) == (CallState.UNKNOWN, [RunState.FAILED])
    assert engine.turn() == 0


def test_what_ended_takes_no_place_at_the_provider(cast: Cast, engine: Engine, fal: Fal) -> None:
    fal.account.concurrency = 1
    fal.account.save()
    ended(cast, engine)
    take = engine_rows.take(
        cast.deliverable, engine_rows.step(models=[FLUX], amount="0.05"), person=cast.producer.person
    )
    engine.submit()
    assert engine_rows.states_of(take) == [RunState.RENDERING]


def test_a_cancelled_job_of_which_no_charge_was_told_keeps_its_hold(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    take = engine_rows.take(
        cast.deliverable, engine_rows.step(models=[FLUX], amount="0.05"), person=cast.producer.person
    )
    engine.submit()
    cancel.cancel(take=take, by=cast.producer)
    (call,) = engine_rows.calls_of(take)
    aftermath.ended_badly(call=call, status=Status(JobState.CANCELLED), now=engine.now)
    call.refresh_from_db()
    take.refresh_from_db()
    assert (take.state, call.state, engine_rows.open_holds(take)) == (
        TakeState.CANCELLED,
        CallState.UNKNOWN,
        1,
    )
    engine.until_quiet()
    assert engine_rows.calls_of(take)[0].state == CallState.UNKNOWN


def test_the_page_asks_whether_it_was_charged_and_for_no_id_of_a_job(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    ended(cast, engine)
    page = text(signed_in(cast.manager), f"/w/{cast.workspace.slug}/queue/unknown/")
    assert "It was charged" in page
    assert "It was not charged" in page
    assert "It happened" not in page
    assert 'name="job_id"' not in page
