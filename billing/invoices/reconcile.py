"""Compares a provider's month: matches what fits, and writes down each difference with its reason."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from billing import months
from billing.invoices import differing, matching, plain, usage, writing
from billing.invoices import lines as bill_lines
from billing.invoices.jobs import Finder, Job, none_known
from billing.invoices.lines import Line
from billing.invoices.matching import Item, Matched, Pair
from billing.models import (
    Difference,
    DifferenceStep,
    InvoiceLine,
    InvoiceTolerance,
    LineMatch,
    PriceRow,
)
from billing.models.invoices import LineKind
from billing.models.reconciliation import DifferenceKind as Kind
from billing.models.reconciliation import MatchBy, Outcome
from projects.identifiers import new_id
from projects.models import Workspace

OF_LINE = {LineKind.TAX: Kind.TAX, LineKind.FEE: Kind.FEE, LineKind.CREDIT: Kind.CREDIT_NOTE}
WORDS = {
    Kind.TAX: "a tax line bills no call",
    Kind.FEE: "a fee or minimum bills no call",
    Kind.CREDIT_NOTE: "a credit that no refund of ours answers",
}


#: Of a match in the table; workspace, provider and instant stand beside them.
MATCH = ("id", "line_id", "entry", "part", "by", "why")


@dataclasses.dataclass
class _Found:
    matches: list[tuple[Any, ...]] = dataclasses.field(default_factory=list)
    differences: list[Difference] = dataclasses.field(default_factory=list)


def tolerance_of(workspace: Workspace, provider: str) -> InvoiceTolerance:
    """The provider's newest tolerance, or the usual one."""
    rows = InvoiceTolerance.objects.filter(workspace=workspace, provider=provider)
    newest = rows.order_by("-created_at", "-id").first()
    return newest or InvoiceTolerance(workspace=workspace, provider=provider)


def lock(workspace: Workspace, provider: str) -> None:
    """One import or comparison of a provider's bills at a time, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"bills:{workspace.pk}:{provider}"]
        )


def compare(
    *,
    workspace: Workspace,
    provider: str,
    month: str,
    jobs: Finder = none_known,
    now: datetime.datetime | None = None,
) -> int:
    """Matches what is not matched yet in the month's bills; answers how many differences are new.

    What was matched or settled stays as it is. The same rows give the same matches. Months without a bill
    are left alone: nothing can be missing there.
    """
    now = now or timezone.now()
    with transaction.atomic():
        lock(workspace, provider)
        rows = InvoiceLine.objects.filter(workspace=workspace, provider=provider, invoice__month=month)
        if not rows.exists():
            return 0
        plain.match_equal(workspace=workspace, provider=provider, month=month, now=now)
        comparison = _Comparison(workspace, provider, month, jobs, now)
        return comparison.run(bill_lines.unmatched(workspace, provider, month))


class _Comparison:
    def __init__(
        self, workspace: Workspace, provider: str, month: str, jobs: Finder, now: datetime.datetime
    ) -> None:
        self.workspace, self.provider, self.month, self.now = workspace, provider, month, now
        self.span = months.span(workspace, month)
        self.tolerance = tolerance_of(workspace, provider)
        self.finder = jobs
        self.jobs: Mapping[str, Job] = {}
        self.found = _Found()

    def run(self, lines: list[Line]) -> int:
        self.jobs = self.finder(self.workspace, self.provider, {line.job_id for line in lines if line.job_id})
        used = self._used(lines)
        billed = self._billed_before(lines)
        matched = matching.match(
            [x for x in lines if x.id not in billed], used.items, self.tolerance, self.provider
        )
        prices = differing.price_rows(matched.pairs)
        for pair in matched.pairs:
            self._pair(pair, prices)
        for line in lines:
            if line.id in billed:
                self._line(line, Kind.DUPLICATE, billed[line.id])
        for line, why in matched.duplicates:
            self._line(line, Kind.DUPLICATE, why)
        self._unmatched(matched)
        for item in used.given_back:
            self._given_back(item.id, "charged and given back in full here, billed nowhere")
        for item in [*used.items, *used.given_back]:
            for refund in item.netted:
                self._given_back(refund, "counted with the charge that it gives back")
        return self._write()

    def _used(self, lines: Sequence[Line]) -> usage.Used:
        """Our items that the lines may bill: around their times, and by the calls of their jobs."""
        reach = max(datetime.timedelta(minutes=self.tolerance.minutes), datetime.timedelta(hours=14))
        span = usage.widened(self.span, (line.service_at for line in lines), reach)
        standing = Difference.objects.filter(workspace=self.workspace, provider=self.provider)
        entries = standing.filter(line__isnull=True, entry__isnull=False)
        differing = {entry for entry in entries.values_list("entry", flat=True) if entry}
        used = usage.unmatched(self.workspace, self.provider, span, differing)
        by_call = {job.call: job_id for job_id, job in self.jobs.items()}
        known = {item.id for item in used.items} | {item.id for item in used.given_back}
        named = {line.job_id for line in lines if line.job_id} - {item.job_id for item in used.items}
        further = usage.of_jobs(self.workspace, self.provider, self.span, named) if named else []
        further += usage.of_calls(self.workspace, {job.take for job in self.jobs.values()}, by_call)
        used.items += {item.id: item for item in further if item.id not in known}.values()
        for item in used.items:
            if item.call in by_call:
                item.job_id = by_call[item.call]
        return used

    def _billed_before(self, lines: Sequence[Line]) -> dict[uuid.UUID, str]:
        """Lines of which an earlier bill has the job already."""
        ids = {line.job_id for line in lines if line.job_id and line.kind == LineKind.USAGE}
        rows = InvoiceLine.objects.filter(
            workspace=self.workspace, provider=self.provider, job_id__in=ids, match__isnull=False
        ).exclude(kind=LineKind.CREDIT)
        earlier = {row.job_id: row for row in rows.select_related("invoice")} if ids else {}
        return {
            line.id: f"job {line.job_id} is billed in line {row.number} of {row.invoice.file_name} already"
            for line in lines
            if line.kind == LineKind.USAGE and (row := earlier.get(line.job_id)) and row.pk != line.id
        }

    def _pair(self, pair: Pair, prices: Mapping[uuid.UUID, PriceRow]) -> None:
        first = pair.lines[0]
        rows = [
            (new_id(), line.id, pair.item.id, part, pair.by, pair.why[:300])
            for part, line in enumerate(pair.lines, 1)
        ]
        self.found.matches += rows
        match = rows[0][0]
        for kind, amount, why in differing.parts(pair, self.tolerance, prices):
            self._difference(kind, amount, why, line=first, item=pair.item, match=match)
        if not self.span.start <= pair.item.at < self.span.end:
            self._cut_off(pair, match)

    def _cut_off(self, pair: Pair, match: uuid.UUID) -> None:
        """Ours lies in another month: here it is billed and not used, there used and not billed."""
        item, home = pair.item, months.month_of(self.workspace, pair.item.at)
        why = f"booked here in {home}, billed in {self.month}"
        self._difference(Kind.CUT_OFF, item.amount, why, line=pair.lines[0], item=item, match=match)
        standing = DifferenceStep.objects.filter(
            difference__entry=item.id, difference__kind=Kind.MISSING_THERE, difference__month=home
        ).order_by("-number")
        last = standing.first()
        if last is None or last.outcome == Outcome.UNDONE:
            line = pair.lines[0]
            self._difference(Kind.CUT_OFF, -item.amount, why, line=line, item=item, match=match, month=home)

    def _unmatched(self, matched: Matched) -> None:
        repeated = self._repeated(matched)
        for line in matched.lines:
            kind = OF_LINE.get(LineKind(line.kind))
            if kind:
                self._line(line, kind, WORDS[kind])
            elif line.id in repeated:
                self._line(line, Kind.DUPLICATE, repeated[line.id])
            elif not self.span.start <= line.service_at < self.span.end:
                home = months.month_of(self.workspace, line.service_at)
                self._line(line, Kind.CUT_OFF, f"service of {home}, billed in {self.month}, not booked here")
            else:
                self._line(line, Kind.MISSING_HERE, self._why_missing(line))
        for item in matched.items:
            if self.span.start <= item.at < self.span.end and item.amount:
                said = f"job {item.job_id} is" if item.job_id else "it is"
                why = f"{said} booked here, and no line of the month's bills is about it"
                self._difference(Kind.MISSING_THERE, -item.amount, why, item=item)

    def _why_missing(self, line: Line) -> str:
        if line.job_id in self.jobs:
            return f"job {line.job_id} is ours, and nothing is booked for it"
        if line.job_id:
            return f"job {line.job_id} is unknown, and no charge has its model, time and amount"
        return "no charge has its model, time and amount"

    def _repeated(self, matched: Matched) -> dict[uuid.UUID, str]:
        """Lines without a job that say word for word what a matched line of the month's bills says."""
        loose = [x for x in matched.lines if x.kind == LineKind.USAGE and not x.job_id]
        if not loose:
            return {}
        earlier = InvoiceLine.objects.filter(
            workspace=self.workspace,
            provider=self.provider,
            service_at__in={line.service_at for line in loose},
            match__isnull=False,
        )
        first: dict[tuple[object, ...], Line | InvoiceLine] = {_words(line): line for line in earlier}
        for pair in matched.pairs:
            first.update({_words(line): line for line in pair.lines})
        return {
            line.id: f"line {first[_words(line)].number} says the same and bills the only such charge"
            for line in loose
            if _words(line) in first
        }

    def _line(self, line: Line, kind: Kind, why: str) -> None:
        self._difference(kind, line.amount, why, line=line)

    def _difference(
        self,
        kind: Kind,
        amount: Decimal,
        why: str,
        *,
        line: Line | None = None,
        item: Item | None = None,
        match: uuid.UUID | None = None,
        month: str = "",
    ) -> None:
        job = self.jobs.get(line.job_id) if line and line.job_id else None
        model = line.model if line and not item else item.model if item else ""
        self.found.differences.append(
            Difference(
                workspace=self.workspace,
                provider=self.provider,
                month=month or self.month,
                kind=kind.value,
                amount=amount,
                ours=item.amount if item else Decimal(0),
                line_id=line.id if line else None,
                entry=item.id if item else None,
                match_id=match,
                take_id=item.take if item else job.take if job else None,
                stage="" if item or not job else job.stage,
                model=model,
                service_at=item.at if item else line.service_at if line else self.now,
                why=why[:300],
                found_at=self.now,
            )
        )

    def _given_back(self, entry: uuid.UUID, why: str) -> None:
        self.found.matches.append((new_id(), None, entry, 1, MatchBy.GIVEN_BACK.value, why))

    def _write(self) -> int:
        beside = {"workspace_id": self.workspace.pk, "provider": self.provider, "matched_at": self.now}
        writing.copy(LineMatch, MATCH, self.found.matches, beside)
        known = Difference.objects.filter(workspace=self.workspace, provider=self.provider)
        ids = [row.line_id for row in self.found.differences if row.line_id]
        entries = [row.entry for row in self.found.differences if row.entry and not row.line_id]
        there: set[tuple[uuid.UUID | None, str, str]]
        there = set(known.filter(line__in=ids).values_list("line", "kind", "month"))
        there |= set(known.filter(line=None, entry__in=entries).values_list("entry", "kind", "month"))
        new = [
            row
            for row in self.found.differences
            if (row.line_id or row.entry, row.kind, row.month) not in there
        ]
        writing.insert(Difference, new)
        return len(new)


def _words(line: Line | InvoiceLine) -> tuple[object, ...]:
    return (line.model, line.service_at, line.unit, line.quantity, line.native_amount, line.description)
