"""The programs that `manage.py work` keeps running."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

from django.conf import settings
from django.db import Error, connection
from django.utils import timezone

from billing.exports import jobs
from circletake import cluster
from circletake.supervisor import Program
from generation import bill_jobs, canary, history_jobs, sweep
from projects import notices


def programs(*, drain: bool = False) -> list[Program]:
    """All of them; each is a process group that is watched and restarted by itself.

    With `drain` a SIGTERM lets the calls that are open end, for up to DRAIN_SECONDS.
    """
    return [queue(drain=drain), hold(drain=drain), render(), histories(), exports()]


def queue(*, drain: bool = False) -> Program:
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
        on_start=lambda: {**watch.begin(), **({cluster.DRAIN: "1"} if drain else {})},
        probe=look,
        death_signal=signal.SIGKILL,
        stop_seconds=settings.DRAIN_SECONDS if drain else 5,
        hurry_signal=signal.SIGINT,
    )


def hold(*, drain: bool = False) -> Program:
    """Holds the calls open whose answer is the result, apart from the queue, which may not wait for them."""
    return Program(
        name="hold",
        command=[
            *(sys.executable, str(settings.BASE_DIR / "manage.py"), "hold"),
            *(["--drain"] if drain else []),
        ],
        stop_seconds=settings.DRAIN_SECONDS if drain else 5,
        hurry_signal=signal.SIGINT,
    )


def render() -> Program:
    """The pool of processes that draws and makes posters, apart from the queue."""
    return Program(
        name="render",
        command=[sys.executable, str(settings.BASE_DIR / "manage.py"), "render"],
        stop_seconds=5,
    )


def histories() -> Program:
    """The import of large histories, which takes longer than the queue allows; runs while one waits."""
    return Program(
        name="histories",
        command=[sys.executable, str(settings.BASE_DIR / "manage.py"), "histories"],
        wanted=_history_waits,
        stop_seconds=5,
    )


def exports() -> Program:
    """Workbooks of large months and finance's mail: drawing needs memory that the queue should not keep."""
    return Program(
        name="exports",
        command=[sys.executable, str(settings.BASE_DIR / "manage.py"), "exports"],
        wanted=_export_waits,
        stop_seconds=5,
    )


def _history_waits() -> bool:
    return _waits(history_jobs.overdue) or _waits(bill_jobs.overdue)


def _export_waits() -> bool:
    return _waits(jobs.waiting) or _waits(notices.waiting_with_files)


def _waits(counted: Callable[..., int]) -> bool:
    """A database that is away is not its concern."""
    try:
        return counted(now=timezone.now()) > 0
    except Error:
        connection.close()
        return False
