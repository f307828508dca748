"""`/readyz` tells apart a database, workers and lanes that are not well; `/healthz` asks nobody."""

import datetime

import pytest
from django.test import Client
from django.utils import timezone

from generation import lanes, readiness
from generation.models import Canary

pytestmark = [pytest.mark.django_db, pytest.mark.postgres15]
NOW = timezone.now()


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


@pytest.mark.parametrize(("waited", "said"), [(300, "ok"), (301, "submit has waited for 301 s")])
def test_a_lane_that_is_not_drained_is_named(monkeypatch: pytest.MonkeyPatch, waited: int, said: str) -> None:
    due = {"submit": NOW - datetime.timedelta(seconds=waited)}
    monkeypatch.setattr(lanes, "next_due", lambda lane, *, now: due.get(lane))
    assert readiness.overdue(now=NOW) == said


def test_the_process_is_alive_whatever_the_workers_do(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")
