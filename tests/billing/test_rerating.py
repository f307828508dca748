"""Re-rating: adjustments for a price that proved wrong, once, into the open month."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from billing import audit, ledger, prices, rerating
from billing.models import Entry, PriceRow
from billing.models.ledger import EntryKind
from projects.access import MissingRight
from projects.problems import Invalid
from tests import factories
from tests.billing.booking import NOON, charge, hold, pots
from tests.cast import Cast


def row(cast: Cast, amount: str, *, days: int = 0, **fields: Any) -> PriceRow:
    said: dict[str, Any] = {"model_key": "fal/flux", "unit": "image", "currency": "USD", **fields}
    return prices.add_row(
        **said,
        amount=Decimal(amount),
        starts_at=NOON - datetime.timedelta(days=30 - days),
        by=cast.finance,
    )


def booked(cast: Cast, wrong: PriceRow, *, units: str, native: str, at: datetime.datetime = NOON) -> Entry:
    take = factories.take(cast.deliverable)
    said = charge(
        str(Decimal(native) * Decimal("0.9")),
        at=at,
        native_amount=Decimal(native),
        native_currency="USD",
        rate=Decimal("0.9"),
        units=Decimal(units),
        price_row=wrong.pk,
    )
    entry = ledger.post(hold=hold(take, "5", now=at), charge=said, now=at)
    assert entry is not None
    return entry


def test_each_charge_is_adjusted_to_the_right_price_once(cast: Cast) -> None:
    wrong, right = row(cast, "0.10"), row(cast, "0.08", days=1)
    entry = booked(cast, wrong, units="4", native="0.40")
    asked = {"wrong": wrong, "right": right}
    assert rerating.preview(**asked) == (1, Decimal("-0.07200000"))
    found = rerating.rerate(**asked, by=cast.finance, note="The list was of last year.", now=NOON)
    assert found == (1, Decimal("-0.07200000"))
    adjustment = Entry.objects.get(kind=EntryKind.ADJUSTMENT)
    assert (adjustment.corrects, adjustment.take_id, adjustment.price_row) == (
        entry.id,
        entry.take_id,
        right.pk,
    )
    assert pots(cast.deliverable) == {"wip": "0.288"}
    again = rerating.rerate(**asked, by=cast.finance, note="Again.", now=NOON)
    assert again == (0, Decimal(0))
    document = audit.month_document(workspace=cast.workspace, month="2026-10")
    assert document["roll_forward"]["spend"] == "0.28800000"


def test_what_was_given_back_is_adjusted_for_the_rest_alone(cast: Cast) -> None:
    wrong, right = row(cast, "0.10"), row(cast, "0.20", days=1)
    half = booked(cast, wrong, units="1", native="0.10")
    ledger.refund(entry=half, at=NOON, amount=Decimal("0.045"), now=NOON)
    whole = booked(cast, wrong, units="1", native="0.10")
    ledger.refund(entry=whole, at=NOON, now=NOON)
    found = rerating.rerate(wrong=wrong, right=right, by=cast.finance, note="Doubled.", now=NOON)
    assert found == (1, Decimal("0.04500000"))


def test_a_first_unit_of_its_own_price_is_kept_apart(cast: Cast) -> None:
    wrong = row(cast, "0.01", first_amount=Decimal("0.03"))
    right = row(cast, "0.02", days=1, first_amount=Decimal("0.04"))
    booked(cast, wrong, units="3", native="0.05")
    assert rerating.preview(wrong=wrong, right=right).amount == Decimal("0.02700000")


def test_rows_that_do_not_belong_together_are_refused(cast: Cast) -> None:
    wrong = row(cast, "0.10")
    booked(cast, wrong, units="1", native="0.10")
    for other in (
        wrong,
        row(cast, "0.10", days=1, model_key="fal/other"),
        row(cast, "0.10", days=2, unit="second"),
        row(cast, "0.10", days=3, conditions={"by_height": {"720": "0.1"}}),  # nobody wrote the height down
    ):
        with pytest.raises(Invalid):
            rerating.preview(wrong=wrong, right=other)
    right = row(cast, "0.20", days=4)
    with pytest.raises(MissingRight):
        rerating.rerate(wrong=wrong, right=right, by=cast.manager, note="No.")
    with pytest.raises(Invalid, match="how the wrong price"):
        rerating.rerate(wrong=wrong, right=right, by=cast.finance, note=" ")
