"""A token that calls too often is told when it may call again, and nothing was carried out."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client

from generation.api import throttling
from projects.models import Project, Take
from tests.cast import Cast
from tests.generation.api.conftest import Call, problem

TAKES = "deliverables/acme/autumn/opening/takes/"


@pytest.fixture
def rates(settings: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The rates, which a test may change; the clock stands ten seconds into a minute."""
    caches["api"].clear()
    settings.API_RATES = {"all": "3/min", "spend": ""}
    monkeypatch.setattr(throttling.time, "time", lambda: 6_000_010.0)
    found: dict[str, str] = settings.API_RATES
    return found


def test_beyond_its_rate_a_token_gets_429_with_the_seconds_to_wait(
    studio: Cast, as_: Call, rates: dict[str, str]
) -> None:
    producer = as_("producer")
    assert [producer.get("me/").status_code for _ in range(3)] == [200, 200, 200]
    response = producer.post("projects/", {"key": "late", "name": "Late"}, key=None)
    found = problem(response, 429)
    assert (found["type"], response["Retry-After"]) == ("/problems/too-many", "50")
    assert "Retry-After" in found["remedy"]
    assert Project.objects.filter(key="late").count() == 0


def test_each_token_has_a_rate_of_its_own_and_each_minute_a_fresh_one(
    studio: Cast, as_: Call, rates: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        last = as_("producer").get("me/")
    assert last.status_code == 429
    assert as_("manager").get("me/").status_code == 200
    monkeypatch.setattr(throttling.time, "time", lambda: 6_000_060.0)
    assert as_("producer").get("me/").status_code == 200


def test_what_may_spend_has_a_lower_rate(studio: Cast, as_: Call, rates: dict[str, str]) -> None:
    rates.update(all="", spend="1/min")
    producer = as_("producer")
    assert producer.post(TAKES, {}).status_code == 201
    problem(producer.post(TAKES, {}), 429)
    assert Take.objects.count() == 1
    assert [producer.get(TAKES).status_code for _ in range(3)] == [200, 200, 200]


def test_without_a_rate_nothing_is_counted(studio: Cast, as_: Call, rates: dict[str, str]) -> None:
    rates.update(all="", spend="")
    assert {as_("producer").get("me/").status_code for _ in range(10)} == {200}


def test_who_has_no_token_is_401_and_not_counted(db: None, rates: dict[str, str]) -> None:
    assert {Client().get("/api/v1/me/").status_code for _ in range(6)} == {401}


@pytest.mark.parametrize(("text", "rate"), [("600/min", (600, 60)), ("10/s", (10, 1)), ("7/hour", (7, 3600))])
def test_rates_as_they_are_written(text: str, rate: tuple[int, int]) -> None:
    assert throttling.parsed(text) == rate


@pytest.mark.parametrize("text", ["600", "many/min", "600/fortnight"])
def test_what_is_no_rate_is_said(text: str) -> None:
    with pytest.raises(ValueError):
        throttling.parsed(text)
