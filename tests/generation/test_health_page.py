"""The page of health: figures by model and provider, what they are made of, and at which cost."""

from __future__ import annotations

import csv
import datetime
import io
import re
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from generation import health, tallies
from generation.health import SPANS
from generation.models import Call, ProviderAccount, Run
from generation.models.runs import CallState
from projects.models import Take
from routing import health as routing_health
from routing.models import BreakerChange, CatalogueModel, ModelHealth
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.engine_rows import FLUX, KLING, SKETCH
from tests.generation.pages import everybody, queries, signed_in, statuses, text

PAGE = "/w/studio/health/"


def ended(take: Take, model: str = FLUX, *, ago: float = 60, seconds: float = 2, **fields: Any) -> Call:
    """A call that ended so many seconds ago after so many, as a success if nothing else is said."""
    run, at = Run.objects.get(take=take), timezone.now() - datetime.timedelta(seconds=ago)
    return Call.objects.create(
        workspace_id=take.workspace_id,
        run=run,
        number=Call.objects.filter(run=run).count() + 1,
        intended_at=at - datetime.timedelta(seconds=seconds),
        **{
            "model": model,
            "provider": model.partition("/")[0],
            "state": CallState.SUCCEEDED,
            "ended_at": at,
            **fields,
        },
    )


@pytest.fixture
def take(cast: Cast) -> Take:
    for key in (FLUX, KLING, SKETCH):
        engine_rows.model(cast.workspace, key)
    return engine_rows.take(cast.deliverable, engine_rows.step(models=[FLUX]), person=cast.producer.person)


def failed(take: Take, error: str, **fields: Any) -> Call:
    return ended(take, state=CallState.FAILED, error_class=error, error=f"it was {error}", **fields)


def lines(client: Any, table: str, **query: str) -> list[dict[str, str]]:
    answer = client.get(f"{PAGE}tables/{table}.csv", query)
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_everybody_reads_it_and_an_empty_one_teaches(cast: Cast) -> None:
    assert statuses(cast, PAGE) == everybody(cast)
    assert "No call ended in this time" in text(signed_in(cast.viewer), PAGE)


def test_figures_are_shares_and_times_of_what_ended(cast: Cast, take: Take) -> None:
    for seconds in (1, 1, 1, 30):
        ended(take, seconds=seconds)
    ended(take, state=CallState.CANCELLED)
    failed(take, "timeout")
    ended(take, KLING)
    ended(take, ago=100_000)
    report = health.report(cast.viewer, span=SPANS["day"], now=timezone.now())
    flux = report.models[0]
    counts = (flux.key, flux.calls, flux.succeeded, flux.failed, flux.cancelled)
    assert counts == (FLUX, 6, 4, 1, 1)
    assert (flux.success, report.models[1].success) == (Decimal("0.8"), Decimal(1))
    assert flux.p50 == pytest.approx(0.95, abs=0.06)
    assert flux.p95 == pytest.approx(30, rel=0.1)
    assert [(row.key, row.calls) for row in report.providers] == [("fal", 7)]
    assert sum(figures.calls for _, figures in report.slots) == 7


def test_each_span_holds_what_lies_in_it(cast: Cast, take: Take) -> None:
    for ago in (60, 7_500, 100_000, 900_000, 2_800_000):
        ended(take, ago=ago)
    calls = {key: health.report(cast.viewer, span=span, now=timezone.now()) for key, span in SPANS.items()}
    before = {key: report.total.calls for key, report in calls.items()}
    assert before == {"hour": 1, "day": 2, "week": 3, "month": 4}
    tallies.fold(now=timezone.now())
    after = {
        key: health.report(cast.viewer, span=span, now=timezone.now()).total.calls
        for key, span in SPANS.items()
    }
    assert after == before


def test_another_workspaces_calls_are_not_counted(cast: Cast, take: Take) -> None:
    ended(take)
    assert health.report(cast.stranger, span=SPANS["day"], now=timezone.now()).total.calls == 0
    assert signed_in(cast.stranger).get(f"{PAGE}calls/").status_code == 404


def test_errors_say_how_many_which_share_and_what_follows(cast: Cast, take: Take) -> None:
    for error in ("timeout", "timeout", "rate_limited"):
        failed(take, error)
    ended(take)
    rows = lines(signed_in(cast.viewer), "errors")
    told = [(row["error_class"], row["calls"], row["share"], row["leads_to"]) for row in rows]
    assert told == [("timeout", "2", "0.5000", "try again"), ("rate_limited", "1", "0.2500", "wait")]


def test_a_figure_leads_to_its_calls(cast: Cast, take: Take) -> None:
    failed(take, "timeout")
    ended(take, KLING, provider_job_id="job-of-kling")
    client = signed_in(cast.viewer)
    page = text(client, PAGE)
    address = re.search(r'href="(/w/studio/health/calls/\?[^"]*outcome=timeout)"', page)
    assert address
    shown = client.get(address[1].replace("&amp;", "&")).content.decode()
    assert "it was timeout" in shown
    assert "job-of-kling" not in shown
    assert "job-of-kling" in text(client, f"{PAGE}calls/", model=KLING)
    assert "No call of this kind" in text(client, f"{PAGE}calls/", model=KLING, outcome="failed")


def test_the_calls_come_page_by_page(cast: Cast, take: Take) -> None:
    for ago in range(60):
        ended(take, ago=60 + ago, provider_job_id=f"<{ago}>")
    client = signed_in(cast.viewer)
    first = client.get(f"{PAGE}calls/", {"span": "day"})
    assert [row.call.provider_job_id for row in first.context["rows"]] == [f"<{n}>" for n in range(50)]
    second = client.get(f"{PAGE}calls/", {"span": "day", "before": first.context["more"]})
    assert [row.call.provider_job_id for row in second.context["rows"]] == [f"<{n}>" for n in range(50, 60)]
    assert second.context["more"] == ""


def test_a_chart_shows_its_whole_span_however_few_calls_there_are(cast: Cast, take: Take) -> None:
    ended(take)
    client = signed_in(cast.viewer)
    for address in re.findall(r'src="(/w/studio/health/charts/[^"]+)"', text(client, PAGE, span="day")):
        drawn = client.get(address.replace("&amp;", "&")).content.decode()
        hours = set(re.findall(r">(\d\d):00<", drawn))
        assert len(hours) == 8, (address, hours)


def test_charts_are_kept_under_the_hash_of_their_numbers(cast: Cast, take: Take) -> None:
    ended(take)
    client = signed_in(cast.viewer)
    found = re.findall(r'src="(/w/studio/health/charts/[^"]+)"', text(client, PAGE, span="hour"))
    assert len(found) == 2
    for address in found:
        answer = client.get(address.replace("&amp;", "&"))
        assert answer["Content-Type"] == "image/svg+xml"
        assert answer.content.startswith(b"<svg")
        assert "immutable" in answer["Cache-Control"]
    assert client.get(f"{PAGE}charts/calls/0123.svg", {"span": "hour"}).status_code == 404


@pytest.mark.parametrize("table", ["models", "providers", "times", "errors", "breakers", "leaving"])
def test_every_table_is_a_file(cast: Cast, take: Take, table: str) -> None:
    failed(take, "timeout")
    assert statuses(cast, f"{PAGE}tables/{table}.csv") == everybody(cast)
    assert signed_in(cast.viewer).get(f"{PAGE}tables/nothing.csv").status_code == 404


def test_filters_narrow_every_table(cast: Cast, take: Take) -> None:
    ended(take)
    ended(take, KLING)
    ended(take, SKETCH)
    client = signed_in(cast.viewer)
    assert {row["model"] for row in lines(client, "models", provider="fal")} == {FLUX, KLING}
    assert [row["model"] for row in lines(client, "models", model=KLING)] == [KLING]
    assert [row["provider"] for row in lines(client, "providers")] == ["fal", "builtin"]
    assert client.get(PAGE, {"span": "decade", "by": "moon"}).status_code == 200


def test_breakers_show_since_when_why_and_the_next_probe(cast: Cast, take: Take) -> None:
    for _ in range(5):
        routing_health.record(workspace=cast.workspace, model_key=FLUX, error_class="timeout")
    page = text(signed_in(cast.viewer), PAGE)
    assert "5 of the last 5 calls failed" in page
    assert "The next probe is due" in page
    rows = lines(signed_in(cast.viewer), "breakers")
    assert [(row["before"], row["after"], row["error_class"]) for row in rows] == [
        ("closed", "open", "timeout")
    ]
    assert rows[0]["retry_at"] == str(ModelHealth.objects.get().retry_at)


def test_a_pause_and_places_are_told(cast: Cast, take: Take) -> None:
    account = engine_rows.account(cast.workspace, "http://127.0.0.1:1", concurrency=3)
    ended(take, state=CallState.ACCEPTED, ended_at=None, account=account)
    until = timezone.now() + datetime.timedelta(minutes=5)
    ProviderAccount.objects.update(blocked_until=until)
    page = text(signed_in(cast.viewer), PAGE)
    assert "asked us to wait" in page
    context = signed_in(cast.viewer).get(PAGE).context
    (place,) = context["places"]
    assert (place.provider, place.in_flight, place.limit, place.waiting) == ("fal", 1, 3, 1)
    assert context["longest_wait"] == context["report"].until - take.requested_at


def test_a_model_that_ends_soon_names_the_routes_that_use_it(studio: Cast) -> None:
    today = timezone.now().date()
    used = CatalogueModel.objects.get(key=SKETCH)
    CatalogueModel.objects.exclude(pk=used.pk).update(available_until=today + datetime.timedelta(days=61))
    for days, shown in ((60, True), (61, False), (-1, True)):
        used.available_until = today + datetime.timedelta(days=days)
        used.save()
        rows = lines(signed_in(studio.viewer), "leaving")
        assert [(row["model"], row["days_left"]) for row in rows] == ([(SKETCH, str(days))] if shown else [])
        assert not rows or rows[0]["routes"]


def test_what_is_shown_costs_the_same_number_of_queries_whatever_there_is(cast: Cast, take: Take) -> None:
    counts = []
    for model in (FLUX, KLING):
        for error in ("timeout", "rate_limited", "unavailable"):
            failed(take, error, model=model)
        for _ in range(6):
            routing_health.record(workspace=cast.workspace, model_key=model, error_class="timeout")
        client = signed_in(cast.viewer)
        counts.append((queries(client, PAGE), queries(client, f"{PAGE}calls/")))
    assert counts[0] == counts[1]
    assert counts[0][0] <= 25
    assert BreakerChange.objects.count() == 2
