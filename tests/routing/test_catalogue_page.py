"""The catalogue as a page: what it lists, filters, and how many queries it takes."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing import prices
from routing import catalogue, health
from routing.models import CatalogueModel
from tests.cast import Cast
from tests.routing.tables import NOW

EARLIER = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _loaded(cast: Cast) -> None:
    catalogue.load(today=NOW.date())
    seeds = catalogue.seed_prices(cast.workspace)
    prices.seed_from_catalogue(workspace=cast.workspace, rows=seeds, at=EARLIER)


def get(client: Client, who: Any, **query: str) -> Any:
    client.force_login(who.person)
    return client.get("/w/studio/catalogue/", query)


def keys(answer: Any) -> list[str]:
    return [row.model.key for row in answer.context["rows"]]


def test_every_role_reads_it_and_a_stranger_does_not(client: Client, cast: Cast) -> None:
    for member in cast.by_role.values():
        assert get(client, member).status_code == 200
    assert get(client, cast.stranger).status_code == 404


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"q": "sketch fast"}, ["builtin/sketch-fast"]),
        ({"kind": "judge"}, ["builtin/judge"]),
        ({"tier": "text"}, ["builtin/judge", "builtin/wordsmith"]),
        ({"provider": "topaz"}, ["topaz/image", "topaz/video"]),
        ({"provider": "openai", "state": "retired"}, ["openai/gpt-image-1", "openai/sora-2"]),
        ({"provider": "ideogram", "state": "unpriced"}, ["ideogram/upscale"]),
        ({"q": "nothing is called so"}, []),
    ],
)
def test_filters_leave_what_fits(
    client: Client, cast: Cast, query: dict[str, str], expected: list[str]
) -> None:
    assert keys(get(client, cast.viewer, **query)) == expected


def test_retired_models_carry_their_date(client: Client, cast: Cast) -> None:
    page = get(client, cast.viewer, provider="openai", state="retired").content.decode()
    assert "23 Sep 2026" in page


def test_a_model_without_a_price_says_so(client: Client, cast: Cast) -> None:
    page = get(client, cast.viewer, provider="ideogram", state="unpriced").content.decode()
    assert "no price" in page


def test_a_model_that_nobody_knows_how_to_ask_says_so(client: Client, cast: Cast) -> None:
    said = "Circletake cannot ask fal for it yet"
    assert said in get(client, cast.viewer, q="fal/kling/v4/text-to-video").content.decode()
    assert said not in get(client, cast.viewer, q="fal/fal-ai/flux/dev").content.decode()


def test_prices_are_those_of_the_price_book(client: Client, cast: Cast) -> None:
    page = get(client, cast.viewer, q="bfl/flux-2-pro").content.decode()
    assert "$0.015 per megapixel" in page
    assert "the first $0.03" in page


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"q": "builtin/sketch-fast"}, ["100 compute units"]),
        ({"q": "builtin/motion-draft"}, ["2,000 compute units a second"]),
        ({"q": "builtin/wordsmith"}, ["1 compute unit"]),
        ({"q": "builtin/overlay"}, [""]),
    ],
)
def test_compute_units_stand_beside_what_a_model_can(
    client: Client, cast: Cast, query: dict[str, str], words: list[str]
) -> None:
    assert [row.compute for row in get(client, cast.viewer, **query).context["rows"]] == words


def test_of_a_workspace_s_own_model_no_compute_units_are_known(client: Client, cast: Cast) -> None:
    CatalogueModel.objects.create(
        workspace=cast.workspace,
        key="chat/house-writer",
        name="Writer",
        provider="chat",
        endpoint="house-writer",
        kinds=["text"],
        tier="text",
        source="own model",
    )
    answer = get(client, cast.viewer, q="chat/house-writer")
    assert [row.compute for row in answer.context["rows"]] == [""]
    page = answer.content.decode()
    assert "no calls lately" in page
    health.record(workspace=cast.workspace, model_key="chat/house-writer", error_class="")
    assert "Healthy" in get(client, cast.viewer, q="chat/house-writer").content.decode()


def test_a_resting_model_shows_its_failures(client: Client, cast: Cast) -> None:
    for _ in range(5):
        health.record(workspace=cast.workspace, model_key="builtin/judge", error_class="unavailable")
    page = get(client, cast.viewer, kind="judge").content.decode()
    assert "Resting" in page
    assert re.search(r"100\s*% of 5 calls failed", page)


def test_htmx_gets_the_list_alone(client: Client, cast: Cast) -> None:
    client.force_login(cast.viewer.person)
    part = client.get(
        "/w/studio/catalogue/", {"kind": "judge"}, headers={"HX-Request": "true"}
    ).content.decode()
    assert part.lstrip().startswith('<section class="section" id="models"')
    assert "<html" not in part


def test_more_rows_take_no_more_queries(client: Client, cast: Cast) -> None:
    counts = []
    for query in ({"kind": "judge"}, {"provider": "fal"}):
        get(client, cast.viewer, **query)
        with CaptureQueriesContext(
            connection,
        ) as seen:
            client.get("/w/studio/catalogue/", query)
        counts.append(len(seen))
    assert counts[0] == counts[1]
