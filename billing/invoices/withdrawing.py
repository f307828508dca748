"""Takes an imported bill back, with its lines and what was found of them, before anything was booked from it.

The same file can be brought again afterwards, and is compared anew. What went stands in the withdrawal.
"""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing import months, periods
from billing.invoices import plans, reconcile
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
#: Months that are compared otherwise without the bill: those of its differences, those in which we booked the
#: charges that it bills, and those of other bills whose lines bill the same, or repeat what it bills.
MONTHS = f"""
    SELECT month FROM billing_difference WHERE id IN ({DIFFERENCES})
    UNION
    SELECT to_char(e.service_at AT TIME ZONE %(zone)s, 'YYYY-MM')
    FROM billing_linematch m JOIN billing_entry e ON e.id = m.entry AND e.workspace_id = %(workspace)s
    WHERE m.id IN ({MATCHES})
    UNION
    SELECT i.month FROM billing_linematch m
    JOIN billing_invoiceline l ON l.id = m.line_id JOIN billing_invoice i ON i.id = l.invoice_id
    WHERE m.id IN ({MATCHES})
    UNION
    SELECT i.month
    FROM billing_invoiceline own
    JOIN billing_invoiceline l ON l.workspace_id = own.workspace_id AND l.provider = own.provider
     AND own.job_id > '' AND l.job_id = own.job_id
    JOIN billing_invoice i ON i.id = l.invoice_id
    WHERE own.invoice_id = %(invoice)s AND l.invoice_id <> own.invoice_id
      AND NOT EXISTS (SELECT FROM billing_linematch m WHERE m.line_id = l.id)
    UNION
    SELECT i.month
    FROM billing_invoiceline own
    JOIN billing_invoiceline l ON l.workspace_id = own.workspace_id AND l.provider = own.provider
     AND own.job_id = '' AND l.job_id = '' AND l.service_at = own.service_at
    JOIN billing_invoice i ON i.id = l.invoice_id
    WHERE own.invoice_id = %(invoice)s AND l.invoice_id <> own.invoice_id
      AND NOT EXISTS (SELECT FROM billing_linematch m WHERE m.line_id = l.id)
"""  # noqa: S608
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
    """Takes the bill back: its lines, matches, differences and what was said of them.

    Its month and every other that it touched are compared anew. Needs the right to keep the books, and a
    reason. Raises CannotWithdraw (409) where a difference of it was booked as an adjustment, or one of these
    months is under review or closed; MonthClosed (409) where its own is closed.
    """
    access.require(by, Right.KEEP_BOOKS)
    if not reason.strip():
        raise Invalid({"reason": ["Say why: who reads the month after you will look for the bill."]})
    workspace, now = by.workspace, now or timezone.now()
    with transaction.atomic():
        reconcile.lock(workspace, invoice.provider)
        values = _values(invoice)
        touched = _refuse(by, invoice, values)
        made = _kept(invoice, reason, by, now)
        with plans.sets() as cursor:
            for statement in GONE:
                cursor.execute(statement, values)
        for month in sorted({invoice.month, *touched}):
            reconcile.compare(workspace=workspace, provider=invoice.provider, month=month, jobs=jobs, now=now)
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
        "zone": invoice.workspace.time_zone,
        "last": not others.exists(),
    }


def _refuse(by: Membership, invoice: Invoice, values: dict[str, Any]) -> list[str]:
    """Refuses what cannot go; answers the months that the bill touches."""
    span = months.span(by.workspace, invoice.month)
    periods.require_open(by.workspace, span.start, what=f"The bill of {invoice.month}")
    if not Invoice.objects.filter(pk=invoice.pk).exists():
        raise CannotWithdraw(f"{invoice.file_name} was withdrawn before.", remedy="Reload the page.")
    if standing(by.workspace, invoice.month).state != "open":
        raise CannotWithdraw(
            f"{invoice.month} is under review, and its providers may have been settled by this bill.",
            remedy="Take the review back first.",
        )
    adjusted, touched = _standing_on(values)
    if adjusted:
        raise CannotWithdraw(
            f"{adjusted} of its differences {'was' if adjusted == 1 else 'were'} booked as adjustments, "
            "which stand in the ledger for good.",
            remedy="Book what is wrong the other way round, or ask the provider for a credit note.",
        )
    _refuse_settled(by, [month for month in touched if month != invoice.month])
    return touched


def _refuse_settled(by: Membership, others: list[str]) -> None:
    closed = MonthClose.objects.filter(workspace=by.workspace, month__in=others)
    if names := sorted(closed.values_list("month", flat=True)):
        raise CannotWithdraw(
            f"It bills charges of {', '.join(names)}, which is closed.",
            remedy="Leave it, and correct what is wrong by an adjustment in an open month.",
        )
    if reviewed := [month for month in others if standing(by.workspace, month).state != "open"]:
        raise CannotWithdraw(
            f"It bills charges of {', '.join(reviewed)}, which is under review.",
            remedy="Take the review back first.",
        )


def _standing_on(values: dict[str, Any]) -> tuple[int, list[str]]:
    """How many adjustments were made from the bill, and which months it touches."""
    with plans.sets() as cursor:
        cursor.execute(ADJUSTED, values)
        (adjusted,) = cursor.fetchone()
        cursor.execute(MONTHS, values)
        return adjusted, sorted(month for (month,) in cursor.fetchall())


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
