"""Whom a cell of the kill matrix kills, once a process was met at its point."""

from __future__ import annotations

import contextlib
import time

import psutil

from drills import aim
from drills.meeting import Met


def of(fault: str, met: Met, pid: int) -> psutil.Process | None:
    """The process to kill; None where there is none.

    *worker* is the process that was met, *backend* the one that serves it in the database, *main* the main
    process of its own server or queue. A web worker has no sentinel: there it is the queue's.
    """
    try:
        there = aim.parts([pid])
        if fault == "worker":
            return psutil.Process(met.pid)
        if fault == "backend":
            return psutil.Process(met.backend) if met.backend else None
        if fault == "main":
            mains = {process.pid for name in ("queue main", "web") for process in there.get(name, [])}
            above = psutil.Process(met.pid).parents()
            return next((process for process in above if process.pid in mains), None)
    except psutil.Error:
        return None
    return next(iter(there.get(fault, [])), None)


def below(target: psutil.Process, met: Met) -> list[psutil.Process]:
    """The process that was met, and its backend, where they go with the one that is killed."""
    found = []
    for pid in (met.pid, met.backend):
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            found += [process] if target in process.parents() else []
    return found


def outlive(processes: list[psutil.Process], *, seconds: float) -> list[psutil.Process]:
    """Waits until the processes are gone; answers those that still run."""
    until = time.monotonic() + seconds
    while (left := [process for process in processes if aim.alive(process)]) and time.monotonic() < until:
        time.sleep(0.02)
    return left
