"""The canary: a task that does nothing but stamp a row, the only thing that sees a frozen queue.

django-q2 can stop taking tasks and look healthy. So each group of workers is asked to stamp a row of its
own, through the queue; the supervisor starts the whole group anew when the stamp is too old.
"""

from __future__ import annotations

import datetime
import os
import secrets

from django.conf import settings
from django.db import Error, connection
from django.utils import timezone
from django_q.tasks import async_task
from redis.exceptions import RedisError

from generation.models import Canary

GROUP_VARIABLE = "CIRCLETAKE_WORKER_GROUP"
LONG_AGO = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
KEEP = datetime.timedelta(days=1)


def stamp() -> None:
    """The task: write that this group of workers took a task from the queue just now."""
    Canary.objects.update_or_create(
        name=os.environ.get(GROUP_VARIABLE, "unnamed"), defaults={"stamped_at": timezone.now()}
    )


class Watch:
    """Asks one group of workers for stamps and says when it has been silent for `CANARY_SECONDS`.

    Several groups drain one queue, so a request may be answered by another group: requests are repeated,
    and the more often the older one's own stamp is.
    """

    def __init__(self) -> None:
        self.group = ""
        self.alive_at = timezone.now()
        self.asked_at = LONG_AGO

    def begin(self) -> dict[str, str]:
        """Name a fresh group, and return what its processes need in their environment."""
        self.group = secrets.token_hex(8)
        self.alive_at = timezone.now()
        self.asked_at = LONG_AGO
        return {GROUP_VARIABLE: self.group}

    def silent(self) -> str:
        """Why the group must be started anew, or "". A database or broker away is not its fault."""
        now = timezone.now()
        try:
            self._look(now)
        except (Error, RedisError):
            connection.close()
            self.alive_at = now
        age = (now - self.alive_at).total_seconds()
        limit = settings.CANARY_SECONDS
        return f"no task was taken for {age:.0f} s" if age > limit else ""

    def _look(self, now: datetime.datetime) -> None:
        canary = Canary.objects.filter(name=self.group).first()
        if canary and canary.stamped_at:
            self.alive_at = max(self.alive_at, canary.stamped_at)
        quiet = (now - self.alive_at).total_seconds() > settings.CANARY_SECONDS / 2
        pause = settings.CANARY_SECONDS / (30 if quiet else 6)
        if (now - self.asked_at).total_seconds() >= pause:
            self.asked_at = now
            async_task("generation.canary.stamp")
            Canary.objects.filter(stamped_at__lt=now - KEEP).delete()
