"""Who may call what: the addresses against a hand-written table, each role against each of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern

from billing.models import PriceRow
from generation.api import urls
from projects import access, people
from projects.access import Right
from projects.models import Event
from tests.cast import Cast
from tests.generation.api.conftest import Call, address, caller, problem
from tests.generation.api.rows import Rows, everything

READ, MAKE, APPROVE = Right.READ, Right.MAKE, Right.APPROVE
DELIVERABLE = "deliverables/<deliverable:deliverable>/"
TABLE: dict[str, dict[str, str]] = {
    "schema/": {"GET": "public"},
    "me/": {"GET": READ},
    "projects/": {"GET": READ, "POST": MAKE},
    "projects/<key:project>/": {"GET": READ},
    "campaigns/": {"GET": READ, "POST": MAKE},
    "campaigns/<campaign:campaign>/references/": {"GET": READ, "POST": MAKE},
    "campaigns/<campaign:campaign>/": {"GET": READ},
    "categories/": {"GET": READ},
    "formats/": {"GET": READ},
    "catalogue/": {"GET": READ},
    "runs/": {"GET": READ},
    "events/": {"GET": READ},
    "budgets/": {"GET": READ, "POST": Right.SET_BUDGETS},
    "budgets/<uuid:budget>/": {"GET": READ, "PATCH": Right.SET_BUDGETS},
    "prompt-templates/": {"GET": READ, "POST": MAKE},
    "pipelines/": {"GET": READ, "POST": Right.PUBLISH_TABLES},
    "deliverables/": {"GET": READ, "POST": MAKE},
    "deliverables/import/": {"POST": MAKE},
    f"{DELIVERABLE}takes/upload/": {"POST": MAKE},
    f"{DELIVERABLE}takes/": {"GET": READ, "POST": MAKE},
    f"{DELIVERABLE}write-off/": {"POST": APPROVE},
    f"{DELIVERABLE}reopen/": {"POST": APPROVE},
    f"{DELIVERABLE}cap-requests/": {"POST": MAKE},
    DELIVERABLE: {"GET": READ},
    "quotes/": {"POST": READ},
    "batches/": {"POST": MAKE},
    "batches/quote/": {"POST": READ},
    "batches/<uuid:batch>/": {"GET": READ},
    "batches/<uuid:batch>/cells/": {"GET": READ},
    "batches/<uuid:batch>/pause/": {"POST": MAKE},
    "batches/<uuid:batch>/resume/": {"POST": MAKE},
    "batches/<uuid:batch>/cancel/": {"POST": MAKE},
    "takes/<uuid:take>/": {"GET": READ},
    "takes/<uuid:take>/cancel/": {"POST": MAKE},
    "takes/<uuid:take>/recall/": {"POST": READ},
    "takes/<uuid:take>/reviews/": {"POST": MAKE},
    "takes/<uuid:take>/hero-requests/": {"POST": MAKE},
    "assets/<uuid:asset>/": {"GET": READ},
    "hero-requests/": {"GET": READ},
    "hero-requests/<uuid:hero_request>/": {"GET": READ},
    "hero-requests/<uuid:hero_request>/decisions/": {"POST": APPROVE},
    "hero-requests/<uuid:hero_request>/undo/": {"POST": APPROVE},
    "cap-requests/": {"GET": READ},
    "cap-requests/<uuid:cap_request>/": {"GET": READ},
    "cap-requests/<uuid:cap_request>/decisions/": {"POST": APPROVE},
    "routing/resolve/": {"POST": READ},
    "routing/tables/": {"GET": READ, "POST": Right.PROPOSE_TABLES},
    "routing/tables/<int:version>/": {"GET": READ},
    "routing/tables/<int:version>/publish/": {"POST": Right.PUBLISH_TABLES},
    "price-rows/": {"GET": READ, "POST": Right.KEEP_BOOKS},
    "price-rows/<uuid:price_row>/decisions/": {"POST": Right.KEEP_BOOKS},
    "exchange-rates/": {"GET": READ, "POST": Right.KEEP_BOOKS},
    "credit-lots/": {"GET": READ, "POST": Right.KEEP_BOOKS},
    "ledger/": {"GET": READ},
    "history/": {"POST": Right.KEEP_BOOKS},
    "history/<uuid:job>/": {"GET": READ},
    "invoices/": {"GET": READ, "POST": Right.KEEP_BOOKS},
    "invoices/<uuid:invoice>/": {"GET": READ},
    "invoices/<uuid:invoice>/withdraw/": {"POST": Right.KEEP_BOOKS},
    "reconciliations/<key:provider>/<key:month>/": {"GET": READ},
    "reconciliations/<key:provider>/<key:month>/differences/": {"GET": READ},
    "reconciliations/<key:provider>/<key:month>/accept/": {"POST": Right.KEEP_BOOKS},
    "differences/<uuid:difference>/accept/": {"POST": Right.KEEP_BOOKS},
    "differences/<uuid:difference>/adjust/": {"POST": Right.KEEP_BOOKS},
    "differences/<uuid:difference>/undo/": {"POST": Right.KEEP_BOOKS},
    "unclaimed/": {"GET": READ},
    "unclaimed/assign/": {"POST": Right.KEEP_BOOKS},
    "audits/<key:month>/": {"GET": READ},
    "audits/<key:month>/export/": {"GET": READ},
}
#: By role, what a person may: written by hand from the design, not read from the code.
MAY = {
    "viewer": {READ},
    "producer": {READ, MAKE, Right.PROPOSE_TABLES},
    "reviewer": {READ, MAKE},
    "manager": {READ, MAKE, APPROVE, Right.PROPOSE_TABLES, Right.PUBLISH_TABLES, Right.SET_BUDGETS},
    "finance": {READ, Right.SET_BUDGETS, Right.KEEP_BOOKS},
    "admin": {READ},
}


def patterns() -> Iterator[tuple[str, Any]]:
    for pattern in urls.version_1:
        assert isinstance(pattern, URLPattern)
        yield str(pattern.pattern), pattern.callback.view_class  # type: ignore[attr-defined]


def test_every_address_declares_the_right_that_the_table_says() -> None:
    assert {route: dict(view.policy) for route, view in patterns()} == TABLE


def test_every_method_that_a_view_has_stands_in_its_policy() -> None:
    for route, view in patterns():
        has = {
            verb for verb in ("get", "post", "put", "patch", "delete") if callable(getattr(view, verb, None))
        }
        assert {verb.upper() for verb in has} == set(view.policy), route


@pytest.fixture
def rows(studio: Cast) -> Rows:
    return everything(studio)


def calls(studio: Cast, rows: Rows) -> Iterator[tuple[str, str, str]]:
    """Every address × method with the names of real rows, and the right that it needs."""
    names = {
        **rows.names,
        "project": studio.project.pk,
        "campaign": studio.campaign.pk,
        "deliverable": studio.deliverable.pk,
        "month": "2026-10",
        "job": uuid.uuid4(),
        "price_row": PriceRow.objects.filter(workspace=studio.workspace)[0].pk,
    }
    for route, policy in TABLE.items():
        path = route
        for name, value in names.items():
            for kind in ("uuid", "key", "campaign", "deliverable", "int"):
                path = path.replace(f"<{kind}:{name}>", str(value))
        for verb, right in policy.items():
            yield verb, path, right


def call(http: Client, verb: str, path: str) -> Any:
    """An empty call: what a policy lets in goes on to say what is missing."""
    return http.generic(verb, address(path), "{}", "application/json")


def test_without_a_token_everything_but_the_schema_is_401(studio: Cast, rows: Rows) -> None:
    for verb, path, right in calls(studio, rows):
        response = call(Client(), verb, path)
        if right == "public":
            assert response.status_code == 200
        else:
            problem(response, 401)
            assert response["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("role", list(MAY))
def test_a_role_is_let_in_where_the_table_says_and_told_otherwise_who_may(
    studio: Cast, rows: Rows, as_: Call, role: str
) -> None:
    http, before = as_(role).http, Event.objects.count()
    for verb, path, right in calls(studio, rows):
        if verb != "GET" and right not in MAY[role]:
            found = problem(call(http, verb, path), 403)
            assert found["right"] == right
            assert found["roles"] == access.roles_with(right)
    assert Event.objects.count() == before


@pytest.mark.parametrize("role", list(MAY))
def test_what_a_role_may_is_not_refused_for_want_of_a_right(
    studio: Cast, rows: Rows, as_: Call, role: str
) -> None:
    http = as_(role).http
    for verb, path, right in calls(studio, rows):
        if right in MAY[role]:
            response = call(http, verb, path)
            refused = response.status_code == 403 and response.json().get("right") == right
            assert not refused, (verb, path)
            assert response.status_code != 401


def test_rows_of_another_workspace_are_404_in_every_address(studio: Cast, rows: Rows, as_: Call) -> None:
    stranger, before = as_("stranger").http, Event.objects.count()
    for verb, path, _ in calls(studio, rows):
        if not any(str(value) in path for value in _ids(studio, rows)):
            continue
        key = {"Idempotency-Key": uuid.uuid4().hex}
        response = stranger.generic(verb, address(path), "{}", "application/json", headers=key)
        problem(response, 415 if response.status_code == 415 else 404)
    assert Event.objects.count() == before


def _ids(studio: Cast, rows: Rows) -> list[Any]:
    own = [studio.project.pk, studio.campaign.pk, studio.deliverable.pk]
    return [*own, *(value for value in rows.names.values() if isinstance(value, uuid.UUID))]


def bodies(studio: Cast) -> list[tuple[str, dict[str, Any]]]:
    """Bodies that name rows of the studio; all else in them fits."""
    named = {"key": "new", "name": "New"}
    deliverable = {**named, "brief": "", "category": "brand-film", "format": "16x9"}
    rest = {"campaign": str(studio.campaign.pk)}
    quote = {"deliverable": str(studio.deliverable.pk), "phase": "draft"}
    return [
        ("campaigns/", {**named, "project": str(studio.project.pk)}),
        ("campaigns/", {**named, "project": "acme"}),
        ("deliverables/", {**deliverable, **rest}),
        ("deliverables/", {**deliverable, "campaign": "acme/autumn"}),
        ("quotes/", quote),
        ("quotes/", {**quote, "deliverable": "acme/autumn/opening"}),
        ("batches/", {"deliverables": [str(studio.deliverable.pk)], "count": 1}),
        ("batches/quote/", {"deliverables": ["acme/autumn/opening"], "count": 1}),
        ("routing/resolve/", {"category": str(studio.brand_film.pk), "phase": "draft"}),
        ("budgets/", {"scope": "campaign", "target": "acme/autumn", "window": "month", "limit": "1"}),
        ("budgets/", {"scope": "person", "target": "producer@example.com", "window": "month", "limit": "1"}),
    ]


def test_rows_of_another_workspace_are_404_in_every_body(studio: Cast, as_: Call) -> None:
    stranger, before = as_("stranger"), Event.objects.count()
    for path, body in bodies(studio):
        assert "There is no" in problem(stranger.post(path, body), 404)["detail"], path
    assert Event.objects.count() == before


@pytest.mark.parametrize("query", ["campaign=acme/autumn", "project=acme", "category=brand-film"])
def test_rows_of_another_workspace_are_404_in_filters(as_: Call, query: str) -> None:
    problem(as_("stranger").get(f"deliverables/?{query}"), 404)
    assert len(as_("viewer").get(f"deliverables/?{query}").json()["results"]) == 1


def test_lists_hold_no_row_of_another_workspace(studio: Cast, rows: Rows, as_: Call) -> None:
    shared = {"catalogue/": "the catalogue is everybody's", "events/": "its own token was issued"}
    for route, policy in TABLE.items():
        if "GET" in policy and "<" not in route and route not in ("schema/", "me/", *shared):
            assert as_("stranger").get(route).json()["results"] == [], route


def test_an_ended_membership_ends_its_tokens(studio: Cast, as_: Call) -> None:
    producer = as_("producer")
    assert producer.get("me/").status_code == 200
    people.end_membership(membership=studio.producer, by=studio.admin)
    problem(producer.get("me/"), 401)


def test_a_membership_that_ended_refuses_even_a_token_that_was_left(studio: Cast) -> None:
    left = caller(studio.producer)
    studio.producer.ended_at = studio.producer.joined_at
    studio.producer.save(update_fields=["ended_at"])
    problem(left.get("me/"), 401)


def test_a_token_opens_its_own_workspace_alone(studio: Cast) -> None:
    """The stranger joins the studio too: the token for elsewhere still shows only elsewhere."""
    elsewhere = caller(studio.stranger)
    _, secret = people.invite(email="stranger@example.com", roles=["viewer"], by=studio.admin)
    joined = people.accept_invitation(secret=secret, person=studio.stranger.person)
    assert elsewhere.get("me/").json()["workspace"]["key"] == "elsewhere"
    assert elsewhere.get("projects/").json()["results"] == []
    assert caller(joined).get("me/").json()["roles"] == ["viewer"]
