"""Fees that are due whatever is made: takes bear a provisional rate, the rest is a period cost, once."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum

from billing import agreements, entries, ledger, pots, rates, shared_costs
from billing.models import Agreement, AgreementSettlement, Entry, PriceRow
from projects.access import MissingRight
from projects.problems import Invalid
from tests import factories
from tests.billing.booking import spend
from tests.cast import Cast
from tests.factories import utc

OVER = utc("2026-11-02T09:00")


def agree(cast: Cast, **fields: Any) -> Agreement:
    usual = {
        "kind": "subscription",
        "name": "fal plan",
        "provider": "fal",
        "fee": Decimal(100),
        "currency": "EUR",
        "first_month": "2026-10",
        "source": "Order 7",
        "models_covered": ["fal/flux"],
        "planned_units": Decimal(1000),
        "unit": "image",
        "by": cast.finance,
    }
    return agreements.agree(**{**usual, **fields})


def minimum(cast: Cast, **fields: Any) -> Agreement:
    return agree(cast, kind="minimum", planned_units=None, unit="", models_covered=[], **fields)


def settle(cast: Cast, month: str = "2026-10", now: datetime.datetime = OVER) -> list[AgreementSettlement]:
    return agreements.settle(workspace=cast.workspace, month=month, now=now)


def period(cast: Cast) -> list[Decimal]:
    rows = Entry.objects.filter(workspace=cast.workspace, debit="period").order_by("booked_at", "id")
    return list(rows.values_list("amount", flat=True))


def test_the_provisional_rate_is_fee_by_planned_units_and_a_proposed_price(cast: Cast) -> None:
    made = agree(cast)
    assert agreements.unit_rate(made) == Decimal("0.1")
    row = PriceRow.objects.get()
    assert (row.model_key, row.amount, row.starts_at) == ("fal/flux", Decimal("0.1"), utc("2026-09-30T22:00"))


def test_what_nobody_bore_is_a_period_cost_of_the_month(cast: Cast) -> None:
    agree(cast)
    spend(factories.take(cast.deliverable), "30")
    spend(factories.take(cast.deliverable), "5", model="fal/other")
    (made,) = settle(cast)
    assert (made.due, made.used, made.rest, made.booked) == (100, 30, 70, 70)
    entry = Entry.objects.get(id=made.entry)
    assert (entry.debit, entry.amount, entry.provider) == ("period", Decimal(70), "fal")
    assert entry.effective_at == utc("2026-10-31T23:00") - datetime.timedelta(microseconds=1)


def test_what_corrects_a_charge_is_used_as_well_so_that_all_together_is_the_fee(cast: Cast) -> None:
    agree(cast)
    entry = spend(factories.take(cast.deliverable), "60")
    said = {"booked_at": OVER, "effective_at": entry.effective_at, "corrects": entry.id}
    right = entries.like(entry, without=("hold", "units"), kind="adjustment", amount=Decimal(-30), **said)
    pots.book([right])
    (made,) = settle(cast)
    assert (made.used, made.rest) == (30, 70)
    cash = Entry.objects.exclude(kind="transfer").aggregate(total=Sum("amount"))["total"]
    assert cash == 100


def test_what_a_campaign_took_over_from_a_take_is_used_once(cast: Cast) -> None:
    agree(cast)
    take = factories.take(cast.deliverable)
    spend(take, "30")
    shared_costs.take_over(
        campaign=cast.campaign, take=take, reason="Plates", by=cast.finance, now=utc("2026-10-20T10:00")
    )
    (made,) = settle(cast)
    assert (made.used, made.rest) == (30, 70)


def test_settling_again_books_only_what_changed(cast: Cast) -> None:
    agree(cast)
    first = spend(factories.take(cast.deliverable), "30")
    settle(cast)
    assert settle(cast) == []
    spend(factories.take(cast.deliverable), "10")
    ledger.refund(entry=first, amount=Decimal(5), at=utc("2026-10-20"), now=OVER)
    (again,) = settle(cast)
    assert (again.number, again.used, again.rest, again.booked) == (2, 35, 65, -5)
    assert period(cast) == [70, -5]
    assert settle(cast) == []


def test_more_than_planned_never_costs_more_than_the_fee(cast: Cast) -> None:
    agree(cast)
    spend(factories.take(cast.deliverable), "130")
    (made,) = settle(cast)
    assert (made.rest, Entry.objects.get(id=made.entry).kind) == (-30, "adjustment")
    assert period(cast) == [-30]


@pytest.mark.parametrize(("spent", "unmet"), [("30", [70]), ("130", [])])
def test_an_unmet_minimum_is_a_period_cost_and_a_met_one_is_none(
    cast: Cast, spent: str, unmet: list[int]
) -> None:
    minimum(cast)
    spend(factories.take(cast.deliverable), spent)
    settle(cast)
    assert period(cast) == unmet
    assert settle(cast) == []


def test_a_fee_is_due_from_its_first_to_its_last_month(cast: Cast) -> None:
    made = agree(cast)
    agreements.end(agreement=made, last_month="2026-10", reason="Cancelled.", by=cast.finance)
    later = utc("2027-01-05")
    assert [len(settle(cast, month, later)) for month in ("2026-09", "2026-10", "2026-11")] == [0, 1, 0]
    with pytest.raises(agreements.AlreadyEnded):
        agreements.end(agreement=made, last_month="2026-12", reason="No.", by=cast.finance)


def test_a_foreign_fee_takes_the_rate_of_the_months_end(cast: Cast) -> None:
    agree(cast, currency="USD")
    with pytest.raises(rates.NoRate):
        settle(cast)
    assert AgreementSettlement.objects.count() == 0
    for day, rate in ((1, "0.8"), (31, "0.9")):
        rates.add_rate(currency="USD", day=datetime.date(2026, 10, day), rate=Decimal(rate), by=cast.finance)
    (made,) = settle(cast)
    assert made.due == Decimal(90)


def test_a_month_that_runs_is_not_settled(cast: Cast) -> None:
    agree(cast)
    with pytest.raises(agreements.MonthRuns):
        settle(cast, now=utc("2026-10-31T22:59"))
    assert period(cast) == []


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"kind": "lease"}, "kind"),
        ({"name": " "}, "name"),
        ({"fee": Decimal(0)}, "fee"),
        ({"currency": "credit:fal"}, "currency"),
        ({"first_month": "10/2026"}, "first_month"),
        ({"models_covered": ["runway/gen4"]}, "models_covered"),
        ({"planned_units": None}, "planned_units"),
        ({"planned_units": Decimal(10) ** 11}, "planned_units"),
        ({"kind": "minimum"}, "planned_units"),
    ],
)
def test_an_agreement_that_does_not_fit_is_named(cast: Cast, fields: dict[str, Any], named: str) -> None:
    with pytest.raises(Invalid) as invalid:
        agree(cast, **fields)
    assert set(invalid.value.errors) == {named}
    assert (Agreement.objects.count(), PriceRow.objects.count()) == (0, 0)


def test_only_finance_agrees(cast: Cast) -> None:
    with pytest.raises(MissingRight):
        agree(cast, by=cast.manager)
    made = agree(cast)
    with pytest.raises(MissingRight):
        agreements.end(agreement=made, last_month="2026-12", reason="No.", by=cast.manager)
