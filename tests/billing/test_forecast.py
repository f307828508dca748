"""Forecasts: the formula and the draws against plain loops, a worked example, and what was known when."""

from __future__ import annotations

import hashlib
import random
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from billing import forecast, forecasts, ledger, pots
from billing.forecast import EVERY, Due, Made
from billing.models import ImportedCharge
from projects.models import Deliverable, Take
from tests import factories
from tests.billing.booking import charge, hold, spend
from tests.cast import Cast
from tests.factories import utc


def made(*pairs: tuple[int, str]) -> list[Made]:
    return [Made(takes, Decimal(cash)) for takes, cash in pairs]


def test_a_worked_example() -> None:
    # 8 takes for 2 deliverables at 4.00: four takes each at 0.50
    history = {"film": made((5, "3.00"), (3, "1.00")), EVERY: made((5, "3.00"), (3, "1.00"))}
    due = [Due("film", 1), Due("film", 3), Due("film", 9)]
    assert forecast.expected(due, history) == Decimal("2.00")  # 3 × 0.50 + 1 × 0.50 + nothing
    assert forecast.expected([Due("sketch", 0)], history) == Decimal("2.00")  # by all categories
    assert forecast.expected(due, {}) == 0


def some(seed: int) -> tuple[list[Due], dict[str, list[Made]]]:
    dice = random.Random(seed)
    history = {
        category: made(
            *((dice.randint(0, 9), f"{dice.randint(0, 900) / 100}") for _ in range(dice.randint(1, 9)))
        )
        for category in ("film", "sketch")
    }
    history[EVERY] = [*history["film"], *history["sketch"]]
    due = [Due(dice.choice(("film", "sketch", "still")), dice.randint(0, 8)) for _ in range(12)]
    return due, history


def own(category: str, history: dict[str, list[Made]]) -> list[Made]:
    found = history.get(category, [])
    return found if sum(one.takes for one in found) else history[EVERY]


@pytest.mark.parametrize("seed", range(8))
def test_the_sum_is_that_of_a_plain_loop(seed: int) -> None:
    due, history = some(seed)
    total = Fraction(0)
    for one in due:
        past = own(one.category, history)
        takes = sum(each.takes for each in past)
        if not takes:
            continue
        multiplier, base = Fraction(takes, len(past)), Fraction(sum(each.cash for each in past)) / takes
        if multiplier > one.used:
            total += (multiplier - one.used) * base
    assert abs(Fraction(forecast.expected(due, history)) - total) <= Fraction(1, 10**8)


@pytest.mark.parametrize("seed", range(4))
def test_the_draws_are_those_of_a_plain_loop(seed: int) -> None:
    due, history = some(seed)
    chance = np.random.default_rng(int.from_bytes(hashlib.sha256(b"x").digest()[:8]))
    totals = [0.0] * 50
    for one in due:
        past = own(one.category, history)
        for number, place in enumerate(chance.integers(0, len(past), size=50)):
            drawn = past[int(place)]
            if drawn.takes > one.used:
                totals[number] += (drawn.takes - one.used) * float(drawn.cash) / drawn.takes
    assert list(forecast.draws(due, history, seed="x", count=50)) == pytest.approx(totals)


def test_the_interval_holds_eight_of_ten_draws_and_is_the_same_each_time() -> None:
    due, history = some(3)
    found = forecast.ahead(due, history, seed="x")
    totals = forecast.draws(due, history, seed="x")
    within = sum(1 for total in totals if float(found.low) - 1e-8 <= total <= float(found.high) + 1e-8)
    assert 0.79 <= within / len(totals) <= 0.85
    assert forecast.ahead(due, history, seed="x") == found


def accepted(cast: Cast, key: str, at: str, takes: int, each: str) -> Deliverable:
    """A film that was accepted at an instant, after so many takes at a price each, an hour before it."""
    row = factories.deliverable(
        cast.campaign, key, category=cast.brand_film, created_at=utc("2026-07-01T00:00")
    )
    for number in range(takes):
        instant = utc(at) - (utc("2026-01-01T02:00") - utc("2026-01-01T01:00")) * (number + 1)
        take = factories.take(row, requested_at=instant)
        spend(take, each, at=instant)
        Take.objects.filter(pk=take.pk).update(counted_at=instant, state="ready")
    pots.decide(deliverable=row, take=take, decision="accept", by=None, at=utc(at))
    return row


def test_the_running_month_is_booked_reserved_and_to_come(cast: Cast) -> None:
    accepted(cast, "one", "2026-09-10T12:00", 4, "0.50")
    accepted(cast, "two", "2026-10-02T12:00", 2, "1.00")  # 2.00 of October
    open_film = factories.deliverable(
        cast.campaign,
        "open",
        category=cast.brand_film,
        due_on="2026-10-20",
        created_at=utc("2026-10-01T00:00"),
    )
    spend(factories.take(open_film, requested_at=utc("2026-10-05T10:00")), "0.30", at=utc("2026-10-05T10:00"))
    Take.objects.filter(deliverable=open_film).update(counted_at=utc("2026-10-05T10:00"), state="ready")
    hold(factories.take(cast.deliverable, requested_at=utc("2026-10-06T10:00")), "0.70")
    found = forecasts.of_month(cast.workspace, at=utc("2026-10-15T10:00"))
    # three takes an acceptance at 4.00 / 6; one is used: two to come
    assert (found.booked, found.reserved) == (Decimal("2.30"), Decimal("0.70"))
    assert found.ahead.amount == Decimal("1.33333333")
    assert found.amount == Decimal("4.33333333")
    assert (found.low, found.high) == (Decimal("4.00"), Decimal("4.50"))
    (part,) = found.parts
    assert (part.due, part.used, part.pattern, part.borrowed) == (1, 1, (3, Fraction(2, 3)), False)


def test_what_was_not_known_at_the_instant_is_not_foreseen(cast: Cast) -> None:
    accepted(cast, "one", "2026-09-10T12:00", 4, "0.50")
    late = factories.deliverable(
        cast.campaign,
        "late",
        category=cast.brand_film,
        due_on="2026-10-20",
        created_at=utc("2026-10-12T00:00"),
    )
    accepted(cast, "two", "2026-10-12T12:00", 2, "1.00")
    spend(factories.take(late, requested_at=utc("2026-10-25T10:00")), "3", at=utc("2026-10-25T10:00"))
    october, september = forecasts.back_test(cast.workspace, now=utc("2026-11-05T10:00"))
    assert (october.forecast.month, september.forecast.month) == ("2026-10", "2026-09")
    assert (october.forecast.parts, october.forecast.amount) == ([], Decimal(0))
    assert (october.actual, october.held) == (Decimal(5), False)
    assert october.forecast.made == 1


def test_a_charge_that_was_not_booked_yet_counts_as_held_and_not_twice(cast: Cast) -> None:
    asked, known = utc("2026-10-05T10:00"), utc("2026-10-12T10:00")
    held = hold(factories.take(cast.deliverable, requested_at=asked), "0.70", now=asked)
    ledger.post(hold=held, charge=charge("0.60", at=asked), now=known)
    (october,) = forecasts.back_test(cast.workspace, now=utc("2026-11-05T10:00"), count=1)
    assert (october.forecast.booked, october.forecast.reserved) == (0, Decimal("0.70"))
    assert october.actual == Decimal("0.60")


def test_a_charge_of_a_history_counts_when_it_happened(cast: Cast) -> None:
    for number in range(2):
        said = charge("0.60", at=utc("2026-10-05T10:00"), external_id=f"job {number}")
        entry = ledger.charge_without_hold(workspace=cast.workspace, charge=said, now=utc("2026-10-20T10:00"))
    ImportedCharge.objects.create(
        workspace=cast.workspace, external_id="job 1", entry=entry.id, digest="0" * 64
    )
    (october,) = forecasts.back_test(cast.workspace, now=utc("2026-11-05T10:00"), count=1)
    assert (october.forecast.booked, october.actual) == (Decimal("0.60"), Decimal("1.20"))


def test_the_days_of_a_month_add_up_to_it(cast: Cast) -> None:
    for at, amount in (
        ("2026-09-30T21:59:59", "1"),  # the last second of September in Berlin
        ("2026-09-30T22:00", "2"),
        ("2026-10-01T00:30", "4"),
        ("2026-10-30T23:30", "8"),
        ("2026-10-31T22:59:59", "16"),
        ("2026-10-31T23:00", "32"),
    ):
        spend(factories.take(cast.deliverable), amount, at=utc(at))
    found = forecasts.course(cast.workspace, month="2026-10")
    assert [(day.isoformat(), int(amount)) for day, amount in found] == [
        ("2026-10-01", 6),
        ("2026-10-30", 8),
        ("2026-10-31", 16),
    ]


def test_a_hold_counts_while_it_was_open_and_work_until_it_was_accepted(cast: Cast) -> None:
    accepted(cast, "one", "2026-09-10T12:00", 4, "0.50")
    row = accepted(cast, "two", "2026-10-12T12:00", 2, "1.00")
    Deliverable.objects.filter(pk=row.pk).update(due_on="2026-10-20")
    (october,) = forecasts.back_test(cast.workspace, now=utc("2026-11-05T10:00"), count=1)
    assert [(part.due, part.used) for part in october.forecast.parts] == [(1, 0)]
    assert october.forecast.ahead.amount == Decimal("2.00")
    assert (october.forecast.low, october.forecast.high, october.held) == (Decimal(2), Decimal(2), True)
