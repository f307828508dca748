"""The routing table as pages: reading, the dry run, proposing and publishing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from generation import dry_run, workspaces
from projects.models import Category
from projects.problems import Invalid
from routing import catalogue, tables
from routing.brief import Brief
from routing.models import RoutingTable
from tests.cast import Cast
from tests.routing.tables import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _furnished(cast: Cast) -> None:
    catalogue.load(today=NOW.date())
    for key in ("social-cut", "product-still", "character-scene", "explainer"):
        Category.objects.create(workspace=cast.workspace, key=key, name=key.title(), delivered_in="hero")
    workspaces.furnish(workspace=cast.workspace, owner=cast.second_manager)


def changed(cast: Cast) -> dict[str, Any]:
    """The document in force with another cap."""
    document = json.loads(json.dumps(tables.in_force(cast.workspace).document))
    document["routes"][0]["cap"] = 5
    return document


def propose(client: Client, who: Any, document: object, reason: str = "trial") -> Any:
    client.force_login(who.person)
    text = document if isinstance(document, str) else json.dumps(document)
    return client.post("/w/studio/routing/propose/", {"document": text, "reason": reason})


def test_the_table_in_force_reads_in_words(client: Client, cast: Cast) -> None:
    client.force_login(cast.viewer.person)
    page = client.get("/w/studio/routing/").content.decode()
    assert "Version 1" in page
    assert "Brand film, delivery" in page
    assert 'Motion cinema <span class="small quiet breakable">builtin/motion-cinema</span>' in page
    assert "After 2 rejections for motion switch motion to character with Motion character" in page
    assert "Propose a change" not in page


def test_a_workspace_without_a_table_is_taught(client: Client, cast: Cast) -> None:
    client.force_login(cast.stranger.person)
    page = client.get("/w/elsewhere/routing/").content.decode()
    assert "No routing table yet" in page
    refused = client.get("/w/elsewhere/routing/dry-run/", {"category": "brand-film", "phase": "draft"})
    assert refused.status_code == 422


def test_a_dry_run_names_the_chosen_models_and_the_price(client: Client, cast: Cast) -> None:
    client.force_login(cast.viewer.person)
    address = "/w/studio/routing/dry-run/?category=brand-film&phase=hero&format=16x9"
    decision = client.get(address).context["decision"]
    assert [plan.chosen.model for plan in decision.steps] == [
        "builtin/sketch-cinema",
        "builtin/motion-cinema",
        "builtin/upscale",
        "builtin/overlay",
    ]
    # 0.12 a picture, 4 s at 0.30, 0.08 and 0.01 a request
    assert f"{decision.expected:.2f}" == "1.41"
    part = client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "€1.41" in part
    assert "<html" not in part


def test_a_dry_run_without_a_category_says_so(client: Client, cast: Cast) -> None:
    client.force_login(cast.viewer.person)
    answer = client.get("/w/studio/routing/dry-run/", {"phase": "hero"})
    assert answer.status_code == 422
    assert "Category: This field is required." in answer.content.decode()


def test_the_api_answer_has_choices_and_the_chosen_model(cast: Cast) -> None:
    decision = dry_run.resolve(
        workspace=cast.workspace,
        brief=Brief(category="brand-film", phase="draft"),
        now=NOW.replace(year=2027),
        step="motion",
    )
    answer = dry_run.answer(decision)
    assert (answer["routing_version"], answer["route"], answer["chosen"]) == (
        1,
        "brand-film-draft",
        "builtin/motion-draft",
    )
    assert answer["choices"][0] == {
        "model": "builtin/motion-draft",
        "tier": "speed",
        "parameters": {},
        "fallback": False,
        "quote": {"amount": "0.04000000", "at_most": "0.04000000"},
        "health": "closed",
        "eligible": True,
        "why": [],
    }


def test_a_step_that_the_pipeline_lacks_is_refused(cast: Cast) -> None:
    with pytest.raises(Invalid, match="draft-video@1 has no step overlay: it has image, motion"):
        dry_run.resolve(
            workspace=cast.workspace,
            brief=Brief(category="brand-film", phase="draft"),
            now=NOW,
            step="overlay",
        )


def test_a_proposal_is_published_by_another_manager(client: Client, cast: Cast) -> None:
    answer = propose(client, cast.manager, changed(cast))
    assert (answer.status_code, answer.url) == (302, "/w/studio/routing/2/")
    page = client.get("/w/studio/routing/2/").content.decode()
    assert "Changes against version 1" in page
    assert "<del>8 takes</del>" in page
    assert "<ins>5 takes</ins>" in page
    assert "Publish version 2" not in page
    client.force_login(cast.second_manager.person)
    assert "Publish version 2" in client.get("/w/studio/routing/2/").content.decode()
    assert client.post("/w/studio/routing/2/publish/").status_code == 302
    assert tables.in_force(cast.workspace).version == 2


def test_ones_own_proposal_is_not_published_and_nothing_changes(client: Client, cast: Cast) -> None:
    propose(client, cast.manager, changed(cast))
    answer = client.post("/w/studio/routing/2/publish/")
    assert answer.status_code == 403
    assert "another manager publishes it" in answer.content.decode()
    assert tables.in_force(cast.workspace).version == 1


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{", "Line 1, column 2"),
        ("[]", "Write an object"),
        ('{"routes": []}', "there is no route for brand-film, draft."),
    ],
)
def test_an_unsound_proposal_names_what_is_wrong_and_saves_nothing(
    client: Client, cast: Cast, document: str, words: str
) -> None:
    answer = propose(client, cast.manager, document)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert RoutingTable.objects.count() == 1


@pytest.mark.parametrize("role", ["finance", "admin", "viewer", "reviewer"])
def test_who_may_not_propose_is_refused(client: Client, cast: Cast, role: str) -> None:
    assert propose(client, cast.by_role[role], changed(cast)).status_code == 403
    assert RoutingTable.objects.count() == 1


def test_the_editor_shows_the_table_in_force_and_only_to_who_may_propose(client: Client, cast: Cast) -> None:
    client.force_login(cast.producer.person)
    text = client.get("/w/studio/routing/propose/").context["form"]["document"].value()
    assert json.loads(text) == tables.in_force(cast.workspace).document
    assert text.index('"key": "brand-film-draft"') < text.index('"cap": 8')
    client.force_login(cast.viewer.person)
    assert client.get("/w/studio/routing/propose/").status_code == 403


@pytest.mark.parametrize("role", ["producer", "finance", "admin", "viewer", "reviewer"])
def test_who_may_not_publish_is_refused(client: Client, cast: Cast, role: str) -> None:
    propose(client, cast.manager, changed(cast))
    client.force_login(cast.by_role[role].person)
    assert client.post("/w/studio/routing/2/publish/").status_code == 403
    assert tables.in_force(cast.workspace).version == 1


def test_a_proposal_can_be_withdrawn(client: Client, cast: Cast) -> None:
    propose(client, cast.producer, changed(cast))
    assert client.post("/w/studio/routing/2/withdraw/").status_code == 302
    assert RoutingTable.objects.get(version=2).state == "withdrawn"


def test_versions_of_another_workspace_are_not_found(client: Client, cast: Cast) -> None:
    client.force_login(cast.stranger.person)
    assert client.get("/w/studio/routing/1/").status_code == 404
    assert client.get("/w/elsewhere/routing/1/").status_code == 404
    assert client.post("/w/elsewhere/routing/1/publish/").status_code == 404


def test_publishing_needs_a_post(client: Client, cast: Cast) -> None:
    propose(client, cast.producer, changed(cast))
    client.force_login(cast.manager.person)
    assert client.get("/w/studio/routing/2/publish/").status_code == 405
    assert tables.in_force(cast.workspace).version == 1
