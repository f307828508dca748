"""Two charges that meet at the same pack of credits, on two connections."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from billing import credit_checks, credits, ledger
from tests import factories
from tests.billing import races
from tests.billing.booking import NOON, charge, hold
from tests.billing.test_credits import UNIT, buy, left
from tests.cast import Cast, make_cast
from tests.factories import utc


@pytest.fixture
def players(committed: None) -> Cast:
    return make_cast()


def test_two_charges_at_once_never_take_the_same_credits(players: Cast) -> None:
    lot = buy(players, "100", "1")
    other = factories.deliverable(players.campaign, "other")  # its own lock: only the pack is shared
    holds = [hold(factories.take(each), "1", provider="runway") for each in (players.deliverable, other)]
    used = charge("1", provider="runway", native_amount=Decimal(80), native_currency=UNIT)
    first, second = races.while_uncommitted(
        lambda: ledger.post(hold=holds[0], charge=used, now=NOON),
        lambda: ledger.post(hold=holds[1], charge=used, now=NOON),
    )
    late = second.result()
    assert first is not None
    assert (first.amount, late.amount) == (Decimal("0.8"), Decimal("0.8"))
    assert "60.00 beyond the packs" in late.calculation
    assert left(lot) == ("0", "0")
    assert credits.ours(players.workspace.pk, UNIT) == Decimal(-60)
    assert credit_checks.problems() == []


def test_a_pack_expires_once_however_many_look(players: Cast) -> None:
    lot = buy(players, "100", "1", expires_on=datetime.date(2026, 10, 31))
    later = utc("2026-11-02")
    first, second = races.while_uncommitted(
        lambda: credits.expire_due(now=later), lambda: credits.expire_due(now=later)
    )
    assert (first, second.result(), left(lot)) == (1, 0, ("0", "0"))
