"""The supervisor restarts what dies and what is found sick, and outlives a probe that fails."""

import sys
import time
from collections.abc import Iterator

import pytest

from circletake.supervisor import Child, Program
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
