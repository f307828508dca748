"""Runs programs of ours as children, restarts what dies or falls silent, and stops them all in time.

Each program leads a process group of its own: a Ctrl-C in the terminal reaches the supervisor alone, and a
group can be ended whole. When the supervisor itself is killed, the kernel ends its children
(`postgres.die_with_parent`).
"""

from __future__ import annotations

import dataclasses
import fcntl
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import structlog

from circletake import postgres

log = structlog.get_logger("circletake.supervisor")

STOP_SECONDS = 7.0
"""Programs are asked to end, and after this long made to; with the database's stop it stays under ten."""

PAUSES_SECONDS = (0.0, 1.0, 2.0, 5.0, 15.0, 30.0)
"""Before the first, second, … restart of a program that keeps dying."""

ASKED_SECONDS = 3.0
"""How often a program that runs on demand is asked for."""

SETTLED_SECONDS = 60.0
"""A program that lived this long has earned a restart without a pause."""


class CannotStart(Exception):
    """Something else is in the way; the message names it and the remedy."""


@dataclasses.dataclass(frozen=True)
class Program:
    """A command to keep running.

    `on_start` is called before each start and may return additions to the environment. `probe` is called
    each second and returns the reason why the program must be started anew, or "". `death_signal` is what
    the kernel sends it when the supervisor dies. `hurry_signal` asks it not to wait any longer.
    With `wanted` it runs on demand alone: it is asked every few seconds, and the program may end by itself.
    """

    name: str
    command: Sequence[str]
    on_start: Callable[[], Mapping[str, str]] = dict
    probe: Callable[[], str] = str
    death_signal: int = signal.SIGTERM
    stop_seconds: float = STOP_SECONDS
    hurry_signal: int = signal.SIGTERM
    wanted: Callable[[], bool] | None = None


class Child:
    """A program in its process group, through all its restarts."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.restarts = 0
        self.not_before = 0.0

    def start(self) -> None:
        environment = {**os.environ, **self.program.on_start()}
        signum = self.program.death_signal
        self.process = subprocess.Popen(
            self.program.command,
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=lambda: postgres.die_with_parent(signum),
        )
        self.started_at = time.monotonic()

    def has_ended(self) -> bool:
        """True once the leader is gone. It is not reaped here, so that its group's number stays taken."""
        if self.process is None:
            return True
        if self.process.returncode is not None:
            return True
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.process.pid, options) is not None

    def ask_to_stop(self, *, signum: int = signal.SIGTERM) -> None:
        if self.process is not None and not self.has_ended():
            self.process.send_signal(signum)

    def kill_group(self) -> int | None:
        """End everything in the group at once, reap the leader, and return its exit status."""
        if self.process is None:
            return None
        if self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        status = self.process.wait()
        self.process = None
        return status

    def watch(self) -> None:
        """One look: restart the whole group when its leader has ended or the probe finds it sick."""
        if self.process is None:
            if time.monotonic() >= self.not_before and self._is_wanted():
                self.start()
            return
        if self.program.wanted and self.has_ended():
            if status := self.kill_group():
                log.error("ended", program=self.program.name, exit_status=status)
            self._plan_restart()
            return
        reason = "ended" if self.has_ended() else self._probe()
        if reason:
            status = self.kill_group()
            log.error("restarting", program=self.program.name, reason=reason, exit_status=status)
            self._plan_restart()

    def _is_wanted(self) -> bool:
        """Whether the program is to run; a question that fails is asked again."""
        if self.program.wanted is None:
            return True
        self.not_before = time.monotonic() + ASKED_SECONDS
        try:
            return self.program.wanted()
        except Exception:
            log.exception("a program's need could not be found out", program=self.program.name)
            return False

    def _probe(self) -> str:
        """The probe's word; a probe that fails itself says nothing of the program."""
        try:
            return self.program.probe()
        except Exception:
            log.exception("a probe failed", program=self.program.name)
            return ""

    def _plan_restart(self) -> None:
        now = time.monotonic()
        self.restarts = 0 if now - self.started_at > SETTLED_SECONDS else self.restarts + 1
        self.not_before = now + PAUSES_SECONDS[min(self.restarts, len(PAUSES_SECONDS) - 1)]


class Supervisor:
    """Keeps programs running until SIGTERM or SIGINT. SIGINT, or a second signal, hurries them."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self.children = [Child(program) for program in programs]
        self.stopping = threading.Event()
        self.hurried = threading.Event()

    def run(self, *, each_second: Callable[[], None] = lambda: None) -> None:
        """Start all, watch them, and return when a signal came and all have ended."""
        with self._signals():
            try:
                while not self.stopping.is_set():
                    each_second()
                    for child in self.children:
                        child.watch()
                    self.stopping.wait(1)
            finally:
                self.stop()

    def stop(self) -> None:
        """Ask every program to end, wait for as long as each may take, and end what is left by force."""
        hurried = self._ask()
        begun = time.monotonic()
        for child in self.children:
            while not child.has_ended() and time.monotonic() < begun + self._patience(child):
                if self.hurried.is_set() and not hurried:
                    hurried, begun = self._ask(), time.monotonic()
                time.sleep(0.05)
            if not child.has_ended():
                log.warning("ended by force", program=child.program.name)
            child.kill_group()

    def _ask(self) -> bool:
        """Asks the programs to end, and whether they were asked to hurry."""
        hurry = self.hurried.is_set()
        for child in self.children:
            child.ask_to_stop(signum=child.program.hurry_signal if hurry else signal.SIGTERM)
        return hurry

    def _patience(self, child: Child) -> float:
        most = STOP_SECONDS if self.hurried.is_set() else child.program.stop_seconds
        return min(most, child.program.stop_seconds)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(signum: int, frame: FrameType | None) -> None:
            if signum == signal.SIGINT or self.stopping.is_set():
                self.hurried.set()
            self.stopping.set()

        before = {signum: signal.signal(signum, stop) for signum in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)


@contextmanager
def sole_user_of(data_dir: Path) -> Iterator[None]:
    """Hold the data folder for this process; raises CannotStart when another one holds it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / "up.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise CannotStart(
                f"Circletake already runs on {data_dir} (process {file.read().strip() or 'unknown'}). "
                "Stop it there, or set DATA_DIR and PORT to start another one."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def require_free_port(host: str, port: int) -> None:
    """Raise CannotStart when somebody listens on the port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotStart(
                f"Port {port} cannot be used ({error.strerror}). "
                f"Stop what listens there, or choose another: PORT={port + 1}."
            ) from None
