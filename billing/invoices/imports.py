"""Brings a provider's bill in: the whole file or nothing of it, and every line once."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import itertools
import uuid
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from billing import months
from billing.invoices import columns as mapping
from billing.invoices import files, lines, reading, reconcile
from billing.invoices.jobs import Finder, none_known
from billing.invoices.lines import Line
from billing.models import Invoice
from billing.models.invoices import Source
from projects import access
from projects.access import Right
from projects.identifiers import new_id
from projects.models import Membership, Workspace
from projects.problems import BadLines, Invalid, Refused

PREVIEWED = 20
LOOKED_AT = 2_000
"""Lines that a preview reads of a file that has many more."""
AT_ONCE = 20_000
"""Lines up to which a page imports a file itself."""
BATCH = 5_000
Progress = Callable[[int], None]
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


class Counted(NamedTuple):
    """What an import did, in numbers alone."""

    lines: int
    known: int
    differences: int


@dataclasses.dataclass(frozen=True)
class Preview:
    """The first lines as they would be read, all bad lines, and which column says what.

    Of a large file (`more`) these are the bad ones of its beginning; `amount` is that of what was read, and
    `line_count` about as many as there are.
    """

    header: list[str]
    columns: dict[str, str]
    lines: list[Line]
    faults: list[dict[str, object]]
    line_count: int
    amount: Decimal
    errors: dict[str, list[str]]
    more: bool = False


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
    """Reads the file, or the beginning of a large one, and changes nothing.

    A mapping that does not fit is said in `errors`.
    """
    access.require(by, Right.KEEP_BOOKS)
    check(bill, by.workspace)
    sheet = files.read(bill.content)
    chosen = dict(columns or mapping.for_file(by.workspace, bill.provider, sheet.header))
    try:
        checked = mapping.check(chosen, sheet.header)
    except Invalid as invalid:
        return Preview(sheet.header, chosen, [], [], 0, Decimal(0), invalid.errors)
    reader = reading.Reader(
        sheet, checked, workspace=by.workspace, number=bill.number, currency=bill.currency
    )
    large = is_large(bill.content)
    found = reading.read(reader, most=LOOKED_AT if large else 0)
    if not found.faults and not large:
        found.faults += _Sums.of(found.lines, by.workspace, bill.month).wrong_month()
    total = sum((line.amount for line in found.lines), Decimal(0))
    count = lines_of(bill.content) if found.more else len(found.lines)
    shown = found.lines[:PREVIEWED]
    return Preview(sheet.header, chosen, shown, found.faults, count, total, {}, found.more)


def lines_of(content: bytes) -> int:
    """About how many lines a file has below its header."""
    return max(0, content.count(b"\n") + (not content.endswith(b"\n")) - 1)


def is_large(content: bytes) -> bool:
    """Whether a file is imported by a task, and not while somebody waits for the page."""
    return lines_of(content) > AT_ONCE


def bring_in(
    bill: Bill,
    *,
    by: Membership,
    columns: Mapping[str, str] | None = None,
    jobs: Finder = none_known,
    now: datetime.datetime | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Imports the file for its month and compares the month with our books, in one transaction.

    The same file again changes nothing and answers the invoice that is there; lines that an earlier file
    had are left out. Raises BadLines (422) naming every bad line, Invalid (422) for a mapping that does not
    fit, and CountedTwice (409) where the month has a document of the other kind. Needs the right to keep
    the books. `progress` is told now and then how many lines were read, and zero when they are compared.
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
    reader = reading.Reader(sheet, chosen, workspace=by.workspace, number=bill.number, currency=bill.currency)
    with transaction.atomic():
        reconcile.lock(by.workspace, bill.provider)
        known = _same_file(by.workspace, bill, digest)
        if known:
            return Imported(known, 0, known.line_count, 0)
        _refuse_other_source(by.workspace, bill)
        key, sums = new_id(), _Sums(by.workspace, bill.month)
        read = _write_lines(reader, key, bill, sums, progress)
        invoice = _invoice(key, bill, sums, reader.currency, digest, chosen, by, now)
        mapping.save(provider=bill.provider, columns=chosen, by=by)
        if progress:
            progress(0)
        differences = reconcile.compare(
            workspace=by.workspace, provider=bill.provider, month=bill.month, jobs=jobs, now=now
        )
    return Imported(invoice, sums.count, read - sums.count, differences)


def _write_lines(
    reader: reading.Reader, invoice: uuid.UUID, bill: Bill, sums: _Sums, progress: Progress | None
) -> int:
    """Writes the file's lines as they are read, without those of earlier bills; answers how many it has.

    Raises BadLines (422) with every bad line once the file was read; the caller's transaction undoes it all.
    """
    count, workspace = 0, reader.workspace
    rows = reader.lines()
    while batch := list(itertools.islice(rows, BATCH)):
        count += len(batch)
        sums.look(batch)
        if not reader.faults:
            known = lines.known(workspace, bill.provider, batch)
            new = [line for line in batch if line.digest not in known]
            lines.insert(new, invoice=invoice, workspace=workspace, provider=bill.provider)
            sums.add(new)
        if progress:
            progress(count)
    if faults := reader.faults or sums.wrong_month():
        raise BadLines(faults)
    return count


class _Sums:
    """What the lines of a file come to, added up while they are read."""

    def __init__(self, workspace: Workspace, month: str) -> None:
        self.workspace, self.month = workspace, month
        self.span = months.span(workspace, month)
        self.count, self.native, self.amount = 0, Decimal(0), Decimal(0)
        self.first, self.is_inside = 0, False
        self.months: set[str] = set()

    @classmethod
    def of(cls, found: Sequence[Line], workspace: Workspace, month: str) -> _Sums:
        sums = cls(workspace, month)
        sums.look(found)
        return sums

    def look(self, found: Sequence[Line]) -> None:
        """At all lines, those of earlier bills as well."""
        self.first = self.first or (found[0].number if found else 0)
        if not self.is_inside:
            self.is_inside = any(self.span.start <= line.service_at < self.span.end for line in found)
            self.months |= {months.month_of(self.workspace, line.service_at) for line in found}

    def add(self, new: Sequence[Line]) -> None:
        self.count += len(new)
        self.native += sum((line.native_amount for line in new), Decimal(0))
        self.amount += sum((line.amount for line in new), Decimal(0))

    def wrong_month(self) -> list[dict[str, object]]:
        """A fault where not one line is of the month that was named."""
        if self.is_inside or not self.first:
            return []
        about = ", ".join(sorted(self.months)[:3])
        said = f"no line is of {self.month}, the file is about {about}; import it for that month"
        return [{"line": self.first, "reason": said}]


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


def _invoice(
    key: uuid.UUID,
    bill: Bill,
    sums: _Sums,
    currency: str,
    digest: str,
    columns: Mapping[str, str],
    by: Membership,
    now: datetime.datetime,
) -> Invoice:
    made: Invoice = Invoice.objects.create(
        id=key,
        workspace=by.workspace,
        provider=bill.provider,
        month=bill.month,
        source=bill.source,
        number=bill.number,
        currency=currency,
        line_count=sums.count,
        native_amount=sums.native,
        amount=sums.amount,
        digest=digest,
        file_name=bill.file_name[:200],
        columns=dict(columns),
        imported_by=by.person,
        imported_at=now,
    )
    return made
