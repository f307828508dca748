"""The program under measurement: `manage.py up` on data of its own, an emulated provider, a memory meter."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, *, seconds: float = START_SECONDS) -> None:
    """Returns when the address answers 200; raises TimeoutError."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.2)
    raise TimeoutError(f"{url} did not answer within {seconds:g} s.")


@contextlib.contextmanager
def data_dir() -> Iterator[Path]:
    """A folder that the embedded database's system user may pass through."""
    with tempfile.TemporaryDirectory(prefix="circletake-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


def environment(folder: Path, port: int, **more: str) -> dict[str, str]:
    """What both the program and this process are started with."""
    return {
        "DATA_DIR": str(folder),
        "PORT": str(port),
        "DEMO": "0",
        "PRIVATE_HOSTS": "127.0.0.1",
        "LOG_LEVEL": "WARNING",
        "EMAIL_URL": "memorymail://",
        "DJANGO_SETTINGS_MODULE": "circletake.settings",
        **more,
    }


@contextlib.contextmanager
def started(command: list[str], *, log: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a group of its own; it is asked to end, and after 15 s made to."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **more},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def up() -> list[str]:
    return [sys.executable, str(ROOT / "manage.py"), "up"]


def emulators(port: int, *, latency: str) -> list[str]:
    return [sys.executable, "-m", "tests.emulators", "--port", str(port), "--latency", latency, "--seed", "1"]


class Meter:
    """Samples memory (PSS) and CPU of a process and all below it, each second, until it is stopped."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.peaks: dict[str, int] = {}
        self.peak_total = 0
        self.cpu: dict[str, float] = {}
        self.each: dict[tuple[str, int], float] = {}
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Meter:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stopping.set()
        self.thread.join()

    def _run(self) -> None:
        while not self.stopping.wait(1):
            self.sample()

    def sample(self) -> None:
        found: dict[str, int] = {}
        for pid in tree(self.pid):
            with contextlib.suppress(OSError, ValueError, IndexError):
                part = part_of(pid)
                found[part] = found.get(part, 0) + pss(pid)
                self.each[part, pid] = cpu_seconds(pid)
        self.peak_total = max(self.peak_total, sum(found.values()))
        for part, value in found.items():
            self.peaks[part] = max(self.peaks.get(part, 0), value)
        self.cpu = {}
        for (part, _), seconds in self.each.items():  # of ended processes too, as they were last seen
            self.cpu[part] = self.cpu.get(part, 0.0) + seconds


def tree(root: int) -> list[int]:
    """A process and everything below it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def pss(pid: int) -> int:
    """Proportional set size in bytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def part_of(pid: int) -> str:
    """Which part of the program a process belongs to, by its command."""
    command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    for word, part in (
        ("postgres", "database"),
        ("circletake.server", "web"),
        ("circletake.cluster", "lanes"),
        ("manage.py render", "render"),
        ("multiprocessing", "render"),
    ):
        if word in command:
            return part
    return "supervisor"
