"""The examples of the OpenAPI document: each request is sent, each answer has the shape of the real one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from billing import budgets
from generation.api import examples
from projects.models import Deliverable
from tests.cast import Cast
from tests.generation.api.conftest import Call, problem
from tests.generation.api.rows import ready_draft
from tests.generation.api.test_schema import document

FILM = "deliverables/acme/autumn/opening/"


def limited(studio: Cast, limit: str) -> None:
    budgets.set_budget(scope="workspace", limit=Decimal(limit), window="month", by=studio.finance)


def test_the_document_shows_requests_and_answers_where_they_are_given(db: None) -> None:
    paths = document()["paths"]
    quotes = paths["/api/v1/quotes/"]["post"]
    (asked,) = quotes["requestBody"]["content"]["application/json"]["examples"].values()
    assert asked["value"] == examples.QUOTE
    (told,) = quotes["responses"]["200"]["content"]["application/json"]["examples"].values()
    assert told["value"] == examples.QUOTED
    takes = paths["/api/v1/deliverables/{deliverable}/takes/"]["post"]["responses"]
    (refused,) = takes["402"]["content"]["application/problem+json"]["examples"].values()
    assert refused["value"] == examples.BUDGET_PROBLEM
    shown = [
        path
        for path, verbs in paths.items()
        if "examples" in str(verbs.get("post", {}).get("requestBody", ""))
    ]
    assert len(shown) == 11


def test_a_quote_is_answered_as_shown(studio: Cast, as_: Call) -> None:
    limited(studio, "5")
    found: dict[str, Any] = as_("viewer").post("quotes/", examples.QUOTE, key=None).json()
    decision = found.pop("decision")
    shown = dict(examples.QUOTED)
    assert shown.pop("decision").items() <= decision.items()
    assert found == shown


def test_takes_are_made_as_shown_and_refused_as_shown(studio: Cast, as_: Call) -> None:
    made = as_("producer").post(f"{FILM}takes/", examples.TAKES)
    assert made.status_code == 201
    assert [take["prompt"] for take in made.json()["takes"]] == [examples.TAKES["prompt"]] * 2


def test_a_budget_refuses_as_shown(studio: Cast, as_: Call) -> None:
    limited(studio, "0.10")
    assert problem(as_("producer").post(f"{FILM}takes/", examples.TAKES), 402) == examples.BUDGET_PROBLEM


def test_what_else_is_shown_can_be_sent(studio: Cast, as_: Call) -> None:
    draft = ready_draft(studio)
    rejected = as_("producer").post(f"takes/{draft.pk}/reviews/", examples.REVIEW, key=None)
    assert (rejected.status_code, rejected.json()["mark"]) == (201, "rejected")
    chosen = {"decision": "select"}
    assert as_("producer").post(f"takes/{draft.pk}/reviews/", chosen, key=None).status_code == 201
    asked = as_("producer").post(f"takes/{draft.pk}/hero-requests/", examples.HERO, key=None)
    assert asked.status_code == 201
    path = f"hero-requests/{asked.json()['id']}/decisions/"
    assert as_("manager").post(path, examples.HERO_DECISION).json()["state"] == "approved"


def test_work_is_described_as_shown(studio: Cast, as_: Call) -> None:
    made = as_("producer").post("deliverables/", examples.DELIVERABLE, key=None)
    assert made.status_code == 201
    assert Deliverable.objects.get(key="closing").brief == examples.DELIVERABLE["brief"]
    assert as_("producer").post(f"{FILM}cap-requests/", examples.MORE, key=None).status_code == 201
    assert as_("producer").post("batches/", examples.BATCH).status_code == 201
    resolved = as_("viewer").post("routing/resolve/", examples.RESOLVE, key=None)
    assert resolved.json()["outcome"] == "go"
