"""What an error leads to, by class, route, tries and time."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.after_error import LONGEST_WAIT, Trouble, after_error
from routing.decision import Then
from routing.document import ON_ERROR

FIRST = Trouble("unavailable", tries=1, choice=0, choices=2, under_way=datetime.timedelta(0))
LAST = {"choice": 1}
LONG = {"under_way": LONGEST_WAIT}


@pytest.mark.parametrize(
    ("error_class", "more", "on_error", "then"),
    [
        ("rate_limited", {}, {}, Then.WAIT),
        ("rate_limited", LAST, {}, Then.WAIT),
        ("rate_limited", LONG, {}, Then.NEXT),
        ("rate_limited", LONG | LAST, {}, Then.STOP),
        ("unavailable", {}, {}, Then.NEXT),
        ("unavailable", LAST, {}, Then.STOP),
        ("timeout", {}, {}, Then.RETRY),
        ("timeout", {"tries": 2}, {}, Then.NEXT),
        ("timeout", {"tries": 2} | LAST, {}, Then.STOP),
        ("bad_request", {}, {}, Then.STOP),
        ("bad_request", {}, {"bad_request": "next"}, Then.NEXT),
        ("moderated", {}, {}, Then.STOP),
        ("moderated", {}, {"unavailable": "next"}, Then.STOP),
        ("moderated", {}, {"moderated": "next"}, Then.NEXT),
        ("insufficient_credit", {}, {}, Then.NEXT),
        ("auth", {}, {}, Then.NEXT),
        ("retired", {}, {}, Then.NEXT),
        ("malformed_output", {}, {}, Then.RETRY),
        ("malformed_output", {"tries": 2}, {}, Then.NEXT),
        ("unknown", {}, {}, Then.STOP),
        ("unavailable", {}, {"unavailable": "stop"}, Then.STOP),
    ],
)
def test_each_class_leads_where_the_route_or_the_usual_says(
    error_class: str, more: dict[str, Any], on_error: dict[str, str], then: Then
) -> None:
    trouble = dataclasses.replace(FIRST, error_class=error_class, **more)
    assert after_error(trouble, on_error=on_error, retries=1) == then


TROUBLES = st.builds(
    Trouble,
    error_class=st.sampled_from(sorted(ON_ERROR)),
    tries=st.integers(1, 5),
    choice=st.integers(0, 3),
    choices=st.integers(1, 4),
    under_way=st.timedeltas(datetime.timedelta(0), datetime.timedelta(days=1)),
).filter(lambda trouble: trouble.choice < trouble.choices)
ROUTES = st.dictionaries(st.sampled_from(sorted(ON_ERROR)), st.sampled_from([str(then) for then in Then]))


@given(TROUBLES, ROUTES, st.integers(0, 4))
def test_it_never_leads_past_the_last_model_beyond_the_retries_or_beyond_the_longest_wait(
    trouble: Trouble, on_error: dict[str, str], retries: int
) -> None:
    then = after_error(trouble, on_error=on_error, retries=retries)
    assert then != Then.NEXT or trouble.choice + 1 < trouble.choices
    assert then != Then.RETRY or trouble.tries <= retries
    assert then != Then.WAIT or trouble.under_way < LONGEST_WAIT


@given(TROUBLES, ROUTES, st.integers(0, 4))
def test_what_was_moderated_goes_to_another_model_only_where_the_route_says_so(
    trouble: Trouble, on_error: dict[str, str], retries: int
) -> None:
    trouble = dataclasses.replace(trouble, error_class="moderated")
    on_error.pop("moderated", None)
    assert after_error(trouble, on_error=on_error, retries=retries) == Then.STOP
