"""Takes by Black Forest Labs from row to ready, over its emulator, polled and told by webhook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from generation.models import Call, ProviderAccount, Run
from generation.models.runs import RunState
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.emulators.inbox import open_inbox
from tests.emulators.server import Running
from tests.generation import engine_rows, through
from tests.generation.engine_rows import Engine

PRO = "bfl/flux-2-pro"


@pytest.fixture
def bfl(fal_program: Running, cast: Cast, settings: Any) -> Iterator[Running]:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    fal_program.reset()
    fal_program.emulator.clock.ahead = 0.0
    engine_rows.rate(cast.workspace, "USD", "0.5")
    engine_rows.model(cast.workspace, PRO, amount="0.03")
    through.account(cast, "bfl", fal_program.url_of("bfl"), key="bfl-secret")
    yield fal_program
    fal_program.reset()


def picture(cast: Cast, prompt: str = "A lighthouse") -> Any:
    return through.take(cast, PRO, prompt=prompt, amount="0.03")


def test_a_picture_is_submitted_polled_collected_and_settled_at_its_cost(
    cast: Cast, engine: Engine, bfl: Running
) -> None:
    take = picture(cast)
    engine.submit()
    through.finish(bfl, engine)
    assert through.outcome(take) == (
        TakeState.READY,
        ["image/png"],
        "0.015",
        "bfl reported 0.03000000 USD",
        0,
    )
    assert Call.objects.get(run__take=take).handle["cost"] == 3.0


@pytest.mark.parametrize("kind", ["once", "unsigned"])
def test_a_webhook_brings_the_poll_forward_and_tells_nothing_itself(
    cast: Cast, engine: Engine, bfl: Running, client: Client, settings: Any, kind: str
) -> None:
    ProviderAccount.objects.filter(provider="bfl").update(webhooks=True)
    with open_inbox() as inbox:
        settings.PUBLIC_URL = inbox.url
        take = picture(cast, f"A lighthouse [[webhook:{kind}]]")
        engine.submit()
        Run.objects.filter(take=take).update(due_at=engine.now.replace(year=2099))
        bfl.advance(10)
        (letter,) = inbox.wait(1)
    headers = {name: value for name, value in letter.headers.items() if name.lower().startswith("x-")}
    answer = client.post(letter.path, data=letter.body, content_type="application/json", headers=headers)
    assert (answer.status_code, Run.objects.get(take=take).state) == (200, RunState.RENDERING)
    assert engine.poll() == 1
    engine.until_quiet()
    assert through.outcome(take)[:3] == (TakeState.READY, ["image/png"], "0.015")


def test_what_moderation_blocks_ends_the_take_and_its_hold_stays_unless_a_charge_is_said(
    cast: Cast, engine: Engine, bfl: Running
) -> None:
    blocked, charged = (
        picture(cast, "[[result:policy]]"),
        picture(cast, "[[result:policy]][[charge_refused:1]]"),
    )
    engine.submit()
    through.finish(bfl, engine)
    for take, costs in ((blocked, False), (charged, True)):
        take.refresh_from_db()
        assert (take.state, take.failure_class, take.failed_charged) == (TakeState.FAILED, "moderated", costs)
        assert engine_rows.open_holds(take) == (0 if costs else 1)
