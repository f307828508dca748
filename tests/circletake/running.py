"""Runs `manage.py up` for a test, as a person at a terminal would, and looks at its processes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[2]
INHERITED = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")
Value = TypeVar("Value")


class Running:
    """One `manage.py up` on a data folder of its own."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.log_path = Path(tempfile.mkstemp(suffix=".log", dir=data_dir.parent)[1])
        self.started_at = time.monotonic()
        self.process = command("up", data_dir, log=self.log_path, PORT=str(self.port), **environment)
        self.processes: dict[int, psutil.Process] = {}

    def wait_until_it_answers(self) -> None:
        wait_for(self.answers, seconds=120, what=f"an answer from {self.log_path}")
        wait_for(lambda: len(self.workers()) == 6, seconds=30, what="the queue's six processes")

    def answers(self) -> bool:
        """True once web, database and workers are ready."""
        assert self.process.poll() is None, self.log()
        try:
            return httpx.get(f"http://localhost:{self.port}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def see(self) -> dict[int, psutil.Process]:
        """All processes below, remembered, so that those which outlive their parents are found again."""
        for process in psutil.Process(self.process.pid).children(recursive=True):
            self.processes[process.pid] = process
        return self.processes

    def workers(self) -> list[psutil.Process]:
        """The queue's processes in the order of their birth: main, sentinel, two workers, monitor, pusher."""
        found = [p for p in self.see().values() if alive(p) and "circletake.cluster" in words(p)]
        return sorted(found, key=lambda process: process.create_time())

    def left(self) -> list[list[str]]:
        """Command lines of the processes seen that still run."""
        return [words(p) for p in self.processes.values() if alive(p)]

    def stop(self, signum: int = signal.SIGTERM) -> float:
        """Send a signal and return after how many seconds the program had ended."""
        self.see()
        begun = time.monotonic()
        self.process.send_signal(signum)
        self.process.wait(60)
        return time.monotonic() - begun

    def log(self) -> str:
        return re.sub(r"\x1b\[[0-9;]*m", "", self.log_path.read_text())


def command(name: str, data_dir: Path, *, log: Path, **environment: str) -> subprocess.Popen[bytes]:
    """Start a command of ours with a bare environment, its output in a file."""
    kept = {key: os.environ[key] for key in INHERITED if key in os.environ}
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), name],
            env={**kept, "DATA_DIR": str(data_dir), "WORKERS": "2", "WEB_PROCESSES": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


@contextmanager
def up(data_dir: Path, **environment: str) -> Iterator[Running]:
    """`manage.py up`, ready when the block begins and ended with everything below it afterwards."""
    running = Running(data_dir, **environment)
    try:
        running.wait_until_it_answers()
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()
        for process in running.processes.values():
            if alive(process):
                process.kill()


def words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def alive(process: psutil.Process) -> bool:
    """True for a running process; a zombie has ended."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(look: Callable[[], Value], *, seconds: float, what: str) -> Value:
    """The first true value that `look` returns; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := look():
            return value
        time.sleep(0.1)
    raise AssertionError(f"Waited {seconds:g} s in vain for {what}.")
