"""Real connections for tests of locks: threads and processes that meet in the database."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection, connections, transaction

PATIENCE_SECONDS = 20


class Background:
    """A call in a thread with a connection of its own; `result()` waits, and raises what it raised."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function, self._answer, self._error = function, None, None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._answer = self._function()
        except Exception as error:  # handed on to whoever asks
            self._error = error
        finally:
            connections.close_all()

    def result(self) -> Any:
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive(), "still waiting for a lock"
        if self._error:
            raise self._error
        return self._answer


def while_uncommitted(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[Any, Background]:
    """Does `first`, starts `second` on another connection, waits until it hangs on a lock, then commits."""
    with transaction.atomic():
        answer = first()
        other = Background(second)
        wait_for_blocked(1)
    return answer, other


def wait_for_blocked(count: int) -> None:
    """Waits until so many backends of this database wait for a lock."""
    until = time.monotonic() + PATIENCE_SECONDS
    while blocked() < count:
        assert time.monotonic() < until, "nobody waits for a lock"
        time.sleep(0.01)


def blocked() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # else the first look lasts a transaction
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
        )
        return int(cursor.fetchone()[0])


def in_processes(function: Callable[[Any], Any], arguments: Sequence[Any]) -> list[Any]:
    """The answers of `function` for each argument, each in a process of its own, all let loose at once."""
    connections.close_all()  # a forked process must not speak on its parent's connection
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(len(arguments)), context.SimpleQueue()

    def run(place: int) -> None:
        connection.ensure_connection()
        barrier.wait(PATIENCE_SECONDS)
        try:
            answers.put((place, function(arguments[place])))
        except Exception as error:  # the parent decides what it means
            answers.put((place, repr(error)))
        finally:
            connections.close_all()

    processes = [context.Process(target=run, args=[place]) for place in range(len(arguments))]
    for process in processes:
        process.start()
    found = dict(answers.get() for _ in processes)
    for process in processes:
        process.join(PATIENCE_SECONDS)
        assert process.exitcode == 0
    return [found[place] for place in range(len(arguments))]
