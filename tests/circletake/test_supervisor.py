"""The supervisor restarts what dies and what is found sick, and outlives a probe that fails."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from circletake.supervisor import Child, Program, Supervisor
from tests.circletake.running import wait_for

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def children() -> Iterator[list[Child]]:
    started: list[Child] = []
    yield started
    for child in started:
        child.kill_group()


def started(children: list[Child], program: Program) -> Child:
    child = Child(program)
    children.append(child)
    child.start()
    return child


def test_a_probe_that_fails_leaves_the_program_running(children: list[Child]) -> None:
    child = started(children, Program("sleeper", SLEEPER, probe=lambda: str(1 // 0)))
    process = child.process
    child.watch()
    assert child.process is process
    assert not child.has_ended()


def test_a_program_found_sick_is_ended_and_started_after_its_pause(children: list[Child]) -> None:
    said = ["sick", ""]
    child = started(children, Program("sleeper", SLEEPER, probe=lambda: said.pop(0)))
    former = child.process
    child.watch()
    assert former is not None
    assert former.returncode == -9
    assert child.process is None
    child.not_before = time.monotonic()
    child.watch()
    assert child.process is not None
    assert child.process.pid != former.pid


def test_a_program_that_keeps_dying_is_started_with_growing_pauses(children: list[Child]) -> None:
    child = started(children, Program("dies", [sys.executable, "-c", ""]))
    pauses = []
    for _ in range(3):
        wait_for(child.has_ended, seconds=10, what="the program's end")
        child.watch()
        pauses.append(round(child.not_before - time.monotonic()))
        child.start()
    assert pauses == [1, 2, 5]


STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *a: print("asked", flush=True))
signal.signal(signal.SIGINT, lambda *a: sys.exit(0))
time.sleep(60)
time.sleep(60)
"""


def stopped_after(first: int, then: int | None, *, seconds: float) -> float:
    """How long a supervisor takes to stop a program that ends at the hurry signal alone."""
    patient = Program(
        "patient", [sys.executable, "-c", STUBBORN], stop_seconds=seconds, hurry_signal=signal.SIGINT
    )
    supervisor = Supervisor([patient])
    me = os.getpid()
    threading.Timer(1.5, os.kill, [me, first]).start()
    if then is not None:
        threading.Timer(3.0, os.kill, [me, then]).start()
    begun = time.monotonic()
    supervisor.run()
    return time.monotonic() - begun - 1.5


def test_ctrl_c_hurries_what_would_take_its_time() -> None:
    assert stopped_after(signal.SIGINT, None, seconds=60) < 7


def test_a_second_signal_hurries_a_drain() -> None:
    took = stopped_after(signal.SIGTERM, signal.SIGTERM, seconds=60)
    assert 1 < took < 8


def test_a_drain_ends_by_force_when_its_time_is_up() -> None:
    took = stopped_after(signal.SIGTERM, None, seconds=3)
    assert 2.5 < took < 7
