"""What a proposal would have cost, what rests on unapproved prices, and what providers reported otherwise."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from billing import ledger, price_decisions, price_effects, reported, unapproved
from billing.models import PriceRow
from tests import factories
from tests.billing.booking import NOON, spend
from tests.billing.test_price_decisions import propose, signed_in
from tests.cast import Cast
from tests.factories import utc

MONTH = "2026-10"


def used(cast: Cast, row: PriceRow, units: str, amount: str, **said: object) -> None:
    """A charge at a price row: so many units, native amounts in dollars at a half."""
    spend(
        factories.take(cast.deliverable),
        amount,
        price_row=row.pk,
        units=Decimal(units),
        native_amount=Decimal(amount) * 2,
        native_currency="USD",
        rate=Decimal("0.5"),
        **said,
    )


def effect(cast: Cast, row: PriceRow) -> price_effects.Effect:
    (found,) = price_effects.of_month(workspace=cast.workspace, rows=[row], month=MONTH)
    return found


def test_a_proposal_is_computed_on_the_units_of_the_month(cast: Cast) -> None:
    old = propose(cast.finance, "0.10")
    used(cast, old, "4", "0.20")
    used(cast, old, "1", "0.05")
    new = propose(cast.finance, "0.04", "2026-11-01", first_amount=Decimal("0.20"))
    found = effect(cast, new)
    # two charges: two first units at 0.20 and three further ones at 0.04, in dollars at a half
    assert (found.charges, found.before, found.after) == (2, Decimal("0.25"), Decimal("0.26"))
    assert (found.difference, found.exact) == (Decimal("0.01"), True)


def test_what_depends_on_more_than_was_written_down_is_scaled_and_says_so(cast: Cast) -> None:
    old = propose(cast.finance, "0.10")
    used(cast, old, "4", "0.40")
    new = propose(cast.finance, "0.15", "2026-11-01", conditions={"by_height": {"1080": "0.20"}})
    found = effect(cast, new)
    assert (found.after, found.exact) == (Decimal("0.6"), False)


def test_a_proposal_without_conditions_needs_the_units_alone(cast: Cast) -> None:
    old = propose(cast.finance, "0.10", conditions={"by_height": {"1080": "0.20"}})
    used(cast, old, "4", "0.40")
    found = effect(cast, propose(cast.finance, "0.15", "2026-11-01"))
    assert (found.after, found.exact) == (Decimal("0.3"), True)


def test_an_effect_that_cannot_be_told_is_none(cast: Cast) -> None:
    old = propose(cast.finance, "0.10")
    used(cast, old, "4", "0.40")
    found = effect(cast, propose(cast.finance, "0.15", "2026-11-01", unit="second"))
    assert (found.before, found.after, found.difference) == (Decimal("0.4"), None, None)
    nothing = effect(cast, propose(cast.finance, model_key="fal/never"))
    assert (nothing.charges, nothing.before, nothing.after) == (0, 0, 0)


def test_the_month_tells_its_share_at_unapproved_prices(cast: Cast) -> None:
    approved, proposed = propose(cast.finance), propose(cast.finance, model_key="fal/new")
    late = propose(cast.finance, model_key="fal/late")
    price_decisions.approve(row=approved, by=cast.finance, now=utc("2026-10-31T22:00"))
    price_decisions.approve(row=late, by=cast.finance, now=utc("2026-10-31T23:00"))  # November in Berlin
    for row, amount in ((approved, "5"), (proposed, "2"), (late, "1")):
        used(cast, row, "1", amount)
    used(cast, proposed, "1", "2", computed_amount=Decimal(2))  # reported by the provider
    found = unapproved.of_month(workspace=cast.workspace, month=MONTH)
    assert (found.amount, found.spend, found.share) == (Decimal(3), Decimal(10), Fraction(3, 10))
    page = signed_in(cast.viewer).get(f"/w/studio/month/{MONTH}/prices/").content.decode()
    assert "30.0 %" in page.replace("\u00a0", " ").replace("\u202f", " ") or "30.0%" in page
    assert unapproved.of_month(workspace=cast.workspace, month="2026-09").share is None


def test_a_charge_reported_otherwise_is_an_exception(cast: Cast) -> None:
    row = propose(cast.finance)
    used(cast, row, "1", "2", computed_amount=Decimal("1.5"))
    used(cast, row, "1", "3", computed_amount=Decimal(3))
    found = reported.differences(workspace=cast.workspace, month=MONTH, most=5)
    assert (found.number, found.total) == (1, Decimal("0.5"))
    assert [each.amount for each in found.largest] == [Decimal(2)]
    page = signed_in(cast.viewer).get(f"/w/studio/month/{MONTH}/prices/").content.decode()
    assert "1 charge is booked as the provider reported it" in page


def test_a_refund_says_nothing_of_units(cast: Cast) -> None:
    row = propose(cast.finance)
    take = factories.take(cast.deliverable)
    entry = spend(take, "2", price_row=row.pk, units=Decimal(4), computed_amount=Decimal(1))
    back = ledger.refund(entry=entry, at=NOON, now=NOON)
    assert (back.units, back.computed_amount, back.price_row) == (None, None, row.pk)
