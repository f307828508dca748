"""Prices, rates and rounding: dated rows, exact sums, one rounding."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from billing import money, months, prices, rates
from billing.models import PriceRow
from projects.access import MissingRight
from projects.problems import Invalid
from tests import factories
from tests.cast import Cast
from tests.factories import utc


def add(cast: Cast, amount: str = "0.05", starts_at: str = "2026-01-01", **fields: Any) -> PriceRow:
    usual = {"model_key": "fal/flux", "unit": "image", "currency": "USD", "by": cast.finance}
    return prices.add_row(amount=Decimal(amount), starts_at=utc(starts_at), **{**usual, **fields})


@pytest.mark.parametrize(
    ("amount", "is_booked"),
    [
        ("0.000000005", "0E-8"),
        ("0.000000015", "2E-8"),
        ("0.0000000150000001", "2E-8"),
        ("-0.000000015", "-2E-8"),
        ("123456789012.123456785", "123456789012.12345678"),
    ],
)
def test_amounts_are_booked_half_even_to_eight_decimals(amount: str, is_booked: str) -> None:
    assert str(money.booked(Decimal(amount))) == is_booked


def test_an_exchange_is_exact_before_it_is_rounded_once() -> None:
    # 0.5 units of the last decimal: rounding the factors first would go the other way
    assert money.exchanged(Decimal("0.00000003"), Decimal("0.5")) == Decimal("0.00000002")
    assert money.exchanged(Decimal("123456789012.12345678"), Decimal("0.0000000001")) == Decimal(
        "12.34567890"
    )


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("1234.505", "EUR", "1,234.50 EUR"),
        ("-0.001", "EUR", "0.00 EUR"),
        ("12.5", "JPY", "12 JPY"),
        ("0.0015", "KWD", "0.002 KWD"),
    ],
)
def test_pages_show_the_minor_unit_of_the_currency(amount: str, currency: str, shown: str) -> None:
    assert money.shown(Decimal(amount), currency) == shown


def test_the_newest_row_that_has_begun_is_in_force(cast: Cast) -> None:
    old, new = add(cast), add(cast, "0.06", "2026-07-01")
    other = add(cast, "1", model_key="runway/gen4", unit="second")
    keys = ["fal/flux", "runway/gen4", "fal/unknown"]
    at = {
        instant: prices.in_force(cast.workspace, keys, utc(instant))
        for instant in ("2025-12-31", "2026-06-30T23:59:59", "2026-07-01")
    }
    assert list(at.values()) == [
        {},
        {"fal/flux": old, "runway/gen4": other},
        {"fal/flux": new, "runway/gen4": other},
    ]


def test_prices_of_many_models_are_one_query(cast: Cast, django_assert_num_queries: Any) -> None:
    for number in range(5):
        add(cast, model_key=f"fal/model-{number}")
    with django_assert_num_queries(1):
        found = prices.in_force(cast.workspace, [f"fal/model-{n}" for n in range(5)], utc("2026-02-01"))
    assert len(found) == 5


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"model_key": "flux"}, {"model_key"}),
        ({"unit": "hour"}, {"unit"}),
        ({"currency": "Dollar"}, {"currency"}),
        ({"amount": "-1"}, {"amount"}),
        ({"amount": "0.000000001"}, {"amount"}),
        ({"amount": "0"}, {"amount"}),
        ({"conditions": {"weather": "1"}}, {"conditions"}),
        ({"conditions": {"most_units": "many"}}, {"conditions"}),
        ({"conditions": {"by_height": {"tall": "1"}}}, {"conditions"}),
    ],
)
def test_a_price_that_does_not_fit_is_named(cast: Cast, fields: dict[str, Any], named: set[str]) -> None:
    with pytest.raises(Invalid) as invalid:
        add(cast, **fields)
    assert set(invalid.value.errors) == named
    assert PriceRow.objects.count() == 0


def test_only_builtin_models_may_be_free(cast: Cast) -> None:
    assert add(cast, "0", model_key="builtin/sketch").amount == 0


def test_a_row_is_never_replaced(cast: Cast) -> None:
    add(cast)
    with pytest.raises(Invalid, match="has a row from this instant on"):
        add(cast, "0.07")
    assert PriceRow.objects.get().amount == Decimal("0.05")


@pytest.mark.parametrize("role", ["producer", "reviewer", "manager", "admin", "viewer"])
def test_only_finance_enters_prices_and_rates(cast: Cast, role: str) -> None:
    with pytest.raises(MissingRight):
        add(cast, by=cast.by_role[role])
    with pytest.raises(MissingRight):
        rates.add_rate(currency="USD", day=datetime.date(2026, 1, 1), rate=Decimal(1), by=cast.by_role[role])


def test_the_catalogue_fills_what_nobody_has_priced_and_overrules_nothing(cast: Cast) -> None:
    add(cast, "0.09")
    listed = [
        prices.CataloguePrice("fal/flux", "image", Decimal("0.05"), "USD"),
        prices.CataloguePrice("fal/new", "second", Decimal("0.10"), "USD", source="fal.ai"),
        prices.CataloguePrice("fal/nobody-knows", "image", None, ""),
    ]
    at = utc("2026-02-01")
    assert prices.seed_from_catalogue(workspace=cast.workspace, rows=listed, at=at) == 1
    assert prices.seed_from_catalogue(workspace=cast.workspace, rows=listed, at=at) == 0
    assert sorted(PriceRow.objects.values_list("model_key", "amount", "starts_at")) == [
        ("fal/flux", Decimal("0.09"), utc("2026-01-01")),
        ("fal/new", Decimal("0.10"), at),
    ]


def test_the_last_rate_published_on_or_before_the_day_counts(cast: Cast) -> None:
    for day, rate in ((1, "0.90"), (3, "0.92")):
        rates.add_rate(currency="USD", day=datetime.date(2026, 3, day), rate=Decimal(rate), by=cast.finance)
    asked = ["2026-02-28T22:59", "2026-02-28T23:00", "2026-03-02T22:59", "2026-03-02T23:00"]
    assert [rates.rate_at(cast.workspace, "USD", utc(at)) for at in asked] == [
        None,
        Decimal("0.90"),
        Decimal("0.90"),
        Decimal("0.92"),
    ]
    assert rates.rates_at(cast.workspace, utc("2026-03-09")) == {"USD": Decimal("0.92"), "EUR": 1}
    with pytest.raises(rates.NoRate, match="no rate from GBP to EUR on or before 2026-03-09"):
        rates.required(cast.workspace, "GBP", utc("2026-03-09"))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"currency": "EUR"}, {"currency"}),
        ({"currency": "usd"}, {"currency"}),
        ({"rate": Decimal(0)}, {"rate"}),
        ({"rate": Decimal("1e-11")}, {"rate"}),
        ({"rate": Decimal("Infinity")}, {"rate"}),
    ],
)
def test_a_rate_that_does_not_fit_is_named(cast: Cast, fields: dict[str, Any], named: set[str]) -> None:
    usual = {"currency": "USD", "day": datetime.date(2026, 1, 1), "rate": Decimal(1)}
    with pytest.raises(Invalid) as invalid:
        rates.add_rate(by=cast.finance, **{**usual, **fields})
    assert set(invalid.value.errors) == named


def test_months_follow_the_clock_changes_of_the_workspace(db: None) -> None:
    berlin = factories.workspace()
    assert months.span(berlin, "2026-10") == (utc("2026-09-30T22:00"), utc("2026-10-31T23:00"))
    assert months.span(berlin, "2026-12") == (utc("2026-11-30T23:00"), utc("2026-12-31T23:00"))
    assert months.month_of(berlin, utc("2026-10-31T23:00")) == "2026-11"
    assert (months.before("2026-01"), months.before("2026-10")) == ("2025-12", "2026-09")
    for wrong in ("2026-13", "2026-1", "10/2026"):
        with pytest.raises(Invalid):
            months.span(berlin, wrong)
