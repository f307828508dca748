"""A model that keeps failing rests, is probed within its money, and comes back: over the emulator."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from generation.models import Call
from projects.models import Take
from projects.models.takes import TakeState
from routing.models import ModelHealth
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, SKETCH, Engine

REST = 121
"""Seconds after which an open breaker is half open, and a little."""


def ask(cast: Cast, directive: str = "", *models: str) -> Take:
    models = models or (FLUX,)
    prompt = f"A lighthouse {directive}"
    asked = engine_rows.step(models=models, amount="0.05", prompt=prompt)
    return engine_rows.take(cast.deliverable, asked, person=cast.producer.person)


@pytest.fixture
def opened(cast: Cast, engine: Engine, fal: Fal) -> ModelHealth:
    """Five submits that fal answered with 500: the breaker is open."""
    for _ in range(5):
        ask(cast, "[[fail:500]]")
    engine.submit()
    row = ModelHealth.objects.get(model_key=FLUX)
    assert (row.state, fal.program.refused()) == ("open", {"500": 5})
    return row


def sent_after(take: Take) -> int:
    return Call.objects.filter(run__take__number__gt=take.number).count()


def last_take() -> Take:
    return Take.objects.latest("number")


def test_while_it_rests_nothing_is_sent(cast: Cast, engine: Engine, fal: Fal, opened: ModelHealth) -> None:
    last = last_take()
    ask(cast)
    engine.later(60)
    assert engine.submit() == 1
    assert (sent_after(last), fal.jobs) == (0, [])


def test_after_its_rest_only_as_many_probes_go_as_their_money_covers(
    cast: Cast, engine: Engine, fal: Fal, opened: ModelHealth, settings: Any
) -> None:
    settings.BREAKER = {"probe_money": Decimal("0.12")}
    last = last_take()
    takes = [ask(cast) for _ in range(6)]
    engine.later(REST)
    engine.submit()
    assert (sent_after(last), len(fal.jobs)) == (2, 2)
    waiting = [run.waiting_for for take in takes for run in take.runs.all() if run.state == "queued"]
    assert len(waiting) == 4
    assert all("probed" in words for words in waiting)
    engine.later(5)
    assert engine.submit() == 0
    engine.later(10)
    engine.submit()
    assert len(fal.jobs) == 2
    for _ in range(4):
        fal.finish_all(engine)
        engine.turn()
    opened.refresh_from_db()
    assert (opened.state, opened.probe_spent) == ("closed", 0)
    assert {take.state for take in Take.objects.filter(pk__in=[take.pk for take in takes])} == {"ready"}


def test_no_more_than_five_probes_go_however_little_they_cost(
    cast: Cast, engine: Engine, fal: Fal, opened: ModelHealth
) -> None:
    for _ in range(8):
        ask(cast)
    engine.later(REST)
    engine.submit()
    assert len(fal.jobs) == 5


def test_what_may_not_probe_goes_to_the_next_model_of_its_route(
    cast: Cast, engine: Engine, fal: Fal, opened: ModelHealth, settings: Any
) -> None:
    settings.BREAKER = {"probe_money": Decimal("0.05")}
    engine_rows.model(cast.workspace, SKETCH)
    takes = [ask(cast, "", FLUX, SKETCH) for _ in range(3)]
    engine.later(REST)
    engine.submit()
    engine.later(11)
    engine.submit()
    models = [call.model for take in takes for call in engine_rows.calls_of(take)]
    assert sorted(models) == [SKETCH, SKETCH, FLUX]


def test_a_probe_that_fails_lets_it_rest_again_and_its_money_stays_spent(
    cast: Cast, engine: Engine, fal: Fal, opened: ModelHealth
) -> None:
    ask(cast, "[[fail:500]]")
    engine.later(REST)
    engine.submit()
    opened.refresh_from_db()
    assert (opened.state, opened.probe_spent) == ("open", Decimal("0.4"))
    waiting = ask(cast)
    engine.later(60)
    engine.submit()
    assert engine_rows.calls_of(waiting) == []


def test_a_model_dearer_than_all_money_for_probes_is_probed_once_an_hour(
    cast: Cast, engine: Engine, fal: Fal, opened: ModelHealth, settings: Any
) -> None:
    settings.BREAKER = {"probe_money": Decimal("0.01")}
    ask(cast, "[[fail:500]]")
    engine.later(REST)
    engine.submit()
    assert fal.program.refused() == {"500": 6}
    second = ask(cast)
    engine.later(REST)
    engine.submit()
    assert engine_rows.calls_of(second) == []
    engine.later(3600)
    engine.submit()
    assert len(fal.jobs) == 1


def test_a_probe_that_finds_no_place_at_its_provider_keeps_no_money(
    cast: Cast, engine: Engine, fal: Fal, opened: ModelHealth
) -> None:
    engine_rows.CatalogueModel.objects.filter(key=FLUX).update(capabilities={"seed": True, "concurrency": 1})
    for _ in range(3):
        ask(cast)
    engine.later(REST)
    engine.submit()
    opened.refresh_from_db()
    assert (len(fal.jobs), opened.probe_spent) == (1, Decimal("0.4"))


def test_answers_that_are_lost_open_the_breaker_as_well(cast: Cast, engine: Engine, fal: Fal) -> None:
    for _ in range(5):
        ask(cast, "[[fail:drop]]")
    engine.submit()
    row = ModelHealth.objects.get(model_key=FLUX)
    assert (row.state, row.reason) == ("open", "5 of the last 5 calls failed")
    assert row.retry_at is not None
    assert row.retry_at - row.changed_at == datetime.timedelta(seconds=120)
    assert Take.objects.filter(state=TakeState.FAILED).count() == 0
