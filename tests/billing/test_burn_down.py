"""The burn-down: days that add up to the window's use, the pace, and when nothing will be left."""

from __future__ import annotations

import datetime
import random
from decimal import Decimal

from billing import budgets, burn_charts, burn_down, ledger
from billing.models import Budget
from tests import factories
from tests.billing.booking import charge, hold, spend
from tests.billing.test_money_pages import signed_in
from tests.cast import Cast
from tests.factories import utc

NOW = utc("2026-10-10T12:00")


def at(day: int) -> datetime.datetime:
    return utc(f"2026-10-{day:02}T12:00")


def made(cast: Cast, limit: str = "30", **fields: object) -> Budget:
    usual = {"scope": "workspace", "window": "month", "by": cast.finance, "now": at(1)}
    return budgets.set_budget(limit=Decimal(limit), **{**usual, **fields})  # type: ignore[arg-type]


def test_a_months_days_its_pace_and_its_end(cast: Cast) -> None:
    own = made(cast)
    take = factories.take(cast.deliverable)
    entry = spend(take, "6", at=at(2))
    ledger.refund(entry=entry, amount=Decimal(1), at=at(9), now=at(9))
    hold(take, "3", now=at(4))
    gone = hold(take, "7", now=at(5))
    ledger.void(hold=gone, reason="cancelled", now=at(5))
    ledger.post(hold=hold(take, "4", now=at(8)), charge=charge("2", at=at(9)), now=at(9))
    burn = burn_down.of(own, now=NOW)
    assert [(row.day.day, row.used, row.in_window, row.left) for row in burn.days if row.used] == [
        (2, Decimal(5), Decimal(5), Decimal(25)),
        (4, Decimal(3), Decimal(8), Decimal(22)),
        (8, Decimal(2), Decimal(10), Decimal(20)),
    ]
    assert len(burn.days) == 10
    assert (burn.pace, burn.pace_days, burn.ends_on) == (Decimal(1), 10, datetime.date(2026, 10, 31))
    assert (burn.expected, burn.used_up_on) == (Decimal(31), datetime.date(2026, 10, 30))
    budgets.change_limit(budget=own, limit=Decimal(32), by=cast.finance, now=NOW)
    assert burn_down.of(own, now=NOW).used_up_on is None


def test_what_is_used_up_is_so_today(cast: Cast) -> None:
    own = made(cast, "5")
    spend(factories.take(cast.deliverable), "5", at=at(10))
    assert burn_down.of(own, now=NOW).used_up_on == NOW.date()


def test_without_an_end_the_last_days_stand_on_what_was_before(cast: Cast) -> None:
    take = factories.take(cast.deliverable)
    spend(take, "8", at=utc("2026-03-01T12:00"))
    own = made(cast, window="none")
    spend(take, "14", at=at(10))
    burn = burn_down.of(own, now=NOW)
    assert (len(burn.days), burn.days[0].in_window, burn.left) == (60, Decimal(8), Decimal(8))
    assert (burn.pace, burn.expected, burn.used_up_on) == (Decimal(1), None, datetime.date(2026, 10, 18))
    assert burn_down.of(made(cast, phase="hero", window="none"), now=NOW).used_up_on is None


def test_a_rolling_window_fills_as_days_come_and_go(cast: Cast) -> None:
    own = made(cast, "12", window="rolling", rolling_days=4)
    take = factories.take(cast.deliverable)
    for number, amount in ((6, "5"), (8, "2"), (10, "6")):
        spend(take, amount, at=at(number))
    burn = burn_down.of(own, now=NOW)
    assert [(row.used, row.in_window) for row in burn.days] == [
        (Decimal(0), Decimal(5)),
        (Decimal(2), Decimal(7)),
        (Decimal(0), Decimal(7)),
        (Decimal(6), Decimal(8)),
    ]
    assert (burn.pace, burn.expected, burn.used_up_on) == (
        Decimal(2),
        Decimal(8),
        datetime.date(2026, 10, 13),
    )
    for limit, day in ((13, None), (10, datetime.date(2026, 10, 11))):
        budgets.change_limit(budget=own, limit=Decimal(limit), by=cast.finance, now=NOW)
        assert burn_down.of(own, now=NOW).used_up_on == day


def test_the_days_add_up_to_the_use_of_every_kind_of_window(cast: Cast) -> None:
    dice = random.Random(3)
    own = [
        made(cast, "900"),
        made(cast, "900", window="none"),
        made(cast, "900", window="rolling", rolling_days=5),
    ]
    take = factories.take(cast.deliverable)
    for day in range(1, 11):
        for _ in range(dice.randrange(4)):
            asked = hold(take, str(Decimal(dice.randrange(1, 900)) / 100), now=at(day))
            if dice.random() < 0.6:
                ledger.post(hold=asked, charge=charge(str(asked.amount / 2), at=at(day)), now=at(day))
    for budget, use in zip(own, budgets.in_window(own, NOW), strict=True):
        burn = burn_down.of(budget, now=NOW)
        assert burn.days[-1].in_window == use.used
        assert burn.left == use.left
        assert sum(row.used for row in burn.days) == use.used


def test_the_page_its_chart_and_its_csv_say_the_same(cast: Cast) -> None:
    own = budgets.set_budget(scope="workspace", limit=Decimal(30), window="month", by=cast.finance)
    client, place = signed_in(cast.viewer), f"/w/studio/budgets/{own.pk}/"
    hold(factories.take(cast.deliverable), "4.25", now=own.set_at)
    page = client.get(place).content.decode()
    assert "€25.75" in page
    assert "Change limit" not in page
    burn = burn_down.of(own, now=own.set_at)
    drawn = client.get(f"{place}charts/{burn_charts.digest(burn)}.svg")
    assert (drawn.status_code, drawn.content[:4]) == (200, b"<svg")
    assert client.get(f"{place}charts/{'0' * 16}.svg").status_code == 404
    lines = client.get(f"{place}days.csv").content.decode().splitlines()
    assert lines[0] == "day,used,used in window,left"
    assert lines[-1].endswith("4.25000000,4.25000000,25.75000000")
