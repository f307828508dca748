"""The naive reference itself: the worked examples, and what each definition says in figures."""

from __future__ import annotations

from typing import Any

import pytest

from tests.billing import naive
from tests.billing.written import (
    OCTOBER_CHARGES,
    OCTOBER_DECISIONS,
    SEPTEMBER_CHARGES,
    SEPTEMBER_DECISIONS,
    charge,
    charges_file,
    decision,
    decisions_file,
    refund,
)

Rows = tuple[dict[str, str], ...]


def audit(charges: Rows, decisions: Rows, month: str, by: str = "campaign") -> dict[str, Any]:
    files = charges_file(*charges), decisions_file(*decisions)
    assert naive.validate(*files, naive.Settings()) == []
    return naive.audit(*files, naive.Settings(), month=month, by=by)


def october(by: str = "campaign") -> dict[str, Any]:
    return audit(OCTOBER_CHARGES, OCTOBER_DECISIONS, "2025-10", by)


def some(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def test_october_costs_2_50_per_acceptable_deliverable() -> None:
    assert october()["totals"] == {
        "accepted": 1,
        "takes": 5,
        "rounds": 5,
        "multiplier": "5.00000000",
        "base": "0.44000000",
        "generation": "2.20000000",
        "control": "0.00000000",
        "refinement": "0.30000000",
        "time": "0.00000000",
        "cash": "2.50000000",
        "cash_per_acceptable": "2.50000000",
        "cost_per_acceptable": "2.50000000",
        "late": "0.00000000",
        "shared": "0.00000000",
        "cost_per_acceptable_with_shared": "2.50000000",
        "loaded_cost_per_acceptable": "2.55000000",
    }


def test_october_sorts_the_2_60_spent() -> None:
    assert october()["outcomes"] == {
        "period": "0.00000000",
        "shared": "0.00000000",
        "failed_refunded": "0.00000000",
        "failed_charged": "0.00000000",
        "accepted": "2.35000000",
        "rejected": "0.10000000",
        "superseded": "0.05000000",
        "written_off": "0.00000000",
        "open": "0.10000000",
    }


def test_october_rolls_forward() -> None:
    document = october()
    assert document["roll_forward"] == {
        "opening_wip": "0.05000000",
        "spend": "2.60000000",
        "accepted": "2.50000000",
        "written_off": "0.05000000",
        "period": "0.00000000",
        "closing_wip": "0.10000000",
    }
    assert document["bridge"] == {
        "cash": "2.50000000",
        "late": "0.00000000",
        "shared": "0.00000000",
        "carried_back": "0.00000000",
    }
    assert document["effects"] is None
    assert document["previous"]["accepted"] == 0
    assert document["previous"]["loaded_cost_per_acceptable"] is None


def test_october_by_phase() -> None:
    draft, hero = october("phase")["rows"]
    names = ("key", "accepted", "takes", "cash", "multiplier", "base", "cash_per_acceptable")
    assert some(draft, *names) == ("draft", 0, 4, "0.20000000", None, "0.05000000", None)
    assert some(hero, *names) == (*("hero", 1, 1, "2.30000000", "1.00000000", "2.00000000", "2.30000000"),)


def test_october_by_model_gives_the_upscale_its_own_row() -> None:
    rows = october("model")["rows"]
    assert [some(row, "key", "accepted", "takes", "cash") for row in rows] == [
        ("harbour/polish", 0, 0, "0.30000000"),
        ("harbour/tide", 1, 1, "2.00000000"),
        ("lantern/glow", 0, 4, "0.20000000"),
    ]


def test_october_against_september() -> None:
    charges = (*OCTOBER_CHARGES, *SEPTEMBER_CHARGES)
    document = audit(charges, (*OCTOBER_DECISIONS, *SEPTEMBER_DECISIONS), "2025-10")
    assert document["previous"]["cash_per_acceptable"] == "2.05000000"
    assert document["effects"] == {
        "price": "0.00000000",
        "multiplier": "0.15000000",
        "rest": "0.30000000",
        "mix": "0.00000000",
    }


def test_a_second_acceptance_in_a_later_month_takes_the_whole_cash_again() -> None:
    charges = (
        charge(1, "2025-08-01T09:00:00Z", "a", "1", "1"),
        charge(2, "2025-08-10T09:00:00Z", "a", "1", "0.25", stage="refinement"),
        charge(3, "2025-09-02T09:00:00Z", "a", "2", "3"),
        charge(4, "2025-09-04T09:00:00Z", "a", "2", "0.50"),
    )
    decisions = (
        decision("2025-08-02T09:00:00Z", "a", "1", "accept"),
        decision("2025-09-01T09:00:00Z", "a", "1", "reverse"),
        decision("2025-09-03T09:00:00Z", "a", "2", "accept"),
    )
    august, september = (audit(charges, decisions, month) for month in ("2025-08", "2025-09"))
    assert some(august["totals"], "cash", "late", "takes") == ("1.00000000", "0.25000000", 1)
    assert some(september["totals"], "cash", "late", "takes") == ("4.25000000", "0.50000000", 2)
    assert september["bridge"]["carried_back"] == "1.25000000"
    assert september["roll_forward"]["accepted"] == "3.50000000"
    assert september["outcomes"]["accepted"] == "3.50000000"


def test_a_refund_in_a_later_month_is_late_and_leaves_the_month_before_alone() -> None:
    paid = charge(1, "2025-09-01T09:00:00Z", "a", "1", "1.50", currency="USD", rate="0.85000003")
    charges = (paid, refund(2, "2025-10-02T09:00:00Z", paid))
    decisions = (decision("2025-09-03T09:00:00Z", "a", "1", "accept"),)
    september, october = (audit(charges, decisions, month) for month in ("2025-09", "2025-10"))
    # 1.50 × 0.85000003 = 1.275000045, half-even to eight decimals
    assert september["outcomes"]["accepted"] == "1.27500004"
    assert some(october["totals"], "accepted", "cash", "late") == (0, "0.00000000", "-1.27500004")
    assert october["outcomes"]["failed_refunded"] == "-1.27500004"
    assert october["outcomes"]["accepted"] == "0.00000000"


def test_a_deliverable_without_counted_takes_has_no_base() -> None:
    charges = (charge(1, "2025-09-01T09:00:00Z", "a", "1", "1", charge="failed_charged"),)
    decisions = (decision("2025-09-03T09:00:00Z", "a", "1", "accept"),)
    totals = audit(charges, decisions, "2025-09")["totals"]
    assert some(totals, "takes", "multiplier", "base", "cash_per_acceptable") == (
        *(0, "0.00000000", None, "1.00000000"),
    )


@pytest.mark.parametrize(
    ("at", "month"),
    [
        ("2025-10-31T22:59:59.999999Z", "2025-10"),  # winter time since the 26th
        ("2025-10-31T23:00:00Z", "2025-11"),
        ("2025-09-30T21:59:59.999999Z", "2025-09"),  # still summer time
        ("2025-09-30T22:00:00Z", "2025-10"),
    ],
)
def test_a_month_begins_at_midnight_of_the_workspace(at: str, month: str) -> None:
    spends = {
        name: audit((charge(1, at, "a", "1", "1"),), (), name)["roll_forward"]["spend"]
        for name in ("2025-09", "2025-10", "2025-11")
    }
    assert [name for name in spends if spends[name] == "1.00000000"] == [month]


def test_an_entry_at_the_instant_of_the_acceptance_comes_before_it() -> None:
    at = "2025-09-03T09:00:00Z"
    charges = (charge(1, at, "a", "1", "1"), charge(2, at, "a", "", "2", stage="control"))
    totals = audit(charges, (decision(at, "a", "1", "accept"),), "2025-09")["totals"]
    assert some(totals, "cash", "control", "late") == ("3.00000000", "2.00000000", "0.00000000")


def test_a_takes_model_is_that_of_its_last_charged_generation_call() -> None:
    charges = (
        charge(1, "2025-09-01T09:00:00Z", "a", "1", "1", model="old"),
        charge(2, "2025-09-01T10:00:00Z", "a", "1", "2", model="new"),
        charge(3, "2025-09-01T11:00:00Z", "a", "1", "4", model="gone", charge="failed_charged"),
        charge(4, "2025-09-01T12:00:00Z", "a", "1", "8", model="fine", stage="refinement"),
    )
    decisions = (decision("2025-09-03T09:00:00Z", "a", "1", "accept"),)
    rows = audit(charges, decisions, "2025-09", "model")["rows"]
    assert [some(row, "key", "accepted", "takes", "cash") for row in rows] == [
        ("lantern/fine", 0, 0, "8.00000000"),
        ("lantern/gone", 0, 0, "4.00000000"),
        ("lantern/new", 1, 1, "2.00000000"),
        ("lantern/old", 0, 0, "1.00000000"),
    ]


def test_an_entry_at_the_instant_of_the_reversal_is_late_and_carried_back() -> None:
    charges = (
        charge(1, "2025-09-01T09:00:00Z", "a", "1", "1"),
        charge(2, "2025-09-05T09:00:00Z", "a", "1", "2", stage="refinement"),
    )
    decisions = (
        decision("2025-09-03T09:00:00Z", "a", "1", "accept"),
        decision("2025-09-05T09:00:00Z", "a", "1", "reverse"),
    )
    document = audit(charges, decisions, "2025-09")
    assert some(document["bridge"], "cash", "late", "carried_back") == (
        *("0.00000000", "2.00000000", "2.00000000"),
    )
    assert document["roll_forward"]["closing_wip"] == "3.00000000"


def test_a_reversal_clears_the_mark_so_that_another_acceptance_supersedes_the_take() -> None:
    charges = (
        charge(1, "2025-09-01T09:00:00Z", "a", "1", "1"),
        charge(2, "2025-09-02T09:00:00Z", "a", "2", "2"),
    )
    decisions = (
        decision("2025-09-03T09:00:00Z", "a", "1", "accept"),
        decision("2025-09-04T09:00:00Z", "a", "1", "select"),
        decision("2025-09-05T09:00:00Z", "a", "1", "reverse"),
        decision("2025-09-06T09:00:00Z", "a", "2", "accept"),
    )
    outcomes = audit(charges, decisions, "2025-09")["outcomes"]
    assert some(outcomes, "accepted", "superseded") == ("2.00000000", "1.00000000")


def test_effects_weigh_the_categories_by_this_months_shares() -> None:
    film, at = {"category": "brand-film"}, ("2025-08-05T09:00:00Z", "2025-09-05T09:00:00Z")
    charges = (
        charge(1, at[0], "a", "1", "1"),
        charge(2, at[0], "b", "1", "2", **film),
        charge(3, at[1], "c", "1", "1.50"),
        charge(4, at[1], "d", "1", "1.50"),
        charge(5, at[1], "e", "1", "2", **film),
        charge(6, at[1], "e", "2", "2", **film),
    )
    months = zip("abcde", (0, 0, 1, 1, 1), strict=True)
    decisions = tuple(decision(at[month], name, "1", "accept") for name, month in months)
    assert audit(charges, decisions, "2025-09")["effects"] == {
        "price": "0.33333333",
        "multiplier": "0.66666667",
        "rest": "0.00000000",
        "mix": "-0.16666667",
    }
