"""Every address declares its policy, behaves by it for each role, and shows nothing of another workspace."""

import re
import uuid
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import get_resolver

from billing import budgets
from generation import batches, caps, heroes, reviews, takes
from projects import access
from projects import tokens as api_tokens
from projects.models import Asset, Role
from tests import factories, policy
from tests.studio import finished

NO_ROW = str(uuid.UUID(int=7))
ARGUMENTS = {
    "project": "acme",
    "campaign": "autumn",
    "number": "999",
    "version": "999",
    "kind": "thumbnail",
    "secret": "none",
    "name": "none",
    "provider": "fal",
    "token": "none",
    "digest": "0" * 32,
    "month": "2026-10",
    "layout": "csv",
    "path": "none",
    "table": "rows",
    "term": "late",
    "action": "rename",
    "form": "json",
    "step": "begin",
    "year": "2026",
}


def patterns(resolver=None, prefix=""):
    """Address (with bare argument names) and view of every pattern of the URLconf."""
    for entry in (resolver or get_resolver()).url_patterns:
        address = prefix + str(entry.pattern)
        if hasattr(entry, "url_patterns"):
            yield from patterns(entry, address)
        else:
            yield re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", address), entry.callback


def declared(view):
    """The policy that a view carries: a right, or rights by method."""
    for holder in (view, getattr(view, "cls", None), getattr(view, "view_class", None)):
        if holder is not None and hasattr(holder, "policy"):
            return holder.policy
    return None


OURS = {
    address: declared(view)
    for address, view in patterns()
    if not address.startswith(("accounts/", "healthz", "readyz", "metrics"))
}
TABLE = policy.lines(policy.PAGES) + policy.lines(policy.API)


def test_the_table_lists_every_address_and_no_other():
    listed = {address for _, right, address in TABLE if right != "operators"}
    assert set(OURS) == listed


@pytest.mark.parametrize(("methods", "right", "address"), TABLE)
def test_each_address_declares_what_the_table_says(methods, right, address):
    if right == "operators":
        return
    said = OURS[address]
    if isinstance(said, dict):
        assert {method: str(said[method]) for method in methods} == dict.fromkeys(methods, right)
    else:
        assert str(said) == right


def filled(address, workspace="studio", known=None):
    usual = {**ARGUMENTS, "campaign": NO_ROW} if address.startswith("api/") else ARGUMENTS
    known = known or {}

    def value(match):
        name = match[1]
        return str(known.get(name) or ("" if name != "workspace" else workspace) or usual.get(name, NO_ROW))

    return "/" + re.sub(r"<(\w+)>", value, address)


def send(client, method, path, **headers):
    return client.generic(method, path, b"{}", content_type="application/json", headers=headers)


def signed_in(person):
    client = Client(raise_request_exception=False)
    client.force_login(person)
    return client


IN_WORKSPACE = [line for line in policy.lines(policy.PAGES) if line[2].startswith("w/")]


def test_pages_let_in_exactly_the_roles_of_the_table(studio):
    wrong = []
    for role, member in studio.by_role.items():
        client = signed_in(member.person)
        for methods, right, address in IN_WORKSPACE:
            may = right in access.ROLE_RIGHTS[role]
            for method in methods:
                status = send(client, method, filled(address)).status_code
                if (status == 403) == may or status == 500:
                    wrong.append((role, method, address, status))
    assert wrong == []


def test_pages_send_anonymous_people_to_sign_in_and_strangers_nowhere(studio):
    wrong = []
    stranger, nobody = signed_in(studio.stranger.person), Client(raise_request_exception=False)
    for methods, _, address in IN_WORKSPACE:
        for method in methods:
            away = send(nobody, method, filled(address))
            if away.status_code != 302 or "/accounts/login/" not in away["Location"]:
                wrong.append(("nobody", method, address, away.status_code))
            status = send(stranger, method, filled(address)).status_code
            if status != 404:
                wrong.append(("stranger", method, address, status))
    assert wrong == []


def test_the_api_lets_in_exactly_the_roles_of_the_table(studio):
    wrong, nobody = [], Client(raise_request_exception=False)
    for role, member in studio.by_role.items():
        token = f"Token {api_tokens.issue(membership=member)}"
        for methods, right, address in policy.lines(policy.API):
            if right == "public":
                continue
            may = right in access.ROLE_RIGHTS[role]
            for method in methods:
                path = filled(address)
                status = send(nobody, method, path, authorization=token).status_code
                if (status == 403) == may or status >= 500:
                    wrong.append((role, method, address, status))
                if role == Role.VIEWER and send(nobody, method, path).status_code != 401:
                    wrong.append(("nobody", method, address))
    assert wrong == []


@pytest.fixture
def rows(studio):
    """One row of each kind in the cast's workspace, by the name of the argument that names it."""
    take = finished(takes.make(deliverable=studio.deliverable, by=studio.producer).takes.get())
    reviews.review(take=take, decision="select", by=studio.producer)
    take.refresh_from_db()
    hero = heroes.request(take=take, by=studio.producer)
    cap = caps.request(deliverable=studio.deliverable, more=2, reason="why", by=studio.producer)
    other = factories.deliverable(studio.campaign, "second", category=studio.brand_film, format=studio.format)
    asset = Asset.objects.create(
        workspace=studio.workspace, kind="image", sha256="a" * 64, media_type="image/png", size_bytes=1
    )
    budget = budgets.set_budget(scope="workspace", window="month", limit=Decimal(99), by=studio.manager)
    batch = batches.make(deliverables=[other], count=1, by=studio.producer)
    found = {
        "deliverable": studio.deliverable.pk,
        "take": take.pk,
        "hero_request": hero.pk,
        "cap_request": cap.pk,
        "asset": asset.pk,
        "budget": budget.pk,
        "batch": batch.pk,
        "membership": studio.producer.pk,
        "campaign": studio.campaign.pk,
        "project": studio.project.pk,
    }
    return found | {f"{name}_id": value for name, value in found.items()} | {"request_id": hero.pk}


def test_rows_of_another_workspace_are_not_found_under_ones_own(studio, rows):
    """The stranger has every role, elsewhere: an id of the cast's workspace is as good as none."""
    wrong = []
    client = signed_in(studio.stranger.person)
    token = f"Token {api_tokens.issue(membership=studio.stranger)}"
    nobody = Client(raise_request_exception=False)
    for methods, _right, address in TABLE:
        named = [name for name in re.findall(r"<(\w+)>", address) if name in rows]
        if not named:
            continue
        for method in methods:
            answers = []
            for known in (rows, {}):
                path = filled(address, workspace="elsewhere", known=known)
                if address.startswith("api/"):
                    headers = {"authorization": token, "Idempotency-Key": f"{method}{path}"}
                    answers.append(send(nobody, method, path, **headers).status_code)
                else:
                    answers.append(send(client, method, path).status_code)
            if answers[0] != answers[1] or answers[0] < 400:
                wrong.append((method, address, answers))
    assert wrong == []
