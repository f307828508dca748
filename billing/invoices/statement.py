"""A provider's month in figures: billed, used here, and the bridge between them by kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from billing import months
from billing.invoices import usage
from billing.models import Difference, DifferenceStep, Invoice, InvoiceLine
from billing.models.reconciliation import DifferenceKind as Kind
from billing.models.reconciliation import Outcome
from projects.models import Workspace

ZERO = Decimal(0)
STATES = ("open", "accepted", "adjusted")


@dataclasses.dataclass
class OfKind:
    """The differences of one kind: how many, theirs less ours, and what became of how much."""

    kind: Kind
    count: int = 0
    amount: Decimal = ZERO
    open: Decimal = ZERO
    open_count: int = 0
    accepted: Decimal = ZERO
    adjusted: Decimal = ZERO


@dataclasses.dataclass(frozen=True)
class Statement:
    """All amounts in the workspace's currency.

        used + every kind + not compared = billed

    `used` is without adjustments from these differences. `not_compared` is zero, unless charges came
    since the month was compared. `unreconciled` is zero once everything was accepted or adjusted.
    """

    provider: str
    month: str
    invoices: list[Invoice]
    line_count: int
    matched_count: int
    billed: Decimal
    used: Decimal
    kinds: list[OfKind]

    @property
    def adjusted(self) -> Decimal:
        return sum((row.adjusted for row in self.kinds), ZERO)

    @property
    def accepted(self) -> Decimal:
        return sum((row.accepted for row in self.kinds), ZERO)

    @property
    def used_now(self) -> Decimal:
        return self.used + self.adjusted

    @property
    def difference(self) -> Decimal:
        return self.billed - self.used_now

    @property
    def not_compared(self) -> Decimal:
        return self.billed - self.used - sum((row.amount for row in self.kinds), ZERO)

    @property
    def unreconciled(self) -> Decimal:
        return self.not_compared + sum((row.open for row in self.kinds), ZERO)

    @property
    def open_count(self) -> int:
        return sum(row.open_count for row in self.kinds)

    @property
    def reconciled(self) -> bool:
        return bool(self.invoices) and not self.open_count and not self.not_compared


def statement(workspace: Workspace, provider: str, month: str) -> Statement:
    """The statement of a provider's month, in a fixed number of queries. Invalid (422) for no month."""
    span = months.span(workspace, month)
    bills = Invoice.objects.filter(workspace=workspace, provider=provider, month=month)
    invoices = list(bills.select_related("imported_by").order_by("imported_at", "id"))
    lines = InvoiceLine.objects.filter(invoice__in=[invoice.pk for invoice in invoices])
    counted = lines.aggregate(all=Count("pk"), matched=Count("match"))
    used = usage.used(workspace, provider, span)
    return Statement(
        provider=provider,
        month=month,
        invoices=invoices,
        line_count=counted["all"],
        matched_count=counted["matched"],
        billed=sum((invoice.amount for invoice in invoices), ZERO),
        used=used,
        kinds=_by_kind(workspace, provider, month),
    )


def with_state(rows: QuerySet[Difference]) -> QuerySet[Any]:
    """Differences with `state`: `open`, `accepted` or `adjusted`."""
    last = DifferenceStep.objects.filter(difference=OuterRef("pk")).order_by("-number")
    found: QuerySet[Any] = rows.annotate(
        state=Coalesce(Subquery(last.values("outcome")[:1]), Value("undone"))
    )
    return found


def listed(
    workspace: Workspace, provider: str, month: str, *, kind: str = "", state: str = ""
) -> QuerySet[Any]:
    """Differences in force by kind and time, with line, bill and state; `kind` and `state` narrow them."""
    rows = with_state(Difference.objects.filter(workspace=workspace).of(provider, month).in_force())
    if kind:
        rows = rows.filter(kind=kind)
    if state in STATES:
        rows = rows.filter(state=Outcome.UNDONE if state == "open" else state)
    return rows.select_related("line__invoice", "take__deliverable").order_by("kind", "service_at", "id")


def _by_kind(workspace: Workspace, provider: str, month: str) -> list[OfKind]:
    rows = with_state(Difference.objects.filter(workspace=workspace).of(provider, month).in_force())
    sums = rows.order_by().values_list("kind", "state").annotate(Count("pk"), Sum("amount"))
    return _sorted_by_kind(sums)


def _sorted_by_kind(sums: Iterable[tuple[str, str, int, Decimal]]) -> list[OfKind]:
    found = {kind: OfKind(kind) for kind in Kind}
    for kind, state, count, amount in sums:
        row = found[Kind(kind)]
        row.count += count
        row.amount += amount
        if state == Outcome.UNDONE:
            row.open += amount
            row.open_count += count
        else:
            setattr(row, state, getattr(row, state) + amount)
    return list(found.values())


@dataclasses.dataclass(frozen=True)
class Overview:
    """A provider in the list of a month: amounts in the workspace's currency."""

    provider: str
    billed: Decimal | None  # None: there is no bill yet
    used: Decimal
    open_count: int
    open: Decimal


def overview(workspace: Workspace, month: str) -> list[Overview]:
    """Every provider that was used or has billed in the month, in a fixed number of queries."""
    span = months.span(workspace, month)
    bills = Invoice.objects.filter(workspace=workspace, month=month).order_by()
    billed = dict(bills.values_list("provider").annotate(Sum("amount")))
    used = usage.providers(workspace, span)
    rows = with_state(Difference.objects.filter(workspace=workspace, month=month).in_force())
    sums = rows.filter(state=Outcome.UNDONE).order_by().values_list("provider")
    waiting = {name: (count, amount) for name, count, amount in sums.annotate(Count("pk"), Sum("amount"))}
    return [
        Overview(name, billed.get(name), used.get(name, ZERO), *waiting.get(name, (0, ZERO)))
        for name in sorted({*billed, *used})
    ]
