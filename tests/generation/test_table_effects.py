"""What a proposed routing table changes: in words, for the work there is, and against which version."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from generation import table_effects, workspaces
from projects.models import Deliverable
from routing import document, tables
from routing.models import RoutingTable
from tests import factories
from tests.cast import Cast
from tests.generation.matrix_rows import sketches
from tests.generation.pages import queries, signed_in

ADDRESS = "/w/studio/routing/2/"


def changed(cast: Cast) -> dict[str, Any]:
    """The table in force, with concept sketches drawn by the cinematic model, at most four times."""
    content = json.loads(json.dumps(tables.in_force(cast.workspace).document))
    for route in content["routes"]:
        if route["key"] == "concept-sketch-draft":
            route["cap"] = 4
    content["routes"].append(
        {
            "key": "sketches",
            "category": "concept-sketch",
            "phase": "draft",
            "step": "image",
            "tier": "cinematic",
            "choices": [{"model": "builtin/sketch-cinema"}],
        }
    )
    return content


def proposed(cast: Cast, content: dict[str, Any] | None = None) -> RoutingTable:
    return tables.propose(
        content=content or changed(cast),
        reason="Sharper sketches",
        by=cast.producer,
        pipelines=workspaces.published(cast.workspace),
    )


def effects(cast: Cast, content: dict[str, Any]) -> table_effects.Effects:
    return table_effects.of(
        cast.workspace, tables.current(cast.workspace), document.parse(content), now=timezone.now()
    )


def plain(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def test_effects_name_models_prices_caps_and_open_deliverables(studio: Cast) -> None:
    rows = sketches(studio, 3)
    Deliverable.objects.filter(pk=rows[2].pk).update(state="written_off")
    found = effects(studio, changed(studio))
    (row,) = found.rows
    assert (row.category, row.phase, row.project, row.deliverables) == ("Concept sketch", "draft", "", 2)
    assert (row.before.expected, row.after.expected) == (Decimal("0.02"), Decimal("0.12"))
    assert (row.before.cap, row.after.cap) == (12, 4)
    assert [(step.key, step.before, step.after) for step in row.steps if step.differs] == [
        ("image", "Sketch fast", "Sketch cinema")
    ]
    assert (found.deliverables, found.unchanged) == (2, 11)


def test_a_route_for_one_client_is_told_apart(studio: Cast) -> None:
    sketches(studio, 2)
    other = factories.campaign(factories.project(studio.workspace, "globex", name="Globex"))
    factories.deliverable(other, "theirs", category=studio.concept_sketch)
    content = changed(studio)
    content["routes"][-1]["project"] = "globex"
    content["routes"] = [
        {**route, "cap": 12} if route["key"] == "concept-sketch-draft" else route
        for route in content["routes"]
    ]
    (row,) = effects(studio, content).rows
    assert (row.category, row.project, row.deliverables) == ("Concept sketch", "Globex", 1)


def test_a_table_that_changes_nothing_for_takes_says_so(studio: Cast) -> None:
    content = json.loads(json.dumps(tables.in_force(studio.workspace).document))
    content["routes"][0]["criteria"] = []
    found = effects(studio, content)
    assert (found.rows, found.unchanged, found.deliverables) == ([], 12, 0)


def test_the_page_of_a_proposal_shows_what_comes_of_it_before_it_is_published(studio: Cast) -> None:
    sketches(studio, 2)
    proposed(studio)
    page = signed_in(studio.manager).get(ADDRESS).content.decode()
    words = plain(page)
    assert "Concept sketch" in words
    assert "€0.02" in words
    assert "€0.12" in words
    assert "Takes at most" in words
    said = re.search(r'data-confirm="([^"]*)"', page)
    assert said
    assert "Concept sketch, draft: image Sketch fast → Sketch cinema, €0.02 → €0.12 a take" in said[1]
    assert "2 open deliverables" in said[1]
    assert '<input type="hidden" name="against" value="1">' in page
    assert '+      "tier": "cinematic"' in page.replace("&quot;", '"')


def test_what_was_compared_with_another_table_is_not_published(studio: Cast) -> None:
    proposed(studio)
    other = json.loads(json.dumps(tables.in_force(studio.workspace).document))
    other["name"] = "Another"
    proposed(studio, other)
    manager = signed_in(studio.manager)
    assert manager.post("/w/studio/routing/3/publish/", {"against": 1}).status_code == 302
    refused = manager.post(f"{ADDRESS}publish/", {"against": 1})
    assert refused.status_code == 409
    assert "Version 3 is in force now" in refused.content.decode()
    assert tables.in_force(studio.workspace).version == 3
    assert RoutingTable.objects.get(version=2).state == "proposed"
    assert '<input type="hidden" name="against" value="3">' in refused.content.decode()
    assert manager.post(f"{ADDRESS}publish/", {"against": 3}).status_code == 302
    assert tables.in_force(studio.workspace).version == 2


def test_a_document_is_shown_in_words_before_it_is_proposed(client: Client, studio: Cast) -> None:
    client.force_login(studio.producer.person)
    answer = client.post(
        "/w/studio/routing/propose/", {"document": json.dumps(changed(studio)), "reason": "", "check": "on"}
    )
    assert answer.status_code == 200
    assert "Sketch cinema" in answer.content.decode()
    assert RoutingTable.objects.count() == 1
    broken = {**changed(studio), "routes": []}
    answer = client.post("/w/studio/routing/propose/", {"document": json.dumps(broken), "check": "on"})
    assert answer.status_code == 422
    assert RoutingTable.objects.count() == 1


@pytest.mark.parametrize("role", ["finance", "admin", "viewer"])
def test_who_may_not_propose_checks_nothing(client: Client, studio: Cast, role: str) -> None:
    client.force_login(studio.by_role[role].person)
    sent = {"document": json.dumps(changed(studio)), "check": "on"}
    assert client.post("/w/studio/routing/propose/", sent).status_code == 403


def test_twice_the_deliverables_cost_the_same_number_of_queries(studio: Cast) -> None:
    proposed(studio)
    client = signed_in(studio.manager)
    queries(client, ADDRESS)
    sketches(studio, 2)
    few = queries(client, ADDRESS)
    for number in range(2, 9):
        factories.deliverable(studio.campaign, f"more-{number}", category=studio.concept_sketch)
    assert queries(client, ADDRESS) == few
