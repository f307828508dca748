"""The catalogue's data file, its loading, and the price seeds."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from billing import prices
from billing.models import PriceRow
from routing import catalogue, facts, health
from routing.brief import Step
from routing.document import TIERS, ModelChoice
from routing.eligibility import assess
from routing.models import CatalogueModel
from tests import factories
from tests.routing.tables import NOW, draft

ENTRIES = catalogue.read()
STEP_KINDS = {"text", "image", "edit", "image-to-video", "video", "upscale", "overlay", "judge"}
LATER_KINDS = {"lip-sync", "audio", "video-edit", "video-extend", "motion-transfer", "vector"}


def test_each_model_at_each_provider_stands_there_once() -> None:
    keys = [entry["key"] for entry in ENTRIES]
    assert sorted(set(keys)) == keys
    assert all(entry["key"] == f"{entry['provider']}/{entry['endpoint']}" for entry in ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["key"])
def test_every_entry_is_a_valid_row(entry: dict[str, Any]) -> None:
    catalogue.row(entry).clean_fields()
    assert entry["tier"] in TIERS
    assert entry["kinds"]
    assert set(entry["kinds"]) <= STEP_KINDS | LATER_KINDS
    assert entry["source"]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["key"])
def test_a_price_is_whole_or_absent(entry: dict[str, Any]) -> None:
    if entry["amount"] is None:
        assert (entry["unit"], entry["first_amount"], entry["price_conditions"]) == ("", None, {})
        return
    assert Decimal(entry["amount"]) > 0
    assert entry["unit"]
    assert entry["conditions"]
    assert entry["currency"] == ("" if entry["provider"] == "builtin" else "USD")


def test_built_in_models_fill_every_tier() -> None:
    builtin = [entry for entry in ENTRIES if entry["provider"] == "builtin"]
    assert {entry["tier"] for entry in builtin} == set(TIERS)
    assert {kind for entry in builtin for kind in entry["kinds"]} == STEP_KINDS
    assert {entry["capabilities"]["drill"] for entry in builtin if "drill" in entry["key"]} == {
        "fail",
        "block",
        "lag",
    }


@pytest.mark.parametrize(
    ("key", "unit", "amount", "first_amount"),
    [
        ("bfl/flux-2-pro", "megapixel", "0.015", "0.03"),
        ("fal/fal-ai/flux-2-pro", "megapixel", "0.015", "0.03"),
        ("fal/fal-ai/kling-video/v3/pro/image-to-video", "second", "0.112", None),
        ("google/veo-3.1-generate-preview", "second", "0.4", None),
        ("elevenlabs/music", "second", "0.0025", None),
        ("fal/fal-ai/flux-2-max", "", None, None),
        ("ideogram/upscale", "", None, None),
        ("a1111/txt2img", "", None, None),
    ],
)
def test_prices_are_those_of_the_source(
    key: str, unit: str, amount: str | None, first_amount: str | None
) -> None:
    entry = next(entry for entry in ENTRIES if entry["key"] == key)
    assert (entry["unit"], entry["amount"], entry["first_amount"]) == (unit, amount, first_amount)


@pytest.mark.django_db
def test_loading_twice_changes_nothing() -> None:
    first = catalogue.load(today=NOW.date())
    rows = list(CatalogueModel.objects.order_by("key").values())
    second = catalogue.load(today=NOW.date())
    assert (first, second) == (catalogue.Loaded(len(ENTRIES), ()),) * 2
    assert list(CatalogueModel.objects.order_by("key").values()) == rows


@pytest.mark.django_db
def test_a_model_that_leaves_the_file_ends_and_stays(tmp_path: Path) -> None:
    catalogue.load(today=NOW.date())
    shorter = tmp_path / "catalogue.json"
    kept = [entry for entry in ENTRIES if entry["key"] != "builtin/retouch"]
    shorter.write_text(json.dumps(kept), encoding="utf-8")
    own = CatalogueModel.objects.create(
        workspace=factories.workspace(), key="comfy/x", name="X", provider="comfy", endpoint="x"
    )
    loaded = catalogue.load(today=NOW.date(), path=shorter)
    assert loaded.retired == ("builtin/retouch",)
    assert CatalogueModel.objects.get(key="builtin/retouch").available_until == NOW.date()
    own.refresh_from_db()
    assert own.available_until is None


@pytest.mark.django_db
def test_price_seeds_are_taken_whole_and_built_in_ones_in_the_workspaces_currency() -> None:
    catalogue.load(today=NOW.date())
    studio = factories.workspace(currency="JPY")
    seeds = catalogue.seed_prices(studio)
    known = {entry["key"] for entry in ENTRIES if entry["amount"] and entry["unit"] != "character"}
    assert {seed.model_key for seed in seeds} == known
    assert prices.seed_from_catalogue(workspace=studio, rows=seeds, at=NOW) == len(known)
    sketch = PriceRow.objects.get(model_key="builtin/sketch-fast")
    assert (sketch.amount, sketch.currency) == (Decimal("0.02"), "JPY")
    assert all(prices.check(row) == {} for row in PriceRow.objects.all())


@pytest.mark.django_db
def test_no_model_without_a_price_is_eligible() -> None:
    catalogue.load(today=NOW.date())
    studio = factories.workspace()
    prices.seed_from_catalogue(workspace=studio, rows=catalogue.seed_prices(studio), at=NOW)
    keys = [entry["key"] for entry in ENTRIES if entry["amount"] is None]
    providers = frozenset(entry["provider"] for entry in ENTRIES)
    known = facts.gather(workspace=studio, keys=keys, now=NOW, accounts=providers)
    for key in keys:
        step = Step(key="s", kind=known.models[key].capabilities["kinds"][0])
        choice = assess(ModelChoice(key), brief=draft(), step=step, facts=known, tier="", fallback=False)
        assert not choice.eligible
        assert f"{key} has no price; finance can enter one under Prices" in choice.why


@pytest.mark.django_db
def test_a_workspaces_own_model_goes_before_the_global_one() -> None:
    catalogue.load(today=NOW.date())
    studio, elsewhere = factories.workspace(), factories.workspace()
    CatalogueModel.objects.create(
        workspace=studio, key="bfl/flux-2-pro", name="Ours", provider="bfl", endpoint="flux-2-pro"
    )
    names = [
        catalogue.models_by_key(place, ["bfl/flux-2-pro"])["bfl/flux-2-pro"].name
        for place in (studio, elsewhere)
    ]
    assert names == ["Ours", "FLUX.2 [pro]"]


@pytest.mark.django_db
def test_facts_take_as_many_queries_for_many_models_as_for_few(
    django_assert_num_queries: Any,
) -> None:
    catalogue.load(today=NOW.date())
    studio = factories.workspace()
    keys = [entry["key"] for entry in ENTRIES]
    for key in keys:
        health.record(workspace=studio, model_key=key, now=NOW)
    for size in (2, 300):
        with django_assert_num_queries(6):
            found = facts.gather(workspace=studio, keys=keys[:size], now=NOW)
        assert len(found.models) == size


def test_ended_models_are_dated() -> None:
    ended = {
        entry["key"]: datetime.date.fromisoformat(entry["available_until"])
        for entry in ENTRIES
        if entry["available_until"]
    }
    assert ended["openai/sora-2"] == datetime.date(2026, 9, 23)
    assert ended["google/gemini-2.5-flash-image"] == datetime.date(2026, 10, 1)


@pytest.mark.django_db
def test_the_command_says_how_many_models_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_catalogue")
    assert capsys.readouterr().out == f"{len(ENTRIES)} models in the catalogue.\n"
    assert CatalogueModel.objects.filter(workspace=None).count() == len(ENTRIES)
