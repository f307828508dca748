"""Batches over the API: a matrix is priced and started as the document shows it, paused, gone on with."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing import budgets
from generation import batch_feed
from generation.api import examples
from projects.models import Batch, Deliverable, Take
from tests.cast import Cast
from tests.generation.api.conftest import Call, problem
from tests.generation.matrix_rows import sketches

OPENING = {"deliverables": ["acme/autumn/opening"], "count": 1}


def test_a_matrix_is_priced_as_shown_and_nothing_is_written(studio: Cast, as_: Call) -> None:
    budgets.set_budget(scope="workspace", limit=Decimal(5), window="month", by=studio.finance)
    found: dict[str, Any] = as_("viewer").post("batches/quote/", examples.MATRIX, key=None).json()
    assert found["rows"][0].pop("deliverable") == str(studio.deliverable.pk)
    shown = {**examples.MATRIX_PRICED, "rows": [dict(examples.MATRIX_PRICED["rows"][0])]}
    shown["rows"][0].pop("deliverable")
    assert found == shown
    assert (Batch.objects.count(), Take.objects.count()) == (0, 0)


def test_a_matrix_is_made_once_at_the_price_that_is_agreed_to(studio: Cast, as_: Call) -> None:
    dearer = {**examples.BATCH_MATRIX, "at_most": "0.43"}
    refused = problem(as_("producer").post("batches/", dearer, key="one"), 409)
    assert (refused["at_most"], refused["confirmed"]) == ("0.44000000", "0.43000000")
    answers = [as_("producer").post("batches/", examples.BATCH_MATRIX, key="two") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert (Batch.objects.count(), Take.objects.count()) == (1, 8)


def test_what_cannot_be_made_is_named_cell_by_cell(studio: Cast, as_: Call) -> None:
    Deliverable.objects.filter(pk=studio.deliverable.pk).update(cap=0)
    body = {**OPENING, "models": [{"model": "builtin/sketch-draft"}]}
    told = as_("viewer").post("batches/quote/", body, key=None).json()
    assert told["cannot"] == [
        {
            "deliverable": str(studio.deliverable.pk),
            "variant": 0,
            "column": 0,
            "why": "0 of 0 takes are used; 1 more does not fit.",
        }
    ]
    refused = problem(as_("producer").post("batches/", body), 409)
    assert refused["cannot"] == told["cannot"]


def test_a_batch_is_paused_goes_on_and_shows_its_cells(studio: Cast, as_: Call) -> None:
    keys = [f"acme/autumn/{row.key}" for row in sketches(studio, 22)]
    made = as_("producer").post("batches/", {"deliverables": keys, "count": 1}).json()
    assert (made["state"], made["progress"]["waiting"], made["held"]) == ("running", 2, "0.40000000")
    path = f"batches/{made['id']}/"
    for _ in range(2):
        paused = as_("producer").post(f"{path}pause/", key=None)
        assert (paused.status_code, paused.json()["state"]) == (200, "paused")
    problem(as_("reviewer").post(f"{path}resume/", examples.GO_ON), 403)
    for _ in range(2):
        gone_on = as_("manager").post(f"{path}resume/", examples.GO_ON, key="same")
        assert (gone_on.status_code, gone_on.json()["state"]) == (200, "running")
    batch_feed.feed_all()
    cells = as_("viewer").get(f"{path}cells/").json()["results"]
    assert [(len(cell["takes"]), cell["at_most"]) for cell in cells] == [(1, "0.02000000")] * 22
    told = as_("viewer").get(path).json()
    assert (told["progress"]["in_flight"], told["posted"]) == (22, "0.00000000")
    assert told["outcomes"] == [
        {"outcome": "in_flight", "takes": 22, "posted": "0.00000000", "held": "0.44000000"}
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("variants", []),
        ("variants", [{"words": 5}, {"control_profile": ["x"]}]),
        ("models", ["builtin/sketch-fast"]),
        ("seed", -1),
        ("at_most", "-1"),
    ],
)
def test_what_does_not_fit_is_named_by_its_field(studio: Cast, as_: Call, field: str, value: Any) -> None:
    found = problem(as_("producer").post("batches/", {**OPENING, field: value}), 422)
    assert field in str(found["errors"])
    assert Batch.objects.count() == 0
