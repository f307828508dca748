"""Whom to kill: the processes of the running program by the part that they play."""

from __future__ import annotations

import contextlib
import random
import signal
from collections.abc import Sequence

import psutil

from circletake import postgres

CHANCES = {
    "queue worker": 50,
    "sentinel": 7,
    "queue main": 5,
    "work": 6,
    "render": 12,
    "hold": 5,
    "web": 8,
    "database backend": 14,
    "database": 3,
    "up": 3,
}
"""How often each part is aimed at, in a hundred or so."""

SESSION = f"postgres: {postgres.NAME} {postgres.NAME} "
"""How PostgreSQL titles a process that serves a session, and none of its own."""


def parts(pids: Sequence[int]) -> dict[str, list[psutil.Process]]:
    """Processes by part, below the program's own: that of `up`, or those of a site's servers and hosts."""
    found: dict[str, list[psutil.Process]] = {name: [] for name in CHANCES}
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            _sort(psutil.Process(pid), found)
    return {name: rows for name, rows in found.items() if rows}


def _sort(child: psutil.Process, found: dict[str, list[psutil.Process]]) -> None:
    with contextlib.suppress(psutil.Error):
        words = " ".join(child.cmdline())
        if "manage.py up" in words:
            found["up"].append(child)
            for program in child.children():
                _sort(program, found)
        elif "bin/postgres" in words:
            found["database"].append(child)
            found["database backend"] += [p for p in child.children() if SESSION in " ".join(p.cmdline())]
        elif "manage.py web" in words or "circletake.server" in words:
            found["web"] += [child, *child.children(recursive=True)]
        elif "manage.py work" in words:
            found["work"].append(child)
            for program in child.children():
                _sort_worker(program, found)


def _sort_worker(program: psutil.Process, found: dict[str, list[psutil.Process]]) -> None:
    words = " ".join(program.cmdline())
    if "circletake.cluster" in words:
        found["queue main"].append(program)
        for sentinel in program.children():
            found["sentinel"].append(sentinel)
            found["queue worker"] += sentinel.children()
    elif "manage.py render" in words:
        found["render"] += [program, *program.children(recursive=True)]
    elif "manage.py hold" in words:
        found["hold"].append(program)


def choose(pids: Sequence[int], dice: random.Random) -> tuple[str, psutil.Process] | None:
    """A part and one of its processes, by chance; None while nothing runs."""
    there = parts(pids)
    if not there:
        return None
    names = sorted(there)
    (name,) = dice.choices(names, [CHANCES[name] for name in names])
    return name, dice.choice(sorted(there[name], key=lambda process: process.pid))


def alive(process: psutil.Process) -> bool:
    """Whether it still runs; a zombie does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def kill(process: psutil.Process) -> bool:
    """SIGKILL; False where it had ended by itself. psutil looks first whether the number is still its own."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        process.send_signal(signal.SIGKILL)
    except psutil.Error:
        return False
    return True
