"""Budgets: what may be set, how a limit changes, what a new one finds, what remains."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing import budgets, checks, ledger
from billing.models import Budget, BudgetWindow
from projects.access import MissingRight
from projects.models import Event
from projects.problems import Invalid, Refused
from tests import factories
from tests.billing.booking import NOON, books, charge, hold, spend
from tests.cast import Cast
from tests.factories import utc


def set_one(cast: Cast, limit: str = "10", **fields: Any) -> Budget:
    usual = {"scope": "workspace", "window": "month", "by": cast.finance, "now": NOON}
    return budgets.set_budget(limit=Decimal(limit), **{**usual, **fields})


def use(budget: Budget) -> tuple[Decimal, ...]:
    row = BudgetWindow.objects.get(budget=budget)
    return row.limit, row.spent, row.reserved, row.overshoot


def test_a_new_budget_counts_what_its_window_has_seen(cast: Cast) -> None:
    take = factories.take(cast.deliverable)
    spend(take, "5", at=utc("2026-09-15T12:00"))
    entry = spend(take, "3", at=utc("2026-10-02T12:00"))
    ledger.refund(entry=entry, amount=Decimal(1), at=utc("2026-10-03T12:00"), now=NOON)
    hold(take, "0.5")
    spend(take, "7", at=utc("2026-10-04T12:00"), provider="runway")
    month = set_one(cast, scope="provider", target="fal")
    life = set_one(cast, "20", scope="campaign", target=cast.campaign, window="campaign")
    assert use(month) == (Decimal(10), Decimal(2), Decimal("0.5"), Decimal(0))
    assert use(life) == (Decimal(20), Decimal(14), Decimal("0.5"), Decimal(0))
    assert checks.problems(now=NOON) == []


def test_a_new_hard_budget_that_is_used_up_already_is_refused(cast: Cast) -> None:
    spend(factories.take(cast.deliverable), "3")
    before = books()
    with pytest.raises(budgets.LimitBelowUse, match=r"3\.00000000 EUR spent or held already"):
        set_one(cast, "2.99999999")
    assert (books(), Budget.objects.count()) == (before, 0)
    assert use(set_one(cast, "2", hard=False))[:2] == (Decimal(2), Decimal(3))


def test_a_changed_limit_keeps_its_consumption_and_takes_effect_at_once(cast: Cast) -> None:
    budget = set_one(cast, "5")
    take = factories.take(cast.deliverable)
    spend(take, "3")
    hold(take, "1")
    budgets.change_limit(budget=budget, limit=Decimal(4), by=cast.manager, now=NOON)
    assert use(budget) == (Decimal(4), Decimal(3), Decimal(1), Decimal(0))
    with pytest.raises(budgets.BudgetRefused):
        hold(take, "0.01")
    budgets.change_limit(budget=budget, limit=Decimal(6), by=cast.manager, now=NOON)
    hold(take, "2")
    assert use(budget) == (Decimal(6), Decimal(3), Decimal(3), Decimal(0))
    assert list(
        Event.objects.order_by("id").filter(kind="budget.changed").values_list("data__before", "data__limit")
    ) == [
        ("5.00000000", "4.00000000"),
        ("4.00000000", "6.00000000"),
    ]


def test_an_overshot_limit_is_raised_only_past_what_is_used(cast: Cast) -> None:
    budget = set_one(cast, "2")
    ledger.post(hold=hold(factories.take(cast.deliverable), "2"), charge=charge("5"), now=NOON)
    assert use(budget) == (Decimal(2), Decimal(5), Decimal(0), Decimal(3))
    with pytest.raises(budgets.LimitBelowUse):
        budgets.change_limit(budget=budget, limit=Decimal("4.5"), by=cast.finance, now=NOON)
    assert use(budget) == (Decimal(2), Decimal(5), Decimal(0), Decimal(3))
    budgets.change_limit(budget=budget, limit=Decimal(5), by=cast.finance, now=NOON)
    assert use(budget) == (Decimal(5), Decimal(5), Decimal(0), Decimal(0))


def test_a_refund_frees_its_window_while_that_is_open_and_no_other(cast: Cast) -> None:
    month, life = set_one(cast), set_one(cast, window="none", phase="draft")
    take = factories.take(cast.deliverable)
    entry = spend(take, "3")
    ledger.refund(entry=entry, amount=Decimal(1), at=utc("2026-10-31T22:59"), now=utc("2026-11-05T00:00"))
    ledger.refund(entry=entry, amount=Decimal(1), at=utc("2026-10-31T23:00"), now=utc("2026-11-05T00:00"))
    assert (use(month)[1], use(life)[1]) == (Decimal(2), Decimal(1))
    assert checks.problems(now=utc("2026-11-05T00:00")) == []


def test_a_refund_takes_back_an_overshoot(cast: Cast) -> None:
    budget = set_one(cast, "2")
    entry = ledger.post(hold=hold(factories.take(cast.deliverable), "2"), charge=charge("5"), now=NOON)
    assert entry is not None
    ledger.refund(entry=entry, at=NOON, now=NOON)
    assert use(budget) == (Decimal(2), Decimal(0), Decimal(0), Decimal(0))


def test_an_ended_budget_covers_no_further_hold_and_may_be_set_anew(cast: Cast) -> None:
    budget = set_one(cast, "1")
    budgets.end_budget(budget=budget, by=cast.finance, now=NOON)
    hold(factories.take(cast.deliverable), "5")
    assert use(budget)[2] == Decimal(0)
    with pytest.raises(Refused, match="no such budget in force"):
        budgets.change_limit(budget=budget, limit=Decimal(9), by=cast.finance, now=NOON)
    assert use(set_one(cast, "6"))[2] == Decimal(5)


def test_the_same_budget_is_not_set_twice(cast: Cast) -> None:
    set_one(cast, scope="campaign", target=cast.campaign)
    with pytest.raises(Invalid, match="has a budget already"):
        set_one(cast, scope="campaign", target=cast.campaign)
    set_one(cast, scope="campaign", target=cast.campaign, phase="hero")
    set_one(cast, scope="campaign", target=cast.campaign, window="campaign")
    assert Budget.objects.count() == 3


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"scope": "planet"}, {"scope"}),
        ({"scope": "campaign"}, {"target"}),
        ({"scope": "provider", "target": " "}, {"target"}),
        ({"window": "week", "phase": "final"}, {"window", "phase"}),
        ({"window": "campaign"}, {"window"}),
        ({"limit": "-1"}, {"limit"}),
        ({"limit": "NaN"}, {"limit"}),
        ({"limit": "1e12"}, {"limit"}),
    ],
)
def test_values_that_do_not_fit_are_named(cast: Cast, fields: dict[str, Any], named: set[str]) -> None:
    with pytest.raises(Invalid) as invalid:
        set_one(cast, **fields)
    assert set(invalid.value.errors) == named
    assert Budget.objects.count() == 0


def test_nothing_of_another_workspace_gets_a_budget(cast: Cast) -> None:
    elsewhere = factories.campaign(factories.project(cast.stranger.workspace))
    for scope, target in (("campaign", elsewhere), ("person", cast.stranger.person)):
        with pytest.raises(Invalid):
            set_one(cast, scope=scope, target=target)
    mine = set_one(cast)
    with pytest.raises(Refused) as refused:
        budgets.change_limit(budget=mine, limit=Decimal(1), by=cast.stranger, now=NOON)
    assert refused.value.status == 404


@pytest.mark.parametrize("role", ["producer", "reviewer", "admin", "viewer"])
def test_only_managers_and_finance_touch_budgets(cast: Cast, role: str) -> None:
    budget, by = set_one(cast), cast.by_role[role]
    for attempt in (
        lambda: set_one(cast, scope="campaign", target=cast.campaign, by=by),
        lambda: budgets.change_limit(budget=budget, limit=Decimal(99), by=by, now=NOON),
        lambda: budgets.end_budget(budget=budget, by=by, now=NOON),
    ):
        with pytest.raises(MissingRight):
            attempt()
    assert Budget.objects.values_list("limit", "ended_at").get() == (Decimal(10), None)


def test_what_is_left_names_each_covering_budget_scarcest_first(cast: Cast) -> None:
    set_one(cast, "10")
    set_one(cast, "4", scope="provider", target="fal")
    set_one(cast, "1", scope="provider", target="runway")
    set_one(cast, "2", phase="hero")
    hold(factories.take(cast.deliverable), "1.5")
    found = budgets.left(deliverable=cast.deliverable, phase="draft", providers=["fal"], now=NOON)
    assert [(row.name, row.left, row.reserved) for row in found] == [
        ("Provider fal, each month", Decimal("2.5"), Decimal("1.5")),
        ("Everything in Studio, each month", Decimal("8.5"), Decimal("1.5")),
    ]


def test_a_charge_nobody_planned_counts_on_the_takes_budgets(cast: Cast) -> None:
    budget = set_one(cast, "1")
    ledger.charge_without_hold(
        workspace=cast.workspace,
        take=factories.take(cast.deliverable, kind="uploaded"),
        charge=charge("3", provider="stock", model=""),
        now=NOON,
    )
    assert use(budget) == (Decimal(1), Decimal(3), Decimal(0), Decimal(2))
    assert checks.problems(now=NOON) == []


def test_doctor_names_a_total_and_a_window_that_do_not_fit_their_rows(cast: Cast) -> None:
    set_one(cast)
    spend(factories.take(cast.deliverable), "2")
    BudgetWindow.objects.update(spent=Decimal(1))
    cast.deliverable.cost.generation = Decimal("2.5")
    cast.deliverable.cost.save()
    assert checks.problems(now=NOON) == [
        "Deliverable opening: generation is kept as 2.50000000, the rows say 2.00000000.",
        "Everything in Studio, each month from 2026-09-30: spent 1.00000000, held 0.00000000; "
        "its holds say 2.00000000 and 0.00000000.",
        "Everything in Studio, each month from 2026-09-30: spent 1.00000000, held 0.00000000; "
        "its scope says 2.00000000 and 0.00000000.",
    ]
