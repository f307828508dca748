"""The program under the drill: `manage.py up` on data of its own, started again when it was killed itself."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from bench import stage

SECONDS = {"SWEEP_SECONDS": "3", "LEASE_SECONDS": "5", "CANARY_SECONDS": "15", "HERO_UNDO_SECONDS": "0"}
"""Everything that waits for a dead process waits this long, so that a drill is about killing.

The canary counts from the start of a group, which on a busy machine takes a while to answer at all.
"""

STARTS = 10
"""Attempts to start it that may fail in a row."""


def environment(folder: Path, port: int) -> dict[str, str]:
    return stage.environment(
        folder,
        port,
        **SECONDS,
        WORKERS="4",
        WEB_PROCESSES="1",
        RENDER_PROCESSES="2",
        PUBLIC_URL=f"http://localhost:{port}",
        LOG_LEVEL="WARNING",
        DJANGO_SETTINGS_MODULE="drills.settings",
    )


class Program:
    """`manage.py up`; `keep_up` starts it again after it was killed whole."""

    def __init__(self, folder: Path, port: int, *, patience: float = stage.START_SECONDS) -> None:
        self.folder = folder
        self.patience = patience
        self.port = port
        self.starts = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self.process is None:
            raise RuntimeError("The program was not started.")
        return self.process.pid

    def start(self) -> None:
        """Returns once this very process serves, or has ended by itself; raises TimeoutError."""
        self.starts += 1
        with (self.folder / "up.log").open("ab") as out:
            self.process = subprocess.Popen(
                stage.up(),
                cwd=stage.ROOT,
                env=dict(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until = time.monotonic() + self.patience
        while time.monotonic() < until:
            if self.process.poll() is not None or (self._has_web() and self.answers("healthz")):
                return
            time.sleep(0.2)
        raise TimeoutError(f"The program did not serve within {self.patience:g} s.")

    def _has_web(self) -> bool:
        """A web server that a killed one left behind may answer as well, and is none of ours."""
        try:
            below = [" ".join(child.cmdline()) for child in psutil.Process(self.pid).children()]
        except psutil.Error:
            return False
        return any(f"--port={self.port}" in words for words in below)

    def keep_up(self) -> None:
        """Starts it again where it has ended; what a killed one left behind may need a moment to go."""
        for _ in range(STARTS):
            if self.process is not None and self.process.poll() is None:
                return
            self.start()
        raise RuntimeError(f"The program does not start any more. {self.folder / 'up.log'} says why.")

    def stop(self) -> None:
        """Asks it to end; after a minute it is made to, with everything below it."""
        if self.process is None or self.process.poll() is not None:
            return
        below = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            for process in [self.process, *below]:
                process.kill()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answers(self, page: str = "readyz") -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/{page}", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def wait_until_ready(program: Program, *, seconds: float = 180) -> None:
    """Returns when web, database and workers are well; raises TimeoutError."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        program.keep_up()
        if program.answers():
            return
        time.sleep(0.5)
    raise TimeoutError(f"The program was not ready within {seconds:g} s.")
