"""What last month would have cost: sums against plain loops, the worked example, margins, and the page."""

from __future__ import annotations

import csv
import datetime
import io
import random
import uuid
import zoneinfo
from decimal import Decimal

import pytest
from django.utils import timezone

from billing.use import Use
from generation import trials, what_if
from generation.trials import Place, Trial
from generation.what_if import Three
from projects.models import Campaign
from routing import document
from routing.brief import Facts, Model, Price
from routing.shocks import Shock, WayOut, Why
from tests import factories
from tests.billing import written
from tests.billing.booking import spend
from tests.cast import Cast
from tests.generation.pages import everybody, queries, signed_in, statuses, text
from tests.generation.test_month_pages import imported

PAGE = "/w/studio/outlook/what-if/"
NOW = timezone.now()
HERE = NOW.astimezone(zoneinfo.ZoneInfo("Europe/Berlin"))
LAST_MONTH = (HERE.replace(day=1) - datetime.timedelta(days=3)).replace(hour=12)
MONTH = LAST_MONTH.strftime("%Y-%m")


def last_month(cast: Cast, amount: str, provider: str, **said: object) -> None:
    take = factories.take(cast.deliverable)
    spend(take, amount, at=LAST_MONTH, provider=provider, model=f"{provider}/a", **said)


@pytest.mark.parametrize("seed", range(5))
def test_sums_are_those_of_a_plain_loop(seed: int) -> None:
    dice = random.Random(seed)
    project = uuid.uuid4()
    uses = [
        Use(
            dice.choice("xy"),
            dice.choice(("draft", "hero")),
            dice.choice((None, project)),
            provider := dice.choice(("fal", "google", "runway")),
            f"{provider}/{dice.choice('ab')}",
            "credit:runway" if provider == "runway" else "EUR",
            dice.random() < 0.5,
            Decimal(dice.randint(-200, 900)) / 100,
        )
        for _ in range(60)
    ]
    shock = Shock({"fal": Decimal("0.2")}, {"credit:runway": Decimal("0.5")})
    ways = {}
    for each in uses:
        place = Place(each.category, each.phase, each.project)
        ways[place, each.model] = dice.choice(
            [WayOut(Why.FALLBACK, Decimal("1.1"), "google/a"), WayOut(Why.NONE, Decimal("1.2"))]
        )
    before = dearer = rerouted = Decimal(0)
    for each in uses:
        rise = Decimal("1.2") if each.provider == "fal" else Decimal(1)
        if each.currency == "credit:runway":
            rise = rise * Decimal("1.5")
        way = ways[Place(each.category, each.phase, each.project), each.model]
        before += each.amount
        dearer += each.amount * rise
        touched = each.provider != "google"
        rerouted += each.amount * (way.factor if touched and way.why == "fallback" else rise)
    # what the shock leaves alone has no way out, as `ways_out` makes none
    own = {key: way for key, way in ways.items() if not key[1].startswith("google/")}
    assert what_if.restated(uses, shock, own) == Three(before, dearer, rerouted)


def test_the_worked_example_with_a_provider_twice_as_dear(cast: Cast) -> None:
    imported(
        cast.workspace,
        written.charges_file(*written.OCTOBER_CHARGES),
        written.decisions_file(*written.OCTOBER_DECISIONS),
    )
    shock = Shock(providers={"harbour": Decimal(1)})
    found = what_if.of_month(cast.workspace, month="2025-10", shock=shock, now=NOW)
    assert found.spend == (Decimal("2.60"), Decimal("4.90"), Decimal("4.90"))
    assert found.per_acceptable == (Decimal("2.5"), Decimal("4.8"), Decimal("4.8"))
    assert (found.accepted, found.margin) == (1, None)
    hero = [(line.model, line.amounts.before, line.way.why) for line in found.lines]
    assert hero == [
        ("harbour/tide", Decimal(2), Why.UNNAMED),
        ("harbour/polish", Decimal("0.3"), Why.UNNAMED),
    ]


def test_the_margin_is_fees_less_all_cash_and_what_the_shock_adds(cast: Cast) -> None:
    Campaign.objects.filter(pk=cast.campaign.pk).update(fee=Decimal(10))
    last_month(cast, "2", "fal")
    last_month(cast, "1", "google")
    shock = Shock(providers={"fal": Decimal("0.5")})
    found = what_if.of_month(cast.workspace, month=MONTH, shock=shock, now=NOW)
    assert found.margin == (Decimal(7), Decimal(6), Decimal(6))
    assert (found.fees, found.campaigns) == (Decimal(10), 1)
    assert found.spend == (Decimal(3), Decimal(4), Decimal(4))


def test_a_campaign_that_ended_before_has_no_margin_to_lose(cast: Cast) -> None:
    ended = LAST_MONTH - datetime.timedelta(days=70)
    Campaign.objects.filter(pk=cast.campaign.pk).update(fee=Decimal(10), ended_at=ended)
    last_month(cast, "2", "fal")
    shock = Shock(providers={"fal": Decimal("0.5")})
    assert what_if.of_month(cast.workspace, month=MONTH, shock=shock, now=NOW).margin is None


def trial_of(cast: Cast) -> Trial:
    """The studio's pipelines under a table that draws sketches with fal, else with google."""
    found = trials.of(cast.workspace, now=NOW)
    content = {
        "routes": [
            {"key": "drafts", "phase": "draft", "pipeline": "draft-image@1"},
            {
                "key": "image",
                "step": "image",
                "choices": [{"model": "fal/a"}],
                "fallbacks": [{"model": "google/c"}],
            },
        ]
    }
    models = {
        key: Model(
            key=key,
            provider=key.partition("/")[0],
            tier="speed",
            capabilities={"kinds": ("image",)},
            price=Price(unit="image", amount=Decimal(amount), currency="EUR"),
        )
        for key, amount in (("fal/a", "0.05"), ("google/c", "0.06"))
    }
    facts = Facts(now=NOW, currency="EUR", models=models, accounts=frozenset({"fal", "google"}))
    return found._replace(table=document.parse(content, version=1), facts=facts)


def test_the_tables_fallback_is_taken_where_it_is_cheaper(studio: Cast) -> None:
    use = Use("concept-sketch", "draft", None, "fal", "fal/a", "EUR", False, Decimal(5))
    for rise, expected in (("0.5", Decimal(6)), ("0.1", Decimal("5.5"))):
        shock = Shock(providers={"fal": Decimal(rise)})
        ways = what_if.ways_out(trial_of(studio), [use], shock)
        assert what_if.restated([use], shock, ways).rerouted == expected


def test_what_the_shock_leaves_alone_has_no_way_out(studio: Cast) -> None:
    use = Use("concept-sketch", "draft", None, "google", "google/c", "EUR", False, Decimal(5))
    assert what_if.ways_out(trial_of(studio), [use], Shock(providers={"fal": Decimal(1)})) == {}


@pytest.fixture
def furnished(studio: Cast) -> Cast:
    last_month(studio, "2", "fal")
    last_month(studio, "1", "runway", native_currency="credit:runway")
    return studio


def test_the_page_begins_with_the_largest_provider_a_fifth_dearer(furnished: Cast) -> None:
    page = text(signed_in(furnished.viewer), PAGE)
    assert "fal: +20 %" in page
    assert "runway credits: +0 %" in page
    assert "€3.40" in page


def test_sliders_move_several_and_a_credit_rate_at_once(furnished: Cast) -> None:
    client = signed_in(furnished.viewer)
    asked = {"provider:fal": "50", "currency:credit:runway": "100"}
    page = text(client, PAGE, **asked)
    assert "€5.00" in page
    file = client.get(PAGE, {**asked, "format": "csv"})
    lines = list(csv.DictReader(io.StringIO(file.getvalue().decode())))
    (total,) = [line for line in lines if line["model"] == "spend"]
    assert (total["as_it_was"], total["dearer"]) == ("3.00000000", "5.00000000")
    assert "Nothing changes" in text(client, PAGE, **{"provider:fal": "0"}).replace("nothing", "Nothing")


def test_what_is_no_slider_or_too_far_counts_as_drawn(furnished: Cast) -> None:
    page = text(signed_in(furnished.viewer), PAGE, **{"provider:fal": "9999", "provider:nobody": "50"})
    assert "fal: +100 %" in page
    assert "nobody" not in page
    assert "+0 %" in text(signed_in(furnished.viewer), PAGE, **{"provider:fal": "much"})


def test_its_chart_stands_under_the_hash_of_its_numbers(furnished: Cast) -> None:
    client = signed_in(furnished.viewer)
    (address,) = [part for part in text(client, PAGE).split('"') if "/charts/" in part]
    assert b"<svg" in client.get(address.replace("&amp;", "&")).content
    assert client.get(f"{PAGE}charts/old.svg").status_code == 404


def test_without_a_last_month_the_page_teaches(cast: Cast) -> None:
    assert "Nothing was spent last month" in text(signed_in(cast.viewer), PAGE)


def test_every_role_reads_it_and_no_stranger(furnished: Cast) -> None:
    assert statuses(furnished, PAGE) == everybody(furnished)


def test_twice_the_rows_cost_the_same_number_of_queries(furnished: Cast) -> None:
    client = signed_in(furnished.finance)
    before = [queries(client, PAGE) for _ in range(2)][-1]
    for number in range(4):
        last_month(furnished, "1", f"provider-{number}")
    assert queries(client, PAGE) == before
