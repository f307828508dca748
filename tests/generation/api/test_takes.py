"""Takes by the API: priced, made, looked at, cancelled, recalled, decided, approved as hero renders."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from billing import budgets
from billing.models import Entry, Hold
from generation.models import Run
from projects.models import Decision, Deliverable, HeroRequest, RoleRate, Take
from tests import factories
from tests.cast import Cast
from tests.generation.api.conftest import Call, problem
from tests.generation.api.rows import everything, ready_draft

FILM = "deliverables/acme/autumn/opening/"
TAKES = f"{FILM}takes/"


def test_a_quote_tells_price_cap_and_budgets_and_changes_nothing(studio: Cast, as_: Call) -> None:
    budgets.set_budget(scope="workspace", limit=Decimal(5), window="month", by=studio.finance)
    body = {"deliverable": "acme/autumn/opening", "phase": "draft", "count": 2}
    found = as_("viewer").post("quotes/", body, key=None).json()
    assert (found["amount"], found["at_most"], found["currency"]) == ("0.12000000", "0.12000000", "EUR")
    assert (found["takes_used"], found["cap"]) == (0, 8)
    assert found["budgets"] == [
        {"scope": "workspace", "name": "Everything in Studio, each month", "left": "5.00000000"}
    ]
    assert found["decision"]["routing_version"] == 1
    assert (Take.objects.count(), Hold.objects.count()) == (0, 0)


def test_a_quote_looks_at_the_budget_of_who_asks_and_says_who_can_raise_it(studio: Cast, as_: Call) -> None:
    person = studio.producer.person
    budgets.set_budget(
        scope="person", target=person, limit=Decimal("0.10"), window="month", by=studio.finance
    )
    body = {"deliverable": "acme/autumn/opening", "phase": "draft", "count": 2}
    found = as_("producer").post("quotes/", body, key=None).json()
    assert found["budgets"] == [
        {"scope": "person", "name": "Person Producer, each month", "left": "0.10000000"}
    ]
    assert found["decision"]["outcome"] == "budget"
    assert found["decision"]["reasons"][-1].endswith("Finance or Manager or Second.Manager can raise it")
    assert as_("manager").post("quotes/", body, key=None).json()["budgets"] == []


@pytest.mark.parametrize("count", [0, 21, "many", 1.5])
def test_a_count_that_does_not_fit_is_422(as_: Call, count: Any) -> None:
    found = problem(as_("producer").post(TAKES, {"count": count}), 422)
    assert list(found["errors"]) == ["count"]
    assert Take.objects.count() == 0


def test_hero_takes_are_not_made_directly(as_: Call) -> None:
    assert list(problem(as_("producer").post(TAKES, {"phase": "hero"}), 422)["errors"]) == ["phase"]
    assert Take.objects.count() == 0


def test_takes_are_made_as_one_round_and_told_whole(as_: Call) -> None:
    made = as_("producer").post(TAKES, {"phase": "draft", "count": 2, "prompt": "A harbour", "seed": 7})
    assert (made.status_code, made.json()["round"]) == (201, 1)
    first, second = made.json()["takes"]
    assert [(take["number"], take["seed"], take["state"]) for take in (first, second)] == [
        (1, 7, "queued"),
        (2, 8, "queued"),
    ]
    whole = as_("viewer").get(f"takes/{first['id']}/").json()
    assert {name: whole[name] for name in first} == first
    assert whole["cost"] == {"reserved": "0.06000000", "posted": "0.00000000"}
    assert [(run["step"], run["stage"], run["state"], run["calls"]) for run in whole["runs"]] == [
        ("image", "generation", "queued", []),
        ("motion", "generation", "planned", []),
    ]
    assert (whole["time"]["waited_seconds"], whole["time"]["amount"]) == (None, "0.00000000")
    assert whole["requested_at"].endswith("Z")
    listed = as_("viewer").get(TAKES).json()["results"]
    assert [take["number"] for take in listed] == [2, 1]


def test_the_time_of_a_take_is_worth_its_review_and_waiting(studio: Cast, as_: Call) -> None:
    take = ready_draft(studio, requested_at=factories.utc("2026-10-06T08:00:00"))
    Take.objects.filter(pk=take.pk).update(ended_at=factories.utc("2026-10-06T08:06:00"))
    RoleRate.objects.create(
        workspace=studio.workspace, role="producer", hourly_rate=40, starts_on="2026-01-01"
    )
    told = as_("viewer").get(f"takes/{take.pk}/").json()["time"]
    assert (told["waited_seconds"], told["amount"]) == (360, "1.00000000")


def test_a_budget_that_does_not_allow_it_is_402_with_its_amounts(studio: Cast, as_: Call) -> None:
    budgets.set_budget(scope="workspace", limit=Decimal("0.10"), window="month", by=studio.finance)
    found = problem(as_("producer").post(TAKES, {"count": 2}), 402)
    assert found["type"] == "/problems/budget"
    assert (found["needed"], found["left"]) == ("0.12000000", "0.10000000")
    assert found["budget"] == "Everything in Studio, each month"
    assert found["raised_by"] == ["Finance", "Manager", "Second.Manager"]
    assert (Take.objects.count(), Hold.objects.count(), Run.objects.count()) == (0, 0, 0)


def test_at_the_cap_it_is_409_with_the_ways_out(studio: Cast, as_: Call) -> None:
    Deliverable.objects.filter(pk=studio.deliverable.pk).update(cap=1)
    assert as_("producer").post(TAKES, {}).status_code == 201
    found = problem(as_("producer").post(TAKES, {}), 409)
    assert (found["type"], found["used"], found["cap"]) == ("/problems/cap", 1, 1)
    assert "ask" in [way["way"] for way in found["ways_out"]]
    assert Take.objects.count() == 1


def test_a_recalled_request_runs_exactly_that(as_: Call) -> None:
    take = as_("producer").post(TAKES, {"seed": 7, "prompt": "A harbour"}).json()["takes"][0]
    recalled = as_("viewer").post(f"takes/{take['id']}/recall/", {"what": "all"}, key=None).json()
    assert recalled["request_hash"] == take["request_hash"]
    again = as_("producer").post(TAKES, {"request": recalled["request"]}).json()["takes"][0]
    assert (again["request_hash"], again["seed"], again["number"]) == (take["request_hash"], 7, 2)
    remix = as_("viewer").post(f"takes/{take['id']}/recall/", {"what": "remix"}, key=None).json()
    assert remix["request_hash"] != take["request_hash"]
    assert remix["request"]["prompt"] == "A harbour"


def changed(request: dict[str, Any], *path: Any, to: Any) -> dict[str, Any]:
    place = request
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = to
    return request


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("steps",), []), (("steps",), 3), (("steps", 0), None), (("seed",), "7"), (("seed",), -1),
        (("prompt",), 4), (("phase",), "hero"), (("phase",), "x"), (("pipeline",), "none@9"),
        (("steps", 0, "choices"), 1), (("steps", 0, "choices"), [{"model": 3}]),
        (("steps", 0, "choices"), []), (("steps", 0, "width"), 10**9), (("steps", 0, "width"), "x"),
        (("steps", 0, "inputs"), [{"role": "reference", "sha256": "f" * 64}]),
        (("steps", 0, "inputs"), ["x"]), (("steps", 0, "duration_seconds"), "x"),
        (("steps", 0, "retries"), -1), (("steps", 0, "on_error"), {"auth": 1}), (("steps", 0, "seed"), 2**70),
        (("steps", 0, "choices", 0, "parameters"), []),
        (("deliverable",), "00000000-0000-0000-0000-000000000000"),
    ],
)  # fmt: skip
def test_a_request_that_was_tampered_with_is_refused(as_: Call, path: tuple[Any, ...], to: Any) -> None:
    take = as_("producer").post(TAKES, {"seed": 7}).json()["takes"][0]
    request = as_("viewer").post(f"takes/{take['id']}/recall/", {"what": "all"}, key=None).json()["request"]
    response = as_("producer").post(TAKES, {"request": changed(request, *path, to=to)})
    problem(response, 409 if response.status_code == 409 else 422)
    assert Take.objects.count() == 1


def test_a_recalled_request_with_a_prompt_beside_it_is_422(as_: Call) -> None:
    take = as_("producer").post(TAKES, {"seed": 7}).json()["takes"][0]
    request = as_("viewer").post(f"takes/{take['id']}/recall/", {"what": "all"}, key=None).json()["request"]
    found = problem(as_("producer").post(TAKES, {"request": request, "prompt": "Other"}), 422)
    assert list(found["errors"]) == ["prompt"]


def test_a_take_is_cancelled_by_its_own_person_or_a_manager(as_: Call) -> None:
    own, other = as_("producer").post(TAKES, {"count": 2}).json()["takes"]
    problem(as_("reviewer").post(f"takes/{own['id']}/cancel/"), 403)
    done = as_("producer").post(f"takes/{own['id']}/cancel/", key=None).json()
    assert (done["state"], done["cost"]["reserved"]) == ("cancelled", "0.00000000")
    assert as_("manager").post(f"takes/{other['id']}/cancel/").json()["state"] == "cancelled"
    assert as_("producer").post(f"takes/{own['id']}/cancel/").json()["state"] == "cancelled"


def test_a_file_made_by_hand_is_a_take_and_costs_what_was_said(as_: Call) -> None:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(file, "PNG")
    file.seek(0)
    file.name = "retouch.png"
    parts = {"file": file, "phase": "draft", "made_with": "Retouch", "amount": "12.5", "note": "By hand"}
    made = as_("producer").send(f"{TAKES}upload/", parts)
    assert made.status_code == 201
    take = made.json()
    assert (take["kind"], take["state"], take["made_with"]) == ("uploaded", "ready", "Retouch")
    assert take["cost"] == {"reserved": "0.00000000", "posted": "12.50000000"}
    asset = take["assets"][0]
    assert (asset["role"], asset["width"], asset["media_type"]) == ("output", 64, "image/png")
    assert Entry.objects.get().stage == "generation"
    bytes_ = b"".join(as_("viewer").http.get(asset["url"]).streaming_content)
    assert bytes_ == file.getvalue()


def test_an_upload_that_is_no_picture_is_422_and_makes_no_take(as_: Call) -> None:
    for content in (b"<html>", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", b"GIF89a"):
        file = io.BytesIO(content)
        file.name = "picture.png"
        problem(
            as_("producer").send(f"{TAKES}upload/", {"file": file, "phase": "draft", "made_with": "x"}), 422
        )
    assert (Take.objects.count(), Entry.objects.count()) == (0, 0)


def test_a_file_is_served_in_ranges_to_its_workspace_alone(studio: Cast, as_: Call) -> None:
    take = ready_draft(studio)
    url = as_("viewer").get(f"takes/{take.pk}/").json()["assets"][0]["url"]
    part = as_("viewer").http.get(url, headers={"Range": "bytes=1-2", "Accept": "image/png"})
    assert (part.status_code, b"".join(part.streaming_content)) == (206, b"ou")
    problem(as_("stranger").http.get(url), 404)


def test_a_draft_is_selected_and_rejected_with_reasons(studio: Cast, as_: Call) -> None:
    path = f"takes/{ready_draft(studio).pk}/reviews/"
    chosen = as_("producer").post(path, {"decision": "select"}, key=None)
    assert (chosen.status_code, chosen.json()["mark"]) == (201, "selected")
    body = {"decision": "reject", "reasons": ["motion", "other"], "note": "Jerky"}
    assert as_("producer").post(path, body).json()["reasons"] == ["motion", "other"]
    problem(as_("producer").post(path, {"decision": "reject", "reasons": ["nonsense"]}), 422)
    problem(as_("producer").post(path, {"decision": "reverse"}), 403)
    assert Decision.objects.count() == 2


def test_a_draft_where_heroes_are_delivered_is_accepted_only_as_is_by_a_manager(
    studio: Cast, as_: Call
) -> None:
    path = f"takes/{ready_draft(studio).pk}/reviews/"
    assert problem(as_("producer").post(path, {"decision": "accept"}), 403)["roles"] == ["manager"]
    assert problem(as_("reviewer").post(path, {"decision": "accept"}), 403)["roles"] == ["manager"]
    problem(as_("manager").post(path, {"decision": "accept"}), 409)
    problem(as_("manager").post(path, {"decision": "accept", "as_is": True}), 422)
    done = as_("manager").post(path, {"decision": "accept", "as_is": True, "note": "Good enough"}).json()
    assert (done["state"], done["mark"], done["as_is"]) == ("accepted", "accepted", True)
    found = problem(as_("manager").post(path, {"decision": "accept", "as_is": True, "note": "Again"}), 409)
    assert found["type"] == "/problems/grammar-of-decisions"
    assert as_("manager").post(path, {"decision": "reverse"}).json()["state"] == "open"
    assert Decision.objects.count() == 2


def test_nothing_is_made_for_what_is_signed_off(studio: Cast, as_: Call) -> None:
    body = {"decision": "accept", "as_is": True, "note": "Good enough"}
    as_("manager").post(f"takes/{ready_draft(studio).pk}/reviews/", body)
    problem(as_("producer").post(TAKES, {}), 409)
    assert Take.objects.count() == 1


def test_a_hero_render_is_asked_for_approved_and_taken_back(studio: Cast, as_: Call) -> None:
    draft = ready_draft(studio)
    problem(as_("producer").post(f"takes/{draft.pk}/hero-requests/"), 409)
    as_("producer").post(f"takes/{draft.pk}/reviews/", {"decision": "select"})
    asked = as_("producer").post(f"takes/{draft.pk}/hero-requests/", {"note": "Please"}, key=None)
    assert asked.status_code == 201
    request = asked.json()
    assert (request["state"], request["draft"], request["take"]) == ("waiting", str(draft.pk), None)
    assert request["quote"]["at_most"] == request["at_most"]
    waiting = as_("manager").get("hero-requests/?state=waiting").json()["results"]
    assert waiting == [request]
    path = f"hero-requests/{request['id']}/"
    approved = as_("manager").post(f"{path}decisions/", {"decision": "approve", "note": "Go"}).json()
    assert approved["state"] == "approved"
    hero = as_("viewer").get(f"takes/{approved['take']}/").json()
    assert (hero["phase"], hero["cost"]["reserved"]) == ("hero", request["at_most"])
    problem(as_("manager").post(f"{path}decisions/", {"decision": "approve"}), 409)
    undone = as_("manager").post(f"{path}undo/", key=None).json()
    assert (undone["state"], undone["take"]) == ("waiting", None)
    assert as_("viewer").get(f"takes/{hero['id']}/").json()["cost"]["reserved"] == "0.00000000"


def test_an_approval_twice_with_one_key_makes_one_hero_take(studio: Cast, as_: Call) -> None:
    path = f"hero-requests/{everything(studio).hero.pk}/decisions/"
    first = as_("manager").post(path, {"decision": "approve"}, key="k")
    again = as_("manager").post(path, {"decision": "approve"}, key="k")
    assert (first.status_code, again.content) == (200, first.content)
    assert Take.objects.filter(phase="hero").count() == 1


def test_an_approval_beyond_the_budget_is_402_and_leaves_the_request_waiting(studio: Cast, as_: Call) -> None:
    rows = everything(studio)
    budgets.change_limit(budget=rows.budget, limit=Decimal("0.5"), by=studio.finance)
    found = problem(
        as_("manager").post(f"hero-requests/{rows.hero.pk}/decisions/", {"decision": "approve"}), 402
    )
    assert Decimal(found["needed"]) > Decimal(found["left"])
    assert HeroRequest.objects.get().state == "waiting"
    assert Take.objects.filter(phase="hero").count() == 0


def test_one_s_own_hero_request_needs_somebody_else(studio: Cast, as_: Call) -> None:
    draft = ready_draft(studio)
    as_("manager").post(f"takes/{draft.pk}/reviews/", {"decision": "select"})
    asked = as_("manager").post(f"takes/{draft.pk}/hero-requests/").json()
    path = f"hero-requests/{asked['id']}/decisions/"
    problem(as_("manager").post(path, {"decision": "approve"}), 403)
    assert as_("second_manager").post(path, {"decision": "approve"}).json()["state"] == "approved"


def test_more_takes_are_asked_for_and_granted(studio: Cast, as_: Call) -> None:
    Deliverable.objects.filter(pk=studio.deliverable.pk).update(cap=0)
    problem(as_("producer").post(TAKES, {}), 409)
    asked = as_("producer").post(f"{FILM}cap-requests/", {"more": 2, "reason": "Close"}, key=None)
    assert (asked.status_code, asked.json()["state"]) == (201, "waiting")
    problem(as_("producer").post(f"{FILM}cap-requests/", {"more": 2, "reason": "Again"}), 409)
    path = f"cap-requests/{asked.json()['id']}/decisions/"
    done = as_("manager").post(path, {"decision": "grant", "note": "Fine"}, key=None)
    assert (done.status_code, done.json()["state"]) == (200, "approved")
    problem(as_("manager").post(path, {"decision": "decline"}), 409)
    assert as_("producer").post(TAKES, {"count": 2}).status_code == 201


def test_a_batch_is_made_whole_followed_and_cancelled(studio: Cast, as_: Call) -> None:
    body = {"deliverables": ["acme/autumn/opening"], "count": 3, "phase": "draft"}
    made = as_("producer").post("batches/", body)
    assert (made.status_code, made.json()["at_most"]) == (201, "0.18000000")
    assert made.json()["progress"]["in_flight"] == 3
    path = f"batches/{made.json()['id']}/"
    assert as_("viewer").get(path).json() == made.json()
    done = as_("producer").post(f"{path}cancel/", key=None).json()
    assert (done["progress"]["cancelled"], done["progress"]["finished"]) == (3, True)


def test_a_batch_beyond_a_cap_names_its_deliverable_and_makes_nothing(studio: Cast, as_: Call) -> None:
    Deliverable.objects.filter(pk=studio.deliverable.pk).update(cap=2)
    found = problem(
        as_("producer").post("batches/", {"deliverables": ["acme/autumn/opening"], "count": 3}), 409
    )
    assert found["detail"].startswith("Opening: ")
    assert Take.objects.count() == 0


@pytest.mark.parametrize("path", [TAKES, "runs/", "hero-requests/", "cap-requests/", "events/"])
def test_twice_the_rows_cost_the_same_number_of_queries(studio: Cast, as_: Call, path: str) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as found:
            assert as_("viewer").get(path).status_code == 200
        return len(found)

    everything(studio)
    as_("viewer").get("me/")
    before = count()
    as_("producer").post(TAKES, {"count": 6})
    assert count() == before
