"""What tests of pages share: a signed-in browser, words of a page, and how many queries it takes."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from projects.models import Membership
from tests.cast import Cast


def signed_in(member: Membership) -> Client:
    client = Client()
    client.force_login(member.person)
    return client


def text(client: Client, address: str, **query: Any) -> str:
    answer = client.get(address, query)
    assert answer.status_code == 200, (address, answer.status_code)
    return str(answer.content.decode())


def statuses(cast: Cast, address: str, *, method: str = "get", **data: Any) -> dict[str, int]:
    """The status that each role gets, a stranger and somebody who is not signed in."""
    found = {
        role: getattr(signed_in(member), method)(address, data).status_code
        for role, member in cast.by_role.items()
    }
    found["stranger"] = getattr(signed_in(cast.stranger), method)(address, data).status_code
    found["nobody"] = getattr(Client(), method)(address, data).status_code
    return found


def everybody(cast: Cast, status: int = 200) -> dict[str, int]:
    """All roles get this status; strangers 404; who is not signed in is sent to sign-in."""
    return {**dict.fromkeys(cast.by_role, status), "stranger": 404, "nobody": 302}


def only(cast: Cast, *roles: str, status: int = 200) -> dict[str, int]:
    """These roles get the status, the others 403."""
    return {**everybody(cast, 403), **dict.fromkeys(roles, status)}


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)
