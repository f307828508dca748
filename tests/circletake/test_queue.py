"""django-q2's settings are refused where they would lose or repeat work."""

import pytest
from django.conf import settings

from circletake import queue


def test_our_own_settings_have_no_problem() -> None:
    assert queue.problems(settings.Q_CLUSTER) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"timeout": None}, "timeout"),
        ({"timeout": 30, "guard_cycle": 0.5}, "timeout"),
        ({"retry": 594}, "retry"),
        ({"guard_cycle": 0.7}, "guard_cycle"),
        ({"guard_cycle": 0.3}, "guard_cycle"),
        ({"guard_cycle": 0}, "guard_cycle"),
        ({"bulk": 50}, "bulk"),
        ({"queue_limit": 100}, "queue_limit"),
        ({"save_limit": 250}, "save_limit"),
        ({"ack_failures": False}, "ack_failures"),
        ({"max_attempts": 0}, "ack_failures"),
        ({"sync": True}, "sync"),
    ],
)
def test_a_wrong_combination_is_named(change: dict[str, object], named: str) -> None:
    found = queue.problems({**settings.Q_CLUSTER, **change})
    assert [problem.split()[0] for problem in found] == [named]
