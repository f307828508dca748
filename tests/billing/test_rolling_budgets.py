"""Rolling budgets: today and the days before it, held by one row that carries them."""

from __future__ import annotations

import collections
import datetime
import random
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from billing import budgets, checks, ledger
from billing.models import Budget, BudgetWindow, Hold
from projects.models import Notice, Take
from projects.problems import Invalid
from tests import factories
from tests.billing import races
from tests.billing.booking import books, charge, hold, planned, spend
from tests.cast import Cast, make_cast
from tests.factories import utc

TODAY = utc("2026-10-15T12:00:00")


#: A row of another day, with more held on it than the budget has left.
DAY = (
    'INSERT INTO billing_budgetwindow (budget_id, "limit", hard, alert_shares, alerted_percent, spent,'
    " reserved, starts_at, day, carried, overshoot)"
    " SELECT budget_id, \"limit\", hard, '{{}}', 0, 0, 5, {}, {}, {} FROM billing_budgetwindow WHERE {}"
)


def day(number: int) -> datetime.datetime:
    """Noon of so many days after the fifteenth."""
    return TODAY + datetime.timedelta(days=number)


def rolling(cast: Cast, limit: str = "10", **fields: Any) -> Budget:
    usual = {"scope": "workspace", "window": "rolling", "rolling_days": 3, "by": cast.finance, "now": TODAY}
    return budgets.set_budget(limit=Decimal(limit), **{**usual, **fields})


def left(budget: Budget, now: datetime.datetime) -> tuple[Decimal, Decimal, Decimal]:
    (row,) = budgets.in_window([budget], now)
    return row.spent, row.reserved, row.left


def rows(budget: Budget) -> list[tuple[int, Decimal, Decimal, Decimal]]:
    found = BudgetWindow.objects.filter(budget=budget).order_by("day")
    return [(row.day.day, row.carried, row.spent + row.reserved, row.overshoot) for row in found if row.day]


def plain(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_what_was_used_leaves_the_window_with_its_day(cast: Cast) -> None:
    budget = rolling(cast)
    take = factories.take(cast.deliverable)
    spend(take, "4", at=day(0))
    hold(take, "3", now=day(1))
    assert left(budget, day(1)) == (Decimal(4), Decimal(3), Decimal(3))
    with pytest.raises(budgets.BudgetRefused) as refused:
        hold(take, "4", now=day(2))
    assert refused.value.left == Decimal(3)
    assert left(budget, day(3)) == (Decimal(0), Decimal(3), Decimal(7))
    hold(take, "7", now=day(3))
    assert rows(budget) == [
        (15, Decimal(0), Decimal(4), Decimal(0)),
        (16, Decimal(4), Decimal(3), Decimal(0)),
        (18, Decimal(3), Decimal(7), Decimal(0)),
    ]
    assert checks.problems(now=day(3)) == []


def test_a_day_is_that_of_the_workspaces_clock(cast: Cast) -> None:
    budget = rolling(cast, rolling_days=1, now=utc("2026-10-24T22:30"))
    take = factories.take(cast.deliverable)
    hold(take, "6", now=utc("2026-10-24T22:30"))  # the 25th in Berlin, whose day has 25 hours
    assert left(budget, utc("2026-10-25T22:59"))[2] == Decimal(4)
    assert left(budget, utc("2026-10-25T23:00"))[2] == Decimal(10)
    assert budgets.name_of(budget) == "Everything in Studio, each day"


def test_a_settlement_of_an_earlier_day_counts_today(cast: Cast) -> None:
    budget = rolling(cast)
    take = factories.take(cast.deliverable)
    made = hold(take, "6", now=day(0))
    hold(take, "4", now=day(1))
    ledger.post(hold=made, charge=charge("7", at=day(1)), now=day(1))
    assert rows(budget)[-1] == (16, Decimal(7), Decimal(4), Decimal(1))
    with pytest.raises(budgets.BudgetRefused):
        hold(take, "0.01", now=day(1))
    entry = spend(factories.take(cast.deliverable), "0", at=day(1))
    assert entry.amount == 0
    assert checks.problems(now=day(1)) == []


def test_a_refund_frees_its_day_while_that_is_in_the_window(cast: Cast) -> None:
    budget = rolling(cast)
    take = factories.take(cast.deliverable)
    entry = spend(take, "6", at=day(0))
    hold(take, "1", now=day(2))
    ledger.refund(entry=entry, amount=Decimal(2), at=day(2), now=day(2))
    assert left(budget, day(2))[2] == Decimal(5)
    ledger.refund(entry=entry, amount=Decimal(2), at=day(3), now=day(3))
    assert rows(budget)[0] == (15, Decimal(0), Decimal(4), Decimal(0))
    assert checks.problems(now=day(3)) == []


def test_a_new_one_finds_the_days_that_were(cast: Cast) -> None:
    take = factories.take(cast.deliverable)
    for number, amount in ((-3, "50"), (-2, "2"), (0, "3")):
        spend(take, amount, at=day(number))
    with pytest.raises(budgets.LimitBelowUse):
        rolling(cast, "4.99")
    budget = rolling(cast)
    assert rows(budget) == [
        (13, Decimal(0), Decimal(2), Decimal(0)),
        (15, Decimal(2), Decimal(3), Decimal(0)),
    ]
    budgets.change_limit(budget=budget, limit=Decimal(5), by=cast.finance, now=TODAY)
    with pytest.raises(budgets.LimitBelowUse):
        budgets.change_limit(budget=budget, limit=Decimal("4.99"), by=cast.finance, now=TODAY)
    hold(take, "2", now=day(1))
    assert checks.problems(now=day(1)) == []


def test_reaching_a_share_is_told_once_and_not_again_each_day(cast: Cast) -> None:
    rolling(cast)
    take = factories.take(cast.deliverable)
    spend(take, "8.5", at=day(0))
    told = Notice.objects.count()
    spend(take, "0.5", at=day(1))
    assert (told > 0, Notice.objects.count()) == (True, told)


def test_any_order_of_holds_and_settlements_is_as_a_plain_list_says(cast: Cast) -> None:
    dice = random.Random(7)
    budget = rolling(cast, "12", rolling_days=4)
    take, open_holds = factories.take(cast.deliverable), []
    used: dict[int, Decimal] = collections.defaultdict(Decimal)
    for number in range(14):
        for _ in range(dice.randrange(4)):
            amount = Decimal(dice.randrange(1, 500)) / 100
            room = Decimal(12) - sum(used[back] for back in range(number - 3, number + 1))
            if amount <= room:
                open_holds.append((number, hold(take, str(amount), now=day(number))))
                used[number] += amount
            else:
                with pytest.raises(budgets.BudgetRefused):
                    hold(take, str(amount), now=day(number))
        if open_holds and dice.random() < 0.7:
            made_on, made = open_holds.pop(dice.randrange(len(open_holds)))
            settled = (made.amount * dice.randrange(0, 12) / 10).quantize(Decimal("0.01"))
            ledger.post(hold=made, charge=charge(str(settled), at=day(number)), now=day(number))
            used[made_on] += settled - made.amount
        spent, reserved, _ = left(budget, day(number))
        assert spent + reserved == sum(used[back] for back in range(number - 3, number + 1))
        assert checks.problems(now=day(number)) == []


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE billing_budgetwindow SET reserved = reserved + 5 WHERE day = '2026-10-15'", "budget_holds"),
        ("UPDATE billing_budgetwindow SET reserved = reserved + 5 WHERE day = '2026-10-16'", "budget_holds"),
        ("UPDATE billing_budgetwindow SET carried = 0 WHERE day = '2026-10-16'", "worked out from the days"),
        (
            "UPDATE billing_budgetwindow SET day = day + 9 WHERE day = '2026-10-15'",
            "worked out from the days",
        ),
        (
            DAY.format("starts_at + interval '1 day', '2026-10-17'", "-99", "99", "carried > 0"),
            "budget_holds",
        ),
        (DAY.format("starts_at - interval '1 day', '2026-10-14'", "0", "0", "carried = 0"), "before 2026"),
    ],
)
def test_plain_sql_does_not_overdraw_it(cast: Cast, statement: str, named: str) -> None:
    rolling(cast)
    spend(factories.take(cast.deliverable), "4", at=day(0))
    hold(factories.take(cast.deliverable), "2", now=day(1))
    before = books()
    with pytest.raises(DatabaseError, match=named), transaction.atomic():
        plain(statement)
    assert books() == before


@pytest.mark.parametrize("days", [None, 0, 367])
def test_it_says_how_many_days_it_looks_back(cast: Cast, days: int | None) -> None:
    with pytest.raises(Invalid) as invalid:
        rolling(cast, rolling_days=days)
    assert set(invalid.value.errors) == {"rolling_days"}
    with pytest.raises(Invalid):
        rolling(cast, window="month", rolling_days=3)
    assert not Budget.objects.exists()


def test_the_database_refuses_a_second_of_the_same_and_a_scope_that_names_two_things(cast: Cast) -> None:
    rolling(cast)
    rolling(cast, rolling_days=7)
    same = 'workspace_id, scope, provider, phase, "window", rolling_days, hard, alert_shares, set_at, "limit"'
    copy = f"INSERT INTO billing_budget (id, {same}) SELECT gen_random_uuid(), {same} FROM billing_budget"
    for statement, named in (
        (copy, "budget_in_force_once"),
        ("UPDATE billing_budget SET provider = 'fal'", "budget_names_its_scope"),
        ("UPDATE billing_budget SET scope = 'provider'", "budget_names_its_scope"),
        ("UPDATE billing_budget SET rolling_days = NULL WHERE rolling_days = 7", "budget_window_fits"),
    ):
        with pytest.raises(DatabaseError, match=named), transaction.atomic():
            plain(statement)
    assert Budget.objects.count() == 2


@pytest.fixture
def players(committed: None) -> Cast:
    return make_cast()


def try_on(asked: tuple[Take, int]) -> str:
    take, number = asked
    try:
        ledger.reserve(take=take, holds=[planned("0.5")], now=day(number))
    except budgets.BudgetRefused:
        return "refused"
    return "held"


def test_of_many_processes_at_the_turn_of_a_day_exactly_so_many_are_let_in(players: Cast) -> None:
    """The first of a new day makes its row, while others hold and settle on the day before."""
    budget = rolling(players, "4")
    rolling(players, "100", scope="provider", target="fal", rolling_days=2)
    budgets.set_budget(scope="workspace", window="month", limit=Decimal(90), by=players.finance, now=TODAY)
    takes = [factories.take(factories.deliverable(players.campaign)) for _ in range(16)]
    answers = races.in_processes(try_on, [(take, number % 2) for number, take in enumerate(takes)])
    held = Hold.objects.count()
    assert collections.Counter(answers) == {"held": 8, "refused": 8}
    assert held == 8
    assert checks.problems(now=day(1)) == []
    assert left(budget, day(1)) == (Decimal(0), Decimal(4), Decimal(0))


def test_a_row_of_a_new_day_waits_for_what_is_counted_on_the_day_before(players: Cast) -> None:
    budget = rolling(players)
    made = hold(factories.take(players.deliverable), "6", now=day(0))
    another = factories.take(factories.deliverable(players.campaign))
    _, other = races.while_uncommitted(
        lambda: ledger.void(hold=made, reason="cancelled", now=day(0)),
        lambda: hold(another, "10", now=day(1)),
    )
    other.result()
    assert rows(budget)[-1] == (16, Decimal(0), Decimal(10), Decimal(0))
