"""The page Forecast: the running month, its file and chart, and how past months would have held."""

from __future__ import annotations

import csv
import datetime
import io
import zoneinfo

import pytest
from django.utils import timezone

from tests import factories
from tests.billing.booking import spend
from tests.cast import Cast
from tests.generation.pages import everybody, queries, signed_in, statuses, text

PAGE = "/w/studio/outlook/forecast/"
TESTED = f"{PAGE}back-test/"


@pytest.fixture
def spent(cast: Cast) -> Cast:
    now = timezone.now().astimezone(zoneinfo.ZoneInfo("Europe/Berlin"))
    spend(factories.take(cast.deliverable), "2", at=now - datetime.timedelta(seconds=1))
    spend(factories.take(cast.deliverable), "3", at=now.replace(day=1) - datetime.timedelta(days=5))
    return cast


def test_the_month_stands_with_its_parts(spent: Cast) -> None:
    page = text(signed_in(spent.viewer), PAGE)
    for words in ("€2.00", "Booked so far", "Takes still to come", "No open deliverable is due"):
        assert words in page, words
    file = signed_in(spent.viewer).get(PAGE, {"format": "csv"})
    lines = list(csv.DictReader(io.StringIO(file.getvalue().decode())))
    assert [(line["part"], line["amount"]) for line in lines] == [
        ("booked", "2.00000000"),
        ("reserved", "0.00000000"),
        ("month end", "2.00000000"),
    ]


def test_a_due_deliverable_of_a_category_without_history_says_so(spent: Cast) -> None:
    today = timezone.now().date()
    spent.deliverable.due_on = today
    spent.deliverable.save()
    assert "nothing accepted yet" in text(signed_in(spent.viewer), PAGE)


def test_its_chart_stands_under_the_hash_of_its_numbers(spent: Cast) -> None:
    client = signed_in(spent.viewer)
    (address,) = [part for part in text(client, PAGE).split('"') if "/charts/" in part]
    assert b"<svg" in client.get(address).content
    assert client.get(f"{PAGE}charts/old.svg").status_code == 404


def test_past_months_say_whether_their_interval_held(spent: Cast) -> None:
    page = " ".join(text(signed_in(spent.viewer), TESTED).split())
    assert "held in <strong>0 of 1</strong> month;" in page
    file = signed_in(spent.viewer).get(TESTED, {"format": "csv"})
    (line,) = list(csv.DictReader(io.StringIO(file.getvalue().decode())))
    assert (line["actual"], line["held"]) == ("3.00000000", "no")
    part = signed_in(spent.viewer).get(TESTED, headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith("<section")


def test_empty_pages_teach(cast: Cast) -> None:
    assert "Nothing to foresee yet" in text(signed_in(cast.viewer), PAGE)
    assert "No month is over yet" in text(signed_in(cast.viewer), TESTED)


def test_every_role_reads_them_and_no_stranger(spent: Cast) -> None:
    for address in (PAGE, TESTED):
        assert statuses(spent, address) == everybody(spent)


def test_twice_the_rows_cost_the_same_number_of_queries(spent: Cast) -> None:
    client = signed_in(spent.finance)
    today = timezone.now().date()

    def due(name: str) -> None:
        spend(
            factories.take(factories.deliverable(spent.campaign, name, due_on=today)), "1", at=timezone.now()
        )

    due("first")
    before = [[queries(client, address) for _ in range(2)][-1] for address in (PAGE, TESTED)]
    for number in range(4):
        due(f"more-{number}")
    assert [queries(client, address) for address in (PAGE, TESTED)] == before
