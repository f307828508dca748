"""Webhooks: verified, acted upon once, and never trusted with more than a poll would tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from generation import tokens
from generation.models import Call, Run
from generation.models.runs import CallState, Lane, RunState
from projects.models import Take
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.emulators import inbox as inboxes
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, Engine


@pytest.fixture
def inbox(settings: Any) -> Iterator[inboxes.Inbox]:
    with inboxes.open_inbox() as opened:
        settings.PUBLIC_URL = opened.url
        yield opened


def ask(cast: Cast, fal: Fal, directive: str = "") -> Take:
    fal.account.webhooks = True
    fal.account.save()
    return engine_rows.take(
        cast.deliverable,
        engine_rows.step(models=[FLUX], amount="0.05", prompt=f"A lighthouse {directive}"),
        person=cast.producer.person,
    )


def deliver(client: Client, letter: inboxes.Letter) -> int:
    headers = {name: value for name, value in letter.headers.items() if name.lower().startswith("x-")}
    answer = client.post(letter.path, data=letter.body, content_type="application/json", headers=headers)
    return answer.status_code


def rows() -> list[Any]:
    return [list(Run.objects.order_by("pk").values()), list(Call.objects.order_by("pk").values())]


def test_a_webhook_brings_the_look_forward(
    cast: Cast, engine: Engine, fal: Fal, inbox: inboxes.Inbox, client: Client
) -> None:
    take = ask(cast, fal)
    engine.submit()
    Run.objects.filter(take=take).update(due_at=engine.now.replace(year=2099))
    fal.program.advance(10)
    (letter,) = inbox.wait(1)
    (call,) = engine_rows.calls_of(take)
    assert letter.path == f"/hooks/fal/{tokens.token(call.pk)}/"
    assert deliver(client, letter) == 200
    assert engine.poll() == 1
    engine.collect()
    take.refresh_from_db()
    assert take.state == TakeState.READY


def test_the_same_webhook_again_and_late_changes_nothing(
    cast: Cast, engine: Engine, fal: Fal, inbox: inboxes.Inbox, client: Client
) -> None:
    take = ask(cast, fal, "[[webhook:twice]]")
    engine.submit()
    fal.finish_all(engine)
    letters = inbox.wait(2)
    engine.until_quiet()
    take.refresh_from_db()
    assert take.state == TakeState.READY
    before = rows()
    assert [deliver(client, letter) for letter in letters] == [200, 200]
    assert rows() == before
    assert engine.turn() == 0


@pytest.mark.parametrize("kind", ["forged", "stale", "unsigned"])
def test_what_is_not_signed_now_by_the_provider_is_refused(
    cast: Cast, engine: Engine, fal: Fal, inbox: inboxes.Inbox, client: Client, kind: str
) -> None:
    ask(cast, fal, f"[[webhook:{kind}]] [[latency:0.1]]")
    engine.submit()
    (letter,) = inbox.wait(1)[:1]
    before = rows()
    assert deliver(client, letter) == 401
    assert rows() == before


def test_a_webhook_before_the_answer_to_the_submit_tells_the_job(
    cast: Cast, engine: Engine, fal: Fal, inbox: inboxes.Inbox, client: Client
) -> None:
    take = ask(cast, fal, "[[webhook:before]]")
    engine.submit()
    (letter,) = inbox.wait(1)
    (call,) = engine_rows.calls_of(take)
    job_id = call.provider_job_id
    Call.objects.filter(pk=call.pk).update(state=CallState.INTENDED, provider_job_id="", handle={})
    Run.objects.filter(take=take).update(state=RunState.SUBMITTING, lane=Lane.SUBMIT)
    assert deliver(client, letter) == 200
    call.refresh_from_db()
    assert (call.state, call.provider_job_id) == (CallState.ACCEPTED, job_id)
    assert engine_rows.states_of(take) == [RunState.RENDERING]
    engine.until_quiet()
    take.refresh_from_db()
    assert take.state == TakeState.READY


def test_a_lost_answer_is_found_again_by_the_webhook(
    cast: Cast, engine: Engine, fal: Fal, inbox: inboxes.Inbox, client: Client
) -> None:
    take = ask(cast, fal, "[[fail:lost]]")
    engine.submit()
    engine.later(30)
    engine.poll()
    run = Run.objects.get(take=take)
    assert (run.state, run.waiting_for) == (
        RunState.UNKNOWN,
        "a webhook that tells what became of it",
    )
    fal.program.advance(10)
    (letter,) = inbox.wait(1)
    assert deliver(client, letter) == 200
    engine.until_quiet()
    take.refresh_from_db()
    assert take.state == TakeState.READY
    assert len(fal.jobs) == 1


def test_an_address_that_nobody_was_given_is_not_found(cast: Cast, fal: Fal, client: Client) -> None:
    assert client.post("/hooks/fal/guessed/", data=b"{}", content_type="application/json").status_code == 404
    assert (
        client.post("/hooks/nobody/guessed/", data=b"{}", content_type="application/json").status_code == 404
    )
    assert client.get("/hooks/fal/guessed/").status_code == 405
