"""The machine of the books, for as long as a test may take; `drills.books` goes on for longer."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.billing import books_machine


@pytest.mark.slow
def test_any_sequence_of_verbs_killed_at_any_statement_leaves_the_books_balanced(db: None) -> None:
    books_machine.seen.clear()
    books_machine.Books.ground_of = books_machine.make_ground()
    run_state_machine_as_test(
        books_machine.Books,
        settings=settings(
            max_examples=30,
            stateful_step_count=60,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert [name for name in books_machine.DONE if not books_machine.seen[name]] == []
    assert books_machine.seen["steps"] > 1000
