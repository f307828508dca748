"""A bill that is taken back: what goes with it, what keeps it, and what the database refuses."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from billing import closing
from billing.invoices import imports, settle, statement, withdrawing
from billing.models import (
    Difference,
    DifferenceStep,
    Invoice,
    InvoiceLine,
    InvoiceWithdrawal,
    LineMatch,
    MonthClose,
)
from projects.access import MissingRight
from projects.problems import Invalid
from tests import factories
from tests.billing import invoicing
from tests.billing.booking import NOON, books
from tests.billing.invoicing import MONTH, bill, entry, file, line
from tests.cast import Cast
from tests.factories import utc

FIRST = [line("job-1"), line("job-2", cost="0.06")]


def used(cast: Cast) -> None:
    row, take = invoicing.price_row(cast.finance), factories.take(cast.deliverable)
    invoicing.book(take, [entry(take, f"job-{number}", NOON, "0.05", row) for number in (1, 2, 3)])


def brought(cast: Cast, *lines: dict[str, str], name: str = "first.csv") -> Invoice:
    return imports.bring_in(bill(file(lines), file_name=name), by=cast.finance).invoice


def rows() -> dict[str, int]:
    every = (Invoice, InvoiceLine, LineMatch, Difference, DifferenceStep)
    return {model.__name__: model.objects.count() for model in every}


def test_a_bill_goes_with_all_that_was_found_of_it_and_can_come_again(cast: Cast) -> None:
    used(cast)
    before, ledger = rows(), books()
    invoice = brought(cast, *FIRST)
    there = rows()
    price = Difference.objects.get(kind="price")
    settle.accept(difference=price, reason="as agreed", by=cast.finance)
    settle.accept(
        difference=Difference.objects.get(kind="missing_there"), reason="free of charge", by=cast.finance
    )
    made = withdrawing.withdraw(invoice=invoice, reason="The wrong account's file", by=cast.finance)
    assert rows() == before == dict.fromkeys(before, 0)
    assert books() == ledger
    assert (made.file_name, made.line_count, made.amount) == ("first.csv", 2, Decimal("0.099"))
    assert (made.reason, made.by, made.digest) == (
        "The wrong account's file",
        cast.finance.person,
        invoice.digest,
    )
    again = brought(cast, *FIRST)
    assert (again.pk != invoice.pk, rows()) == (True, there)


def test_of_two_bills_the_other_stays_and_is_compared_anew(cast: Cast) -> None:
    used(cast)
    brought(cast, *FIRST)
    second = brought(cast, line("job-3"), name="second.csv")
    assert not Difference.objects.in_force().filter(kind="missing_there").exists()
    withdrawing.withdraw(invoice=second, reason="Twice", by=cast.finance)
    found = statement.statement(cast.workspace, "fal", MONTH)
    assert [bill.file_name for bill in found.invoices] == ["first.csv"]
    assert (found.billed, found.not_compared) == (Decimal("0.099"), 0)
    assert Difference.objects.in_force().get(kind="missing_there").amount == Decimal("-0.045")


def late(cast: Cast) -> tuple[Invoice, Invoice]:
    """November's bill has a job of October; October's own bill came later and lacks it, or repeats one."""
    used(cast)
    november = brought_for(
        cast, "2026-11", line("job-3"), line("job-2"), line("job-9", at=utc("2026-11-03T10:00"))
    )
    return november, brought(cast, *FIRST, name="october.csv")


def brought_for(cast: Cast, month: str, *lines: dict[str, str]) -> Invoice:
    made = bill(file(lines), file_name=f"{month}.csv", month=month)
    return imports.bring_in(made, by=cast.finance).invoice


def october() -> dict[str, Decimal]:
    rows = Difference.objects.in_force().filter(month=MONTH)
    return {f"{row.kind}{' ' + row.line.job_id if row.line else ''}": row.amount for row in rows}


def test_months_that_a_withdrawn_bill_touched_are_compared_anew(cast: Cast) -> None:
    november, _ = late(cast)
    assert october() == {
        "cut_off job-2": Decimal("-0.045"),
        "cut_off job-3": Decimal("-0.045"),
        "duplicate job-2": Decimal("0.054"),
    }
    withdrawing.withdraw(invoice=november, reason="Another account's", by=cast.finance)
    assert october() == {"missing_there": Decimal("-0.045"), "price job-2": Decimal("0.009")}
    found = statement.statement(cast.workspace, "fal", MONTH)
    assert (found.not_compared, found.matched_count) == (0, 2)


def test_a_touched_month_under_review_keeps_the_bill(cast: Cast) -> None:
    november, _ = late(cast)
    before = (rows(), october())
    closing.begin(workspace=cast.workspace, month=MONTH, by=cast.finance, now=utc("2026-11-03"))
    with pytest.raises(withdrawing.CannotWithdraw, match="2026-10, which is under review"):
        withdrawing.withdraw(invoice=november, reason="Wrong", by=cast.finance)
    assert (rows(), october()) == before


def test_what_was_booked_from_it_keeps_a_bill(cast: Cast) -> None:
    used(cast)
    invoice = brought(cast, *FIRST)
    settle.adjust(difference=Difference.objects.get(kind="price"), reason="as billed", by=cast.finance)
    before = (rows(), books())
    with pytest.raises(withdrawing.CannotWithdraw, match="1 of its differences was booked"):
        withdrawing.withdraw(invoice=invoice, reason="Wrong", by=cast.finance)
    assert (rows(), books(), InvoiceWithdrawal.objects.count()) == (*before, 0)


def test_a_review_a_missing_reason_and_a_missing_right_keep_it(cast: Cast) -> None:
    used(cast)
    invoice = brought(cast, *FIRST)
    with pytest.raises(Invalid, match="Say why"):
        withdrawing.withdraw(invoice=invoice, reason=" ", by=cast.finance)
    with pytest.raises(MissingRight):
        withdrawing.withdraw(invoice=invoice, reason="Wrong", by=cast.manager)
    closing.begin(workspace=cast.workspace, month=MONTH, by=cast.finance, now=utc("2026-11-03"))
    with pytest.raises(withdrawing.CannotWithdraw, match="under review"):
        withdrawing.withdraw(invoice=invoice, reason="Wrong", by=cast.finance)
    assert Invoice.objects.exists()


def test_without_a_withdrawal_of_this_transaction_the_database_deletes_no_row_of_a_bill(cast: Cast) -> None:
    used(cast)
    invoice = brought(cast, *FIRST)
    settle.adjust(difference=Difference.objects.get(kind="price"), reason="as billed", by=cast.finance)
    step, held = DifferenceStep.objects.get(), _withdrawal(invoice, cast)
    for table in ("differencestep", "difference", "linematch", "invoiceline", "invoice"):
        with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic():
            connection.cursor().execute(f"DELETE FROM billing_{table}")
    held.save(force_insert=True)
    for change in ("DELETE FROM billing_differencestep", "UPDATE billing_differencestep SET number = 9"):
        with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic():
            connection.cursor().execute(f"{change} WHERE id = %s", [step.pk])


def test_the_database_refuses_a_withdrawal_from_a_closed_month(cast: Cast) -> None:
    used(cast)
    invoice = brought(cast, *FIRST)
    MonthClose.objects.create(
        workspace=cast.workspace, month=MONTH, starts_at=NOON, ends_at=utc("2026-10-31T23:00"),
        document={}, digest="c" * 64, entries=1, signed_by=cast.finance.person,
        signed_at=NOON, closed_by=cast.manager.person,
        closed_at=NOON, single_signature=False,
    )  # fmt: skip
    with pytest.raises(IntegrityError, match="closed month"), transaction.atomic():
        _withdrawal(invoice, cast).save(force_insert=True)


def _withdrawal(invoice: Invoice, cast: Cast) -> InvoiceWithdrawal:
    return InvoiceWithdrawal(
        workspace=cast.workspace, invoice=invoice.pk, provider="fal", month=MONTH, file_name="first.csv",
        digest=invoice.digest, line_count=2, amount=1, imported_by=cast.finance.person, imported_at=NOON,
        reason="Wrong", by=cast.finance.person, at=NOON,
    )  # fmt: skip
