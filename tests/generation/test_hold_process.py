"""`manage.py hold` as a process of its own: it opens calls, ends as told, and a kill leaves evidence."""

from __future__ import annotations

import datetime
import os
import signal
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from generation import sweep
from generation.models import Call
from generation.models.runs import CallState
from projects.models import Take
from tests.cast import Cast
from tests.emulators.server import Running, running
from tests.generation import engine_rows
from tests.generation.engine_rows import Engine

MODEL = "openai/gpt-image-2/high"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def served(committed: None, cast: Cast, settings: Any) -> Iterator[Running]:
    settings.PRIVATE_HOSTS = ["127.0.0.1"]
    with running(latency="60") as program:
        engine_rows.model(cast.workspace, MODEL, amount="0.20")
        engine_rows.account(cast.workspace, f"{program.url_of('openai')}/v1", provider="openai")
        yield program


def hold(*words: str) -> subprocess.Popen[bytes]:
    """The command on the test's own database and media."""
    server = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
    address = server._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    environment = {
        **os.environ,
        "DATABASE_URL": address,
        "PRIVATE_HOSTS": "127.0.0.1",
        "DATA_DIR": str(Path(django_settings.MEDIA_ROOT).parent),
    }
    return subprocess.Popen([sys.executable, str(ROOT / "manage.py"), "hold", *words], env=environment)


def until(holds: Callable[[], bool], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.1)


def listens(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has come so far that SIGTERM is a request to it."""
    (caught,) = [
        int(line.split()[1], 16)
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
        if line.startswith("SigCgt")
    ]
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def asked(cast: Cast) -> Take:
    """A take whose call was handed over."""
    take = engine_rows.take(
        cast.deliverable, engine_rows.step(models=[MODEL], amount="0.20"), person=cast.producer.person
    )
    with Engine() as engine:
        engine.submit()
    return take


def state(take: Take) -> str:
    return Call.objects.get(run__take=take).state


@pytest.mark.slow
def test_a_drain_waits_for_the_open_call_and_a_stop_gives_it_up(cast: Cast, served: Running) -> None:
    first = asked(cast)
    process = hold("--drain")
    try:
        until(lambda: len(served.log()) == 1)
        process.send_signal(signal.SIGTERM)
        time.sleep(2)
        assert (process.poll(), state(first)) == (None, CallState.INTENDED)
        served.advance(61)
        assert process.wait(60) == 0
        assert state(first) == CallState.ACCEPTED
    finally:
        process.kill()
    second = asked(cast)
    process = hold("--drain")
    try:
        until(lambda: len(served.log()) == 2)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert (state(second), engine_rows.open_holds(second)) == (CallState.UNKNOWN, 1)
    finally:
        process.kill()


@pytest.mark.slow
def test_a_killed_process_leaves_its_call_unknown_and_the_next_one_sends_nothing_again(
    cast: Cast, served: Running
) -> None:
    take = asked(cast)
    process = hold()
    until(lambda: len(served.log()) == 1)
    process.kill()
    process.wait(10)
    assert state(take) == CallState.INTENDED
    assert sweep.interrupted(now=timezone.now() + datetime.timedelta(seconds=130)) == 1
    again = hold()
    try:
        until(lambda: listens(again))
        time.sleep(3)
        assert (state(take), engine_rows.open_holds(take)) == (CallState.UNKNOWN, 1)
        assert [entry["hung_up"] for entry in served.log()] == [True]
        again.send_signal(signal.SIGTERM)
        assert again.wait(30) == 0
    finally:
        again.kill()
