"""The submit lane: what may be sent, what each refusal leads to, and what is committed before and after."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from billing import budgets
from billing.models import Hold, HoldOutcome
from billing.models.budgets import Scope, Window
from generation import dispatch, intents, sweep
from generation.models import Call, Run
from generation.models.runs import CallState, RunState
from projects.models import Event, Take
from projects.models.takes import TakeState
from routing.models import ModelHealth
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, SKETCH, Engine

KONTEXT = "fal/fal-ai/flux-pro/kontext"


def ask(cast: Cast, directive: str = "", *models: str, **fields: Any) -> Take:
    models = models or (FLUX,)
    return engine_rows.take(
        cast.deliverable,
        engine_rows.step(models=models, amount="0.05", prompt=f"A lighthouse {directive}", **fields),
        person=cast.producer.person,
    )


def run_of(take: Take) -> Run:
    return Run.objects.get(take=take)


def test_a_busy_provider_is_left_alone_for_as_long_as_it_asked(cast: Cast, engine: Engine, fal: Fal) -> None:
    take = ask(cast, "[[fail:429*1]] [[retry_after:30]]")
    engine.submit()
    (call,) = engine_rows.calls_of(take)
    assert (call.state, call.error_class, call.hold) == (CallState.REFUSED, "rate_limited", None)
    assert engine_rows.states_of(take) == [RunState.QUEUED]
    engine.later(20)
    assert engine.submit() == 0
    assert fal.program.refused() == {"429": 1}
    engine.later(15)
    assert engine.submit() == 1
    fal.finish_all(engine)
    engine.until_quiet()
    take.refresh_from_db()
    assert take.state == TakeState.READY
    assert Hold.objects.filter(take=take).count() == 1


def test_a_provider_that_is_busy_keeps_the_other_takes_of_its_account_waiting(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    ask(cast, "[[fail:429]] [[retry_after:30]]")
    engine.submit()
    other = ask(cast)
    assert engine.submit() == 0
    assert engine_rows.states_of(other) == [RunState.QUEUED]
    assert engine_rows.calls_of(other) == []


@pytest.mark.parametrize(
    "directive", ["[[fail:garbage]]", "[[fail:empty]]", "[[fail:lost]]", "[[fail:drop]]"]
)
def test_an_answer_that_cannot_be_read_leaves_the_run_unknown_with_its_hold_open(
    cast: Cast, engine: Engine, fal: Fal, directive: str
) -> None:
    take = ask(cast, directive)
    engine.submit()
    (call,) = engine_rows.calls_of(take)
    assert (call.state, engine_rows.states_of(take)) == (CallState.UNKNOWN, [RunState.UNKNOWN])
    assert call.hold is not None
    assert engine_rows.open_holds(take) == 1
    assert call.evidence["account"] == "main"
    assert call.evidence["payload_sha256"] == call.payload_hash
    engine.later(5)
    assert engine.submit() == 0
    assert len(fal.jobs) == (1 if "lost" in directive else 0)


def test_a_refused_request_fails_the_take_and_gives_back_its_money(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    take = ask(cast, "[[fail:422]]", parameters={"num_inference_steps": 5000})
    engine.submit()
    take.refresh_from_db()
    assert take.state == TakeState.FAILED
    assert take.failure_class == "bad_request"
    assert engine_rows.open_holds(take) == 0
    assert HoldOutcome.objects.get(hold__take=take).outcome == "voided"
    assert Event.objects.get(take=take, kind="take.failed").data["failure_class"] == "bad_request"


def test_a_refused_key_leads_to_the_next_model_with_a_hold_of_its_own(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    engine_rows.model(cast.workspace, SKETCH)
    take = ask(cast, "[[fail:401]]", FLUX, SKETCH)
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, take.model) == (TakeState.READY, SKETCH)
    first, second = engine_rows.calls_of(take)
    assert (first.state, first.error_class, first.posted) == (CallState.REFUSED, "auth", None)
    assert (second.state, second.posted) == (CallState.SUCCEEDED, Decimal("0.01"))
    outcomes = HoldOutcome.objects.filter(hold__take=take).order_by("hold__made_at")
    assert [(o.outcome, o.amount) for o in outcomes] == [
        ("voided", Decimal(0)),
        ("posted", Decimal("0.01")),
    ]


def test_a_further_hold_that_is_refused_stops_the_take(cast: Cast, engine: Engine, fal: Fal) -> None:
    engine_rows.model(cast.workspace, SKETCH, amount="0.04")
    budgets.set_budget(
        scope=Scope.PROVIDER,
        target="builtin",
        limit=Decimal("0.03"),
        window=Window.MONTH,
        by=cast.finance,
    )
    take = ask(cast, "[[fail:401]]", FLUX, SKETCH)
    engine.submit()
    engine.submit()
    take.refresh_from_db()
    assert take.state == TakeState.STOPPED_BY_BUDGET
    assert "0.03" in take.failure
    assert engine_rows.open_holds(take) == 0
    assert len(engine_rows.calls_of(take)) == 1


def test_a_model_that_rests_is_passed_over_where_the_route_names_another(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    engine_rows.model(cast.workspace, SKETCH)
    rest(cast, FLUX)
    take = ask(cast, "", FLUX, SKETCH)
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, take.model) == (TakeState.READY, SKETCH)
    assert fal.jobs == []


def test_a_model_that_rests_is_waited_for_where_there_is_no_other(
    cast: Cast, engine: Engine, fal: Fal
) -> None:
    rest(cast, FLUX)
    take = ask(cast)
    engine.submit()
    run = run_of(take)
    assert (run.state, run.attempts) == (RunState.QUEUED, 0)
    assert "resting" in run.waiting_for
    assert engine.submit() == 0
    assert engine_rows.open_holds(take) == 1
    engine.later(700)
    engine.submit()
    assert engine_rows.states_of(take) == [RunState.RENDERING]


def rest(cast: Cast, model: str) -> None:
    now = timezone.now()
    ModelHealth.objects.create(
        workspace=cast.workspace,
        model_key=model,
        state="open",
        changed_at=now,
        retry_at=now + datetime.timedelta(minutes=10),
    )


def test_a_workspace_of_built_in_models_sends_nothing_elsewhere(cast: Cast, engine: Engine, fal: Fal) -> None:
    take = ask(cast)
    cast.workspace.builtin_only = True
    cast.workspace.save()
    engine.submit()
    take.refresh_from_db()
    assert take.state == TakeState.FAILED
    assert "built-in models only" in take.failure
    assert fal.jobs == []
    assert engine_rows.open_holds(take) == 0


def test_no_more_is_sent_than_the_account_may_have_open(cast: Cast, engine: Engine, fal: Fal) -> None:
    fal.account.concurrency = 2
    fal.account.save()
    takes = [ask(cast) for _ in range(4)]
    assert engine.submit() == 2
    assert engine.submit() == 0
    assert [engine_rows.states_of(take)[0] for take in takes] == [
        RunState.RENDERING,
        RunState.RENDERING,
        RunState.QUEUED,
        RunState.QUEUED,
    ]
    fal.finish_all(engine)
    engine.poll()
    engine.collect()
    assert engine.submit() == 2
    assert len(fal.jobs) == 4


def test_a_minute_brings_no_more_calls_than_the_account_allows(cast: Cast, engine: Engine, fal: Fal) -> None:
    fal.account.rate_per_minute = 1
    fal.account.save()
    first, second = ask(cast), ask(cast)
    engine.submit()
    assert (engine_rows.states_of(first), engine_rows.states_of(second)) == (
        [RunState.RENDERING],
        [RunState.QUEUED],
    )
    engine.later(30)
    engine.submit()
    assert len(fal.jobs) == 1
    engine.later(31)
    engine.submit()
    assert len(fal.jobs) == 2


def test_an_account_that_is_switched_off_sends_nothing(cast: Cast, engine: Engine, fal: Fal) -> None:
    take = ask(cast)
    fal.account.enabled = False
    fal.account.save()
    engine.submit()
    take.refresh_from_db()
    assert (take.state, fal.jobs) == (TakeState.FAILED, [])
    assert "no fal account" in take.failure


def test_the_intent_is_committed_before_anything_is_sent(
    cast: Cast, engine: Engine, fal: Fal, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = ask(cast)
    seen: list[tuple[str, str, int]] = []
    send = dispatch.send

    def watched(wires: Any, committed: list[intents.Intent], **times: Any) -> None:
        call = Call.objects.get(run__take=take)
        run = run_of(take)
        seen.append((call.state, run.state, run.attempts))
        send(wires, committed, **times)

    monkeypatch.setattr(dispatch, "send", watched)
    engine.submit()
    assert seen == [(CallState.INTENDED, RunState.SUBMITTING, 1)]


def test_a_take_that_was_cancelled_meanwhile_is_not_sent(cast: Cast, engine: Engine, fal: Fal) -> None:
    take = ask(cast)
    Take.objects.filter(pk=take.pk).update(state=TakeState.CANCELLED)
    engine.submit()
    assert fal.jobs == []
    assert engine_rows.calls_of(take) == []


def test_a_lost_key_is_said_and_nothing_is_sent(cast: Cast, engine: Engine, fal: Fal) -> None:
    take = ask(cast)
    fal.account.encrypted_key = b"not one of ours"
    fal.account.save()
    engine.submit()
    take.refresh_from_db()
    assert (take.state, take.failure_class, fal.jobs) == (TakeState.FAILED, "auth", [])
    assert "enter the key again" in take.failure


def test_a_step_that_works_on_a_picture_sends_its_bytes(cast: Cast, engine: Engine, fal: Fal) -> None:
    engine_rows.model(cast.workspace, KONTEXT, kinds=("edit",), amount="0.04")
    edit = engine_rows.step("edit", kind="edit", needs=["image"], models=[KONTEXT], amount="0.04")
    image = engine_rows.step(models=[FLUX], amount="0.05")
    take = engine_rows.take(cast.deliverable, image, edit, person=cast.producer.person)
    for _ in range(6):
        engine.turn()
        fal.finish_all(engine)
    take.refresh_from_db()
    assert take.state == TakeState.READY, take.failure
    assert [job["endpoint"] for job in fal.jobs] == ["fal-ai/flux/dev", "fal-ai/flux-pro/kontext"]


def test_a_picture_that_is_gone_is_said_and_nothing_is_sent(cast: Cast, engine: Engine, fal: Fal) -> None:
    engine_rows.model(cast.workspace, KONTEXT, kinds=("edit",), amount="0.04")
    inputs = [{"role": "source", "sha256": "ab" * 32}]
    edit = engine_rows.step("edit", kind="edit", models=[KONTEXT], amount="0.04", inputs=inputs)
    take = engine_rows.take(cast.deliverable, edit, person=cast.producer.person)
    engine.submit()
    take.refresh_from_db()
    assert (take.state, fal.jobs) == (TakeState.FAILED, [])
    assert "not in the storage" in take.failure
    assert engine_rows.open_holds(take) == 0


def test_an_answer_that_comes_when_nobody_expects_it_any_more_is_followed(
    cast: Cast, engine: Engine, fal: Fal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease ran out while the provider was slow, and the sweep took the call for lost."""
    take = ask(cast)
    send = dispatch.send

    def slowly(wires: Any, committed: list[intents.Intent], **times: Any) -> None:
        late = timezone.now() + datetime.timedelta(seconds=settings.LEASE_SECONDS + 1)
        assert sweep.interrupted(now=late) == 1
        send(wires, committed, **times)

    monkeypatch.setattr(dispatch, "send", slowly)
    engine.submit()
    (call,) = engine_rows.calls_of(take)
    assert (call.state, run_of(take).state) == (CallState.ACCEPTED, RunState.RENDERING)
    assert call.provider_job_id == fal.jobs[0]["request_id"]
    fal.finish_all(engine)
    engine.until_quiet()
    take.refresh_from_db()
    assert (take.state, len(fal.jobs), engine_rows.open_holds(take)) == (TakeState.READY, 1, 0)
