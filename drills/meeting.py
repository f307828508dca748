"""How a drill meets a process: it names a point, the first process that comes by says who it is and waits.

All by files in one folder: `aim` names the point, the process that reaches it takes the aim away, writes
`reached`, and goes on when `go` is there, or after PATIENCE_SECONDS.
"""

from __future__ import annotations

import dataclasses
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

from django.db import connection

VARIABLE = "CIRCLETAKE_DRILL_AIM"
"""In the environment: the folder of the files."""

PATIENCE_SECONDS = 20.0
LOOK_SECONDS = 0.02
main_connection: Any = None
"""The database connection of the process's main thread; work on the wire has none of its own."""


@dataclasses.dataclass(frozen=True)
class Met:
    """A process that stands at a point, and the database backend that works for it."""

    point: str
    pid: int
    backend: int


# -- what the driver does -------------------------------------------------------------------------


def aim(folder: Path, point: str) -> None:
    """From now on the first process that comes to the point waits there."""
    for name in ("aim", "taken", "reached", "go"):
        (folder / name).unlink(missing_ok=True)
    _write(folder / "aim", point)


def wait_until_met(folder: Path, *, seconds: float) -> Met | None:
    """The process that has come to the point; None where none came, and then none is waited for any more."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if (folder / "reached").exists():
            return Met(**json.loads((folder / "reached").read_text()))
        time.sleep(LOOK_SECONDS)
    (folder / "aim").unlink(missing_ok=True)
    return None


def let_go(folder: Path) -> None:
    _write(folder / "go", "")


# -- what the process does ------------------------------------------------------------------------


def wait_here(folder: Path, point: str) -> bool:
    """Waits, where this is the point that is aimed at and nobody waits there yet; answers whether it did."""
    try:
        if (folder / "aim").read_text() != point:
            return False
        (folder / "aim").rename(folder / "taken")
    except FileNotFoundError:
        return False
    told = dataclasses.asdict(Met(point, os.getpid(), _backend()))
    _write(folder / "reached", json.dumps(told))
    until = time.monotonic() + PATIENCE_SECONDS
    while not (folder / "go").exists() and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
    return True


def note_connection(**signal: Any) -> None:
    """A receiver of `connection_created`."""
    global main_connection
    if threading.current_thread() is threading.main_thread():
        main_connection = signal["connection"].connection


def _backend() -> int:
    """The number of the database's process for this thread, or for the main thread; 0 where there is none."""
    used = connection.connection or main_connection
    return int(used.info.backend_pid) if used is not None and not used.closed else 0


def _write(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.rename(path)
