"""The pages Exposure and Outages: what they show, count and hand out."""

from __future__ import annotations

import csv
import datetime
import io
from decimal import Decimal

import pytest
from django.utils import timezone

from generation import outages
from generation.models import Run
from generation.models.runs import RunState
from projects.models import Deliverable, Take
from routing.models import BreakerChange
from tests import factories
from tests.billing.booking import spend
from tests.cast import Cast
from tests.factories import utc
from tests.generation import engine_rows
from tests.generation.engine_rows import FLUX, KLING
from tests.generation.pages import everybody, queries, signed_in, statuses, text
from tests.generation.test_health_page import ended, failed

PAGE = "/w/studio/outlook/exposure/"
OUTAGES = "/w/studio/outlook/outages/"


@pytest.fixture
def spent(cast: Cast) -> Cast:
    for amount, provider, at in (
        ("6", "fal", "2026-10-10T10:00"),
        ("4", "google", "2026-10-11T10:00"),
        ("1", "google", "2026-09-11T10:00"),
    ):
        take = factories.take(cast.deliverable)
        spend(take, amount, at=utc(at), provider=provider, model=f"{provider}/a")
    return cast


def test_the_largest_share_stands_first_in_words(spent: Cast) -> None:
    page = " ".join(text(signed_in(spent.viewer), PAGE, month="2026-10").split())
    assert "fal 60 %" in page
    assert "google with 100" in page
    assert "0.52" in page  # 0.6² + 0.4²


def test_the_file_has_the_same_months(spent: Cast) -> None:
    file = signed_in(spent.viewer).get(PAGE, {"month": "2026-10", "format": "csv"})
    lines = list(csv.DictReader(io.StringIO(file.getvalue().decode())))
    assert [line["month"] for line in lines][:2] == ["2026-10", "2026-09"]
    assert (lines[0]["fal"], lines[0]["google"], lines[0]["concentration_by_provider"]) == (
        "6.00000000",
        "4.00000000",
        "0.52000000",
    )


def test_its_chart_stands_under_the_hash_of_its_numbers(spent: Cast) -> None:
    client = signed_in(spent.viewer)
    (address,) = [part for part in text(client, PAGE, month="2026-10").split('"') if "/charts/" in part]
    assert b"<svg" in client.get(address).content
    assert client.get(f"{PAGE}charts/old.svg").status_code == 404
    assert client.get(PAGE, {"month": "2026-13"}).status_code == 404


def test_without_any_spend_the_page_teaches(cast: Cast) -> None:
    assert "Nothing was spent in these twelve months" in text(signed_in(cast.viewer), PAGE)


def test_every_role_reads_them_and_no_stranger(spent: Cast) -> None:
    for address in (PAGE, OUTAGES):
        assert statuses(spent, address) == everybody(spent)


def test_twice_the_rows_cost_the_same_number_of_queries(spent: Cast) -> None:
    client = signed_in(spent.finance)
    before = [queries(client, PAGE) for _ in range(2)][-1]
    for number in range(5):
        take = factories.take(spent.deliverable)
        spend(take, "1", at=timezone.now(), provider=f"p{number}", model=f"p{number}/a")
    assert queries(client, PAGE) == before


@pytest.fixture
def take(cast: Cast) -> Take:
    for key in (FLUX, KLING):
        engine_rows.model(cast.workspace, key)
    return engine_rows.take(cast.deliverable, engine_rows.step(models=[FLUX]), person=cast.producer.person)


def moved(cast: Cast, ago: int, before: str, after: str, model: str = FLUX) -> None:
    BreakerChange.objects.create(
        workspace=cast.workspace,
        model_key=model,
        at=timezone.now() - datetime.timedelta(minutes=ago),
        before=before,
        after=after,
        reason="5 of the last 5 calls failed" if after == "open" else "a probe succeeded",
    )


def test_an_outage_says_what_it_stopped_cost_and_moved(cast: Cast, take: Take) -> None:
    moved(cast, 60, "closed", "open")
    moved(cast, 30, "half_open", "closed")
    failed(take, "timeout", ago=61 * 60, posted=Decimal("0.10"))
    failed(take, "unavailable", ago=50 * 60)
    ended(take, model=KLING, ago=45 * 60, posted=Decimal("0.40"))
    failed(take, "moderated", ago=49 * 60)  # the request's own fault
    failed(take, "timeout", ago=600 * 60)  # long before
    (one,) = outages.past(cast.viewer, now=timezone.now())
    assert round(one.lasted.total_seconds()) == 30 * 60
    assert one.followed == (2, Decimal("0.10"), 0, 1, Decimal("0.40"), (KLING,))
    Run.objects.filter(take=take).update(state=RunState.FAILED)
    (one,) = outages.past(cast.viewer, now=timezone.now())
    assert one.followed.stopped == 1
    page = text(signed_in(cast.viewer), OUTAGES)
    assert "5 of the last 5 calls failed." in page
    assert KLING in page
    assert outages.past(cast.stranger, now=timezone.now()) == []


def test_an_outage_is_listed_however_often_models_were_tried_again_since(
    cast: Cast, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outages, "MOST_CHANGES", 4)
    week = 7 * 24 * 60
    moved(cast, 15 * week, "closed", "open", KLING)  # before the weeks that are looked at
    moved(cast, week, "closed", "open")
    for number in range(3):
        moved(cast, 600 - number * 10, "open", "half_open")
        moved(cast, 599 - number * 10, "half_open", "open")
    found = outages.past(cast.viewer, now=timezone.now())
    assert [(one.outage.model, one.outage.until, one.outage.probes) for one in found] == [
        (FLUX, None, 3),
        (KLING, None, 0),
    ]


def test_what_would_stop_goes_by_the_workspaces_day_and_leaves_out_what_is_late_already(studio: Cast) -> None:
    now = timezone.now().replace(hour=23, minute=30)  # past midnight in Berlin
    today = now.date() + datetime.timedelta(days=1)
    Deliverable.objects.filter(pk=studio.deliverable.pk).update(due_on=today + datetime.timedelta(days=7))
    for number, due in enumerate((today, today - datetime.timedelta(days=1))):
        factories.deliverable(studio.campaign, f"s{number}", category=studio.concept_sketch, due_on=due)
    found = outages.would_stop(studio.viewer, provider="builtin", days=7, now=now)
    assert [row.key for row in found.late] == ["s0", studio.deliverable.key]
    assert found.late_count == 2
    (hit,) = [hit for hit in found.hits if hit.place[:2] == ("concept-sketch", "draft")]
    assert (hit.deliverables, hit.late) == (2, 1)


def test_what_would_stop_names_deliverables_that_miss_their_date(studio: Cast) -> None:
    today = timezone.now().date()
    soon, later = today + datetime.timedelta(days=2), today + datetime.timedelta(days=20)
    Deliverable.objects.filter(pk=studio.deliverable.pk).update(due_on=soon)
    sketch = factories.deliverable(studio.campaign, "late", category=studio.concept_sketch, due_on=later)
    found = outages.would_stop(studio.viewer, provider="builtin", days=7, now=timezone.now())
    assert [row.pk for row in found.late] == [studio.deliverable.pk]
    assert (found.late_count, found.stopped_count) == (1, 2)
    (hit,) = [hit for hit in found.hits if hit.place[:2] == ("concept-sketch", "draft")]
    assert (hit.stops, hit.deliverables, hit.late) == (("image",), 1, 0)
    assert sketch.name not in text(signed_in(studio.viewer), OUTAGES, provider="builtin", days=7)
    nobody = outages.would_stop(studio.viewer, provider="fal", days=7, now=timezone.now())
    assert (nobody.hits, nobody.stopped_count) == ([], 0)


def test_without_a_table_nothing_can_be_foreseen_and_without_an_outage_it_says_so(cast: Cast) -> None:
    page = text(signed_in(cast.viewer), OUTAGES)
    assert "No routing table is in force" in page
    assert "no model's breaker opened" in page


def test_what_was_can_be_taken_along(cast: Cast, take: Take) -> None:
    moved(cast, 60, "closed", "open")
    file = signed_in(cast.viewer).get(OUTAGES, {"format": "csv"})
    (line,) = list(csv.DictReader(io.StringIO(file.getvalue().decode())))
    assert (line["model"], line["until"], line["failed_calls"]) == (FLUX, "", "0")
