"""Twenty producers race for what allows seven takes: seven get them, thirteen hear why."""

from __future__ import annotations

import collections
from decimal import Decimal
from typing import Any

import httpx
import pytest
from pytest_django.live_server_helper import LiveServer

from billing import budgets
from billing.models import BudgetWindow, Entry, Hold
from projects import tokens
from projects.models import Deliverable, Event, Role, Take
from tests import factories
from tests.billing import races
from tests.cast import Cast, make_cast
from tests.generation.api.conftest import furnished

PRODUCERS = 20


@pytest.fixture
def players(committed: None) -> Cast:
    return furnished(make_cast())


@pytest.fixture
def server(players: Cast, live_server: LiveServer) -> LiveServer:
    return live_server


def producers(cast: Cast) -> list[str]:
    """Tokens of as many producers."""
    members = [factories.membership(cast.workspace, Role.PRODUCER) for _ in range(PRODUCERS)]
    return [tokens.issue(membership=member) for member in members]


def asker(url: str, deliverables: list[Deliverable]) -> Any:
    def ask(numbered: tuple[int, str]) -> tuple[int, Any]:
        place, token = numbered
        path = f"{url}/api/v1/deliverables/{deliverables[place % len(deliverables)].pk}/takes/"
        headers = {"Authorization": f"Token {token}", "Idempotency-Key": f"race-{place}"}
        response = httpx.post(path, json={"phase": "draft"}, headers=headers, timeout=120)
        return response.status_code, response.json()

    return ask


def test_a_budget_for_seven_takes_gives_seven_201_and_thirteen_402(players: Cast, server: LiveServer) -> None:
    """A draft film is held at 0.06; 0.45 allows seven of them and leaves 0.03."""
    budgets.set_budget(scope="workspace", limit=Decimal("0.45"), window="month", by=players.finance)
    films = [
        factories.deliverable(players.campaign, category=players.brand_film, format=players.format)
        for _ in range(PRODUCERS)
    ]
    requests = list(enumerate(producers(players)))
    events = Event.objects.latest("pk").pk
    answers = races.in_processes(asker(server.url, films), requests)
    assert collections.Counter(status for status, _ in answers) == {201: 7, 402: 13}
    for status, body in answers:
        if status == 402:
            said = {name: body[name] for name in ("type", "needed", "left", "budget", "raised_by")}
            assert said == {
                "type": "/problems/budget",
                "needed": body["needed"],
                "left": "0.03000000",
                "budget": "Everything in Studio, each month",
                "raised_by": ["Finance", "Manager", "Second.Manager"],
            }
            assert Decimal(body["needed"]) > Decimal(body["left"])
    assert Take.objects.count() == 7
    assert Hold.objects.count() == 14
    assert BudgetWindow.objects.get().reserved == Decimal("0.42")
    assert Entry.objects.count() == 0
    kinds = set(Event.objects.filter(pk__gt=events).values_list("kind", flat=True))
    assert kinds == {"take.requested", "budget.reached"}


def test_a_cap_of_seven_takes_gives_seven_201_and_thirteen_409(players: Cast, server: LiveServer) -> None:
    film = players.deliverable
    Deliverable.objects.filter(pk=film.pk).update(cap=7)
    answers = races.in_processes(asker(server.url, [film]), list(enumerate(producers(players))))
    assert collections.Counter(status for status, _ in answers) == {201: 7, 409: 13}
    for status, body in answers:
        if status == 409:
            assert (body["type"], body["used"], body["cap"]) == ("/problems/cap", 7, 7)
            assert body["ways_out"][0]["way"] == "ask"
    assert sorted(Take.objects.values_list("number", flat=True)) == list(range(1, 8))
    assert Hold.objects.count() == 14
