"""A group of workers is silent only when no task of its own was taken for too long."""

import datetime
from typing import Any

import pytest
from django.utils import timezone
from django_q.brokers import get_broker

from generation import canary
from generation.models import Canary

pytestmark = [pytest.mark.django_db, pytest.mark.postgres15]


def ago(seconds: float) -> datetime.datetime:
    return timezone.now() - datetime.timedelta(seconds=seconds)


@pytest.fixture
def watch(settings: Any) -> canary.Watch:
    settings.CANARY_SECONDS = 60
    get_broker().purge_queue()
    watch = canary.Watch()
    watch.begin()
    return watch


def test_a_task_stamps_the_row_of_its_own_group(watch: canary.Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(canary.GROUP_VARIABLE, watch.group)
    canary.stamp()
    canary.stamp()
    assert list(Canary.objects.values_list("name", flat=True)) == [watch.group]


def test_a_fresh_stamp_keeps_the_group_running(watch: canary.Watch) -> None:
    watch.alive_at = ago(3600)
    Canary.objects.create(name=watch.group, stamped_at=ago(59))
    assert watch.silent() == ""


def test_an_old_stamp_is_told_with_its_age(watch: canary.Watch) -> None:
    watch.alive_at = ago(61)
    Canary.objects.create(name=watch.group, stamped_at=ago(61))
    assert watch.silent() == "no task was taken for 61 s"


def test_the_stamp_of_another_group_does_not_count(watch: canary.Watch) -> None:
    watch.alive_at = ago(61)
    Canary.objects.create(name="another", stamped_at=timezone.now())
    assert watch.silent() == "no task was taken for 61 s"


@pytest.mark.parametrize(("alive", "asked", "requests"), [(0, 9, 0), (0, 10, 1), (31, 1, 0), (31, 2, 1)])
def test_stamps_are_asked_for_more_often_once_the_group_is_quiet(
    watch: canary.Watch, alive: int, asked: int, requests: int
) -> None:
    watch.alive_at, watch.asked_at = ago(alive), ago(asked)
    watch.silent()
    assert get_broker().queue_size() == requests


def test_groups_of_yesterday_are_forgotten(watch: canary.Watch) -> None:
    Canary.objects.create(name="yesterday", stamped_at=ago(86_401))
    watch.asked_at = ago(10)
    watch.silent()
    assert not Canary.objects.filter(name="yesterday").exists()
