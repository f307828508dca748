"""The points at which the matrix meets a process: a take's way leads by each of them, in their order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from billing.models import Entry, Hold, HoldOutcome
from drills import meeting, points, studio
from generation import takes
from generation.models import Call, Run
from projects.models import Take
from tests.emulators.server import Running
from tests.generation.engine_rows import Engine

Seen = list[tuple[str, tuple[Any, ...]]]


@pytest.fixture
def place(committed: None, fal_program: Running, settings: Any) -> Iterator[studio.Studio]:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    fal_program.reset()
    call_command("load_catalogue", verbosity=0)
    yield studio.Studio("points", fal_program.fal_url, webhooks=False, doubtful="0")
    fal_program.reset()


def facts() -> tuple[Any, ...]:
    """What is committed, as another connection sees it."""
    found: list[tuple[Any, ...]] = []

    def look() -> None:
        calls = list(Call.objects.values_list("state", flat=True))
        runs = list(Run.objects.values_list("state", flat=True))
        counts = [rows.objects.count() for rows in (Hold, Entry, HoldOutcome)]
        leased = Run.objects.filter(lease__isnull=False).count()
        found.append((*counts, leased, *runs, *calls))
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found[0]


def test_a_take_passes_every_point_in_order_and_finds_there_what_the_point_promises(
    place: studio.Studio, fal_program: Running
) -> None:
    seen: Seen = []

    def reach(point: str) -> None:
        if not seen or seen[-1][0] != point:
            seen.append((point, facts()))

    for web in (True, False):
        undo = points.install(reach, web=web)
        try:
            if web:
                made = takes.make(
                    deliverable=place.deliverables[0], by=place.member, prompt="A lighthouse", count=1
                )
            else:
                with Engine() as engine:
                    for _ in range(6):
                        engine.turn()
                        fal_program.advance(10)
                        engine.later(10)
        finally:
            undo()
    assert [take.state for take in made.takes.all()] == ["ready"]
    assert [point for point, _ in seen] == list(points.POINTS)
    #                    holds, entries, outcomes, leases, run, call
    assert dict(seen) == {
        "before:hold": (0, 0, 0, 0),
        "after:hold": (1, 0, 0, 0, "queued"),
        "before:enqueue": (1, 0, 0, 0, "queued"),
        "after:enqueue": (1, 0, 0, 0, "queued"),
        "before:claim": (1, 0, 0, 0, "queued"),
        "after:claim": (1, 0, 0, 1, "queued"),
        "before:call": (1, 0, 0, 1, "submitting", "intended"),
        "after:call": (1, 0, 0, 1, "submitting", "intended"),
        "before:save": (1, 0, 0, 1, "submitting", "intended"),
        "after:save": (1, 0, 0, 0, "rendering", "accepted"),
        "before:poll": (1, 0, 0, 1, "rendering", "accepted"),
        "after:poll": (1, 0, 0, 1, "rendering", "accepted"),
        "before:download": (1, 0, 0, 1, "collecting", "accepted"),
        "after:download": (1, 0, 0, 1, "collecting", "accepted"),
        "before:settle": (1, 0, 0, 1, "collecting", "accepted"),
        "after:settle": (1, 1, 1, 0, "succeeded", "succeeded"),
    }
    assert Take.objects.count() == len(fal_program.log()) == 1


def test_what_was_wrapped_is_put_back() -> None:
    from generation import lanes

    plain = lanes.lease_fairly
    undo = points.install(lambda point: None, web=False)
    assert lanes.lease_fairly is not plain
    undo()
    assert lanes.lease_fairly is plain


def test_the_first_at_the_point_waits_until_it_is_let_go_and_the_next_passes(
    db: None, tmp_path: Path
) -> None:
    meeting.aim(tmp_path, "before:claim")
    waited: list[bool] = []
    connection.ensure_connection()
    meeting.note_connection(connection=connection)
    thread = threading.Thread(target=lambda: waited.append(meeting.wait_here(tmp_path, "before:claim")))
    assert meeting.wait_here(tmp_path, "after:claim") is False
    thread.start()
    met = meeting.wait_until_met(tmp_path, seconds=10)
    assert met is not None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert (met.point, met.backend) == ("before:claim", cursor.fetchone()[0])
    assert meeting.wait_here(tmp_path, "before:claim") is False
    assert waited == []
    meeting.let_go(tmp_path)
    thread.join(10)
    assert waited == [True]


def test_a_point_that_nobody_comes_to_is_told_and_aimed_at_no_more(tmp_path: Path) -> None:
    meeting.aim(tmp_path, "before:claim")
    assert meeting.wait_until_met(tmp_path, seconds=0) is None
    assert meeting.wait_here(tmp_path, "before:claim") is False
