"""Handing tasks to the queue, whose broker may be away: then the bell is lost, and one line says so.

State lies in our tables, so that a lost bell costs a delay until the next sweep and nothing else. A Redis
that is away is neither waited for by every request nor written about by every bell.
"""

from __future__ import annotations

import time

import structlog
from django_q.tasks import async_task
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

REST_SECONDS = 5.0
"""How long a broker that failed is left alone."""

WARN_SECONDS = 60.0
"""How far apart lines are that say so, of one process."""


class Handing:
    """One process's way to the broker; what threads do to it at once loses a line or a bell at most."""

    def __init__(self) -> None:
        self.rests_until = 0.0
        self.warned_at: float | None = None
        self.lost = 0

    def over(self, task: str) -> bool:
        """Puts a task, named by its path, into the queue; False where the broker is away. Raises nothing of
        the broker's."""
        now = time.monotonic()
        if now < self.rests_until:
            self.lost += 1
            return False
        try:
            async_task(task)
        except (RedisError, OSError) as error:
            self.lost += 1
            self.rests_until = time.monotonic() + REST_SECONDS
            self._warn(error, now)
            return False
        if self.lost:
            log.info("the queue's broker answers again", lost_bells=self.lost)
            self.lost, self.warned_at = 0, None
        return True

    def _warn(self, error: Exception, now: float) -> None:
        if self.warned_at is None or now - self.warned_at >= WARN_SECONDS:
            self.warned_at = now
            log.warning(
                "the queue's broker is away: bells are lost, and the sweep makes up for them",
                lost_bells=self.lost,
                error=str(error),
            )


handing = Handing()
