"""Leases, turns and bells."""

from __future__ import annotations

import contextlib
import datetime
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from generation import lanes
from generation.models import Run
from generation.models.runs import Lane
from projects.models import Batch, Person, Take, Workspace
from tests import factories
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.engine_rows import FLUX


def waiting(cast: Cast, person: Person, *, position: int = 0, deliverable: Any = None) -> Take:
    return engine_rows.take(deliverable or cast.deliverable, person=person, position=position)


def elsewhere(workspace: Workspace) -> Any:
    campaign = factories.campaign(factories.project(workspace))
    return factories.deliverable(campaign)


def turns(limit: int = 50, **room: Any) -> list[str]:
    """Who comes when, by the e-mail's first part and the take's number."""
    _, leased = lanes.lease_fairly(limit=limit, room=room.get("room", {}), now=timezone.now())
    rows = Run.objects.select_related("take__requested_by").in_bulk(leased)
    takes = [rows[pk].take for pk in leased]
    return [f"{take.requested_by.email.partition('@')[0]} {take.number}" for take in takes]


def test_workspaces_take_turns_and_then_their_people(cast: Cast) -> None:
    other = elsewhere(cast.stranger.workspace)
    for _ in range(3):
        waiting(cast, cast.producer.person)
    waiting(cast, cast.reviewer.person)
    waiting(cast, cast.stranger.person, deliverable=other)
    waiting(cast, cast.stranger.person, deliverable=other)
    order = turns()
    first, second = order[:2], order[2:4]
    assert {entry.split()[0] for entry in first} == {"producer", "stranger"} or {
        entry.split()[0] for entry in first
    } == {"reviewer", "stranger"}
    assert "stranger 2" in second
    assert order[4:] == ["producer 2", "producer 3"]


def test_who_has_much_under_way_comes_later(cast: Cast) -> None:
    for _ in range(3):
        take = waiting(cast, cast.producer.person)
        Run.objects.filter(take=take).update(state="rendering", lane=Lane.POLL)
    waiting(cast, cast.producer.person)
    waiting(cast, cast.reviewer.person)
    assert turns(limit=1) == ["reviewer 5"]


def test_ones_own_queue_goes_by_position(cast: Cast) -> None:
    waiting(cast, cast.producer.person, position=20)
    waiting(cast, cast.producer.person, position=10)
    waiting(cast, cast.producer.person, position=-1)
    assert turns() == ["producer 3", "producer 2", "producer 1"]


def test_no_more_is_leased_than_there_is_room_for(cast: Cast) -> None:
    for _ in range(3):
        engine_rows.take(cast.deliverable, engine_rows.step(models=[FLUX]), person=cast.producer.person)
    waiting(cast, cast.producer.person)
    room = {(cast.workspace.pk, "fal"): 1}
    assert turns(room=room) == ["producer 1", "producer 4"]
    assert turns(room={(cast.workspace.pk, "fal"): 0}) == []


def test_a_paused_batch_waits_while_what_it_had_begun_and_everything_else_goes_on(cast: Cast) -> None:
    batch = Batch.objects.create(
        workspace=cast.workspace,
        phase="draft",
        count=1,
        at_most=1,
        requested_by=cast.producer.person,
        requested_at=timezone.now(),
    )
    round_ = factories.round_(cast.deliverable, batch=batch)
    for _ in range(2):
        engine_rows.take(cast.deliverable, person=cast.producer.person, round=round_)
    waiting(cast, cast.producer.person)
    alone = factories.round_(cast.deliverable)
    engine_rows.take(cast.deliverable, person=cast.reviewer.person, round=alone)
    Take.objects.filter(number=2).update(state="rendering")  # one of its later steps is due
    Batch.objects.update(state="paused", paused_at=timezone.now(), paused_by=cast.producer.person)
    assert sorted(turns()) == ["producer 2", "producer 3", "reviewer 4"]
    Run.objects.update(lease=None, leased_until=None)
    Batch.objects.update(state="running", paused_at=None, paused_by=None)
    assert sorted(turns()) == ["producer 1", "producer 2", "producer 3", "reviewer 4"]


def test_what_is_leased_is_not_leased_again_until_the_lease_ends(cast: Cast, settings: Any) -> None:
    take = waiting(cast, cast.producer.person)
    now = timezone.now()
    lease, leased = lanes.lease_fairly(limit=5, room={}, now=now)
    assert leased == [Run.objects.get(take=take).pk]
    assert lanes.lease_fairly(limit=5, room={}, now=now)[1] == []
    after = now + datetime.timedelta(seconds=settings.LEASE_SECONDS + 1)
    assert lanes.lease_fairly(limit=5, room={}, now=after)[1] == leased
    assert not Run.objects.filter(lease=lease).exists()


@pytest.mark.django_db(transaction=True)
def test_a_bell_rings_on_commit_and_only_then(cast: Cast) -> None:
    from django.db import transaction

    with transaction.atomic():
        lanes.ring(Lane.SUBMIT)
        assert OrmQ.objects.count() == 0
    assert OrmQ.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_lease_the_same_run(cast: Cast) -> None:
    for _ in range(40):
        waiting(cast, cast.producer.person)
    found: list[list[Any]] = []
    gate = threading.Barrier(4)

    def work() -> None:
        gate.wait()
        try:
            found.extend(lanes.lease_fairly(limit=4, room={}, now=timezone.now())[1] for _ in range(5))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    leased = [pk for batch in found for pk in batch]
    assert len(leased) == len(set(leased)) == 40


@contextlib.contextmanager
def keepers(lane: str, number: int) -> Iterator[list[bool]]:
    """So many tasks, one after the other and each on a connection of its own, that want to keep a lane."""
    found: list[bool] = []
    enough = threading.Event()
    with ThreadPoolExecutor(number) as pool:
        for _ in range(number):
            asked = threading.Event()
            pool.submit(_keep, lane, found, asked, enough)
            asked.wait(10)
        try:
            yield found
        finally:
            enough.set()


def _keep(lane: str, found: list[bool], asked: threading.Event, enough: threading.Event) -> None:
    try:
        with lanes.keeper(lane) as mine:
            found.append(mine)
            asked.set()
            enough.wait(10)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("lane", "most"), [(Lane.POLL, 1), (Lane.SUBMIT, 1), (Lane.COLLECT, 2)])
def test_a_lane_has_as_many_keepers_as_it_is_given_and_no_more(lane: str, most: int) -> None:
    with keepers(lane, 3) as found:
        assert found == [place < most for place in range(3)]
    with keepers(lane, 1) as found:
        assert found == [True]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("lane", "most"), [(Lane.POLL, 1), (Lane.COLLECT, 2)])
def test_bells_ring_for_a_lane_until_it_has_all_its_keepers(lane: str, most: int) -> None:
    for number in range(most + 1):
        with keepers(lane, number) if number else contextlib.nullcontext():
            lanes.ring(lane)
        assert OrmQ.objects.count() == min(number + 1, most)
    with keepers(lane, most):
        lanes.ring(Lane.SUBMIT)
    assert OrmQ.objects.count() == most + 1


@pytest.mark.django_db(transaction=True)
def test_what_is_due_when_the_keeper_is_about_to_go_is_done_all_the_same(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    until_quiet, done = lanes._until_quiet, []

    def last_look(lane: str, *rest: Any) -> int:
        found = until_quiet(lane, *rest)
        if not Run.objects.exists():  # the first time: it becomes due after the last look
            waiting(cast, cast.producer.person)
            lanes.ring(lane)
        return found

    def step() -> int:
        _, leased = lanes.lease(Lane.SUBMIT, limit=5, now=timezone.now())
        done.extend(leased)
        Run.objects.filter(pk__in=leased).update(lane=Lane.NONE, due_at=None)
        return len(leased)

    monkeypatch.setattr(lanes, "_until_quiet", last_look)
    assert lanes.look_after(Lane.SUBMIT, step) == 1
    assert (done, OrmQ.objects.count()) == ([Run.objects.get().pk], 0)


@pytest.mark.django_db(transaction=True)
def test_a_keeper_that_is_stopped_rings_for_what_is_left(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(cast, cast.producer.person)
    monkeypatch.setattr(lanes.stopping, "is_stopping", lambda: True)
    assert lanes.look_after(Lane.SUBMIT, lambda: 0) == 0
    assert OrmQ.objects.count() == 1


def test_a_task_delivered_twice_finds_nothing_to_do(db: None) -> None:
    assert lanes.look_after(Lane.COLLECT, lambda: 0) == 0
