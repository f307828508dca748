"""What we used of a provider in a month: cash entries by their service date, whenever they were booked."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import uuid
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from billing.invoices import plans
from billing.invoices.matching import Item
from billing.models.ledger import EntryKind
from billing.months import Span
from projects.models import Workspace

#: Adjustments from differences, and pairs of assignments, stand for what was found here and are not usage.
#: Nor are adjustments that take each other back: what a campaign took over from a take, and gave back to it.
NOT_USAGE = """
    NOT EXISTS (SELECT FROM billing_differencestep s WHERE s.entry = e.id)
    AND NOT EXISTS (SELECT FROM billing_assignment a WHERE a.taken_out = e.id OR a.put_in = e.id)
    AND NOT (e.kind = 'adjustment' AND (
        EXISTS (
            SELECT FROM billing_entry p
            WHERE p.id = e.corrects AND p.kind = 'adjustment' AND p.amount = -e.amount)
        OR EXISTS (
            SELECT FROM billing_entry p
            WHERE p.workspace_id = e.workspace_id AND p.effective_at = e.effective_at
              AND p.corrects = e.id AND p.kind = 'adjustment' AND p.amount = -e.amount)))
"""
#: Nearly all entries count in the month of their service; the few others have an index of their own.
OF_SPAN = """
    SELECT e.* FROM billing_entry e
    WHERE e.workspace_id = %(workspace)s AND e.provider = %(provider)s
      AND e.kind IN ('charge', 'refund', 'adjustment')
      AND e.effective_at >= %(start)s AND e.effective_at < %(end)s
      AND e.service_at >= %(start)s AND e.service_at < %(end)s
    UNION ALL
    SELECT e.* FROM billing_entry e
    WHERE e.workspace_id = %(workspace)s AND e.provider = %(provider)s
      AND e.kind IN ('charge', 'refund', 'adjustment')
      AND e.service_at >= %(start)s AND e.service_at < %(end)s AND e.effective_at <> e.service_at
      AND (e.effective_at < %(start)s OR e.effective_at >= %(end)s)
"""
USED = f"SELECT COALESCE(sum(e.amount), 0) FROM ({OF_SPAN}) e WHERE {NOT_USAGE}"  # noqa: S608 - of constants alone
ROWS = f"""
    SELECT e.id, e.kind, e.service_at, e.amount, e.native_amount, e.native_currency, e.rate, e.model,
           e.external_id, e.call, e.take_id, e.price_row, COALESCE(e.refunds, e.corrects), e.units
    FROM ({OF_SPAN}) e
    WHERE {NOT_USAGE}
      AND NOT EXISTS (SELECT FROM billing_linematch m WHERE m.entry = e.id)
      AND NOT EXISTS (
          SELECT FROM ({plans.SETTLED}) d WHERE d.entry = e.id AND d.match_id IS NULL AND d.line_id IS NULL)
"""  # noqa: S608 - of constants alone
PROVIDERS = """
    SELECT provider, sum(amount) FROM billing_entry e
    WHERE workspace_id = %(workspace)s AND kind IN ('charge', 'refund', 'adjustment')
      AND provider NOT IN ('', 'builtin')
      AND effective_at >= %(start)s AND effective_at < %(end)s GROUP BY 1
"""
QUARTER = datetime.timedelta(days=92)
BY_TAKE = """
    SELECT e.id, e.kind, e.service_at, e.amount, e.native_amount, e.native_currency, e.rate, e.model,
           e.external_id, e.call, e.take_id, e.price_row, COALESCE(e.refunds, e.corrects), e.units
    FROM billing_entry e
    WHERE e.workspace_id = %(workspace)s AND e.take_id = ANY(%(takes)s) AND e.call = ANY(%(calls)s)
      AND e.kind = 'charge' AND NOT EXISTS (SELECT FROM billing_linematch m WHERE m.entry = e.id)
"""


@dataclasses.dataclass
class Used:
    """Items that nothing was matched with yet, and charges given back whole: (charge, its refunds)."""

    items: list[Item]
    given_back: list[Item]


def used(workspace: Workspace, provider: str, span: Span) -> Decimal:
    """All cash of the provider with a service date in the span, in the workspace's currency."""
    with connection.cursor() as cursor:
        cursor.execute(USED, _values(workspace, provider, span))
        return Decimal(cursor.fetchone()[0])


def providers(workspace: Workspace, span: Span) -> dict[str, Decimal]:
    """What was spent with each provider in the span, the built-in renderer left out."""
    with connection.cursor() as cursor:
        cursor.execute(PROVIDERS, _values(workspace, "", span))
        return dict(cursor.fetchall())


def unmatched(workspace: Workspace, provider: str, span: Span, differing: Collection[uuid.UUID]) -> Used:
    """Charges and refunds of the span that no line bills yet; refunds and corrections of the span are netted.

    `differing` are charges that stand in a difference of their own: their refunds stay apart.
    """
    with transaction.atomic(), plans.sets() as cursor:
        cursor.execute(ROWS, _values(workspace, provider, span))
        return _netted(cursor.fetchall(), differing)


def of_jobs(workspace: Workspace, provider: str, span: Span, ids: Collection[str]) -> list[Item]:
    """Unmatched charges of these job ids, up to a quarter before and after the span."""
    around = Span(span.start - QUARTER, span.end + QUARTER)
    values: dict[str, Any] = {**_values(workspace, provider, around), "ids": list(ids)}
    with transaction.atomic(), plans.sets() as cursor:
        cursor.execute(f"{ROWS} AND e.kind = 'charge' AND e.external_id = ANY(%(ids)s)", values)
        return [_item(row) for row in cursor.fetchall()]


def of_calls(workspace: Workspace, takes: Iterable[uuid.UUID], calls: Iterable[uuid.UUID]) -> list[Item]:
    """Unmatched charges of these calls, of whatever time."""
    values: dict[str, Any] = {"workspace": workspace.pk, "takes": list(set(takes)), "calls": list(calls)}
    with connection.cursor() as cursor:
        cursor.execute(BY_TAKE, values)
        return [_item(row) for row in cursor.fetchall()]


def _netted(rows: Iterable[tuple[object, ...]], differing: Collection[uuid.UUID]) -> Used:
    items = {}
    refunds: list[Item] = []
    for row in rows:
        item = _item(row)
        if row[1] == EntryKind.CHARGE:
            items[item.id] = item
        else:
            refunds.append(item)
    back: dict[uuid.UUID, list[Item]] = collections.defaultdict(list)
    alone: list[Item] = []
    for refund in refunds:
        whole = refund.about in items and refund.about not in differing
        (back[refund.about] if whole and refund.about else alone).append(refund)
    whole_back = []
    for key, given in back.items():
        charge = items[key]
        left = charge.amount + sum((each.amount for each in given), Decimal(0))
        if left == 0:
            charge.netted = [each.id for each in given]
            whole_back.append(items.pop(key))
        else:
            _less(charge, given, left)
    return Used([*items.values(), *alone], whole_back)


def _less(charge: Item, given: list[Item], left: Decimal) -> None:
    charge.amount, charge.netted = left, [each.id for each in given]
    if charge.native is not None:
        charge.native += sum((each.native or Decimal(0) for each in given), Decimal(0))


def _item(row: tuple[object, ...]) -> Item:
    (key, _, at, amount, native, currency, rate, model, job_id, call, take, price_row, about, units) = row
    return Item(
        id=key,  # type: ignore[arg-type]
        at=at,  # type: ignore[arg-type]
        amount=amount,  # type: ignore[arg-type]
        native=native,  # type: ignore[arg-type]
        currency=currency,  # type: ignore[arg-type]
        rate=rate,  # type: ignore[arg-type]
        model=model,  # type: ignore[arg-type]
        job_id=job_id,  # type: ignore[arg-type]
        call=call,  # type: ignore[arg-type]
        take=take,  # type: ignore[arg-type]
        price_row=price_row,  # type: ignore[arg-type]
        about=about,  # type: ignore[arg-type]
        units=units,  # type: ignore[arg-type]
    )


def _values(workspace: Workspace, provider: str, span: Span) -> dict[str, Any]:
    return {"workspace": workspace.pk, "provider": provider, "start": span.start, "end": span.end}


def widened(span: Span, lines: Iterable[datetime.datetime], reach: datetime.timedelta) -> Span:
    """The span stretched to where its lines may meet a charge, a year at most to either side."""
    times = list(lines)
    year = datetime.timedelta(days=366)
    first = max(min([span.start, *times]) - reach, span.start - year)
    last = min(max([span.end, *times]) + reach, span.end + year)
    return Span(first, last)
