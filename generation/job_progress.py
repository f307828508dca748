"""How far a long job has come, told beside its transaction, which is still open."""

from __future__ import annotations

import datetime
import threading
import uuid
from typing import Any

from django.db import connection, models
from django.utils import timezone

LEASE = datetime.timedelta(seconds=60)
BEAT_SECONDS = 15.0
"""How often a process says that it still works on its job, in whatever part of it."""


class Progress:
    """Writes the state of a job's row, its `column` and its lease over a connection of its own.

    It renews the lease from time to time by itself, for as long as the process lives.
    """

    def __init__(self, job: models.Model, column: str, state: str) -> None:
        self.table, self.column, self.key = job._meta.db_table, column, uuid.UUID(str(job.pk))
        self.state, self.rows = state, 0
        self.connection = connection.copy()
        self.connection.inc_thread_sharing()
        self.ended, self.lock = threading.Event(), threading.Lock()
        self.thread = threading.Thread(target=self._beat, name="progress", daemon=True)
        self.thread.start()

    def say(self, state: str, rows: int) -> None:
        self.state, self.rows = state, rows
        self._write()

    def close(self) -> None:
        self.ended.set()
        self.thread.join()
        self.connection.close()

    def _beat(self) -> None:
        while not self.ended.wait(BEAT_SECONDS):
            self._write()

    def _write(self) -> None:
        statement = f'UPDATE "{self.table}" SET state = %s, "{self.column}" = %s, leased_until = %s'  # noqa: S608
        values: list[Any] = [self.state, self.rows, timezone.now() + LEASE, self.key]
        with self.lock, self.connection.cursor() as cursor:
            cursor.execute(f"{statement} WHERE id = %s", values)
