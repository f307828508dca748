"""A host whose clock is off counts by the database's clock."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.writer import MigrationWriter
from django.utils import timezone

from circletake import clock
from generation import doctor
from tests.circletake.running import ROOT

pytestmark = pytest.mark.django_db
OFF = datetime.timedelta(seconds=90)


@pytest.fixture
def _off(monkeypatch: pytest.MonkeyPatch) -> Any:
    """This host is 90 s behind, as far as it can know by itself."""
    true = clock.host_now
    monkeypatch.setattr(clock, "host_now", lambda: true() - OFF)
    clock._measure(connection)
    yield
    monkeypatch.undo()
    clock._measure(connection)


def database_now() -> datetime.datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]  # type: ignore[no-any-return]


@pytest.mark.usefixtures("_off")
def test_instants_are_the_database_s_however_far_off_the_host_is() -> None:
    assert abs(timezone.now() - database_now()) < datetime.timedelta(seconds=2)
    assert database_now() - clock.host_now() > datetime.timedelta(seconds=88)


@pytest.mark.usefixtures("_off")
def test_doctor_still_says_that_the_host_is_off() -> None:
    connection.ensure_connection()
    (words,) = doctor._clock(clock.host_now())
    assert words == "This machine's clock and the database's are 90 s apart: run a time service."


def test_a_clock_that_is_right_is_left_alone() -> None:
    connection.ensure_connection()
    clock._measure(connection)
    assert clock._ahead == datetime.timedelta()


PROGRAM = """
import datetime, django
from circletake import clock
true = clock.host_now
clock.host_now = lambda: true() + datetime.timedelta(seconds=90)
django.setup()
from django.db import connection
from django.db.migrations.writer import MigrationWriter
from django.utils import timezone
with connection.cursor() as cursor:
    cursor.execute("SELECT clock_timestamp()")
    print(round((timezone.now() - cursor.fetchone()[0]).total_seconds()))
"""


def test_every_process_aligns_itself_with_its_first_connection() -> None:
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "circletake.settings"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "0\n"


def test_migrations_know_it_by_django_s_name() -> None:
    """Else every model with `timezone.now` for a default would seem to have changed."""
    assert MigrationWriter.serialize(timezone.now) == (
        "django.utils.timezone.now",
        {"import django.utils.timezone"},
    )
