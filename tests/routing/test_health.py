"""Circuit breakers: when a model rests, how it is probed, how it comes back."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
from django.db import ProgrammingError, transaction

from projects.models import Workspace
from routing import health
from routing.brief import Breaker
from routing.health import Rule, Window, next_state
from routing.models import BreakerChange, HealthSample, ModelHealth
from tests import factories
from tests.routing.tables import NOW

RULE = Rule()
KEY = "fal/x"


@pytest.mark.parametrize(
    ("state", "calls", "failures", "failed", "after"),
    [
        ("closed", 4, 4, True, "closed"),
        ("closed", 5, 2, True, "closed"),
        ("closed", 6, 3, True, "open"),
        ("closed", 6, 3, False, "closed"),
        ("half_open", 6, 3, False, "closed"),
        ("half_open", 1, 1, True, "open"),
        ("open", 9, 9, True, "open"),
        ("open", 9, 0, False, "open"),
    ],
)
def test_the_rule(state: str, calls: int, failures: int, failed: bool, after: str) -> None:
    assert next_state(state, Window(calls, failures), failed=failed, rule=RULE) == after


def minutes(count: float) -> datetime.datetime:
    return NOW + datetime.timedelta(minutes=count)


@pytest.fixture
def studio(db: None) -> Workspace:
    return factories.workspace()


def failing(studio: Workspace, times: int, error: str = "unavailable") -> str:
    state = ""
    for _ in range(times):
        state = health.record(workspace=studio, model_key=KEY, error_class=error, now=NOW)
    return state


def breaker(studio: Workspace, now: datetime.datetime) -> str:
    return health.facts(studio, [KEY], now=now)[KEY].breaker


def probe(studio: Workspace, at_most: str, now: datetime.datetime) -> bool:
    return health.probe(workspace=studio, model_key=KEY, at_most=Decimal(at_most), now=now)


def test_a_model_that_keeps_failing_rests_and_then_is_probed(studio: Workspace) -> None:
    assert failing(studio, 4) == "closed"
    assert failing(studio, 1) == "open"
    assert breaker(studio, minutes(1.9)) == Breaker.OPEN
    assert breaker(studio, minutes(2)) == Breaker.HALF_OPEN
    found = health.facts(studio, [KEY], now=minutes(2))[KEY]
    assert (found.failure_share, found.calls, found.retry_at) == (1, 5, minutes(2))


def test_what_a_request_or_an_account_caused_says_nothing_about_the_model(studio: Workspace) -> None:
    for error in ("moderated", "bad_request", "auth", "insufficient_credit", "rate_limited"):
        assert failing(studio, 3, error) == "closed"
    sample = HealthSample.objects.get()
    assert (sample.calls, sample.failures, sample.errors["auth"]) == (15, 0, 3)


def test_while_a_model_rests_no_call_passes(studio: Workspace) -> None:
    failing(studio, 5)
    assert not probe(studio, "0.01", minutes(1))
    assert probe(studio, "0.01", minutes(2))


def test_probes_stay_within_their_money_even_when_several_run(studio: Workspace) -> None:
    failing(studio, 5)
    assert probe(studio, "1.50", minutes(2))
    assert not probe(studio, "0.51", minutes(2))
    assert probe(studio, "0.50", minutes(2))
    assert ModelHealth.objects.get().probe_spent == Decimal(2)


def test_money_for_probes_is_there_again_after_an_hour_in_vain(studio: Workspace) -> None:
    failing(studio, 5)
    assert probe(studio, "2", minutes(2))
    assert not probe(studio, "0.01", minutes(61))
    assert probe(studio, "0.50", minutes(62))
    assert ModelHealth.objects.get().probe_spent == Decimal("0.50")


def test_each_probe_takes_its_share_at_least_so_that_free_ones_are_limited_too(studio: Workspace) -> None:
    failing(studio, 5)
    assert [probe(studio, "0", minutes(2)) for _ in range(6)] == [True] * 5 + [False]
    health.not_sent(workspace=studio, model_key=KEY, at_most=Decimal(0))
    assert probe(studio, "0", minutes(2))


def test_the_first_probe_goes_whatever_it_costs_and_once_an_hour(studio: Workspace) -> None:
    failing(studio, 5)
    assert health.facts(studio, [KEY], now=minutes(2))[KEY].lets_probe(Decimal(9))
    assert probe(studio, "9", minutes(2))
    assert not probe(studio, "9", minutes(3))
    assert not health.facts(studio, [KEY], now=minutes(3))[KEY].lets_probe(Decimal(9))
    assert probe(studio, "9", minutes(62))


def test_a_probe_that_succeeds_closes_and_old_failures_are_forgotten(studio: Workspace) -> None:
    failing(studio, 5)
    assert probe(studio, "0.5", minutes(2))
    assert health.record(workspace=studio, model_key=KEY, now=minutes(3)) == "closed"
    row = ModelHealth.objects.get()
    assert (row.state, row.probe_spent, row.retry_at, row.reason) == ("closed", 0, None, "")
    state = health.record(workspace=studio, model_key=KEY, error_class="timeout", now=minutes(3))
    assert state == "closed"


def test_a_probe_that_fails_lets_the_model_rest_again(studio: Workspace) -> None:
    failing(studio, 5)
    assert probe(studio, "0.5", minutes(2))
    state = health.record(workspace=studio, model_key=KEY, error_class="timeout", now=minutes(2.5))
    assert (state, breaker(studio, minutes(4))) == ("open", Breaker.OPEN)
    assert ModelHealth.objects.get().probe_spent == Decimal("0.5")


def test_several_calls_are_counted_in_one_go(studio: Workspace) -> None:
    failing(studio, 4)
    state = health.record(workspace=studio, model_key=KEY, calls=5, seconds=Decimal("12.5"), now=NOW)
    sample = HealthSample.objects.get()
    assert (state, sample.calls, sample.failures, sample.seconds) == (
        "closed",
        9,
        4,
        Decimal("12.5"),
    )


def test_one_workspaces_failures_are_not_anothers(studio: Workspace) -> None:
    failing(studio, 9)
    other = factories.workspace()
    assert breaker(other, NOW) == Breaker.CLOSED
    assert health.probe(workspace=other, model_key=KEY, at_most=Decimal(9), now=NOW)


def test_the_operator_may_set_another_rule(studio: Workspace, settings: object) -> None:
    settings.BREAKER = {"least_calls": 1, "open_share": Decimal(1)}  # type: ignore[attr-defined]
    assert failing(studio, 1) == "open"


def moves_of(studio: Workspace) -> list[tuple[str, str, str, str]]:
    rows = BreakerChange.objects.filter(workspace=studio).order_by("pk")
    return list(rows.values_list("before", "after", "reason", "error_class"))


def test_each_move_of_a_breaker_is_kept_with_its_cause(studio: Workspace) -> None:
    failing(studio, 5)
    probe(studio, "0.5", minutes(2))
    health.record(workspace=studio, model_key=KEY, error_class="timeout", now=minutes(2.5))
    probe(studio, "0.5", minutes(5))
    health.record(workspace=studio, model_key=KEY, now=minutes(6))
    health.record(workspace=studio, model_key=KEY, now=minutes(7))
    probed = ("open", "half_open", "its rest is over: a probe was sent", "")
    assert moves_of(studio) == [
        ("closed", "open", "5 of the last 5 calls failed", "unavailable"),
        probed,
        ("half_open", "open", "6 of the last 6 calls failed", "timeout"),
        probed,
        ("half_open", "closed", "a call succeeded", ""),
    ]
    assert BreakerChange.objects.filter(after="open").order_by("pk").values_list("retry_at", flat=True)[
        0
    ] == minutes(2)


def test_what_was_kept_of_a_breaker_cannot_be_changed(studio: Workspace) -> None:
    failing(studio, 5)
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        BreakerChange.objects.update(reason="nothing happened")
    assert BreakerChange.objects.get().reason == "5 of the last 5 calls failed"
