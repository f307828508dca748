"""Takes by Replicate from row to ready, over its emulator: polled, told by webhook, or with the answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from generation import cancel
from generation.models import Call, ProviderAccount, Run
from generation.models.runs import CallState, Lane, RunState
from generation.providers import webhooks
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.emulators.inbox import open_inbox
from tests.emulators.server import Running
from tests.generation import engine_rows, through
from tests.generation.engine_rows import Engine

FLUX = "replicate/black-forest-labs/flux-dev"
SCHNELL = "replicate/black-forest-labs/flux-schnell"


@pytest.fixture
def replicate(fal_program: Running, cast: Cast, settings: Any) -> Iterator[Running]:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    fal_program.reset()
    fal_program.emulator.clock.ahead = 0.0
    engine_rows.model(cast.workspace, FLUX, amount="0.025")
    engine_rows.model(cast.workspace, SCHNELL, amount="0.003")
    through.account(cast, "replicate", f"{fal_program.url_of('replicate')}/v1", key="r8_secret")
    yield fal_program
    fal_program.reset()


def test_a_picture_is_submitted_polled_collected_and_settled_by_its_count(
    cast: Cast, engine: Engine, replicate: Running
) -> None:
    take = through.take(cast, FLUX, amount="0.025")
    engine.submit()
    through.finish(replicate, engine)
    assert through.outcome(take) == (
        TakeState.READY,
        ["image/png"],
        "0.025",
        "1 image billed at 0.025",
        0,
    )


def test_a_quick_picture_comes_with_the_answer_and_is_never_polled(
    cast: Cast, engine: Engine, replicate: Running
) -> None:
    replicate.script(latency="0.1")
    take = through.take(cast, SCHNELL, amount="0.003")
    engine.submit()
    engine.collect()
    assert through.outcome(take)[:3] == (TakeState.READY, ["image/png"], "0.003")
    assert [job["polls"] for job in replicate.log()] == [0]


def test_a_webhook_brings_the_poll_forward_and_finds_a_job_whose_answer_was_lost(
    cast: Cast,
    engine: Engine,
    replicate: Running,
    client: Client,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhooks.KEY_SETS, "kept", {})
    monkeypatch.setattr(webhooks.KEY_SETS, "tried", {})
    ProviderAccount.objects.update(webhooks=True)
    with open_inbox() as inbox:
        settings.PUBLIC_URL = inbox.url
        take = through.take(cast, FLUX, amount="0.025", prompt="A lighthouse [[fail:lost]]")
        engine.submit()
        assert engine_rows.states_of(take) == [RunState.UNKNOWN]
        replicate.advance(10)
        (letter,) = inbox.wait(1)
    headers = {name: value for name, value in letter.headers.items() if name.lower().startswith("webhook-")}
    answer = client.post(letter.path, data=letter.body, content_type="application/json", headers=headers)
    assert (answer.status_code, Call.objects.get().state) == (200, CallState.ACCEPTED)
    engine.until_quiet()
    assert through.outcome(take)[:3] == (TakeState.READY, ["image/png"], "0.025")
    assert len(replicate.log()) == 1


def test_a_prediction_that_was_cancelled_while_it_ran_is_charged(
    cast: Cast, engine: Engine, replicate: Running
) -> None:
    take = through.take(cast, FLUX, amount="0.025")
    engine.submit()
    replicate.advance(3)
    cancel.cancel(take=take, by=cast.producer, now=engine.now)
    assert cancel.cancel_due(engine.wires, now=engine.now) == 1
    through.finish(replicate, engine)
    call = Call.objects.get()
    assert (call.state, f"{call.posted:.3f}", engine_rows.open_holds(take)) == (
        CallState.CANCELLED,
        "0.025",
        0,
    )
    assert Run.objects.get().lane == Lane.NONE


@pytest.mark.parametrize("result", ["policy", "nsfw"])
def test_what_was_flagged_is_blocked_and_its_hold_stays_as_no_charge_was_told(
    cast: Cast, engine: Engine, replicate: Running, result: str
) -> None:
    take = through.take(cast, FLUX, amount="0.025", prompt=f"A lighthouse [[result:{result}]]")
    engine.submit()
    through.finish(replicate, engine)
    take.refresh_from_db()
    assert (take.state, take.failure_class, engine_rows.open_holds(take)) == (
        TakeState.FAILED,
        "moderated",
        1,
    )
