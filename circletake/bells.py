"""Bells between processes by PostgreSQL's NOTIFY: whoever has nothing to do sleeps until there is something.

A bell is a hint. One that is lost, as behind a pooler that shares sessions, costs a wait of at most the
seconds that the listener named; one that rings twice finds nothing to do.
"""

from __future__ import annotations

from django.db import connection, transaction
from django_q.brokers.orm import ORM

QUEUE, RENDER, HOLD = "circletake_queue", "circletake_render", "circletake_hold"

FIRST_SECONDS = 0.2
"""A connection that is new has not heard what rang before it."""


def ring(name: str) -> None:
    """Wakes those who listen for this bell, on commit."""
    transaction.on_commit(lambda: _notify(name), robust=True)


def _notify(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [name])


class Bell:
    """One listener, by Django's connection of the thread that waits."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._session: object = None

    def wait(self, *, seconds: float) -> None:
        """Returns when the bell rings, or after so many seconds; sooner on a connection that is new.

        Raises django.db.Error when the database is away.
        """
        connection.ensure_connection()
        session = connection.connection
        if session is not self._session:
            with connection.cursor() as cursor:
                cursor.execute(f'LISTEN "{self.name}"')
            self._session, seconds = session, min(seconds, FIRST_SECONDS)
        with connection.wrap_database_errors:
            list(session.notifies(timeout=seconds, stop_after=1))


class Broker(ORM):  # type: ignore[misc]
    """django-q2's broker in the database, told of a task instead of asking five times a second."""

    SECONDS = 1.0
    """How long a task may wait whose bell was lost."""

    def __init__(self, list_key: str | None = None) -> None:
        super().__init__(list_key)
        self.bell = Bell(QUEUE)

    def enqueue(self, task: str) -> int:
        package: int = super().enqueue(task)
        ring(QUEUE)
        return package

    def dequeue(self) -> list[tuple[int, str]] | None:
        found: list[tuple[int, str]] | None = super().dequeue()
        if found is None:
            self.bell.wait(seconds=self.SECONDS)
        return found
