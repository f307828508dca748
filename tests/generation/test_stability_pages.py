"""Stability: weeks against plain loops over a history, what changed in a flagged one, and the page."""

from __future__ import annotations

import collections
import csv
import datetime
import io
import zoneinfo
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from billing.control import WEEK, Tally
from billing.models import PriceDecision, PriceRow
from generation import stability, week_causes
from generation.models import Pipeline, PromptTemplate, Recipe
from projects.models import Decision, Take
from routing import default_table, document
from routing.models import RoutingTable
from tests.billing import written
from tests.cast import Cast
from tests.generation.pages import everybody, queries, signed_in, statuses, text
from tests.generation.test_evidence import imported, some

PAGE = "/w/studio/outlook/stability/"
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
NOW = timezone.now()
TODAY = NOW.astimezone(BERLIN).date()
MONDAY = TODAY - datetime.timedelta(days=TODAY.weekday())
ODD = MONDAY - WEEK
"""The week before the running one: the one in which something happened."""


def at(week: datetime.date, hours: float) -> datetime.datetime:
    start = datetime.datetime.combine(week, datetime.time(9), BERLIN)
    return (start + datetime.timedelta(hours=hours)).astimezone(datetime.UTC)


def worded(instant: datetime.datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


@pytest.fixture
def steady(cast: Cast) -> Cast:
    """Twelve weeks of four takes an acceptance, then one of sixteen, the last of them by another model."""
    charges, decisions = [], []
    for number in range(1, 14):
        week = MONDAY - WEEK * number
        takes = 16 if week == ODD else 4
        for take in range(1, takes + 1):
            model = "tide" if takes == 16 and take > 12 else "glow"
            instant = worded(at(week, take / 2))
            charges.append(
                written.charge(len(charges), instant, f"d{number}", str(take), "0.10", model=model)
            )
        decisions.append(written.decision(worded(at(week, 12)), f"d{number}", str(takes), "accept"))
    imported(cast, charges, decisions)
    return cast


def test_a_week_out_of_its_limits_is_flagged(steady: Cast) -> None:
    found = stability.of(steady.workspace, now=NOW)
    assert found.counts[stability.TAKES]["social-cut"][ODD] == Tally(16, 1)
    (flag,) = found.flags(stability.TAKES)
    assert (flag.category, flag.point.week, flag.point.centre, flag.point.high) == ("social-cut", ODD, 4, 10)
    assert found.flags(stability.FAILURES) == []
    assert len(found.chart(stability.TAKES, "social-cut")) == 12  # the running week has no acceptance


def test_an_acceptance_that_was_taken_back_does_not_count(steady: Cast) -> None:
    last = written.decision(worded(NOW - datetime.timedelta(hours=1)), "d1", "16", "reverse")
    imported(steady, [], [last])
    assert Decision.objects.filter(decision="reverse").exists()
    assert ODD not in stability.of(steady.workspace, now=NOW).counts[stability.TAKES]["social-cut"]


@pytest.mark.parametrize("seed", range(3))
def test_failures_and_models_are_those_of_a_plain_loop(cast: Cast, seed: int) -> None:
    charges, decisions = some(seed)
    imported(cast, charges, decisions)
    first: dict[tuple[str, str], str] = {}
    made: set[tuple[str, str]] = set()
    models: dict[tuple[str, str], str] = {}
    category = {}
    for row in charges:
        key = (row["deliverable"], row["take"])
        first[key] = min(first.get(key, row["occurred_at"]), row["occurred_at"])
        category[key] = row["category"]
        if row["charge"] == "charged":
            made.add(key)
            if row["stage"] == "generation":
                models[key] = f"lantern/{row['model']}"
    events: dict[tuple[str, datetime.date], list[int]] = collections.defaultdict(lambda: [0, 0])
    used = collections.defaultdict(set)
    for key, instant in first.items():
        day = datetime.datetime.fromisoformat(instant).astimezone(BERLIN).date()
        place = (category[key], day - datetime.timedelta(days=day.weekday()))
        events[place][1] += 1
        events[place][0] += key not in made
        if key in made:
            used[place].add(models[key])
    found = stability.of(cast.workspace, now=timezone.now())
    weeks = found.counts[stability.FAILURES]
    assert {(c, week): [*tally] for c, by_week in weeks.items() for week, tally in by_week.items()} == events
    kept = {(c, week): set(some_) for c, by_week in found.models.items() for week, some_ in by_week.items()}
    assert kept == used


def price(
    cast: Cast, amount: str, on: datetime.datetime, model: str = "lantern/glow", *, decided: str = ""
) -> None:
    row = PriceRow.objects.create(
        workspace=cast.workspace,
        model_key=model,
        unit="image",
        amount=Decimal(amount),
        currency="EUR",
        starts_at=on,
    )
    if decided:
        said: dict[str, Any] = {"decided_by": cast.finance.person, "decided_at": on, "note": "Looked up"}
        PriceDecision.objects.create(row=row, workspace=cast.workspace, decision=decided, **said)


def published(cast: Cast, version: int, content: dict[str, object], on: datetime.datetime) -> None:
    RoutingTable.objects.create(
        workspace=cast.workspace,
        version=version,
        state="retired" if version == 1 else "published",
        document=content,
        digest=document.digest(content),
        proposed_at=on,
        published_at=on,
    )


def causes(cast: Cast) -> list[tuple[str, datetime.date, str]]:
    found = stability.of(cast.workspace, now=NOW)
    ((_, told),) = week_causes.of_flags(cast.workspace, found, found.flags(stability.TAKES))
    return [(cause.kind, cause.on, cause.words) for cause in told]


def test_what_changed_in_the_week_stands_beside_it(steady: Cast) -> None:
    price(steady, "0.10", at(ODD - WEEK, 5))
    price(steady, "0.15", at(ODD, 30))
    price(steady, "0.20", at(ODD, 31), "lantern/elsewhere")  # which made nothing of it
    old = default_table.build()
    new = {**old, "routes": [dict(route) for route in old["routes"]]}
    for route in new["routes"]:
        if route["key"] in ("social-cut-draft", "brand-film-draft"):
            route["cap"] = 20
    published(steady, 1, old, at(ODD - WEEK * 3, 0))
    published(steady, 2, new, at(ODD, 50))
    monday, tuesday, wednesday = (ODD + datetime.timedelta(days=days) for days in range(3))
    assert causes(steady) == [
        ("Model", monday, "lantern/tide made its first takes here"),
        ("Price", tuesday, "lantern/glow at 0.15 EUR per image, 0.10 EUR before"),
        (
            "Route",
            wednesday,
            "Routing version 2: Social cut, drafts, at most: 6 takes → 20 takes",
        ),
    ]


def test_a_price_that_was_never_in_force_is_no_cause(steady: Cast) -> None:
    price(steady, "0.05", at(ODD - WEEK * 3, 5))  # in force until one is approved
    price(steady, "0.10", at(ODD - WEEK, 5), decided="approved")
    price(steady, "0.90", at(ODD, 20))
    price(steady, "0.80", at(ODD, 25), decided="declined")
    tuesday = ODD + datetime.timedelta(days=1)
    assert [told for told in causes(steady) if told[0] == "Price"] == []
    price(steady, "0.15", at(ODD, 30), decided="approved")
    assert [told for told in causes(steady) if told[0] == "Price"] == [
        ("Price", tuesday, "lantern/glow at 0.15 EUR per image, 0.10 EUR before")
    ]


def test_of_many_new_models_those_that_are_not_named_are_counted(steady: Cast) -> None:
    found = stability.of(steady.workspace, now=NOW)
    models = {"social-cut": {ODD: frozenset(f"lantern/m{number}" for number in range(9))}}
    many = stability.Stability(found.weeks, found.counts, models, found.names)
    ((_, told),) = week_causes.of_flags(steady.workspace, many, many.flags(stability.TAKES))
    assert [cause.words for cause in told] == [
        "3 more models made first takes here",
        *(f"lantern/m{number} made its first takes here" for number in range(6)),
    ]


def version(model: type[Any], cast: Cast, slug: str, number: int, on: datetime.datetime) -> None:
    said: dict[str, Any] = (
        {"document": {}, "digest": f"{slug}{number}"} if model is Pipeline else {"body": "A {subject}"}
    )
    model.objects.create(
        workspace=cast.workspace,
        slug=slug,
        version=number,
        name=slug,
        reason="More light",
        published_at=on,
        **said,
    )


def test_versions_of_what_made_its_takes_stand_beside_the_week_in_which_they_came(steady: Cast) -> None:
    take = Take.objects.filter(deliverable__key="d1").order_by("number")[0]
    made_by = {"pipeline": "cut@1", "prompt_template": "hook@3"}
    Recipe.objects.create(take=take, request={}, request_hash="0" * 64, **made_by)
    for model, slug in ((Pipeline, "cut"), (PromptTemplate, "hook"), (Pipeline, "elsewhere")):
        version(model, steady, slug, 1, at(ODD - WEEK, 5))
        version(model, steady, slug, 2, at(ODD, 30))
    tuesday = ODD + datetime.timedelta(days=1)
    assert [told for told in causes(steady) if told[0] != "Model"] == [
        ("Pipeline", tuesday, "cut@2 was published: More light"),
        ("Template", tuesday, "hook@2 was published: More light"),
    ]


def test_a_week_in_which_nothing_changed_has_no_cause(steady: Cast) -> None:
    found = stability.of(steady.workspace, now=NOW)
    bare = stability.Stability(found.weeks, found.counts, {}, found.names)
    ((_, told),) = week_causes.of_flags(steady.workspace, bare, bare.flags(stability.TAKES))
    assert told == []


def test_the_page_says_the_flagged_week_in_words_and_draws_it(steady: Cast) -> None:
    client = signed_in(steady.viewer)
    page = " ".join(text(client, PAGE).split())
    assert "16.00 takes per accepted, above the limit of 10.00" in page
    assert "lantern/tide made its first takes here" in page
    (address,) = [part for part in page.split('"') if "/charts/" in part]
    assert b"<svg" in client.get(address.replace("&amp;", "&")).content
    assert client.get(f"{PAGE}charts/old.svg").status_code == 404
    assert "None of the last 13 weeks" in text(client, PAGE, measure="failures", category="social-cut")
    assert "above the limit" in text(client, PAGE, measure="luck", category="nothing")


def test_its_file_has_every_category_and_week(steady: Cast) -> None:
    file = signed_in(steady.viewer).get(PAGE, {"format": "csv"})
    lines = list(csv.DictReader(io.StringIO(file.getvalue().decode())))
    (odd,) = [line for line in lines if line["week"] == str(ODD)]
    assert (odd["takes"], odd["accepted"], odd["high"], odd["flagged"]) == ("16", "1", "10.00000000", "above")
    assert len(lines) == 12


def test_without_takes_the_page_teaches(cast: Cast) -> None:
    assert "No week to compare yet" in text(signed_in(cast.viewer), PAGE)
    assert "category,week" in signed_in(cast.viewer).get(PAGE, {"format": "csv"}).getvalue().decode()


def test_every_role_reads_it_and_no_stranger(steady: Cast) -> None:
    assert statuses(steady, PAGE) == everybody(steady)
    assert stability.of(steady.stranger.workspace, now=NOW).flags(stability.TAKES) == []


def test_twice_the_flags_cost_the_same_number_of_queries(steady: Cast) -> None:
    client = signed_in(steady.finance)
    before = [queries(client, PAGE) for _ in range(2)][-1]
    charges, decisions = [], []
    for number in range(2, 10):
        week = MONDAY - WEEK * number
        takes = 30 if number == 2 else 2
        for take in range(1, takes + 1):
            instant = worded(at(week, take / 4))
            cells = {"category": "brand-film", "model": f"m{take}"}
            charges.append(
                written.charge(900 + len(charges), instant, f"e{number}", str(take), "0.10", **cells)
            )
        decisions.append(written.decision(worded(at(week, 12)), f"e{number}", str(takes), "accept"))
    imported(steady, charges, decisions)
    assert len(stability.of(steady.workspace, now=NOW).flags(stability.TAKES)) == 2
    assert queries(client, PAGE) == before
