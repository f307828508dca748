"""Price rows, finance's word on them, exchange rates and packs of credits, by the API."""

from __future__ import annotations

from typing import Any

import pytest

from billing.models import CreditLot, ExchangeRate, PriceDecision, PriceRow
from tests import factories
from tests.cast import Cast
from tests.generation.api.conftest import Call, problem

PRICE = {
    "model_key": "fal/own",
    "unit": "image",
    "amount": "0.05",
    "currency": "USD",
    "starts_at": "2026-10-01T00:00:00Z",
    "source": "fal.ai",
}
LOT = {
    "unit": "credit:runway",
    "credits": "1000",
    "bonus": "250",
    "price": "10",
    "currency": "EUR",
    "bought_on": "2026-10-01",
    "expires_on": "2026-12-31",
    "source": "R-1",
}


def test_a_price_is_proposed_and_approved(as_: Call, studio: Cast) -> None:
    made = as_("finance").post("price-rows/", PRICE)
    assert made.status_code == 201
    row = made.json()
    assert (row["amount"], row["state"], row["decided_by"]) == ("0.05000000", "proposed", None)
    address = f"price-rows/{row['id']}/decisions/"
    done = as_("finance").post(address, {"decision": "approve"})
    assert (done.status_code, done.json()["decision"]) == (201, "approved")
    problem(as_("finance").post(address, {"decision": "decline", "note": "late"}), 409)
    found = as_("viewer").get("price-rows/?model_key=fal/own&state=approved").json()["results"]
    assert [(each["id"], each["decided_by"]) for each in found] == [(row["id"], "finance@example.com")]
    assert as_("viewer").get("price-rows/?model_key=fal/own&state=proposed").json()["results"] == []


def test_ones_own_price_is_approved_by_another_of_finance(as_: Call, studio: Cast) -> None:
    factories.membership(studio.workspace, "finance", person=factories.person("ledger@example.com"))
    row = as_("finance").post("price-rows/", PRICE).json()
    found = problem(as_("finance").post(f"price-rows/{row['id']}/decisions/", {"decision": "approve"}), 403)
    assert "Ledger" in found["remedy"]
    assert PriceDecision.objects.count() == 0


def test_declining_needs_a_note(as_: Call, studio: Cast) -> None:
    row = as_("finance").post("price-rows/", PRICE).json()
    found = problem(as_("finance").post(f"price-rows/{row['id']}/decisions/", {"decision": "decline"}), 422)
    assert set(found["errors"]) == {"note"}


def test_a_rate_and_a_pack_are_entered_once(as_: Call, studio: Cast) -> None:
    rate = {"currency": "CHF", "day": "2026-10-01", "rate": "0.95", "source": "bank"}
    assert as_("finance").post("exchange-rates/", rate).status_code == 201
    problem(as_("finance").post("exchange-rates/", rate), 422)
    (found,) = as_("viewer").get("exchange-rates/?currency=CHF").json()["results"]
    assert (found["day"], found["rate"]) == ("2026-10-01", "0.9500000000")
    made = as_("finance").post("credit-lots/", LOT)
    assert (made.status_code, made.json()["credits_left"], made.json()["cost_left"]) == (
        201,
        "1250.00000000",
        "10.00000000",
    )
    problem(as_("finance").post("credit-lots/", LOT), 422)
    assert [each["unit"] for each in as_("viewer").get("credit-lots/").json()["results"]] == ["credit:runway"]


@pytest.mark.parametrize(("path", "body"), [("price-rows/", PRICE), ("credit-lots/", LOT)])
def test_only_finance_enters_them(as_: Call, studio: Cast, path: str, body: dict[str, Any]) -> None:
    before = PriceRow.objects.count()
    for role in ("manager", "producer", "admin"):
        problem(as_(role).post(path, body), 403)
    assert (PriceRow.objects.count(), CreditLot.objects.count()) == (before, 0)
    assert ExchangeRate.objects.filter(currency="CHF").count() == 0
