"""Members, projects, campaigns and deliverables by the API."""

from __future__ import annotations

import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from projects.models import ApiToken, Campaign, Decision, Deliverable, Project, ReferenceAnchor
from tests import factories
from tests.cast import Cast
from tests.generation.api.conftest import Call, problem

CSV = (
    "campaign,key,name,category,brief,format,prompt_template,variables,cap,due_on\n"
    "acme/autumn,film-1,Film one,brand-film,Dawn,16x9,,,,2026-12-24\n"
    "acme/autumn,opening,Opening,brand-film,,16x9,,,,\n"
)


def csv_file(text: str) -> io.BytesIO:
    file = io.BytesIO(text.encode())
    file.name = "brief.csv"
    return file


def test_me_tells_who_the_token_belongs_to_and_what_it_may(as_: Call) -> None:
    found = as_("producer").get("me/").json()
    assert (found["email"], found["workspace"]["key"]) == ("producer@example.com", "studio")
    assert found["roles"] == ["producer"]
    assert found["rights"] == ["make", "propose_tables", "read"]


def test_the_use_of_a_token_is_noted_at_most_each_five_minutes(as_: Call) -> None:
    as_("producer").get("me/")
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    as_("producer").get("me/")
    assert ApiToken.objects.get().last_used_at == first


def test_a_project_is_made_and_found_by_key_and_by_id(as_: Call) -> None:
    made = as_("producer").post("projects/", {"key": "lumen", "name": "Lumen"})
    assert made.status_code == 201
    for name in ("lumen", made.json()["id"]):
        assert as_("viewer").get(f"projects/{name}/").json() == made.json()
    problem(as_("producer").post("projects/", {"key": "lumen", "name": "Again"}), 422)
    assert Project.objects.filter(key="lumen").get().name == "Lumen"


def test_a_campaign_is_made_with_its_identity_and_found_by_both_names(as_: Call) -> None:
    body = {
        "project": "acme", "key": "winter", "name": "Winter", "seed_policy": "campaign", "seed": 7,
        "starts_on": "2026-11-01", "ends_on": "2026-12-31", "job_number": "J-1", "fee": "1000",
    }  # fmt: skip
    made = as_("producer").post("campaigns/", body)
    assert (made.status_code, made.json()["path"], made.json()["fee"]) == (
        201,
        "acme/winter",
        "1000.00000000",
    )
    for name in ("acme/winter", made.json()["id"]):
        assert as_("viewer").get(f"campaigns/{name}/").json() == made.json()
    wrong = {**body, "key": "x", "seed": None}
    assert list(problem(as_("producer").post("campaigns/", wrong), 422)["errors"]) == ["seed"]
    assert Campaign.objects.count() == 2


def test_a_reference_picture_is_added_and_listed(as_: Call) -> None:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(file, "PNG")
    file.seek(0)
    file.name = "anchor.png"
    made = as_("producer").send("campaigns/acme/autumn/references/", {"file": file, "label": "The pouch"})
    assert made.status_code == 201
    listed = as_("viewer").get("campaigns/acme/autumn/references/").json()["results"]
    assert listed == [made.json()]


def test_a_reference_that_is_no_picture_is_422_and_kept_nowhere(as_: Call) -> None:
    page = io.BytesIO(b"<html><script>alert(1)</script></html>")
    page.name = "picture.png"
    found = problem(as_("producer").send("campaigns/acme/autumn/references/", {"file": page}), 422)
    assert found["title"] == "This file cannot be used"
    assert ReferenceAnchor.objects.count() == 0


def test_a_deliverable_is_made_and_found_by_both_names(as_: Call) -> None:
    body = {
        "campaign": "acme/autumn", "key": "cut", "name": "Cut", "category": "social-cut",
        "brief": "Fast", "format": "16x9", "variables": {"mood": "calm"}, "due_on": "2026-12-01",
    }  # fmt: skip
    made = as_("producer").post("deliverables/", body)
    assert (made.status_code, made.json()["path"]) == (201, "acme/autumn/cut")
    for name in ("acme/autumn/cut", made.json()["id"]):
        assert as_("viewer").get(f"deliverables/{name}/").json() == made.json()


def test_a_cap_is_set_by_those_who_set_budgets(as_: Call) -> None:
    body = {
        "campaign": "acme/autumn", "key": "cut", "name": "Cut", "category": "brand-film",
        "brief": "", "format": "16x9", "cap": 3,
    }  # fmt: skip
    assert problem(as_("producer").post("deliverables/", body), 403)["right"] == "set_budgets"
    assert as_("manager").post("deliverables/", body).json()["cap"] == 3


def test_a_key_that_is_called_as_a_part_of_an_address_is_still_found(studio: Cast, as_: Call) -> None:
    factories.campaign(studio.project, "references")
    assert as_("viewer").get("campaigns/acme/references/").json()["path"] == "acme/references"
    factories.deliverable(studio.campaign, "takes", category=studio.brand_film)
    assert as_("viewer").get("deliverables/acme/autumn/takes/").json()["path"] == "acme/autumn/takes"
    assert as_("viewer").get("deliverables/acme/autumn/takes/takes/").json()["results"] == []


def test_a_brief_is_imported_and_again_changes_nothing(as_: Call) -> None:
    first = as_("producer").send("deliverables/import/", {"file": csv_file(CSV)})
    assert (first.status_code, first.json()) == (201, {"created": 1, "updated": 0, "unchanged": 1})
    again = as_("producer").send("deliverables/import/", {"file": csv_file(CSV)})
    assert again.json() == {"created": 0, "updated": 0, "unchanged": 2}


def test_a_brief_with_bad_lines_names_each_and_imports_nothing(as_: Call) -> None:
    bad = CSV + "acme/none,a,A,brand-film,,16x9,,,,\nacme/autumn,b,B,nonsense,,16x9,,,,\n"
    found = problem(as_("producer").send("deliverables/import/", {"file": csv_file(bad)}), 422)
    assert found["type"] == "/problems/bad-lines"
    assert [line["line"] for line in found["lines"]] == [4, 5]
    assert Deliverable.objects.count() == 1


def test_a_deliverable_is_written_off_and_reopened(as_: Call) -> None:
    path = "deliverables/acme/autumn/opening/"
    assert as_("manager").post(f"{path}write-off/", {"reason": "Dropped"}).json()["state"] == "written_off"
    problem(as_("manager").post(f"{path}write-off/", {"reason": "Again"}), 409)
    assert as_("manager").post(f"{path}reopen/", {"reason": "Back"}).json()["state"] == "open"
    problem(as_("manager").post(f"{path}write-off/", {}), 422)
    assert list(Decision.objects.order_by("sequence").values_list("decision", flat=True)) == [
        "write_off",
        "reopen",
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["opening"]), ("state=open", ["opening"]), ("state=accepted", []),
        ("campaign=acme/autumn&category=brand-film", ["opening"]), ("category=concept-sketch", []),
        ("board_column=brief", ["opening"]), ("due_before=2020-01-01", []),
    ],
)  # fmt: skip
def test_deliverables_are_filtered(as_: Call, query: str, found: list[str]) -> None:
    rows = as_("viewer").get(f"deliverables/?{query}").json()["results"]
    assert [row["key"] for row in rows] == found


def test_a_filter_value_that_does_not_fit_is_422(as_: Call) -> None:
    assert list(problem(as_("viewer").get("deliverables/?state=nonsense"), 422)["errors"]) == ["state"]


def test_a_list_is_read_page_by_page_forth_and_back(studio: Cast, as_: Call) -> None:
    for number in range(5):
        factories.project(studio.workspace, f"p{number}")
    page = as_("viewer").get("projects/?page_size=4").json()
    assert [row["key"] for row in page["results"]] == ["acme", "p0", "p1", "p2"]
    assert page["previous"] is None
    following = as_("viewer").http.get(page["next"]).json()
    assert [row["key"] for row in following["results"]] == ["p3", "p4"]
    assert following["next"] is None
    back = as_("viewer").http.get(following["previous"]).json()
    assert back["results"] == page["results"]


@pytest.mark.parametrize(
    "path", ["projects/", "campaigns/", "deliverables/", "events/", "categories/", "formats/"]
)
def test_twice_the_rows_cost_the_same_number_of_queries(studio: Cast, as_: Call, path: str) -> None:
    def grow(count: int) -> None:
        for _ in range(count):
            campaign = factories.campaign(factories.project(studio.workspace))
            factories.deliverable(
                campaign, category=factories.category(studio.workspace), format=studio.format
            )
            factories.format_(studio.workspace)

    def count() -> int:
        with CaptureQueriesContext(connection) as found:
            assert as_("viewer").get(path).status_code == 200
        return len(found)

    as_("viewer").get("me/")
    grow(3)
    before = count()
    grow(6)
    assert count() == before
