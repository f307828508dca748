"""`/readyz` tells apart a database, workers and lanes that are not well; `/healthz` asks nobody."""

import datetime

import pytest
from django.test import Client
from django.utils import timezone

from generation import readiness
from generation.models import Canary, Run
from projects.identifiers import new_id
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.postgres15]
NOW = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.UTC)


def ago(seconds: float) -> datetime.datetime:
    return timezone.now() - datetime.timedelta(seconds=seconds)


def test_all_is_well_while_workers_stamp(client: Client) -> None:
    Canary.objects.create(name="group", stamped_at=ago(5))
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"database": "ok", "workers": "ok", "lanes": "ok"})


def test_without_workers_it_says_how_to_start_them(client: Client) -> None:
    Canary.objects.create(name="group", stamped_at=ago(61))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["workers"] == "no worker took a task for 60 s: run manage.py work"


def due_run(*, lane: str, due_at: datetime.datetime, leased_for: float | None = None) -> Run:
    """A run that a lane must take up at `due_at`; leased for so many seconds from NOW, or free."""
    deliverable = factories.deliverable(factories.campaign(factories.project(factories.workspace())))
    until = None if leased_for is None else NOW + datetime.timedelta(seconds=leased_for)
    return Run.objects.create(
        workspace=deliverable.workspace,
        take=factories.take(deliverable),
        position=1,
        step="image",
        kind="image",
        stage="generation",
        lane=lane,
        due_at=due_at,
        leased_until=until,
        lease=until and new_id(),
    )


@pytest.mark.parametrize(
    ("waited", "leased_for", "said"),
    [
        (300, None, "ok"),
        (301, None, "submit waits since 2026-11-21 11:54:59 UTC"),
        (301, 1, "ok"),
        (301, -1, "submit waits since 2026-11-21 11:54:59 UTC"),
    ],
)
def test_a_lane_that_is_not_drained_is_named(waited: int, leased_for: float | None, said: str) -> None:
    due_run(lane="submit", due_at=NOW - datetime.timedelta(seconds=waited), leased_for=leased_for)
    assert readiness.overdue(now=NOW) == said


def test_a_run_that_no_lane_has_is_nobodys_delay() -> None:
    due_run(lane="", due_at=NOW - datetime.timedelta(days=1))
    assert readiness.overdue(now=NOW) == "ok"


def test_the_process_is_alive_whatever_the_workers_do(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")
