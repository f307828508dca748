"""Exposure: days of spend against plain loops over the entries, shares, and how concentrated they are."""

from __future__ import annotations

import collections
import datetime
import random
import zoneinfo
from decimal import Decimal
from fractions import Fraction

import pytest
from django.utils import timezone

from billing import exposure, ledger, spend_days
from billing.models import Entry, SpendDay
from projects.models import Workspace
from tests import factories
from tests.billing.booking import spend
from tests.cast import Cast
from tests.factories import utc

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


@pytest.fixture
def spent(cast: Cast) -> Cast:
    """Charges of five months at odd instants, some at the very ends of a month in Berlin, some given back."""
    dice = random.Random(7)
    for month in range(6, 11):
        first = datetime.datetime(2026, month, 1, tzinfo=BERLIN)
        edges = [first - datetime.timedelta(seconds=1), first, first + datetime.timedelta(hours=1)]
        for at in [*edges, *(first + datetime.timedelta(hours=dice.randint(0, 600)) for _ in range(12))]:
            provider = dice.choice(("fal", "google", "runway"))
            amount = f"{dice.randint(1, 500) / 100:.2f}"
            entry = spend(
                factories.take(cast.deliverable),
                amount,
                at=at.astimezone(datetime.UTC),
                provider=provider,
                model=f"{provider}/{dice.choice('ab')}",
                native_currency="credit:runway" if provider == "runway" else "EUR",
            )
            if dice.random() < 0.2:
                ledger.refund(entry=entry, at=entry.effective_at + datetime.timedelta(days=20))
    return cast


def naive(workspace: Workspace) -> dict[str, dict[str, Decimal]]:
    """Cash by month of Berlin's calendar and by provider, entry by entry."""
    found: dict[str, dict[str, Decimal]] = collections.defaultdict(lambda: collections.defaultdict(Decimal))
    for entry in Entry.objects.filter(workspace=workspace).exclude(kind="transfer"):
        month = entry.effective_at.astimezone(BERLIN).strftime("%Y-%m")
        found[month][entry.provider] += entry.amount
    return found


def by_provider(found: exposure.Exposure) -> dict[str, Decimal]:
    return {share.key: share.amount for share in found.providers}


def test_months_are_those_of_a_plain_loop_over_the_entries(spent: Cast) -> None:
    expected = naive(spent.workspace)
    months = exposure.of_months(spent.workspace, until="2026-10", count=7)
    assert [each.month for each in months][:2] == ["2026-10", "2026-09"]
    for each in months:
        plain = {name: amount for name, amount in expected[each.month].items() if amount}
        assert by_provider(each) == plain
        assert each.spend == sum(plain.values(), Decimal(0))
        if each.spend > 0:
            taken = [Fraction(amount) for amount in plain.values() if amount > 0]
            assert each.by_provider == sum((amount / sum(taken)) ** 2 for amount in taken)
            assert Fraction(each.spent) == sum(taken)


def test_adding_rows_up_changes_no_month(spent: Cast) -> None:
    before = exposure.of_months(spent.workspace, until="2026-10")
    spend(factories.take(spent.deliverable), "1", at=utc("2026-10-02T10:00"), model="fal/a")
    spend(factories.take(spent.deliverable), "2", at=utc("2026-10-02T11:00"), model="fal/a")
    more = exposure.of_months(spent.workspace, until="2026-10")
    assert more != before
    number = SpendDay.objects.count()
    assert spend_days.compact(now=timezone.now()) > 0
    assert SpendDay.objects.count() < number
    assert exposure.of_months(spent.workspace, until="2026-10") == more
    assert spend_days.compact(now=timezone.now()) == 0


def test_a_wrong_day_is_named_and_a_rebuild_mends_it(cast: Cast) -> None:
    spend(factories.take(cast.deliverable), "2", at=utc("2026-10-02T10:00"), model="fal/a")
    assert spend_days.problems() == []
    SpendDay.objects.update(amount=Decimal("1.5"))
    assert spend_days.problems() == [
        "Spend on fal/a on 2026-10-02: kept as 1.50000000, the entries say 2.00000000."
    ]
    spend_days.rebuild()
    assert spend_days.problems() == []


def test_a_worked_example_of_concentration() -> None:
    found = exposure.shares({"fal": Decimal(6), "google": Decimal(3), "runway": Decimal(1), "": Decimal(0)})
    assert [(share.key, share.share) for share in found] == [
        ("fal", Fraction(3, 5)),
        ("google", Fraction(3, 10)),
        ("runway", Fraction(1, 10)),
    ]
    assert exposure.concentration(found) == Fraction(46, 100)
    assert exposure.concentration(exposure.shares({"fal": Decimal(2)})) == 1
    assert exposure.concentration([]) is None


def test_who_gave_back_more_than_it_took_has_no_share_and_makes_no_other_larger() -> None:
    found = exposure.shares({"fal": Decimal(6), "google": Decimal(2), "runway": Decimal(-7)})
    assert [(share.key, share.share) for share in found] == [
        ("fal", Fraction(3, 4)),
        ("google", Fraction(1, 4)),
        ("runway", None),
    ]
    assert exposure.concentration(found) == Fraction(10, 16)


def test_a_month_that_gave_back_more_than_it_spent_has_no_shares() -> None:
    found = exposure.shares({"fal": Decimal(1), "google": Decimal(-2)})
    assert [share.share for share in found] == [None, None]
    assert exposure.concentration(found) is None


def test_what_has_no_price_row_stands_under_its_model(cast: Cast) -> None:
    spend(factories.take(cast.deliverable), "2", model="fal/a")
    (this,) = exposure.of_months(cast.workspace, until="2026-10", count=1)
    (named,) = exposure.named(cast.workspace, this.rows)
    assert (named.row, named.model, named.share.amount) == (None, "fal/a", Decimal(2))
