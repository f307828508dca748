"""A broker that is away costs a line in the log and a delay, and nothing else."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django_q.brokers.redis_broker import Redis
from django_q.conf import Conf
from django_q.models import OrmQ

from circletake import handing
from generation import lanes
from projects.models import Take
from tests.cast import Cast
from tests.circletake.running import free_port
from tests.generation.pages import signed_in

TASK = lanes.TASKS["notify"]
AWAY = "the queue's broker is away: bells are lost, and the sweep makes up for them"


@pytest.fixture
def way(monkeypatch: pytest.MonkeyPatch) -> handing.Handing:
    """A fresh way to the broker."""
    one = handing.Handing()
    monkeypatch.setattr(lanes, "handing", one)
    return one


@pytest.fixture
def redis_is_away(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Nobody listens where Redis should be; answers who asked for the broker."""
    asked: list[str] = []
    monkeypatch.setattr(Conf, "REDIS", f"redis://127.0.0.1:{free_port()}/0?socket_connect_timeout=2")

    def broker(cluster: object) -> Redis:
        asked.append("asked")
        return Redis()

    monkeypatch.setattr("django_q.tasks.get_broker", broker)
    return asked


def lines(caplog: Any) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_many_bells_without_redis_make_one_line_without_a_traceback(
    way: handing.Handing, redis_is_away: list[str], caplog: Any, monkeypatch: Any
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(handing.time, "monotonic", lambda: clock[0])
    for _ in range(60):
        assert way.over(TASK) is False
        clock[0] += 1
    (line,) = lines(caplog)
    assert AWAY in line
    assert all(record.exc_info is None for record in caplog.records)
    assert (len(redis_is_away), way.lost) == (12, 60)
    for _ in range(6):
        way.over(TASK)
        clock[0] += 1
    assert len(lines(caplog)) == 2


@pytest.mark.django_db
def test_when_it_is_back_bells_ring_again_and_it_is_said(
    way: handing.Handing, redis_is_away: list[str], caplog: Any, monkeypatch: Any
) -> None:
    caplog.set_level(logging.INFO)
    way.over(TASK)
    monkeypatch.undo()
    way.rests_until = 0.0
    assert way.over(TASK) is True
    assert OrmQ.objects.count() == 1
    assert "the queue's broker answers again" in caplog.text
    assert way.lost == 0


def test_a_take_is_asked_for_without_redis(
    studio: Cast,
    way: handing.Handing,
    redis_is_away: list[str],
    caplog: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    before = Take.objects.count()
    address = f"/w/studio/deliverables/{studio.deliverable.pk}/make/"
    with django_capture_on_commit_callbacks(execute=True) as rung:
        answer = signed_in(studio.producer).post(address, {"count": "2", "phase": "draft"})
    assert answer.status_code in (200, 302), answer.content
    assert Take.objects.count() == before + 2
    assert len(rung) >= 1
    (line,) = lines(caplog)
    assert AWAY in line
    assert "Traceback" not in caplog.text
