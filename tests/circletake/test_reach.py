"""Commands that need a database and find none say so in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from circletake.reach import out_of_reach
from tests.circletake.running import free_port

COMMANDS = (
    ("create_workspace", "studio", "--currency=EUR", "--time-zone=Europe/Berlin", "--owner=a@example.com"),
    ("token", "a@example.com", "studio"),
)


def run(command: tuple[str, ...], **more: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), *command],
        env=kept | more,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("command", COMMANDS, ids=[name for name, *_ in COMMANDS])
def test_a_database_that_does_not_run_is_one_line(command: tuple[str, ...], tmp_path: Path) -> None:
    done = run(command, DATA_DIR=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"The database of {tmp_path} does not run. Start it with `make run`, "
        "or set DATA_DIR or DATABASE_URL to the one that you mean."
    ]


def test_a_server_of_ones_own_is_named_by_what_it_did_not_answer() -> None:
    done = run(COMMANDS[1], DATABASE_URL=f"postgres://studio:secret@127.0.0.1:{free_port()}/studio")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("The database of DATABASE_URL does not answer: ")
    assert "secret" not in line


@pytest.mark.django_db(transaction=True)
def test_a_database_that_answers_is_not_accused() -> None:
    assert out_of_reach() is None
