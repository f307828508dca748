"""Holds that are settled in one go: the same books as settled one by one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from billing import budgets, ledger
from billing.models import DeliverableCost, Entry, Hold, HoldOutcome
from projects.models import Event
from tests import factories
from tests.billing.booking import NOON, books, charge, hold, pots
from tests.billing.test_holds import MONTH, window
from tests.cast import Cast

AMOUNTS = ("1", "2.5", "0.25")


def settled(cast: Cast, amounts: tuple[str, ...] = AMOUNTS) -> tuple[budgets.Budget, dict[Any, Entry]]:
    """Holds of 2 each, of two deliverables in turn, posted together at these amounts."""
    other = factories.deliverable(cast.campaign, "second", category=cast.concept_sketch)
    budget = budgets.set_budget(scope="workspace", limit=Decimal(10), by=cast.finance, **MONTH)
    places = [cast.deliverable, other, cast.deliverable]
    made = [hold(factories.take(place), "2") for place in places]
    charges = [(one, charge(amount)) for one, amount in zip(made, amounts, strict=True)]
    return budget, ledger.post_all(charges=charges, now=NOON)


def test_each_is_booked_at_its_own_amount_under_its_own_hold(cast: Cast) -> None:
    _, entries = settled(cast)
    stored = {row.hold: row for row in Entry.objects.all()}
    assert set(stored) == set(entries)
    assert sorted(row.amount for row in stored.values()) == [Decimal("0.25"), Decimal(1), Decimal("2.5")]
    outcomes = HoldOutcome.objects.order_by("amount")
    assert [(row.amount, row.reason) for row in outcomes] == [
        (Decimal("0.25"), ""),
        (Decimal(1), ""),
        (Decimal("2.5"), "0.50000000 above its hold"),
    ]
    assert {row.hold_id: row.entry for row in outcomes} == {key: row.id for key, row in stored.items()}


def test_budgets_deliverables_and_pots_have_the_sums(cast: Cast) -> None:
    budget, _ = settled(cast)
    assert window(budget) == ("3.75000000", "0E-8", "0E-8")
    costs = {row.pk: (row.generation, row.reserved) for row in DeliverableCost.objects.all()}
    assert costs[cast.deliverable.pk] == (Decimal("1.25"), 0)
    assert sorted(costs.values()) == [(Decimal("1.25"), 0), (Decimal("2.5"), 0)]
    assert pots(cast.deliverable) == {"wip": "1.25"}


def test_those_settled_before_are_left_out_and_change_nothing(cast: Cast) -> None:
    budget, entries = settled(cast)
    before = books()
    again = [(one, charge("9")) for one in Hold.objects.filter(pk__in=entries)]
    assert ledger.post_all(charges=again, now=NOON) == {}
    assert books() == before
    fresh = hold(factories.take(cast.deliverable), "1")
    mixed = [*again, (fresh, charge("0.5"))]
    assert set(ledger.post_all(charges=mixed, now=NOON)) == {fresh.pk}
    assert window(budget) == ("4.25000000", "0E-8", "0E-8")


def test_who_keeps_budgets_is_told_once_of_a_level_that_all_together_reach(cast: Cast) -> None:
    settled(cast, ("3", "3", "3"))
    told = Event.objects.filter(kind="budget.reached")
    assert [(event.data["percent"], event.data["used"]) for event in told] == [(80, "9.00000000")]


def test_nothing_to_settle_is_a_normal_return(cast: Cast) -> None:
    before = books()
    assert ledger.post_all(charges=[], now=NOON) == {}
    assert ledger.void_all(holds=[], reason="none", now=NOON) == 0
    assert books() == before
