"""Prices that depend on what was asked for, on the month's volume, and on tokens that go in."""

from __future__ import annotations

import dataclasses
import datetime
import random
from decimal import Decimal
from typing import Any

import pytest

from billing import ledger, price_effects, price_rules, prices, rerating
from billing.models import Entry, LatePlace, MonthVolume, PricedUse, PriceRow
from billing.models.ledger import EntryKind
from billing.price_rules import Unsaid, Use
from projects.problems import Invalid
from tests import factories
from tests.billing import races
from tests.billing.booking import NOON, charge, hold
from tests.cast import Cast, make_cast

CASES = [
    {"when": {"mode": "pro", "audio": "on"}, "amount": "0.14"},
    {"when": {"mode": "pro"}, "amount": "0.10"},
    {"when": {"height": "1080"}, "amount": "0.08"},
]
STEPS = [{"from": "10", "amount": "0.08"}, {"from": "100", "amount": "0.05"}]


@dataclasses.dataclass(frozen=True)
class Plain:
    """A price as the rules read it."""

    amount: Decimal
    first_amount: Decimal | None = None
    conditions: dict[str, Any] = dataclasses.field(default_factory=dict)


def row(cast: Cast, amount: str, *, days: int = 0, **said: Any) -> PriceRow:
    usual: dict[str, Any] = {"model_key": "fal/flux", "unit": "image", "currency": "EUR"}
    return prices.add_row(
        **{**usual, **said},
        amount=Decimal(amount),
        starts_at=NOON - datetime.timedelta(days=30 - days),
        by=cast.finance,
    )


def said(price: PriceRow, use: Use) -> ledger.Charge:
    """The charge of a use as the settlement makes it, before its place in the month is known."""
    native = price_rules.native(price, use)
    use = dataclasses.replace(use, rate=Decimal(1))
    own: dict[str, Any] = {"price_row": price.pk, "units": use.units, "rate": Decimal(1), "use": use}
    return charge(str(native), native_amount=native, native_currency="EUR", **own)


def booked(cast: Cast, price: PriceRow, use: Use) -> Entry:
    entry = ledger.post(hold=hold(factories.take(cast.deliverable), "5"), charge=said(price, use), now=NOON)
    assert entry is not None
    return entry


@pytest.mark.parametrize(
    ("facts", "amount"),
    [
        ({"mode": "pro", "audio": "on", "height": 720}, "0.14"),
        ({"mode": "Pro", "audio": True, "height": 720}, "0.14"),
        ({"mode": "pro", "audio": False, "height": 2160}, "0.10"),
        ({"mode": "std", "audio": "on", "height": 1080}, "0.08"),
        ({"mode": "std", "height": 720}, "0.05"),
    ],
)
def test_the_first_case_that_fits_gives_the_price(facts: dict[str, Any], amount: str) -> None:
    price = Plain(Decimal("0.05"), conditions={"cases": CASES})
    assert price_rules.native(price, Use(Decimal(3), facts)) == 3 * Decimal(amount)


@pytest.mark.parametrize(
    ("facts", "missing"), [({"mode": "pro"}, "audio"), ({"audio": "on", "height": 720}, "mode")]
)
def test_what_nobody_says_is_named_and_not_guessed(facts: dict[str, Any], missing: str) -> None:
    price = Plain(Decimal("0.05"), conditions={"cases": CASES})
    with pytest.raises(Unsaid, match=missing):
        price_rules.native(price, Use(Decimal(1), facts))


def test_tokens_in_and_out_have_an_amount_each() -> None:
    price = Plain(Decimal("0.00001"), conditions={"input_amount": "0.000002"})
    assert price_rules.native(price, Use(Decimal(200), {}, Decimal(1500))) == Decimal("0.005")
    with pytest.raises(Unsaid, match="tokens went in"):
        price_rules.native(price, Use(Decimal(200)))


@pytest.mark.parametrize("seed", range(50))
def test_in_whatever_order_uses_cost_what_the_months_units_cost(seed: int) -> None:
    dice = random.Random(seed)
    price = Plain(Decimal("0.10"), conditions={"volume": STEPS})
    units = [dice.randint(1, 60) for _ in range(dice.randint(1, 12))]
    place, cost = Decimal(0), Decimal(0)
    for each in units:
        cost += price_rules.native(price, Use(Decimal(each), place=place))
        place += each
    naive = sum(
        Decimal("0.10") if number < 10 else Decimal("0.08") if number < 100 else Decimal("0.05")
        for number in range(sum(units))
    )
    assert cost == naive


def test_a_settlement_takes_the_next_units_of_the_month(cast: Cast) -> None:
    price = row(cast, "0.10", conditions={"volume": STEPS})
    first, second = (booked(cast, price, Use(Decimal(8))) for _ in range(2))
    # eight at 0.10; two more at 0.10 and six at 0.08
    assert (first.amount, second.amount, second.native_amount) == (
        Decimal("0.8"),
        Decimal("0.68"),
        Decimal("0.68"),
    )
    assert second.calculation == "8 image beyond 8 of the month"
    assert (PricedUse.objects.get(pk=second.id).place, MonthVolume.objects.get().units) == (8, 16)
    assert MonthVolume.objects.get().month == "2026-10"


def test_a_second_settlement_of_a_hold_takes_no_place(cast: Cast) -> None:
    price = row(cast, "0.10", conditions={"volume": STEPS})
    held = hold(factories.take(cast.deliverable), "5")
    again = [ledger.post(hold=held, charge=said(price, Use(Decimal(8))), now=NOON) for _ in range(2)]
    assert again[1] is None
    assert (MonthVolume.objects.get().units, PricedUse.objects.count()) == (8, 1)


@pytest.fixture
def players(committed: None) -> Cast:
    return make_cast()


def test_two_settlements_at_once_never_take_the_same_place(players: Cast) -> None:
    price = row(players, "0.10", conditions={"volume": STEPS})
    other = factories.deliverable(players.campaign, "other")  # its own lock: only the counter is shared
    holds = [hold(factories.take(each), "5") for each in (players.deliverable, other)]
    use = said(price, Use(Decimal(8)))
    first, second = races.while_uncommitted(
        lambda: ledger.post(hold=holds[0], charge=use, now=NOON),
        lambda: ledger.post(hold=holds[1], charge=use, now=NOON),
    )
    assert first is not None
    assert (first.amount, second.result().amount) == (Decimal("0.8"), Decimal("0.68"))


def test_a_wrong_price_is_rerated_by_what_was_asked_for(cast: Cast) -> None:
    wrong = row(cast, "0.05", conditions={"cases": CASES})
    dearer = [{**CASES[0], "amount": "0.20"}, *CASES[1:]]
    right = row(cast, "0.05", days=1, conditions={"cases": dearer})
    booked(cast, wrong, Use(Decimal(5), {"mode": "pro", "audio": "on", "height": 720}))
    booked(cast, wrong, Use(Decimal(5), {"mode": "std", "audio": "on", "height": 720}))
    assert rerating.preview(wrong=wrong, right=right) == (1, Decimal("0.30"))
    plain = row(cast, "0.07", days=2)
    assert rerating.preview(wrong=wrong, right=plain).amount == Decimal("-0.25")
    with pytest.raises(Invalid, match="depends on mode"):
        rerating.preview(wrong=_used_plainly(cast), right=_of_modes(cast))


def _used_plainly(cast: Cast) -> PriceRow:
    price = row(cast, "0.05", model_key="fal/other")
    booked(cast, price, Use(Decimal(1)))
    return price


def _of_modes(cast: Cast) -> PriceRow:
    return row(cast, "0.05", days=3, model_key="fal/other", conditions={"cases": CASES[1:]})


def test_a_wrong_price_is_rerated_by_steps_in_the_order_of_service(cast: Cast) -> None:
    wrong, right = row(cast, "0.10"), row(cast, "0.10", days=1, conditions={"volume": STEPS})
    for _ in range(3):
        booked(cast, wrong, Use(Decimal(8)))
    found = rerating.rerate(wrong=wrong, right=right, by=cast.finance, note="The contract", now=NOON)
    assert found == (2, Decimal("-0.28"))  # 24 units, 14 of them two cents cheaper
    again = rerating.rerate(wrong=wrong, right=right, by=cast.finance, note="Again", now=NOON)
    assert again == (0, 0)
    assert sorted(Entry.objects.filter(kind=EntryKind.ADJUSTMENT).values_list("amount", flat=True)) == [
        Decimal("-0.16"),
        Decimal("-0.12"),
    ]


def test_a_rerated_charge_takes_the_next_units_of_its_month_and_keeps_them(cast: Cast) -> None:
    wrong, right = row(cast, "0.10"), row(cast, "0.10", days=1, conditions={"volume": STEPS})
    booked(cast, right, Use(Decimal(8)))
    booked(cast, wrong, Use(Decimal(8)))
    asked = {"wrong": wrong, "right": right}
    for _ in range(2):  # looking takes nothing
        assert rerating.preview(**asked) == (1, Decimal("-0.12"))
    assert MonthVolume.objects.get().units == 8
    found = rerating.rerate(**asked, by=cast.finance, note="The contract", now=NOON)
    assert (found, MonthVolume.objects.get().units) == ((1, Decimal("-0.12")), 16)
    assert booked(cast, right, Use(Decimal(90))).amount == Decimal("7.02")  # 84 at 0.08 and 6 at 0.05
    assert rerating.rerate(**asked, by=cast.finance, note="Again", now=NOON) == (0, 0)
    assert (LatePlace.objects.get().place, MonthVolume.objects.get().units) == (8, 106)
    dearer = row(cast, "0.10", days=2, conditions={"volume": [{"from": "10", "amount": "0.09"}]})
    again = rerating.rerate(wrong=wrong, right=dearer, by=cast.finance, note="A letter", now=NOON)
    assert (again, LatePlace.objects.count()) == ((1, Decimal("0.06")), 1)


def test_a_charge_of_cases_keeps_what_it_was_priced_by_and_its_late_place(cast: Cast) -> None:
    wrong = row(cast, "0.10", conditions={"cases": CASES})
    right = row(cast, "0.10", days=1, conditions={"volume": STEPS})
    charge_ = booked(cast, wrong, Use(Decimal(20), {"mode": "std", "audio": "on", "height": 1080}))
    for _ in range(2):
        rerating.rerate(wrong=wrong, right=right, by=cast.finance, note="The contract", now=NOON)
    # twenty at 0.08 were 1.60; ten at 0.10 and ten at 0.08 are 1.80
    assert Entry.objects.get(corrects=charge_.id).amount == Decimal("0.20")
    assert PricedUse.objects.get(pk=charge_.id).facts["height"] == 1080
    assert (LatePlace.objects.get(pk=charge_.id).place, MonthVolume.objects.get().units) == (0, 20)


def test_a_proposal_is_computed_by_what_was_asked_for(cast: Cast) -> None:
    old = row(cast, "0.05", conditions={"cases": CASES})
    booked(cast, old, Use(Decimal(5), {"mode": "pro", "audio": "on", "height": 720}))
    booked(cast, old, Use(Decimal(5), {"mode": "pro", "audio": "off", "height": 720}))
    new = row(cast, "0.05", days=1, conditions={"cases": [{**CASES[0], "amount": "0.20"}, *CASES[1:]]})
    stepped = row(cast, "0.10", days=2, conditions={"volume": [{"from": "4", "amount": "0.01"}]})
    found = price_effects.of_month(workspace=cast.workspace, rows=[new, stepped], month="2026-10")
    assert [(each.before, each.after, each.exact) for each in found] == [
        (Decimal("1.20"), Decimal("1.50"), True),
        (Decimal("1.20"), Decimal("0.46"), True),
    ]


@pytest.mark.parametrize(
    "conditions",
    [
        {"cases": [{"when": {}, "amount": "1"}]},
        {"cases": [{"when": {"weather": "fair"}, "amount": "1"}]},
        {"cases": [{"when": {"audio": "loud"}, "amount": "1"}]},
        {"cases": [{"when": {"height": "tall"}, "amount": "1"}]},
        {"cases": [{"when": {"mode": "pro"}, "amount": "-1"}]},
        {"cases": {"mode": "pro"}},
        {"volume": []},
        {"volume": [{"from": "0", "amount": "1"}]},
        {"volume": [{"from": "5", "amount": "1"}, {"from": "5.0", "amount": "2"}]},
        {"volume": STEPS, "cases": CASES},
        {"volume": STEPS, "by_height": {"720": "1"}},
        {"by_height": {"0720": "1"}},
        {"by_height": {"٧٢٠": "1"}},
        {"input_amount": "0.1"},
    ],
)
def test_conditions_that_make_no_sense_are_refused(cast: Cast, conditions: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        row(cast, "0.10", conditions=conditions)
    assert set(refused.value.errors) == {"conditions"}


def test_conditions_in_words() -> None:
    conditions = {"cases": CASES[:1], "volume": STEPS[:1], "input_amount": "0.1", "per_reference": "0.2"}
    assert price_rules.words(conditions) == [
        "mode pro, audio on: 0.14",
        "beyond 10 units of a month: 0.08",
        "a token that goes in: 0.1",
        "for each reference: 0.2",
    ]
