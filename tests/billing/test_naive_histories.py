"""The naive reference on random histories: its identities, and what the histories cover."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.billing import covered, histories, naive

ADDS_UP = ("accepted", "takes", "rounds", "generation", "control", "refinement", "time", "cash")


def figures_of(part: dict[str, str]) -> list[Decimal]:
    return [Decimal(value) for value in part.values()]


def holds_together(document: dict[str, Any]) -> None:
    opening, spend, accepted, written_off, period, closing = figures_of(document["roll_forward"])
    assert opening + spend == accepted + written_off + period + closing
    assert sum(figures_of(document["outcomes"])) == spend
    cash, late, shared, carried_back = figures_of(document["bridge"])
    assert accepted == cash + late + shared - carried_back
    if document["effects"]:
        change = sum(figures_of(document["effects"]))
        now, before = document["totals"], document["previous"]
        assert change == Decimal(now["cash_per_acceptable"]) - Decimal(before["cash_per_acceptable"])
    for name in ADDS_UP:
        total = sum(Decimal(row[name]) for row in document["rows"])
        assert total == Decimal(document["totals"][name]), name


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(history=histories.histories(), by=st.sampled_from(naive.DIMENSIONS))
def test_every_month_of_a_random_history_holds_together(history: histories.History, by: str) -> None:
    assert naive.validate(history.charges, history.decisions, history.settings) == []
    files, closing = (history.charges, history.decisions), "0.00000000"
    for month in history.months:
        document = naive.audit(*files, history.settings, month=month, by=by)
        holds_together(document)
        assert document["roll_forward"]["opening_wip"] == closing
        closing = document["roll_forward"]["closing_wip"]


def shares_of(document: dict[str, Any]) -> dict[str, Fraction]:
    total = document["totals"]["accepted"]
    return {row["key"]: Fraction(row["accepted"], total) for row in document["rows"]}


def test_without_a_change_of_shares_only_roundings_are_left_to_the_mix() -> None:
    met = 0
    for history in map(histories.seeded, range(300)):
        files = history.charges, history.decisions, history.settings
        documents = [naive.audit(*files, month=name, by="category") for name in history.months]
        for before, now in pairwise(documents):
            if now["effects"] and shares_of(before) == shares_of(now):
                assert abs(Decimal(now["effects"]["mix"])) <= Decimal("0.00000003")
                met += 1
    assert met > 50


def test_random_histories_cover_the_hard_cases(capsys: pytest.CaptureFixture[str]) -> None:
    coverage = covered.coverage_of(histories.seeded_either(seed) for seed in range(300))
    with capsys.disabled():
        print(f"\n{coverage.report()}")
    coverage.check()


def test_a_class_that_is_too_rare_fails() -> None:
    coverage = covered.Coverage(histories=100)
    coverage.counts.update(dict.fromkeys(covered.REQUIRED, 5))
    coverage.check()
    coverage.counts["two acceptances"] = 4
    with pytest.raises(AssertionError, match="below 5 %: two acceptances\n"):
        coverage.check()
