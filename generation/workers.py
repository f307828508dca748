"""The programs that `manage.py work` keeps running."""

from __future__ import annotations

import signal
import sys

from django.conf import settings

from circletake.supervisor import Program
from generation import canary, sweep


def programs() -> list[Program]:
    """All of them; each is a process group that is watched and restarted by itself."""
    return [queue(), render()]


def queue() -> Program:
    """The lanes' bells, answered by django-q2; started anew when the canary falls silent.

    The sweep is asked for from here as well, so that its pace does not depend on the queue's own clock.
    """
    watch = canary.Watch()
    pace = sweep.Pace()

    def look() -> str:
        pace.ring_when_due()
        return watch.silent()

    return Program(
        name="queue",
        command=[sys.executable, "-m", "circletake.cluster"],
        on_start=watch.begin,
        probe=look,
        death_signal=signal.SIGKILL,
        stop_seconds=5,
    )


def render() -> Program:
    """The pool of processes that draws and makes posters, apart from the queue."""
    return Program(
        name="render",
        command=[sys.executable, str(settings.BASE_DIR / "manage.py"), "render"],
        stop_seconds=5,
    )
