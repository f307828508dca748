"""Credits: bought in packs, used first to expire first, returned, expired; what was paid is booked, once."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Sum

from billing import credit_checks, credits, ledger, rates
from billing.models import CreditBalance, CreditLot, CreditMovement, Entry
from projects.access import MissingRight
from projects.problems import Invalid
from tests import factories
from tests.billing.booking import NOON, charge, hold
from tests.cast import Cast
from tests.factories import utc

UNIT = "credit:runway"
OCTOBER = datetime.date(2026, 10, 1)


def buy(cast: Cast, number: str = "1000", price: str = "10", **fields: Any) -> CreditLot:
    usual = {"unit": UNIT, "currency": "EUR", "bought_on": OCTOBER, "source": "R-1", "by": cast.finance}
    return credits.buy(credits=Decimal(number), price=Decimal(price), **{**usual, "now": NOON, **fields})


def use(cast: Cast, number: str, *, amount: str = "1", at: datetime.datetime = NOON) -> Entry:
    """Posts a charge in credits for a take, exchanged at some rate before the lots are asked."""
    made = hold(factories.take(cast.deliverable), amount, provider="runway", now=at)
    said = {"provider": "runway", "native_amount": Decimal(number), "native_currency": UNIT}
    entry = ledger.post(hold=made, charge=charge(amount, at=at, **said), now=at)
    assert entry is not None
    return entry


def left(lot: CreditLot) -> tuple[str, str]:
    row = CreditBalance.objects.get(lot=lot)
    return f"{row.credits:f}".rstrip("0").rstrip("."), f"{row.cost:f}".rstrip("0").rstrip(".")


def paid_is_booked_or_left() -> bool:
    """Every cent of the packs is in the ledger or still in a lot (where nothing is beyond the lots)."""
    paid = CreditLot.objects.aggregate(total=Sum("cost"))["total"]
    booked = Entry.objects.exclude(kind="transfer").aggregate(total=Sum("amount"))["total"] or 0
    still = CreditBalance.objects.aggregate(total=Sum("cost"))["total"]
    return bool(paid == booked + still)


def test_a_pack_is_no_cost_until_it_is_used(cast: Cast) -> None:
    lot = buy(cast)
    assert (lot.cost, Entry.objects.count(), left(lot)) == (Decimal(10), 0, ("1000", "10"))
    entry = use(cast, "100", amount="7")
    assert (entry.amount, entry.rate, left(lot)) == (Decimal(1), Decimal("0.01"), ("900", "9"))
    assert "100.00 of the pack of 2026-10-01" in entry.calculation
    assert paid_is_booked_or_left()


def test_the_price_spreads_over_the_bonus_too_and_the_last_use_takes_the_rest(cast: Cast) -> None:
    lot = buy(cast, "2", "10", bonus=Decimal(1))
    amounts = [str(use(cast, "1").amount) for _ in range(3)]
    assert amounts == ["3.33333333", "3.33333334", "3.33333333"]
    assert left(lot) == ("0", "0")
    assert paid_is_booked_or_left()


def test_lots_are_used_first_to_expire_first(cast: Cast) -> None:
    later = buy(cast, "100", "2", expires_on=datetime.date(2026, 12, 31))
    never = buy(cast, "100", "3", source="R-2")
    sooner = buy(cast, "100", "1", source="R-3", expires_on=datetime.date(2026, 10, 31))
    gone = buy(cast, "100", "9", source="R-4", expires_on=datetime.date(2026, 10, 14))
    entry = use(cast, "150")
    assert entry.amount == Decimal(2)
    assert [left(lot)[0] for lot in (sooner, later, never, gone)] == ["0", "50", "100", "100"]


def test_a_foreign_pack_takes_the_rate_of_its_day(cast: Cast) -> None:
    for day, rate in ((1, "0.90"), (10, "0.50")):
        rates.add_rate(currency="USD", day=datetime.date(2026, 10, day), rate=Decimal(rate), by=cast.finance)
    assert buy(cast, currency="USD", bought_on=datetime.date(2026, 10, 5)).cost == Decimal(9)
    assert rates.rate_at(cast.workspace, UNIT, NOON) == Decimal("0.009")
    with pytest.raises(rates.NoRate):
        buy(cast, currency="GBP", source="R-2")
    assert CreditLot.objects.count() == 1


def test_use_beyond_the_lots_takes_the_last_lots_rate_and_is_flagged(cast: Cast) -> None:
    buy(cast, "100", "1")
    entry = use(cast, "150", amount="9")
    assert entry.amount == Decimal("1.5")
    assert "50.00 beyond the packs" in entry.calculation
    assert credits.ours(cast.workspace.pk, UNIT) == Decimal(-50)


def test_a_pack_entered_later_covers_what_was_beyond(cast: Cast) -> None:
    buy(cast, "100", "1")
    use(cast, "150")
    lot = buy(cast, "100", "3", source="R-2")
    assert left(lot) == ("50", "1.5")
    assert credits.ours(cast.workspace.pk, UNIT) == Decimal(50)
    difference = Entry.objects.get(kind="adjustment")
    assert (difference.amount, difference.debit) == (Decimal(1), "period")
    assert paid_is_booked_or_left()


def test_use_before_any_pack_keeps_its_price_until_a_pack_covers_it(cast: Cast) -> None:
    assert use(cast, "50", amount="0.80").amount == Decimal("0.80")
    lot = buy(cast, "100", "1")
    assert left(lot) == ("50", "0.5")
    assert Entry.objects.get(kind="adjustment").amount == Decimal("-0.30")
    assert paid_is_booked_or_left()


def test_a_refund_returns_to_its_lots(cast: Cast) -> None:
    first, second = buy(cast, "100", "1"), buy(cast, "100", "3", source="R-2")
    entry = use(cast, "150")
    assert entry.amount == Decimal("2.5")
    ledger.refund(entry=entry, amount=Decimal("0.5"), at=NOON, now=NOON)
    assert (left(first), left(second)) == (("20", "0.2"), ("60", "1.8"))
    ledger.refund(entry=entry, at=NOON, now=NOON)
    assert (left(first), left(second)) == (("100", "1"), ("100", "3"))
    assert credits.ours(cast.workspace.pk, UNIT) == Decimal(200)
    assert paid_is_booked_or_left()


def test_a_refund_after_the_cover_takes_the_difference_back(cast: Cast) -> None:
    buy(cast, "100", "1")
    entry = use(cast, "150")
    second = buy(cast, "100", "3", source="R-2")
    ledger.refund(entry=entry, at=NOON, now=NOON)
    assert left(second) == ("100", "3")
    assert Entry.objects.aggregate(total=Sum("amount"))["total"] == 0
    assert paid_is_booked_or_left()


def test_a_rest_expires_once_in_the_month_of_its_last_day(cast: Cast) -> None:
    lot = buy(cast, "100", "1", expires_on=datetime.date(2026, 10, 31))
    use(cast, "40")
    assert credits.expire_due(now=utc("2026-10-31T22:59:59")) == 0  # one second before midnight in Berlin
    done = [credits.expire_due(now=utc(at)) for at in ("2026-10-31T23:00", "2026-11-02T09:00")]
    assert (done, left(lot)) == ([1, 0], ("0", "0"))
    entry = Entry.objects.get(debit="period")
    assert (entry.amount, entry.kind, entry.provider) == (Decimal("0.6"), "charge", "runway")
    assert utc("2026-10-31T22:59:59") < entry.effective_at < utc("2026-10-31T23:00")
    assert paid_is_booked_or_left()


def test_a_refund_to_an_expired_lot_expires_again(cast: Cast) -> None:
    lot = buy(cast, "100", "1", expires_on=datetime.date(2026, 10, 31))
    entry = use(cast, "40")
    later = utc("2026-11-05T12:00")
    credits.expire_due(now=later)
    ledger.refund(entry=entry, at=later, now=later)
    assert left(lot) == ("40", "0.4")
    assert credits.expire_due(now=later) == 1
    assert paid_is_booked_or_left()


def test_a_hold_settled_twice_takes_its_credits_once(cast: Cast) -> None:
    lot = buy(cast)
    made = hold(factories.take(cast.deliverable), "1", provider="runway")
    said = {"provider": "runway", "native_amount": Decimal(100), "native_currency": UNIT}
    posted = [ledger.post(hold=made, charge=charge("1", **said), now=NOON) for _ in range(2)]
    assert posted[1] is None
    assert (left(lot)[0], CreditMovement.objects.count()) == ("900", 1)


def test_a_charge_that_nobody_planned_takes_credits_too(cast: Cast) -> None:
    lot = buy(cast)
    said = {"provider": "runway", "native_amount": Decimal(100), "native_currency": UNIT}
    entry = ledger.charge_without_hold(workspace=cast.workspace, charge=charge("5", **said), now=NOON)
    assert (entry.amount, left(lot)[0]) == (Decimal(1), "900")


def test_the_database_refuses_to_overdraw_a_lot(cast: Cast) -> None:
    lot = buy(cast)
    with pytest.raises(IntegrityError, match="never_negative"), transaction.atomic():
        CreditBalance.objects.filter(lot=lot).update(credits=-1)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"unit": "USD"}, {"unit"}),
        ({"unit": "credit:Run way"}, {"unit"}),
        ({"number": "0"}, {"credits"}),
        ({"price": "0"}, {"price"}),
        ({"price": "0.000000001"}, {"price"}),
        ({"bonus": Decimal(-1)}, {"bonus"}),
        ({"currency": UNIT}, {"currency"}),
        ({"expires_on": datetime.date(2026, 9, 30)}, {"expires_on"}),
        ({"bought_on": datetime.date(2027, 1, 1)}, {"bought_on"}),
        ({"source": " "}, {"source"}),
    ],
)
def test_a_pack_that_does_not_fit_is_named(cast: Cast, fields: dict[str, Any], named: set[str]) -> None:
    with pytest.raises(Invalid) as invalid:
        buy(cast, **fields)
    assert set(invalid.value.errors) == named
    assert CreditLot.objects.count() == 0


def test_a_pack_is_entered_once_and_by_finance(cast: Cast) -> None:
    buy(cast)
    with pytest.raises(Invalid, match="has this source already"):
        buy(cast)
    with pytest.raises(MissingRight):
        buy(cast, by=cast.manager, source="R-2")
    assert CreditLot.objects.count() == 1


def test_doctor_finds_a_pack_that_does_not_agree_with_its_movements(cast: Cast) -> None:
    lot = buy(cast)
    entry = use(cast, "100")
    ledger.refund(entry=entry, amount=Decimal("0.25"), at=NOON, now=NOON)
    assert credit_checks.problems() == []
    CreditBalance.objects.filter(lot=lot).update(credits=900)
    assert credit_checks.problems() == [
        "studio: the pack of credit:runway of 2026-10-01 keeps 900.00000000 credits at 9.25000000; "
        "its movements say 925.00000000 at 9.25000000."
    ]
