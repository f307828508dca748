"""The race for a hard limit, in small, and its judge."""

from __future__ import annotations

from collections.abc import Iterator
from unittest import mock

import pytest

from drills import race

CLIENTS = 10


@pytest.fixture
def clients(committed: None) -> Iterator[race.Clients]:
    from django.db import connections

    connections.close_all()
    found = race.Clients(CLIENTS)
    yield found
    found.end()


def test_exactly_as_many_as_fit_are_admitted_under_every_scope_and_window(clients: race.Clients) -> None:
    found = [race.one_round(race.plan_of(number, CLIENTS), clients) for number in range(len(race.WAY))]
    assert [one["wrong"] for one in found] == [[]] * len(race.WAY)
    assert [(one["scope"], one["window"]) for one in found] == race.WAY
    assert 0 < sum(one["held"] for one in found) < CLIENTS * len(race.WAY)


def test_one_too_many_is_named(clients: race.Clients) -> None:
    plans = (race.plan_of(number, CLIENTS) for number in range(99))
    plan = next(p for p in plans if 0 < p.room < CLIENTS)
    lax = mock.Mock(**{**vars(plan), "limit": plan.limit + plan.price})
    (answers, holds, tied, kept) = race.one_round(lax, clients)["wrong"][:4]
    assert str(plan.room + 1) in answers
    assert holds == f"{plan.room + 1} holds are in the database"
    assert tied == f"{plan.room + 1} holds count in the budget"
    assert "windows say" in kept


def test_a_round_is_the_same_each_time() -> None:
    assert [race.plan_of(number, 64) for number in range(9)] == [race.plan_of(n, 64) for n in range(9)]
    assert {race.plan_of(number, 64).room for number in range(1000)} == set(range(68))
