"""Holds: made together or not at all, settled once, counted in the windows that cover them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing import budgets, ledger
from billing.models import BudgetWindow, DeliverableCost, Entry, HoldOutcome
from projects.models import Event, Membership, Notice
from tests import factories
from tests.billing.booking import NOON, books, charge, hold, planned
from tests.cast import Cast

MONTH = {"window": "month", "now": NOON}


def window(budget: budgets.Budget) -> tuple[str, str, str]:
    """Spent, reserved and overshoot of a budget with one window."""
    row = BudgetWindow.objects.get(budget=budget)
    return str(row.spent), str(row.reserved), str(row.overshoot)


def test_a_hold_counts_in_every_budget_that_covers_it_and_in_no_other(cast: Cast) -> None:
    take = factories.take(cast.deliverable, requested_by=cast.producer.person)
    other = factories.campaign(cast.project)
    covering = [
        budgets.set_budget(scope=scope, target=target, limit=Decimal(10), by=cast.finance, **MONTH, **more)
        for scope, target, more in [
            ("workspace", None, {}),
            ("workspace", None, {"phase": "draft"}),
            ("project", cast.project, {}),
            ("campaign", cast.campaign, {}),
            ("category", cast.brand_film, {}),
            ("deliverable", cast.deliverable, {}),
            ("provider", "fal", {}),
            ("person", cast.producer.person, {}),
        ]
    ]
    apart = [
        budgets.set_budget(scope=scope, target=target, limit=Decimal(10), by=cast.finance, **MONTH, **more)
        for scope, target, more in [
            ("workspace", None, {"phase": "hero"}),
            ("campaign", other, {}),
            ("category", cast.concept_sketch, {}),
            ("provider", "runway", {}),
            ("person", cast.reviewer.person, {}),
        ]
    ]
    hold(take, "2.50")
    assert {window(each) for each in covering} == {("0E-8", "2.50000000", "0E-8")}
    assert {window(each) for each in apart} == {("0E-8", "0E-8", "0E-8")}
    assert DeliverableCost.objects.get().reserved == Decimal("2.50")


def test_holds_of_a_take_are_all_made_or_none(cast: Cast) -> None:
    take = factories.take(cast.deliverable)
    budgets.set_budget(scope="workspace", limit=Decimal(100), by=cast.finance, **MONTH)
    budgets.set_budget(scope="provider", target="fal", limit=Decimal(1), by=cast.finance, **MONTH)
    before = books()
    with pytest.raises(budgets.BudgetRefused) as refused:
        ledger.reserve(
            take=take,
            holds=[planned("5", provider="runway"), planned("0.60"), planned("0.60")],
            now=NOON,
        )
    assert books() == before
    assert refused.value.status == 402
    assert refused.value.extra == {
        "needed": "1.20000000",
        "left": "1.00000000",
        "budget": "Provider fal, each month",
        "raised_by": ["Finance", "Manager", "Second.Manager"],
    }


def test_a_posted_hold_releases_the_rest_and_leaves_what_was_charged(cast: Cast) -> None:
    budget = budgets.set_budget(scope="workspace", limit=Decimal(10), by=cast.finance, **MONTH)
    made = hold(factories.take(cast.deliverable), "2")
    entry = ledger.post(hold=made, charge=charge("1.25"), now=NOON)
    assert entry is not None
    assert window(budget) == ("1.25000000", "0E-8", "0E-8")
    stored = Entry.objects.get()
    assert (stored.id, stored.debit, stored.credit, stored.amount) == (
        entry.id,
        "wip",
        "provider:fal",
        Decimal("1.25"),
    )
    assert (stored.campaign, stored.project, stored.category, stored.phase, stored.hold) == (
        cast.campaign,
        cast.project,
        "brand-film",
        "draft",
        made.pk,
    )
    cost = DeliverableCost.objects.get()
    assert (cost.generation, cost.reserved) == (Decimal("1.25"), Decimal(0))


def test_a_second_settlement_is_a_normal_return_and_changes_nothing(cast: Cast) -> None:
    budgets.set_budget(scope="workspace", limit=Decimal(10), by=cast.finance, **MONTH)
    posted, voided = (hold(factories.take(cast.deliverable), "2") for _ in range(2))
    ledger.post(hold=posted, charge=charge("1"), now=NOON)
    assert ledger.void(hold=voided, reason="cancelled", now=NOON) is True
    before = books()
    for settled in (posted, voided):
        assert ledger.post(hold=settled, charge=charge("1"), now=NOON) is None
        assert ledger.void(hold=settled, reason="again", now=NOON) is False
    assert books() == before


def test_holds_released_together_leave_settled_ones_alone(cast: Cast) -> None:
    budget = budgets.set_budget(scope="workspace", limit=Decimal(10), by=cast.finance, **MONTH)
    take, other = (factories.take(cast.deliverable) for _ in range(2))
    made = ledger.reserve(take=take, holds=[planned("1"), planned("2")], now=NOON)
    settled = hold(other, "4")
    ledger.post(hold=settled, charge=charge("3"), now=NOON)
    assert ledger.void_all(holds=[*made, settled], reason="cancelled", now=NOON) == 2
    assert ledger.void_all(holds=[*made, settled], reason="cancelled", now=NOON) == 0
    assert window(budget) == ("3.00000000", "0E-8", "0E-8")
    assert DeliverableCost.objects.get().reserved == 0


def test_a_charge_above_its_hold_is_posted_in_full_and_closes_the_budget(cast: Cast) -> None:
    budget = budgets.set_budget(
        scope="campaign", target=cast.campaign, limit=Decimal(3), by=cast.finance, **MONTH
    )
    take = factories.take(cast.deliverable)
    ledger.post(hold=hold(take, "2"), charge=charge("3.5"), now=NOON)
    assert window(budget) == ("3.50000000", "0E-8", "0.50000000")
    assert HoldOutcome.objects.get().reason == "1.50000000 above its hold"
    before = books()
    with pytest.raises(budgets.BudgetRefused) as refused:
        hold(take, "0.00000001")
    assert books() == before
    assert refused.value.left == 0


def test_a_soft_budget_counts_and_refuses_nothing(cast: Cast) -> None:
    budget = budgets.set_budget(scope="workspace", limit=Decimal(1), hard=False, by=cast.finance, **MONTH)
    hold(factories.take(cast.deliverable), "5")
    assert window(budget) == ("0E-8", "5.00000000", "0E-8")


def test_months_have_windows_of_their_own_by_the_wall_clock_of_the_workspace(cast: Cast) -> None:
    budget = budgets.set_budget(scope="workspace", limit=Decimal(1), by=cast.finance, **MONTH)
    take = factories.take(cast.deliverable)
    hold(take, "1", now=factories.utc("2026-10-31T22:59:59"))
    second = hold(take, "1", now=factories.utc("2026-10-31T23:00:00"))  # 1 November in Berlin
    ledger.post(hold=second, charge=charge("0.4"), now=factories.utc("2026-12-05T00:00:00"))
    rows = BudgetWindow.objects.filter(budget=budget).order_by("starts_at")
    assert [(str(row.starts_at), row.spent, row.reserved) for row in rows] == [
        ("2026-09-30 22:00:00+00:00", Decimal(0), Decimal(1)),
        ("2026-10-31 23:00:00+00:00", Decimal("0.4"), Decimal(0)),
    ]


def test_keepers_of_budgets_are_told_once_at_80_and_once_at_100_percent(cast: Cast) -> None:
    budgets.set_budget(scope="workspace", limit=Decimal(10), by=cast.finance, **MONTH)
    take = factories.take(cast.deliverable)
    for amount in ("7.99", "0.01", "1.99", "0.01"):
        hold(take, amount)
    told = [
        (notice.kind, notice.title)
        for notice in Notice.objects.filter(membership=cast.finance).order_by("created_at", "id")
    ]
    assert told == [
        ("budget_80", "Everything in Studio, each month has reached 80 %"),
        ("budget_100", "Everything in Studio, each month is used up"),
    ]
    reached = Event.objects.filter(kind="budget.reached").order_by("id")
    assert list(reached.values_list("data__percent", flat=True)) == [80, 100]
    assert set(Notice.objects.values_list("membership", flat=True)) == {
        member.pk for member in (cast.finance, cast.manager, cast.second_manager)
    }


def test_a_refusal_names_roles_where_nobody_may_raise_the_limit(cast: Cast) -> None:
    budgets.set_budget(scope="workspace", limit=Decimal(1), by=cast.finance, **MONTH)
    Membership.objects.filter(roles__overlap=["manager", "finance"]).update(ended_at=NOON)
    with pytest.raises(budgets.BudgetRefused) as refused:
        hold(factories.take(cast.deliverable), "2")
    assert refused.value.raised_by == [
        "somebody with the role manager",
        "somebody with the role finance",
    ]
