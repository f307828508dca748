"""Providers' balances from a file: beside ours of that moment, whole or not at all, and booked nowhere."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from billing import balance_imports, credit_books, credits
from billing.models import CreditLot, ProviderBalance
from projects.access import MissingRight
from projects.problems import BadLines
from tests.billing.booking import NOON, books
from tests.billing.test_credits import UNIT, buy, use
from tests.cast import Cast

HEAD = "unit,credits,read_at,source\n"
DAY = datetime.timedelta(days=1)
LATER = NOON + 9 * DAY


def line(left: str, at: datetime.datetime, unit: str = UNIT) -> str:
    return f"{unit},{left},{at.isoformat()},Billing page\n"


@pytest.fixture
def used(cast: Cast) -> Cast:
    """A pack of 1,000 of which 100 are used each of two days, and 900 more beyond it."""
    buy(cast)
    for days, number in ((1, "100"), (2, "100"), (3, "900")):
        use(cast, number, at=NOON + days * DAY)
    return cast


def test_ours_are_those_of_the_moment(used: Cast) -> None:
    now = max(CreditLot.objects.get().created_at, LATER)
    assert credit_books.ours_at(used.workspace.pk, UNIT, now) == credits.ours(used.workspace.pk, UNIT) == -100
    # the pack was entered after these, so that only what was used by then counts
    found = [credit_books.ours_at(used.workspace.pk, UNIT, NOON + days * 1.5 * DAY) for days in (0, 1, 2)]
    assert found == [0, -100, -1100]


def test_a_file_is_entered_once_and_books_nothing(used: Cast) -> None:
    before = books()
    now = max(CreditLot.objects.get().created_at, LATER)
    text = HEAD + line("-90", now)
    assert balance_imports.bring_in(text=text, by=used.finance, now=now) == 1
    row = ProviderBalance.objects.get()
    assert (row.credits, row.ours, row.source) == (Decimal(-90), Decimal(-100), "Billing page")
    (unit,) = credit_books.units(used.finance)
    assert unit.difference == Decimal(10)
    assert balance_imports.bring_in(text=text, by=used.finance, now=now) == 0
    assert (books(), ProviderBalance.objects.count()) == (before, 1)


def test_every_bad_line_is_named_and_nothing_entered(used: Cast) -> None:
    text = HEAD + line("1", NOON) + line("many", NOON, "runway") + f"{UNIT},1,yesterday,x\n" + line("1", NOON)
    text += line("1", LATER + DAY)
    with pytest.raises(BadLines) as refused:
        balance_imports.bring_in(text=text, by=used.finance, now=LATER)
    assert [fault["line"] for fault in refused.value.lines] == [3, 3, 4, 5, 6]
    assert not ProviderBalance.objects.exists()


@pytest.mark.parametrize("read_at", ["0001-01-01T00:00", "1989-12-31T12:00:00+00:00"])
def test_an_instant_of_no_year_that_counts_is_a_bad_line(used: Cast, read_at: str) -> None:
    with pytest.raises(BadLines) as refused:
        balance_imports.bring_in(text=f"{HEAD}{UNIT},1,{read_at},x\n", by=used.finance, now=LATER)
    assert refused.value.lines == [{"line": 2, "reason": "read_at: lies outside the years 1990 to 2099"}]
    assert not ProviderBalance.objects.exists()


@pytest.mark.parametrize("text", ["x" * 200_000, HEAD + '"' + "1" * 200_000])
def test_a_cell_without_an_end_is_a_bad_line(used: Cast, text: str) -> None:
    with pytest.raises(BadLines) as refused:
        balance_imports.bring_in(text=text, by=used.finance, now=LATER)
    assert "quotation mark" in refused.value.lines[0]["reason"]


def test_another_number_of_the_same_moment_is_refused(used: Cast) -> None:
    balance_imports.bring_in(text=HEAD + line("5", NOON), by=used.finance, now=LATER)
    with pytest.raises(BadLines, match="bad line"):
        balance_imports.bring_in(text=HEAD + line("6", NOON), by=used.finance, now=LATER)
    with pytest.raises(MissingRight):
        balance_imports.bring_in(text=HEAD, by=used.manager, now=LATER)
