"""Batches on their way: portions, a budget that runs out, pause, going on, cancelling; each said twice."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from billing import budgets, prices
from billing.budgets import BudgetRefused
from billing.models import Budget, BudgetWindow, Hold, HoldOutcome
from generation import agreed, batch_costs, batch_feed, batch_steering, batches, lanes, takes
from generation.models import Run
from projects.access import MissingRight
from projects.models import Batch, BatchSlot, Deliverable, Event, Notice, Take
from projects.models.batches import BatchState, SlotState
from projects.models.takes import TakeState
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.engine_rows import Engine
from tests.generation.matrix_rows import FAST, started

Progress = batches.Progress


def feed() -> int:
    return batch_feed.feed_all(now=timezone.now())


def far(batch: Batch) -> Progress:
    return batches.progress(batch)


def held(batch: Batch) -> Decimal:
    return batch_costs.of(batch).total.held


def ended(number: int) -> None:
    """So many takes as if they had failed, their money released."""
    for take in Take.objects.filter(state=TakeState.QUEUED).order_by("pk")[:number]:
        take_ids = Run.objects.filter(take=take)
        take_ids.update(state="failed", lane="", due_at=None)
        Take.objects.filter(pk=take.pk).update(state=TakeState.FAILED)
        for hold in Hold.objects.filter(take=take):
            HoldOutcome.objects.create(
                hold=hold, outcome="voided", amount=0, at=timezone.now(), reason="test"
            )


def budget(cast: Cast, limit: str) -> Budget:
    return budgets.set_budget(scope="workspace", limit=Decimal(limit), window="month", by=cast.finance)


def dearer(cast: Cast) -> None:
    prices.add_row(
        model_key=FAST,
        unit="image",
        amount=Decimal("0.03"),
        currency="EUR",
        starts_at=timezone.now(),
        by=cast.finance,
    )


def states() -> tuple[int, int, int]:
    """How many takes, holds and made slots there are: never one without the others."""
    return Take.objects.count(), Hold.objects.count(), BatchSlot.objects.filter(state="made").count()


def test_a_large_batch_is_made_as_room_allows_and_what_waits_holds_nothing(studio: Cast) -> None:
    batch = started(studio, 130)
    assert far(batch) == Progress(130, 110, 20, 0, 0, 0, 0)
    assert (feed(), feed()) == (80, 0)
    assert far(batch) == Progress(130, 30, 100, 0, 0, 0, 0)
    assert held(batch) == Decimal("2.00")
    ended(25)
    assert feed() == 25
    assert far(batch) == Progress(130, 5, 100, 0, 25, 0, 0)
    assert states() == (125, 125, 125)


def test_a_budget_that_runs_out_stops_it_cleanly_and_it_goes_on_where_it_was(studio: Cast) -> None:
    row = budget(studio, "0.60")
    batch = started(studio, 26)
    budgets.change_limit(budget=row, limit=Decimal("0.45"), by=studio.finance)
    assert feed() == 2
    batch.refresh_from_db()
    assert (batch.state, batch.stopped_by) == (BatchState.STOPPED, "budget")
    assert batch.stopped_words.startswith(
        "Everything in Studio, each month has 0.01 EUR left; this needs 0.02"
    )
    assert far(batch) == Progress(26, 0, 22, 0, 0, 0, 4)
    assert states() == (22, 22, 22)
    assert (feed(), Notice.objects.filter(kind="batch_stopped").count()) == (0, 1)
    window = BudgetWindow.objects.get()
    assert (window.reserved, window.spent) == (Decimal("0.44"), 0)
    with pytest.raises(BudgetRefused):
        batch_steering.go_on(batch=batch, by=studio.producer)
    batch.refresh_from_db()
    assert (batch.state, far(batch).stopped_by_budget, states()) == (BatchState.STOPPED, 4, (22, 22, 22))
    budgets.change_limit(budget=row, limit=Decimal("0.60"), by=studio.finance)
    for _ in range(2):
        batch_steering.go_on(batch=batch, by=studio.producer)
    feed()
    assert far(batch) == Progress(26, 0, 26, 0, 0, 0, 0)
    assert (states(), Event.objects.filter(kind="batch.resumed").count()) == ((26, 26, 26), 1)


def test_a_price_that_rises_midway_stops_it_until_the_new_one_is_confirmed(studio: Cast) -> None:
    batch = started(studio, 25)
    dearer(studio)
    assert feed() == 0
    batch.refresh_from_db()
    assert (batch.state, batch.stopped_by) == (BatchState.STOPPED, "price")
    assert batch_steering.rest(batch).at_most == Decimal("0.10")
    assert batch_steering.rest_today(batch, now=timezone.now()).at_most == Decimal("0.15")
    for confirmed in (None, Decimal("0.14")):
        with pytest.raises(agreed.Dearer):
            batch_steering.go_on(batch=batch, by=studio.producer, confirmed=confirmed)
    assert states() == (20, 20, 20)
    batch_steering.go_on(batch=batch, by=studio.producer, confirmed=Decimal("0.15"))
    feed()
    assert states() == (25, 25, 25)
    assert held(batch) == Decimal("0.55")


def test_a_paused_batch_sends_nothing_keeps_its_holds_and_goes_on_exactly_there(
    studio: Cast, engine: Engine
) -> None:
    batch = started(studio, 23)
    engine_rows.dispatch.submit_due(engine.wires, now=engine.now, limit=1)
    for member in (studio.producer, studio.manager):  # two people press it
        batch_steering.pause(batch=batch, by=member)
    assert Batch.objects.get().paused_by_id == studio.producer.person_id
    engine.until_quiet()
    assert far(batch) == Progress(23, 3, 19, 1, 0, 0, 0)
    assert (feed(), held(batch)) == (0, Decimal("0.38"))
    assert lanes.next_due("submit", now=engine.now) is None
    assert set(Run.objects.filter(state="queued").values_list("waiting_for", flat=True)) == {
        "its batch to go on"
    }
    for _ in range(2):
        batch_steering.go_on(batch=batch, by=studio.producer)
    for _ in range(3):
        engine.until_quiet()
        batch_steering.keep_going(now=engine.now)
    assert far(batch) == Progress(23, 0, 0, 23, 0, 0, 0)
    assert Batch.objects.get().state == BatchState.FINISHED


def test_what_was_leased_at_the_moment_of_the_pause_is_not_sent(studio: Cast, engine: Engine) -> None:
    batch = started(studio, 2)
    lease, leased = lanes.lease_fairly(limit=9, room={}, now=timezone.now())
    assert len(leased) == 2
    batch_steering.pause(batch=batch, by=studio.producer)
    assert not Run.objects.filter(lease=lease).exists()
    assert engine.submit() == 0


def test_what_a_worker_puts_back_into_the_lane_meanwhile_is_parked_again(
    studio: Cast, engine: Engine
) -> None:
    batch = started(studio, 2)
    batch_steering.pause(batch=batch, by=studio.producer)
    Run.objects.update(due_at=timezone.now())
    assert engine.submit() == 0
    assert batch_steering.keep_parked() == 2
    assert lanes.next_due("submit", now=timezone.now()) is None


def test_cancelling_names_what_is_left_and_releases_its_money(studio: Cast) -> None:
    batch, other = started(studio, 25), takes.make(deliverable=studio.deliverable, by=studio.producer)
    batch_steering.pause(batch=batch, by=studio.producer)
    for _ in range(2):
        batch_steering.cancel_batch(batch=batch, by=studio.producer)
    assert far(batch) == Progress(25, 0, 0, 0, 0, 25, 0)
    assert held(batch) == 0
    assert other.takes.get().state == TakeState.QUEUED
    assert (feed(), Event.objects.filter(kind="batch.cancelled").count()) == (0, 1)
    with pytest.raises(batch_steering.NotNow):
        batch_steering.go_on(batch=batch, by=studio.producer)
    batch_steering.keep_going(now=timezone.now())
    row = Batch.objects.get()
    assert (row.state, row.finished_at is not None) == (BatchState.CANCELLED, True)


def test_only_who_asked_or_a_manager_steers(studio: Cast) -> None:
    batch = started(studio, 21)
    verbs: list[Callable[..., Any]] = [
        batch_steering.pause,
        batch_steering.go_on,
        batch_steering.cancel_batch,
    ]
    for verb in verbs:
        for member in (studio.reviewer, studio.viewer, studio.finance, studio.admin):
            with pytest.raises(MissingRight):
                verb(batch=batch, by=member)
    assert (Batch.objects.get().state, far(batch).in_flight) == (BatchState.RUNNING, 20)
    assert batch_steering.pause(batch=batch, by=studio.manager).state == BatchState.PAUSED


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"state": "written_off"}, "Sketch-020 is dropped."),
        ({"cap": 0}, "0 of 0 takes are used; 1 more does not fit."),
    ],
)
def test_what_cannot_be_made_any_more_is_passed_over_with_why(
    studio: Cast, change: dict[str, Any], why: str
) -> None:
    batch = started(studio, 22)
    Deliverable.objects.filter(key="sketch-020").update(**change)
    assert feed() == 2
    assert BatchSlot.objects.get(state=SlotState.REFUSED).why == why
    assert far(batch) == Progress(22, 0, 21, 0, 1, 0, 0)
    assert states() == (21, 21, 21)


def test_a_worker_that_dies_midway_leaves_no_part_of_a_portion(
    studio: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = started(studio, 30)
    with monkeypatch.context() as dying:
        dying.setattr(batch_feed.board, "refresh_all", lambda ids: 1 / 0)
        assert feed() == 0
    assert (states(), far(batch).waiting) == ((20, 20, 20), 10)
    assert feed() == 10


@pytest.mark.django_db(transaction=True)
def test_many_workers_make_each_take_once_and_hold_it_once(studio: Cast, committed: None) -> None:
    batch = started(studio, 60)
    gate = threading.Barrier(4)
    errors: list[Exception] = []

    def work(number: int) -> None:
        gate.wait()
        try:
            while batch_feed.feed(batch=batch.pk, now=timezone.now()):
                pass
            if number == 0:
                batch_steering.pause(batch=batch, by=studio.producer)
                batch_steering.go_on(batch=batch, by=studio.manager)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    feed()
    assert errors == []
    assert states() == (60, 60, 60)
    assert far(batch) == Progress(60, 0, 60, 0, 0, 0, 0)


def test_who_asked_is_told_once_when_it_has_finished(studio: Cast, engine: Engine) -> None:
    started(studio, 2)
    engine.until_quiet()
    for _ in range(2):
        batch_steering.keep_going(now=engine.now + datetime.timedelta(seconds=1))
    (told,) = Notice.objects.filter(kind="batch_finished")
    assert told.title == "Your batch has finished: 2 of 2 takes are ready"
