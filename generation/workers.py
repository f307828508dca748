"""The programs that `manage.py work` keeps running."""

from __future__ import annotations

import signal
import sys

from circletake.supervisor import Program
from generation import canary


def programs() -> list[Program]:
    """All of them; each is a process group that is watched and restarted by itself."""
    return [queue()]


def queue() -> Program:
    """The lanes' bells, answered by django-q2; started anew when the canary falls silent."""
    watch = canary.Watch()
    return Program(
        name="queue",
        command=[sys.executable, "-m", "circletake.cluster"],
        on_start=watch.begin,
        probe=watch.silent,
        death_signal=signal.SIGKILL,
        stop_seconds=5,
    )
