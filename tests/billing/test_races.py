"""Races for money between real connections and processes: each test lets two meet at the same rows."""

from __future__ import annotations

import collections
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from billing import budgets, checks, ledger, pots, roll_forward
from billing.models import (
    BudgetWindow,
    DeliverableCost,
    Entry,
    Hold,
    HoldBudget,
    HoldOutcome,
)
from projects.models import Take
from tests import factories
from tests.billing import booking, races
from tests.billing.booking import NOON, charge, hold, planned
from tests.cast import Cast, make_cast


@pytest.fixture
def players(committed: None) -> Cast:
    return make_cast()


def budget(cast: Cast, limit: str, **fields: Any) -> budgets.Budget:
    usual = {"scope": "workspace", "window": "month", "by": cast.finance, "now": NOON}
    return budgets.set_budget(limit=Decimal(limit), **{**usual, **fields})


def try_to_hold(take: Take) -> str | dict[str, Any]:
    try:
        ledger.reserve(take=take, holds=[planned("0.03"), planned("0.02")], now=NOON)
    except budgets.BudgetRefused as refused:
        return refused.extra
    return "held"


def test_of_twenty_processes_seven_get_what_the_budget_allows_and_the_others_hear_why(
    players: Cast,
) -> None:
    budget(players, "100", scope="campaign", target=players.campaign)
    tight = budget(players, "0.35")
    takes = [
        factories.take(factories.deliverable(players.campaign, category=players.brand_film))
        for _ in range(20)
    ]
    answers = races.in_processes(try_to_hold, takes)
    refusal = {
        "needed": "0.05000000",
        "left": "0.00000000",
        "budget": "Everything in Studio, each month",
        "raised_by": ["Finance", "Manager", "Second.Manager"],
    }
    assert collections.Counter(map(str, answers)) == {"held": 7, str(refusal): 13}
    lucky = {take.pk for take, answer in zip(takes, answers, strict=True) if answer == "held"}
    assert collections.Counter(Hold.objects.values_list("take", flat=True)) == dict.fromkeys(lucky, 2)
    assert HoldBudget.objects.count() == 28
    assert (Entry.objects.count(), HoldOutcome.objects.count()) == (0, 0)
    windows = BudgetWindow.objects.values_list("spent", "reserved", "overshoot")
    assert set(windows) == {(Decimal(0), Decimal("0.35"), Decimal(0))}
    assert BudgetWindow.objects.get(budget=tight).alerted_percent == 100
    assert list(DeliverableCost.objects.values_list("reserved", flat=True)) == [Decimal("0.05")] * 7


def test_two_budgets_asked_for_in_turn_by_many_processes_do_not_deadlock(players: Cast) -> None:
    for scope, target in (("workspace", None), ("campaign", players.campaign), ("provider", "fal")):
        budget(players, "1", scope=scope, target=target)
    takes = [factories.take(players.deliverable) for _ in range(8)]
    assert races.in_processes(try_to_hold, takes) == ["held"] * 8
    assert set(BudgetWindow.objects.values_list("reserved", flat=True)) == {Decimal("0.4")}


def test_who_counts_alone_is_waited_for_even_where_no_budget_is_shared(players: Cast) -> None:
    take = factories.take(players.deliverable)

    def twice() -> None:
        ledger.alone(players.workspace.pk)
        for _ in range(2):
            hold(take, "1")

    another = factories.take(factories.deliverable(players.campaign))
    _, other = races.while_uncommitted(twice, lambda: hold(another, "3"))
    other.result()
    assert set(DeliverableCost.objects.values_list("reserved", flat=True)) == {Decimal(2), Decimal(3)}


def test_the_second_of_two_settlements_at_once_changes_nothing(players: Cast) -> None:
    budget(players, "10")
    made = hold(factories.take(players.deliverable), "2")
    entry, other = races.while_uncommitted(
        lambda: ledger.post(hold=made, charge=charge("1"), now=NOON),
        lambda: ledger.void(hold=made, reason="cancelled", now=NOON),
    )
    assert other.result() is False
    assert HoldOutcome.objects.get().entry == entry.id
    assert BudgetWindow.objects.values_list("spent", "reserved").get() == (Decimal(1), Decimal(0))


def test_a_charge_that_meets_a_decision_lies_where_the_decision_leaves_it(players: Cast) -> None:
    take = factories.take(players.deliverable)
    made = hold(take, "2")
    _, other = races.while_uncommitted(
        lambda: pots.decide(deliverable=players.deliverable, take=take, decision="accept", by=None, at=NOON),
        lambda: ledger.post(hold=made, charge=charge("1"), now=NOON),
    )
    other.result()
    assert booking.pots(players.deliverable) == {"accepted": "1.00"}
    assert roll_forward.roll_forward(players.workspace, "2026-10").holds


def test_a_decision_that_meets_a_charge_takes_it_along(players: Cast) -> None:
    take = factories.take(players.deliverable)
    made = hold(take, "2")
    _, other = races.while_uncommitted(
        lambda: ledger.post(hold=made, charge=charge("1"), now=NOON),
        lambda: pots.decide(deliverable=players.deliverable, take=take, decision="accept", by=None, at=NOON),
    )
    other.result()
    assert booking.pots(players.deliverable) == {"accepted": "1.00"}
    assert roll_forward.roll_forward(players.workspace, "2026-10").holds


def test_a_hold_that_meets_a_new_budget_counts_in_it(players: Cast) -> None:
    take = factories.take(players.deliverable)
    _, other = races.while_uncommitted(lambda: hold(take, "2"), lambda: budget(players, "10"))
    other.result()
    assert BudgetWindow.objects.get().reserved == Decimal(2)
    _, other = races.while_uncommitted(
        lambda: budget(players, "5", scope="provider", target="fal"), lambda: hold(take, "1")
    )
    other.result()
    assert set(BudgetWindow.objects.values_list("reserved", flat=True)) == {Decimal(3)}


def test_a_lowered_limit_waits_for_the_hold_and_then_is_refused(players: Cast) -> None:
    limited = budget(players, "10")
    take = factories.take(players.deliverable)
    _, other = races.while_uncommitted(
        lambda: hold(take, "8"),
        lambda: budgets.change_limit(budget=limited, limit=Decimal(5), by=players.finance, now=NOON),
    )
    with pytest.raises(budgets.LimitBelowUse, match=r"8\.00000000 EUR spent or held"):
        other.result()
    assert BudgetWindow.objects.values_list("limit", "reserved").get() == (Decimal(10), Decimal(8))


@pytest.mark.parametrize("shared", [False, True])
def test_two_refunds_of_one_charge_give_it_back_once(players: Cast, shared: bool) -> None:
    if shared:  # nothing of a deliverable, whose lock would keep the second waiting
        entry = ledger.charge_without_hold(
            workspace=players.workspace, campaign=players.campaign, charge=charge("2"), now=NOON
        )
    else:
        entry = booking.spend(factories.take(players.deliverable), "2")
    _, other = races.while_uncommitted(
        lambda: ledger.refund(entry=entry, at=NOON, now=NOON),
        lambda: ledger.refund(entry=entry, at=NOON, now=NOON),
    )
    with pytest.raises(ledger.RefundTooLarge):
        other.result()
    assert sorted(Entry.objects.values_list("amount", flat=True)) == [Decimal(-2), Decimal(2)]


def test_two_processes_that_miss_a_month_make_it_once(players: Cast) -> None:
    takes = [factories.take(factories.deliverable(players.campaign)) for _ in range(4)]
    far = factories.utc("2019-03-15T12:00")

    def charge_then(take: Take) -> str:
        return booking.spend(take, "0.01", at=far).debit

    assert races.in_processes(charge_then, takes) == ["wip"] * 4
    assert roll_forward.roll_forward(players.workspace, "2019-03").kept.spend == Decimal("0.04")


@pytest.mark.parametrize("statements", [2, 5, 7, 9])
def test_a_backend_killed_in_the_midst_of_a_settlement_leaves_nothing_half_done(
    players: Cast, statements: int
) -> None:
    budget(players, "10")
    made = hold(factories.take(players.deliverable), "2")
    before = booking.books()
    assert races.in_processes(killed_at(statements), [made]) == ["killed"]
    assert booking.books() == before
    assert ledger.post(hold=made, charge=charge("1"), now=NOON) is not None
    assert checks.problems(now=NOON) == []


def killed_at(statements: int) -> Callable[[Hold], str]:
    """Settles, and has its own backend ended by the server before the statement of that number."""

    def settle(made: Hold) -> str:
        left = statements

        def count(execute: Any, *arguments: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                connection.connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            return execute(*arguments)

        try:
            with connection.execute_wrapper(count):
                ledger.post(hold=made, charge=charge("1"), now=NOON)
        except (DatabaseError, psycopg.Error):
            return "killed"
        return "lived"

    return settle


def test_who_settles_several_at_once_has_the_workspace_alone(players: Cast) -> None:
    """Two that settle many, each in its own order, would meet crosswise; here one waits for the other."""
    places = [factories.deliverable(players.campaign, category=players.brand_film) for _ in range(3)]
    first, second, other = (hold(factories.take(place), "1") for place in places)

    def together() -> int:
        return len(ledger.post_all(charges=[(first, charge("1")), (second, charge("1"))], now=NOON))

    def another() -> int:
        return int(ledger.void(hold=other, reason="cancelled", now=NOON))

    posted, waiting = races.while_uncommitted(together, another)
    assert (posted, waiting.result()) == (2, 1)
    assert Entry.objects.count() == 2


def test_who_settles_one_alone_keeps_nobody_waiting(players: Cast) -> None:
    """Without a budget in common, that is."""
    places = [factories.deliverable(players.campaign, category=players.brand_film) for _ in range(2)]
    first, other = (hold(factories.take(place), "1") for place in places)
    with transaction.atomic():
        ledger.post(hold=first, charge=charge("1"), now=NOON)
        apart = races.Background(lambda: ledger.void(hold=other, reason="cancelled", now=NOON))
        assert apart.result() is True
