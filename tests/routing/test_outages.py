"""Outages from the moves of breakers."""

from __future__ import annotations

import datetime

from routing import outages
from routing.models import BreakerChange

NOON = datetime.datetime(2026, 11, 1, 12, tzinfo=datetime.UTC)


def move(minute: int, before: str, after: str, model: str = "fal/a", **said: str) -> BreakerChange:
    at = NOON + datetime.timedelta(minutes=minute)
    return BreakerChange(pk=minute, model_key=model, at=at, before=before, after=after, **said)


def test_an_outage_runs_from_the_opening_to_the_next_closing() -> None:
    moves = [
        move(0, "closed", "open", reason="5 of 5 calls failed", error_class="timeout"),
        move(2, "open", "half_open"),
        move(3, "half_open", "open", reason="the probe failed"),
        move(9, "half_open", "closed", reason="the probe succeeded"),
        move(20, "closed", "open", reason="again"),
    ]
    again, first = outages.of(reversed(moves))
    assert (first.since, first.until) == (NOON, NOON + datetime.timedelta(minutes=9))
    assert (first.reason, first.error_class, first.probes, first.provider) == (
        "5 of 5 calls failed",
        "timeout",
        1,
        "fal",
    )
    assert (again.until, again.probes) == (None, 0)
    assert again.lasted(NOON + datetime.timedelta(minutes=25)) == datetime.timedelta(minutes=5)


def test_moves_without_their_opening_are_no_outage() -> None:
    assert outages.of([move(1, "half_open", "open"), move(2, "open", "closed")]) == []


def test_models_are_kept_apart() -> None:
    moves = [move(0, "closed", "open"), move(1, "closed", "open", "fal/b"), move(2, "open", "closed")]
    assert [(one.model, one.until is None) for one in outages.of(moves)] == [
        ("fal/b", True),
        ("fal/a", False),
    ]
