"""Takes an imported bill back, with its lines and what was found of them, before anything was booked from it.

The same file can be brought again afterwards, and is compared anew. What went stands in the withdrawal.
"""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from billing import months, periods
from billing.invoices import reconcile
from billing.invoices.jobs import Finder, none_known
from billing.models import Invoice, InvoiceWithdrawal, MonthClose
from billing.standing import standing
from projects import access, events
from projects.access import Right
from projects.models import Membership
from projects.problems import Invalid, Refused

#: Matches of the bill's lines, and those of other lines that bill the same charges.
MATCHES = """
    SELECT id FROM billing_linematch WHERE entry IN (
        SELECT m.entry FROM billing_linematch m JOIN billing_invoiceline l ON l.id = m.line_id
        WHERE l.invoice_id = %(invoice)s)
"""
#: Differences of its lines and matches; of a month's last bill also what no line billed.
DIFFERENCES = f"""
    SELECT id FROM billing_difference
    WHERE line_id IN (SELECT id FROM billing_invoiceline WHERE invoice_id = %(invoice)s)
       OR match_id IN ({MATCHES})
       OR (%(last)s AND workspace_id = %(workspace)s AND provider = %(provider)s AND month = %(month)s
           AND line_id IS NULL)
"""  # noqa: S608 - of constants alone
ADJUSTED = f"""
    SELECT count(*) FROM billing_differencestep
    WHERE outcome = 'adjusted' AND difference_id IN ({DIFFERENCES})
"""  # noqa: S608
MONTHS = f"SELECT DISTINCT month FROM billing_difference WHERE id IN ({DIFFERENCES})"  # noqa: S608
GONE = (
    f"DELETE FROM billing_differencestep WHERE difference_id IN ({DIFFERENCES})",  # noqa: S608
    f"DELETE FROM billing_difference WHERE id IN ({DIFFERENCES})",  # noqa: S608
    f"DELETE FROM billing_linematch WHERE id IN ({MATCHES})",  # noqa: S608
    "DELETE FROM billing_invoiceline WHERE invoice_id = %(invoice)s",
    "DELETE FROM billing_invoice WHERE id = %(invoice)s",
)


class CannotWithdraw(Refused):
    """Something stands on the bill already."""

    title = "This bill stays"


def withdraw(
    *,
    invoice: Invoice,
    reason: str,
    by: Membership,
    jobs: Finder = none_known,
    now: datetime.datetime | None = None,
) -> InvoiceWithdrawal:
    """Takes the bill back: its lines, matches, differences and what was said of them; compares the rest anew.

    Needs the right to keep the books, and a reason. Raises CannotWithdraw (409) where a difference of it was
    booked as an adjustment, or its month is under review; MonthClosed (409) where that is closed.
    """
    access.require(by, Right.KEEP_BOOKS)
    if not reason.strip():
        raise Invalid({"reason": ["Say why: who reads the month after you will look for the bill."]})
    workspace, now = by.workspace, now or timezone.now()
    with transaction.atomic():
        reconcile.lock(workspace, invoice.provider)
        values = _values(invoice)
        _refuse(by, invoice, values)
        made = _kept(invoice, reason, by, now)
        with connection.cursor() as cursor:
            for statement in GONE:
                cursor.execute(statement, values)
        reconcile.compare(
            workspace=workspace, provider=invoice.provider, month=invoice.month, jobs=jobs, now=now
        )
        said: dict[str, Any] = {"provider": made.provider, "month": made.month, "lines": made.line_count}
        events.record(workspace=workspace, kind="invoice.withdrawn", by=by, at=now, **said)
    return made


def _values(invoice: Invoice) -> dict[str, Any]:
    others = Invoice.objects.filter(
        workspace=invoice.workspace_id, provider=invoice.provider, month=invoice.month
    ).exclude(pk=invoice.pk)
    return {
        "invoice": invoice.pk,
        "workspace": invoice.workspace_id,
        "provider": invoice.provider,
        "month": invoice.month,
        "last": not others.exists(),
    }


def _refuse(by: Membership, invoice: Invoice, values: dict[str, Any]) -> None:
    span = months.span(by.workspace, invoice.month)
    periods.require_open(by.workspace, span.start, what=f"The bill of {invoice.month}")
    if not Invoice.objects.filter(pk=invoice.pk).exists():
        raise CannotWithdraw(f"{invoice.file_name} was withdrawn before.", remedy="Reload the page.")
    if standing(by.workspace, invoice.month).state != "open":
        raise CannotWithdraw(
            f"{invoice.month} is under review, and its providers may have been settled by this bill.",
            remedy="Take the review back first.",
        )
    adjusted, others = _standing_on(values)
    if adjusted:
        raise CannotWithdraw(
            f"{adjusted} of its differences {'was' if adjusted == 1 else 'were'} booked as adjustments, "
            "which stand in the ledger for good.",
            remedy="Book what is wrong the other way round, or ask the provider for a credit note.",
        )
    closed = MonthClose.objects.filter(workspace=by.workspace, month__in=others).values_list(
        "month", flat=True
    )
    if closed:
        raise CannotWithdraw(
            f"It bills charges of {', '.join(sorted(closed))}, which is closed.",
            remedy="Leave it, and correct what is wrong by an adjustment in an open month.",
        )


def _standing_on(values: dict[str, Any]) -> tuple[int, list[str]]:
    """How many adjustments were made from the bill, and in which months its differences stand."""
    with connection.cursor() as cursor:
        cursor.execute(ADJUSTED, values)
        (adjusted,) = cursor.fetchone()
        cursor.execute(MONTHS, values)
        return adjusted, [month for (month,) in cursor.fetchall()]


def _kept(invoice: Invoice, reason: str, by: Membership, now: datetime.datetime) -> InvoiceWithdrawal:
    names = (
        *("provider", "month", "number", "file_name", "digest", "line_count", "amount"),
        *("imported_by_id", "imported_at"),
    )
    said: dict[str, Any] = {name: getattr(invoice, name) for name in names}
    made: InvoiceWithdrawal = InvoiceWithdrawal.objects.create(
        **said,
        workspace=by.workspace,
        invoice=uuid.UUID(str(invoice.pk)),
        reason=reason.strip()[:300],
        by=by.person,
        at=now,
    )
    return made
