"""Brings a provider's bill in: the whole file or nothing of it, and every line once."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
from collections.abc import Mapping
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from billing import months
from billing.invoices import columns as mapping
from billing.invoices import files, reading, reconcile, writing
from billing.invoices.jobs import Finder, none_known
from billing.models import Invoice, InvoiceLine
from billing.models.invoices import Source
from projects import access
from projects.access import Right
from projects.models import Membership, Workspace
from projects.problems import Invalid, Refused

PREVIEWED = 20
OTHER_SOURCE = {Source.INVOICE: Source.USAGE, Source.USAGE: Source.INVOICE}


class CountedTwice(Refused):
    """A month would be compared with two documents that bill the same."""

    title = "This month is billed already"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bill:
    """A file and what is said of it. `currency` is that of lines which name none."""

    provider: str
    month: str
    source: str
    content: bytes
    file_name: str
    number: str = ""
    currency: str = ""


@dataclasses.dataclass(frozen=True)
class Imported:
    """What an import did: new lines, lines that were there before, and new differences."""

    invoice: Invoice
    lines: int
    known: int
    differences: int


@dataclasses.dataclass(frozen=True)
class Preview:
    """The first lines as they would be read, all bad lines, and which column says what."""

    header: list[str]
    columns: dict[str, str]
    lines: list[InvoiceLine]
    faults: list[dict[str, object]]
    line_count: int
    amount: Decimal
    errors: dict[str, list[str]]


def check(bill: Bill, workspace: Workspace) -> None:
    """Raises Invalid (422) where what is said of the file does not fit."""
    errors = {}
    if not bill.provider or "/" in bill.provider or len(bill.provider) > 40:
        errors["provider"] = ["Give the provider's short name, such as fal."]
    if bill.source not in Source.values:
        errors["source"] = [f"Give one of {', '.join(Source.values)}."]
    if len(bill.number) > 80:
        errors["number"] = ["Give at most 80 characters."]
    if errors:
        raise Invalid(errors)
    months.span(workspace, bill.month)


def preview(bill: Bill, *, by: Membership, columns: Mapping[str, str] | None = None) -> Preview:
    """Reads the whole file and changes nothing. A mapping that does not fit is said in `errors`."""
    access.require(by, Right.KEEP_BOOKS)
    check(bill, by.workspace)
    sheet = files.read(bill.content)
    chosen = dict(columns or mapping.for_file(by.workspace, bill.provider, sheet.header))
    try:
        checked = mapping.check(chosen, sheet.header)
    except Invalid as invalid:
        return Preview(sheet.header, chosen, [], [], 0, Decimal(0), invalid.errors)
    found = _read(bill, sheet, checked, by.workspace)
    total = sum((line.amount for line in found.lines), Decimal(0))
    return Preview(sheet.header, chosen, found.lines[:PREVIEWED], found.faults, len(found.lines), total, {})


def bring_in(
    bill: Bill,
    *,
    by: Membership,
    columns: Mapping[str, str] | None = None,
    jobs: Finder = none_known,
    now: datetime.datetime | None = None,
) -> Imported:
    """Imports the file for its month and compares the month with our books, in one transaction.

    The same file again changes nothing and answers the invoice that is there; lines that an earlier file
    had are left out. Raises BadLines (422) naming every bad line, Invalid (422) for a mapping that does not
    fit, and CountedTwice (409) where the month has a document of the other kind. Needs the right to keep
    the books.
    """
    access.require(by, Right.KEEP_BOOKS)
    now = now or timezone.now()
    check(bill, by.workspace)
    files.refuse_large(len(bill.content))
    digest = hashlib.sha256(bill.content).hexdigest()
    known = _same_file(by.workspace, bill, digest)
    if known:
        return Imported(known, 0, known.line_count, 0)
    sheet = files.read(bill.content)
    guess = columns or mapping.for_file(by.workspace, bill.provider, sheet.header)
    chosen = mapping.check(guess, sheet.header)
    found = _read(bill, sheet, chosen, by.workspace)
    found.raise_faults()
    with transaction.atomic():
        reconcile.lock(by.workspace, bill.provider)
        known = _same_file(by.workspace, bill, digest)
        if known:
            return Imported(known, 0, known.line_count, 0)
        _refuse_other_source(by.workspace, bill)
        new = _new(by.workspace, bill.provider, found.lines)
        invoice = _invoice(bill, new, found.currency, digest, chosen, by, now)
        for line in new:
            line.invoice = invoice
        writing.insert(InvoiceLine, new)
        mapping.save(provider=bill.provider, columns=chosen, by=by)
        differences = reconcile.compare(
            workspace=by.workspace, provider=bill.provider, month=bill.month, jobs=jobs, now=now
        )
    return Imported(invoice, len(new), len(found.lines) - len(new), differences)


def _read(bill: Bill, sheet: files.Sheet, columns: Mapping[str, str], workspace: Workspace) -> reading.Read:
    """The lines of the bill and its faults, that of a wrong month among them."""
    found = reading.read(
        sheet,
        columns,
        workspace=workspace,
        provider=bill.provider,
        number=bill.number,
        currency=bill.currency,
    )
    if not found.faults:
        found.faults += _wrong_month(found.lines, bill.month, workspace)
    return found


def _same_file(workspace: Workspace, bill: Bill, digest: str) -> Invoice | None:
    found = Invoice.objects.filter(workspace=workspace, provider=bill.provider, digest=digest).first()
    if found and found.month != bill.month:
        raise Invalid(
            {"month": [f"This very file was imported for {found.month}; a file bills one month."]},
            remedy=f"Look at {found.month}, or export the month anew.",
        )
    return found


def _refuse_other_source(workspace: Workspace, bill: Bill) -> None:
    other = OTHER_SOURCE[Source(bill.source)]
    rows = Invoice.objects.filter(workspace=workspace, provider=bill.provider, month=bill.month, source=other)
    if rows.exists():
        raise CountedTwice(
            f"{bill.provider} has {_a(other)} for {bill.month}; {_a(Source(bill.source))} of the same month "
            "would count everything twice.",
            remedy=f"Go on with the {other.label.lower()}, or import this file for its own month.",
        )


def _a(source: Source) -> str:
    return f"{'an' if source == Source.INVOICE else 'a'} {source.label.lower()}"


def _new(workspace: Workspace, provider: str, lines: list[InvoiceLine]) -> list[InvoiceLine]:
    rows = InvoiceLine.objects.filter(
        workspace=workspace, provider=provider, digest__in=[line.digest for line in lines]
    )
    known = set(rows.values_list("digest", flat=True))
    return [line for line in lines if line.digest not in known]


def _invoice(
    bill: Bill,
    lines: list[InvoiceLine],
    currency: str,
    digest: str,
    columns: Mapping[str, str],
    by: Membership,
    now: datetime.datetime,
) -> Invoice:
    made: Invoice = Invoice.objects.create(
        workspace=by.workspace,
        provider=bill.provider,
        month=bill.month,
        source=bill.source,
        number=bill.number,
        currency=currency,
        line_count=len(lines),
        native_amount=sum((line.native_amount for line in lines), Decimal(0)),
        amount=sum((line.amount for line in lines), Decimal(0)),
        digest=digest,
        file_name=bill.file_name[:200],
        columns=dict(columns),
        imported_by=by.person,
        imported_at=now,
    )
    return made


def _wrong_month(lines: list[InvoiceLine], month: str, workspace: Workspace) -> list[dict[str, object]]:
    """A fault where not one line is of the month that was named."""
    span = months.span(workspace, month)
    if not lines or any(span.start <= line.service_at < span.end for line in lines):
        return []
    own = sorted({months.month_of(workspace, line.service_at) for line in lines})
    said = f"no line is of {month}, the file is about {', '.join(own[:3])}; import it for that month"
    return [{"line": lines[0].number, "reason": said}]
