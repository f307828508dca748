"""What the contract suite needs: the emulated providers, and a kit of each for the cases that apply to it."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from tests.emulators import inbox as inboxes
from tests.emulators.server import Running, running
from tests.generation.providers import kits, matrix
from tests.generation.providers.cases import Subject
from tests.generation.providers.kit import Kit


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with cases runs for each case of each kit."""
    cases = getattr(metafunc.function, "cases", None)
    if cases is None:
        return
    found = [
        pytest.param(name, case, id=f"{name}: {case.name}")
        for name, module in kits.modules().items()
        for case in cases(Subject(name, module.DECLARED))
    ]
    unused = [pytest.param(None, None, marks=pytest.mark.skip(reason="no provider has it yet"))]
    metafunc.parametrize(("kit", "case"), found or unused, indirect=["kit"] if found else [])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Where the environment names a file, each case that was run and passed is recorded in it."""
    report = yield
    case = getattr(item, "callspec", None) and item.callspec.params.get("case")
    record = os.environ.get(matrix.RECORD)
    if record and case and report.when == "call" and report.passed:
        entry = [item.callspec.params["kit"], case.row, case.says]
        with pathlib.Path(record).open("a") as file:
            file.write(f"{json.dumps(entry)}\n")
    return report


@pytest.fixture(scope="session")
def program() -> Iterator[Running]:
    with running(latency="100") as started:
        yield started


@pytest.fixture
def emulator(program: Running, settings: Any) -> Iterator[Running]:
    """The emulated providers, without script or jobs of earlier tests; loopback may be called."""
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    program.reset()
    yield program
    program.reset()


@pytest.fixture
def inbox() -> Iterator[inboxes.Inbox]:
    with inboxes.open_inbox() as opened:
        yield opened


@pytest.fixture
def kit(request: pytest.FixtureRequest, emulator: Running) -> Kit:
    made: Kit = kits.modules()[request.param].make(emulator)
    return made
