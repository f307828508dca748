"""What the API's tests share: the cast in a furnished workspace, and a client for each of them."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client

from generation import workspaces
from projects import tokens
from projects.models import Category, Membership
from tests.cast import Cast

ROOT = "/api/v1/"


@dataclasses.dataclass
class Caller:
    """Calls the API as one member, in this process."""

    membership: Membership
    token: str

    def __post_init__(self) -> None:
        self.http = Client(headers={"Authorization": f"Token {self.token}"}, raise_request_exception=False)

    def get(self, path: str, **options: Any) -> Any:
        return self.http.get(address(path), **options)

    def post(self, path: str, body: Any = None, *, key: str | None = "", **options: Any) -> Any:
        """A fresh Idempotency-Key unless one is given; None sends none."""
        headers = {} if key is None else {"Idempotency-Key": key or uuid.uuid4().hex}
        text = json.dumps({} if body is None else body)
        return self.http.post(
            address(path), text, content_type="application/json", headers=headers, **options
        )

    def send(self, path: str, parts: dict[str, Any], *, key: str = "") -> Any:
        """A multipart POST."""
        return self.http.post(address(path), parts, headers={"Idempotency-Key": key or uuid.uuid4().hex})


def address(path: str) -> str:
    return path if path.startswith("/") else ROOT + path


def caller(membership: Membership) -> Caller:
    return Caller(membership, tokens.issue(membership=membership, label="test"))


Call = Callable[[str], Caller]


def furnished(cast: Cast) -> Cast:
    """The cast's workspace with everything that a new one has, so that takes can be made."""
    call_command("load_catalogue", verbosity=0)
    for key, phase in (
        ("social-cut", "hero"),
        ("product-still", "hero"),
        ("character-scene", "hero"),
        ("explainer", "hero"),
    ):
        Category.objects.create(workspace=cast.workspace, key=key, name=key, delivered_in=phase)
    workspaces.furnish(workspace=cast.workspace, owner=cast.admin)
    return cast


@pytest.fixture
def studio(cast: Cast) -> Cast:
    return furnished(cast)


@pytest.fixture
def as_(studio: Cast) -> Call:
    """A caller by the name of its part in the cast."""
    made: dict[str, Caller] = {}

    def find(name: str) -> Caller:
        if name not in made:
            made[name] = caller(getattr(studio, name))
        return made[name]

    return find


def problem(response: HttpResponse, status: int) -> dict[str, Any]:
    """The problem document of a refusal, checked for what each of them has."""
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json"), (
        response.content
    )
    found: dict[str, Any] = json.loads(response.content)
    assert found["status"] == status
    assert found["type"].startswith("/problems/")
    assert found["title"]
    assert found["detail"]
    return found
