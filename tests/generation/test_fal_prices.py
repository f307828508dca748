"""fal's price list as proposals, asked of the emulated fal."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing import price_decisions, prices
from billing.models import PriceRow
from generation import fal_prices
from generation.models import ProviderAccount
from projects.access import MissingRight
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.conftest import Fal

DEV, SCHNELL, STRANGE = "fal/fal-ai/flux/dev", "fal/fal-ai/flux/schnell", "fal/fal-ai/unheard-of"


@pytest.fixture
def models(cast: Cast, fal: Fal) -> None:
    """Two models beside the emulator's own: one at fal's price, and one that fal does not know."""
    engine_rows.model(cast.workspace, SCHNELL, amount="0.003", unit="megapixel")
    engine_rows.model(cast.workspace, STRANGE, amount="1")
    PriceRow.objects.create(
        workspace=cast.workspace,
        model_key=SCHNELL,
        unit="megapixel",
        amount=Decimal("0.003"),
        currency="USD",
        starts_at=engine_rows.timezone.now(),
    )


def test_what_differs_is_proposed_and_what_fal_does_not_tell_is_named(
    cast: Cast, fal: Fal, models: None
) -> None:
    told = fal_prices.propose(by=cast.finance)
    assert [(row.model_key, row.amount, row.unit, row.currency) for row in told.proposed] == [
        (DEV, Decimal("0.025"), "megapixel", "USD")
    ]
    assert told.same == 1
    assert [each.model_key for each in told.left] == [STRANGE]
    assert prices.state_of(told.proposed[0]) == "proposed"
    again = fal_prices.propose(by=cast.finance)
    assert (again.proposed, again.same) == ([], 2)


def test_an_approved_price_stays_in_force_beside_the_proposal(cast: Cast, fal: Fal) -> None:
    row = PriceRow.objects.get(model_key=DEV)
    price_decisions.approve(row=row, by=cast.finance)
    fal_prices.propose(by=cast.finance)
    assert prices.in_force(cast.workspace, [DEV], engine_rows.timezone.now())[DEV].pk == row.pk


def test_a_price_with_conditions_is_left_to_a_person(cast: Cast, fal: Fal) -> None:
    PriceRow.objects.create(
        workspace=cast.workspace,
        model_key=DEV,
        unit="image",
        amount=Decimal("0.03"),
        currency="USD",
        conditions={"most_units": "4"},
        starts_at=engine_rows.timezone.now(),
    )
    told = fal_prices.propose(by=cast.finance)
    assert told.proposed == []
    assert "enter it by hand" in told.left[0].reason


@pytest.mark.parametrize(
    "offer",
    [
        {"unit_price": "much", "unit": "images", "currency": "USD"},
        {"unit_price": 0, "unit": "images", "currency": "USD"},
        {"unit_price": float("inf"), "unit": "images", "currency": "USD"},
        {"unit_price": 0.1, "unit": "moons", "currency": "USD"},
        {"unit_price": 0.1, "unit": "images", "currency": "Dollar"},
        {},
    ],
)
def test_an_offer_that_cannot_be_taken_over_is_named(
    cast: Cast, fal: Fal, monkeypatch: pytest.MonkeyPatch, offer: dict[str, Any]
) -> None:
    async def asked(*_: Any) -> dict[str, Any]:
        return {DEV.partition("/")[2]: offer}

    monkeypatch.setattr(fal_prices, "_ask", asked)
    before = PriceRow.objects.count()
    told = fal_prices.propose(by=cast.finance)
    assert [each.model_key for each in told.left] == [DEV]
    assert PriceRow.objects.count() == before


def test_without_an_account_or_the_right_nothing_is_asked(cast: Cast, fal: Fal) -> None:
    with pytest.raises(MissingRight):
        fal_prices.propose(by=cast.admin)
    ProviderAccount.objects.update(enabled=False)
    with pytest.raises(fal_prices.NoPrices, match="no account at fal"):
        fal_prices.propose(by=cast.finance)


def test_a_fal_that_cannot_be_reached_is_said(cast: Cast, fal: Fal) -> None:
    ProviderAccount.objects.update(base_url="http://127.0.0.1:9")
    with pytest.raises(fal_prices.NoPrices, match="cannot be reached"):
        fal_prices.propose(by=cast.finance)


def test_finance_asks_on_the_page(cast: Cast, fal: Fal) -> None:
    client = Client()
    client.force_login(cast.finance.person)
    assert "Ask fal" in client.get("/w/studio/prices/fal/").content.decode()
    assert "1 proposed" in client.post("/w/studio/prices/fal/").content.decode()
