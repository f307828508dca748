"""What the database itself refuses, shown with plain SQL as anybody with a console would try it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from billing import budgets, ledger, partitions, prices, rates
from billing.models import BudgetWindow, Entry
from projects.identifiers import new_id
from tests import factories
from tests.billing.booking import NOON, books, hold, spend
from tests.cast import Cast

GUARDED = {
    "billing_entry": "amount = amount + 1",
    "billing_entry_2026_10": "amount = amount + 1",
    "billing_hold": "amount = amount + 1",
    "billing_holdoutcome": "amount = 0",
    "billing_holdbudget": "window_id = window_id",
    "billing_pricerow": "amount = amount * 2",
    "billing_exchangerate": "rate = 2",
}


@pytest.fixture
def rows(cast: Cast) -> Callable[[], object]:
    """One row in each guarded table, and what shows that none has changed."""
    by, at = cast.finance, NOON
    budgets.set_budget(scope="workspace", limit=Decimal(3), window="month", by=by, now=at)
    spend(factories.take(cast.deliverable), "1")
    hold(factories.take(cast.deliverable), "1")
    row = prices.add_row(
        model_key="fal/flux",
        unit="image",
        amount=Decimal("0.05"),
        currency="USD",
        starts_at=at,
        by=by,
    )
    rate = rates.add_rate(currency="USD", day=at.date(), rate=Decimal("0.9"), by=by)

    execute("SELECT")

    def state() -> object:
        row.refresh_from_db()
        rate.refresh_from_db()
        return books(), row.amount, rate.rate

    return state


def refuses(sql: str, *values: object) -> str:
    """What the database says to a statement that it must refuse."""
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        execute(sql, *values)
    return str(refused.value)


def execute(sql: str, *values: object) -> None:
    """Runs a statement with all that would be checked when its transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


@pytest.mark.parametrize("table", GUARDED)
def test_no_row_of_the_books_is_updated(rows: Callable[[], object], table: str) -> None:
    before = rows()
    assert "Cannot update or delete rows" in refuses(f"UPDATE {table} SET {GUARDED[table]}")
    assert rows() == before


@pytest.mark.parametrize("table", GUARDED)
def test_no_row_of_the_books_is_deleted(rows: Callable[[], object], table: str) -> None:
    before = rows()
    assert "Cannot update or delete rows" in refuses(f"DELETE FROM {table}")
    assert rows() == before


@pytest.mark.parametrize("table", GUARDED)
def test_no_table_of_the_books_is_truncated(rows: Callable[[], object], table: str) -> None:
    before = rows()
    assert "cannot be truncated" in refuses(f"TRUNCATE {table} CASCADE")
    assert rows() == before


def test_a_month_made_later_has_the_same_guards(cast: Cast) -> None:
    long_ago = factories.utc("2015-05-05T12:00")
    assert partitions.ensure_partitions(long_ago, long_ago) == ["billing_entry_2015_05"]
    spend(factories.take(cast.deliverable), "1", at=long_ago)
    execute("SELECT")
    assert "cannot be truncated" in refuses("TRUNCATE billing_entry_2015_05")
    assert "Cannot update or delete" in refuses("DELETE FROM billing_entry_2015_05")
    assert partitions.unguarded() == []


def test_a_month_without_its_guard_is_named(cast: Cast) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'billing_entry_2026_10'::regclass"
            " AND tgname LIKE '%no_truncate%'"
        )
        (name,) = cursor.fetchone()
        cursor.execute(f'DROP TRIGGER "{name}" ON billing_entry_2026_10')
    assert partitions.unguarded() == ["billing_entry_2026_10"]


def test_a_hold_has_one_outcome(rows: Callable[[], object]) -> None:
    before = rows()
    said = refuses(
        "INSERT INTO billing_holdoutcome (hold_id, outcome, amount, at, reason)"
        " SELECT hold_id, 'voided', 0, at, '' FROM billing_holdoutcome"
    )
    assert "duplicate key" in said
    assert rows() == before


@pytest.mark.parametrize(
    "change", ["reserved = reserved + 1.00000001", "spent = spent + 1.00000001", '"limit" = 1.99']
)
def test_a_hard_window_is_not_overdrawn(rows: Callable[[], object], change: str) -> None:
    before = rows()
    assert "budget_holds" in refuses(f"UPDATE billing_budgetwindow SET {change}")
    assert rows() == before
    assert BudgetWindow.objects.values_list("spent", "reserved").get() == (Decimal(1), Decimal(1))


def test_more_than_a_charge_is_not_given_back(rows: Callable[[], object]) -> None:
    charge = Entry.objects.get()
    ledger.refund(entry=charge, amount=Decimal("0.4"), at=NOON, now=NOON)
    execute("SELECT")
    before = rows()
    names = [f'"{each.column}"' for each in Entry._meta.local_concrete_fields]
    copied = ", ".join({'"id"': "gen_random_uuid()", '"amount"': "-0.60000001"}.get(n, n) for n in names)
    said = refuses(
        f"INSERT INTO billing_entry ({', '.join(names)}) SELECT {copied}"
        " FROM billing_entry WHERE kind = 'refund'"
    )
    assert "1.00000001 of 1.00000000 would be given back" in said
    assert rows() == before


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"debit": "provider:fal"}, "entry_two_accounts"),
        ({"credit": "accepted"}, "entry_cash_owed_to_provider"),
        ({"kind": "transfer"}, "entry_transfer_of_decision"),
        ({"decision": 1}, "entry_transfer_of_decision"),
        ({"kind": "refund"}, "entry_refund_names_charge"),
        ({"deliverable_id": None}, "entry_take_has_deliverable"),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(
    rows: Callable[[], object], change: dict[str, object], constraint: str
) -> None:
    before, entry = rows(), Entry.objects.get()
    entry.id = new_id()
    for name, value in change.items():
        setattr(entry, name, value)
    with pytest.raises(DatabaseError, match=constraint), transaction.atomic():
        entry.save(force_insert=True)
    assert rows() == before
