"""Bad lines of a history, as the naive reference names them."""

from __future__ import annotations

import pytest

from tests.billing import naive
from tests.billing.written import charge, charges_file, decision, decisions_file, refund

FIRST = charge(1, "2025-09-01T09:00:00Z", "a", "1", "1.50")
LATER = "2025-09-02T09:00:00Z"
EARLIER = "2025-08-02T09:00:00Z"


def reasons(charges: list[dict[str, str]], decisions: list[dict[str, str]]) -> list[str]:
    found = naive.validate(charges_file(*charges), decisions_file(*decisions), naive.Settings())
    return [f"{bad.file} {bad.line}: {bad.reason}" for bad in found]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (charge(2, LATER, "a", "2", "1", category="film"), "conflicting category"),
        (charge(2, LATER, "a", "1", "1", phase="hero"), "conflicting phase"),
        (charge(2, LATER, "a", "2", "1", currency="USD"), "a foreign currency needs a rate"),
        (charge(1, LATER, "a", "2", "1"), "the id stands for another charge"),
        (charge(2, LATER, "a", "2", "1", charge="failed"), "a failed charge costs nothing"),
        (charge(2, LATER, "a", "2", "-1"), "amount is no money"),
        (charge(2, LATER, "a", "2", "NaN"), "amount is no money"),
        (charge(2, LATER[:-1], "a", "2", "1"), "time without offset"),
        (charge(2, "yesterday", "a", "2", "1"), "time is no ISO 8601"),
        (charge(2, LATER, "a", "two", "1"), "take is no number"),
        (charge(2, LATER, "", "1", "1"), "take without deliverable"),
        (charge(2, LATER, "a", "2", "1", campaign=""), "deliverable without campaign"),
        (charge(2, LATER, "a", "2", "1", stage="lunch"), "unknown stage"),
        (charge(2, LATER, "a", "2", "1", charge="free"), "unknown charge"),
        (charge(2, LATER, "a", "2", "1", refunds="1"), "refunds goes with refunded"),
        (refund(2, LATER, {**FIRST, "id": "9"}), "refunds names no charge"),
        (refund(2, LATER, {**FIRST, "amount": "1.00"}), "the refund differs from its charge"),
        (refund(2, LATER, {**FIRST, "model": "glow/2"}), "the refund differs from its charge"),
        (refund(2, EARLIER, FIRST), "given back before it was charged"),
    ],
)
def test_a_bad_charge_is_named(line: dict[str, str], reason: str) -> None:
    assert reasons([FIRST, line], []) == [f"charges 3: {reason}"]


def test_a_charge_is_given_back_once() -> None:
    lines = [FIRST, refund(2, LATER, FIRST), refund(3, LATER, FIRST)]
    assert reasons(lines, []) == ["charges 4: the charge is given back already"]


def test_the_same_lines_again_change_nothing() -> None:
    twice = decision(LATER, "a", "1", "accept")
    assert reasons([FIRST, FIRST], [twice, twice]) == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("accept 1", "accept 2"), "the deliverable is accepted"),
        (("accept 1", "write_off "), "the deliverable is accepted"),
        (("write_off ", "accept 1"), "the deliverable is written_off"),
        (("write_off ", "write_off "), "the deliverable is written_off"),
        (("accept 1", "reverse 2"), "this acceptance is not in force"),
        (("write_off ", "reverse 1"), "this acceptance is not in force"),
        (("accept 1", "reverse "), "no write-off is in force"),
        (("accept 1", "reject 1"), "the take is accepted; reverse that before"),
        (("select 2", "accept 3"), "the take has no row before"),
        (("select 1", "select 2", "select 4"), "only a draft is selected"),
    ],
)
def test_a_decision_against_the_grammar_is_named(words: tuple[str, ...], reason: str) -> None:
    charges = [
        FIRST,
        charge(2, FIRST["occurred_at"], "a", "2", "1"),
        charge(4, FIRST["occurred_at"], "a", "4", "1", phase="hero"),
    ]
    decisions = [
        decision(f"2025-09-0{day}T09:00:00Z", "a", word.split(" ")[1], word.split(" ")[0])
        for day, word in enumerate(words, 2)
    ]
    assert reasons(charges, decisions) == [f"decisions {len(words) + 1}: {reason}"]


def test_decisions_are_judged_in_time_order_whatever_the_files() -> None:
    later = decision("2025-09-05T09:00:00Z", "a", "1", "reject")
    back = decision("2025-09-04T09:00:00Z", "a", "1", "reverse")
    first = decision("2025-09-03T09:00:00Z", "a", "1", "accept")
    assert reasons([FIRST], [later, back, first]) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (decision(LATER, "b", "1", "accept"), "the deliverable has no row before"),
        (decision(EARLIER, "a", "1", "accept"), "the deliverable has no row before"),
        (decision(LATER, "a", "", "accept"), "a decision on a take needs a take"),
        (decision(LATER, "a", "1", "write_off"), "a write-off names no take"),
        (decision(LATER, "a", "1", "approve"), "unknown decision"),
        (decision(LATER, "", "", "reject"), "a decision needs a deliverable"),
        (decision(LATER, "a", "", "end_campaign"), "a campaign is ended, no deliverable"),
    ],
)
def test_a_bad_decision_is_named(line: dict[str, str], reason: str) -> None:
    assert reasons([FIRST], [line]) == [f"decisions 2: {reason}"]
