"""Who has nothing to do sleeps until a bell rings, and hears one that rang while it was busy."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from django.db import close_old_connections, connection, connections, transaction
from django_q.tasks import async_task

from circletake import bells

LONG = 20.0
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bell() -> Iterator[bells.Bell]:
    """One whose first wait is over, which a new connection keeps short."""
    one = bells.Bell("test_bell")
    assert waited(one, seconds=LONG) < LONG / 2
    yield one
    connection.close()


def waited(bell: bells.Bell, *, seconds: float) -> float:
    begun = time.monotonic()
    bell.wait(seconds=seconds)
    return time.monotonic() - begun


def rung_elsewhere(name: str) -> None:
    def work() -> None:
        bells.ring(name)
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_a_bell_of_another_connection_ends_the_wait(bell: bells.Bell) -> None:
    threading.Timer(0.3, rung_elsewhere, ["test_bell"]).start()
    assert 0.1 < waited(bell, seconds=LONG) < LONG / 2


def test_without_a_bell_the_wait_ends_by_itself(bell: bells.Bell) -> None:
    rung_elsewhere("another_bell")
    assert 0.4 < waited(bell, seconds=0.5) < LONG


def test_what_rang_while_one_was_busy_is_heard_once(bell: bells.Bell) -> None:
    rung_elsewhere("test_bell")
    rung_elsewhere("test_bell")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert waited(bell, seconds=LONG) < LONG / 2
    assert waited(bell, seconds=0.5) > 0.4


def test_a_bell_rings_when_its_transaction_is_committed(bell: bells.Bell) -> None:
    def work() -> None:
        with transaction.atomic():
            bells.ring("test_bell")
            time.sleep(0.5)
        connections.close_all()

    threading.Thread(target=work).start()
    assert 0.3 < waited(bell, seconds=LONG) < LONG / 2


def test_a_connection_that_was_lost_listens_again(bell: bells.Bell) -> None:
    connection.close()
    close_old_connections()
    assert waited(bell, seconds=LONG) < LONG / 2
    rung_elsewhere("test_bell")
    assert waited(bell, seconds=LONG) < LONG / 2


def test_the_broker_of_the_queue_is_told_of_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bells.Broker, "SECONDS", LONG)
    broker = bells.Broker("circletake")
    assert broker.dequeue() is None  # a new connection, which waits a moment alone
    threading.Timer(0.3, lambda: (async_task("generation.tasks.notify"), connections.close_all())).start()
    begun = time.monotonic()
    taken = None
    while taken is None and time.monotonic() - begun < LONG:
        taken = broker.dequeue()
    assert taken is not None
    assert len(taken) == 1
    assert time.monotonic() - begun < LONG / 2
    broker.delete(taken[0][0])
