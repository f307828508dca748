"""Every error is a problem document, whatever went wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from rest_framework.exceptions import Throttled

from generation.api import problems
from projects.models import ApiToken, Project
from tests.cast import Cast
from tests.generation.api.conftest import Call, problem


def test_malformed_json_is_400(as_: Call) -> None:
    http = as_("producer").http
    found = problem(http.post("/api/v1/projects/", '{"key": ', content_type="application/json"), 400)
    assert found["type"] == "/problems/bad-request"
    assert "JSON parse error" in found["detail"]


def test_a_body_nested_too_deeply_is_400(as_: Call) -> None:
    http = as_("producer").http
    problem(http.post("/api/v1/projects/", "[" * 100_000, content_type="application/json"), 400)


@pytest.mark.parametrize("header", ["Token", "Token a b", "Token nonsense", "Token \xfc", "Bearer x", ""])
def test_a_token_that_is_none_is_401_with_the_way_to_send_one(db: None, header: str) -> None:
    response = Client(headers={"Authorization": header}).get("/api/v1/me/")
    found = problem(response, 401)
    assert response["WWW-Authenticate"] == "Token"
    assert "Authorization: Token" in found["remedy"]


def test_a_token_that_ran_out_is_401(as_: Call) -> None:
    producer = as_("producer")
    ApiToken.objects.update(expiry="2020-01-01T00:00Z")
    problem(producer.get("me/"), 401)


def test_a_token_of_a_person_who_was_switched_off_is_401(studio: Cast, as_: Call) -> None:
    producer = as_("producer")
    studio.producer.person.is_active = False
    studio.producer.person.save(update_fields=["is_active"])
    problem(producer.get("me/"), 401)


@pytest.mark.parametrize(
    "path",
    [
        *("nope/", "takes/not-an-id/", "projects/none/", "campaigns/acme/none/", "campaigns/acme/"),
        *("deliverables/acme/autumn/none/", "routing/tables/9/", "/api/", "/api/v2/me/", "me"),
        *("routing/tables/99999999999/", "projects/%00/", "deliverables/a/b/%ff/"),
        "takes/00000000-0000-0000-0000-000000000000/",
    ],
)
def test_what_is_not_there_is_404(as_: Call, path: str) -> None:
    problem(as_("producer").get(path), 404)


def test_an_address_without_its_slash_says_so(as_: Call) -> None:
    assert problem(as_("producer").get("me"), 404)["remedy"] == "Addresses end with a slash."


def test_another_method_is_405(as_: Call) -> None:
    for verb in ("put", "delete", "patch"):
        problem(getattr(as_("producer").http, verb)("/api/v1/projects/"), 405)


def test_a_form_that_is_not_served_is_406(as_: Call) -> None:
    found = problem(as_("producer").get("me/", headers={"Accept": "text/html"}), 406)
    assert found["remedy"] == "Accept application/json."


def test_a_body_of_another_kind_is_415(as_: Call) -> None:
    problem(as_("producer").send("projects/", {"key": "a", "name": "b"}), 415)
    problem(as_("producer").post("deliverables/import/", {}), 415)


def test_values_that_do_not_fit_are_422_by_field(as_: Call) -> None:
    found = problem(as_("producer").post("projects/", {"key": "a/b", "name": ""}), 422)
    assert found["errors"] == {"name": ["This field may not be blank."]}
    found = problem(as_("producer").post("projects/", {"key": "a/b", "name": "B"}), 422)
    assert list(found["errors"]) == ["key"]
    assert Project.objects.count() == 1


def test_a_body_that_is_no_object_is_422(as_: Call) -> None:
    for body in ([], "text", 7, [{"key": "a"}]):
        problem(as_("producer").post("projects/", body), 422)


def test_errors_inside_lists_are_named_by_their_place() -> None:
    found = problems.by_field({"reasons": {1: ["No choice."]}, "rows": [{}, {"key": ["Empty."]}]})
    assert found == {"reasons.1": ["No choice."], "rows.1.key": ["Empty."]}


@pytest.mark.parametrize("text", ["\x00", "\ud800", "a\x00b"])
def test_characters_that_no_text_has_are_422(as_: Call, text: str) -> None:
    problem(as_("producer").post("projects/", {"key": "k", "name": text}), 422)
    body = {"slug": "s", "name": "n", "body": "b", "variables": [{"name": text}]}
    problem(as_("producer").post("prompt-templates/", body), 422)


@pytest.mark.parametrize("number", ["1e400", "-1e999"])
def test_numbers_without_end_are_422(as_: Call, number: str) -> None:
    text = f'{{"slug": "s", "name": "n", "reason": "", "document": {{"steps": [{number}]}}}}'
    http = as_("manager").http
    problem(http.post("/api/v1/pipelines/", text, content_type="application/json"), 422)


def test_a_cursor_that_is_none_is_422(as_: Call) -> None:
    for path in ("projects/", "events/", "catalogue/"):
        found = problem(as_("producer").get(f"{path}?cursor=cD0lMDA%3D"), 422)
        assert list(found["errors"]) == ["cursor"]
    problem(as_("producer").get("projects/?cursor=elephant"), 422)


def test_too_many_requests_say_when_to_come_back() -> None:
    response = problems.handler(Throttled(wait=7), {})
    assert (response.status_code, response["Retry-After"]) == (429, "7")
    assert response.data["type"] == "/problems/too-many"


def test_what_nobody_foresaw_is_500_and_says_nothing_of_the_inside(caplog: Any) -> None:
    response = problems.handler(KeyError("secret"), {})
    assert response.status_code == 500
    assert "secret" not in json.dumps(response.data)
    assert "secret" in caplog.text
