"""Settings come from the environment, and production mode refuses what only a demo may have."""

import os
import subprocess
import sys

import pytest

GOOD = {
    "PRODUCTION": "1",
    "SECRET_KEY": "k7" * 30,
    "ALLOWED_HOSTS": "studio.example",
    "ENCRYPTION_KEYS": "3y0zLJIVMqZq8UhkRJcZ0mYvR1wKkzC0v0p5Q1m1xXk=",
    "DATABASE_URL": "postgres://nobody@127.0.0.1/none",
}


def settings_with(**environment: str | None) -> subprocess.CompletedProcess[str]:
    """Read the settings in a process whose environment is GOOD with changes; None removes one."""
    merged = {**GOOD, **environment, "PATH": os.environ["PATH"]}
    return subprocess.run(
        [sys.executable, "-c", "import circletake.settings"],
        env={name: value for name, value in merged.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_production_starts_with_everything_set() -> None:
    assert settings_with().returncode == 0


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"DEBUG": "1"}, "DEBUG"),
        ({"DEMO": "1"}, "DEMO"),
        ({"ALLOWED_HOSTS": None}, "ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"),
        ({"ENCRYPTION_KEYS": None}, "ENCRYPTION_KEYS"),
    ],
)
def test_production_refuses_and_names_the_setting(change: dict[str, str | None], named: str) -> None:
    refused = settings_with(**change)
    assert refused.returncode == 1
    complaints = [line for line in refused.stderr.splitlines() if line.startswith("- ")]
    assert [line.split()[1] for line in complaints] == [named]


def test_without_any_variable_it_is_the_demo() -> None:
    shown = subprocess.run(
        [
            sys.executable,
            "-c",
            "from circletake import settings as s; print(s.DEMO, s.DEBUG, s.PORT)",
        ],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert shown.stdout == "True False 8000\n"
