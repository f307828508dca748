"""What dearer prices and absent providers do to a decision; exact, and never to what is chosen by price."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing import shocks
from routing.brief import Facts, Price, Step
from routing.decide import decide
from routing.decision import Decision
from routing.pricing import quote
from routing.shocks import Shock, WayOut, Why
from tests.routing.tables import draft, draft_route, facts, image_route, model, table

TABLE = table(draft_route(), image_route("fal/a", "fal/b", fallbacks=("google/c",)))
RISE = Shock(providers={"fal": Decimal("0.5")})


def known(fallback: str = "0.06", **more: str) -> Facts:
    models = [model("fal/a", more.get("a", "0.05")), model("fal/b", "0.01"), model("google/c", fallback)]
    return facts(*models, accounts=frozenset({"fal", "google"}))


def both(found: Facts, shock: Shock) -> tuple[Decision, Decision]:
    return decide(draft(), TABLE, found), decide(draft(), TABLE, shocks.shocked(found, shock))


def out(found: Facts, shock: Shock = RISE, key: str = "fal/a") -> WayOut:
    return shocks.way_out(key, *both(found, shock), shock)


def test_a_dearer_model_is_still_the_first_and_costs_more() -> None:
    before, after = both(known(), RISE)
    assert before.steps[0].chosen is not None
    assert after.steps[0].chosen is not None
    assert before.steps[0].chosen.model == after.steps[0].chosen.model == "fal/a"
    assert (before.expected, after.expected) == (Decimal("0.05"), Decimal("0.075"))


def test_a_cheaper_fallback_elsewhere_is_taken() -> None:
    # 0.06 instead of 0.05: what was booked is multiplied by 1.2, not by 1.5; fal/b is dearer as well
    assert out(known("0.06")) == WayOut(Why.FALLBACK, Decimal("1.2"), "google/c")


def test_a_fallback_that_is_no_cheaper_is_named_and_left() -> None:
    assert out(known("0.075")) == WayOut(Why.DEARER, Decimal("1.5"), "google/c")


def test_without_a_model_elsewhere_there_is_no_way_out() -> None:
    everywhere = Shock(providers={"fal": Decimal("0.5"), "google": Decimal("0.1")})
    assert out(known(), everywhere) == WayOut(Why.NONE, Decimal("1.5"))
    assert shocks.way_out("fal/a", None, None, RISE).why == Why.UNNAMED
    assert out(known(), key="fal/z").why == Why.UNNAMED


def test_a_credit_that_gets_dearer_moves_only_what_it_pays() -> None:
    priced = Price(unit="image", amount=Decimal(5), currency="credit:runway")
    found = facts(
        model("runway/a", price=priced),
        model("google/c", "0.06"),
        accounts=frozenset({"runway", "google"}),
        rates={"credit:runway": Decimal("0.01")},
    )
    shock = Shock(currencies={"credit:runway": Decimal("0.4")})
    rows = table(draft_route(), image_route("runway/a", fallbacks=("google/c",)))
    before, after = decide(draft(), rows, found), decide(draft(), rows, shocks.shocked(found, shock))
    assert (before.expected, after.expected) == (Decimal("0.05"), Decimal("0.07"))
    assert shocks.way_out("runway/a", before, after, shock) == WayOut(
        Why.FALLBACK, Decimal("1.2"), "google/c"
    )


def test_rises_of_a_provider_and_of_its_credit_multiply() -> None:
    shock = Shock(providers={"runway": Decimal("0.1")}, currencies={"credit:runway": Decimal("0.2")})
    assert shock.factor("runway", "credit:runway") == Decimal("1.32")
    assert shock.factor("fal", "EUR") == 1
    assert shock
    assert not Shock(providers={"fal": Decimal(0)})


PRICES = st.decimals(Decimal("0.01"), Decimal(9), places=2)


@given(PRICES, st.none() | PRICES, st.booleans(), st.integers(1, 9))
def test_every_amount_that_a_price_names_rises_alike(
    amount: Decimal, first: Decimal | None, conditioned: bool, references: int
) -> None:
    conditions = {"by_height": {"720": str(amount * 2)}, "per_reference": "0.5", "minimum_units": "2"}
    price = Price(
        unit="image",
        amount=amount,
        currency="EUR",
        first_amount=first,
        conditions=conditions if conditioned else {},
    )
    step = Step(key="image", kind="image", width=1280, height=720, images=3, references=references)
    factor = Decimal("1.25")
    before, after = quote(price, step, {}), quote(shocks.scaled(price, factor), step, {})
    assert (after.expected, after.at_most) == (before.expected * factor, before.at_most * factor)


@pytest.mark.parametrize(
    ("unit", "conditions"),
    [
        ("second", {"cases": [{"when": {"audio": "on"}, "amount": "0.4"}], "most_amount": "0.9"}),
        ("second", {"volume": [{"from": "2", "amount": "0.1"}]}),
        ("token", {"input_amount": "0.002", "most_units": "900"}),
    ],
)
def test_cases_steps_and_tokens_that_go_in_rise_as_well(unit: str, conditions: dict[str, Any]) -> None:
    price = Price(unit=unit, amount=Decimal("0.2"), currency="EUR", conditions=conditions)
    step = Step(
        key="motion",
        kind="text" if unit == "token" else "video",
        duration_seconds=Decimal(5),
        prompt_characters=400,
        parameters={"audio": "on"},
    )
    factor = Decimal("1.5")
    before, after = quote(price, step, {}), quote(shocks.scaled(price, factor), step, {})
    assert before.expected > 0
    assert (after.expected, after.at_most) == (before.expected * factor, before.at_most * factor)


def test_without_a_provider_the_next_model_is_chosen() -> None:
    left = shocks.without(known(), {"fal"})
    (step,) = decide(draft(), TABLE, left).steps
    assert step.chosen is not None
    assert step.chosen.model == "google/c"
    assert not decide(draft(), TABLE, shocks.without(left, {"google"})).steps[0].settled
