"""Accruals: what was asked for in a month and has no charge when the month is closed.

Each is booked at its expected price at the month's last instant and given back at the next month's first,
so that the charge itself, when it comes, counts once. An accrual makes no take counted.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from decimal import Decimal

from billing import entries, money, pots
from billing.models import Entry
from billing.models.ledger import EntryKind
from billing.months import Span
from billing.unsettled import Unsettled

INSTANT = datetime.timedelta(microseconds=1)
"""The database's smallest step of time: a month's last instant is its end less this."""
#: What an accrual says as the charge would: who asked, what makes it, by which versions.
OF_CHARGE = (
    *("stage", "provider", "model", "tier", "pipeline", "routing_version", "prompt_template", "seed_policy"),
    *("person", "person_email", "run", "call"),
)


def book(calls: Sequence[Unsettled], *, span: Span, now: datetime.datetime) -> list[Entry]:
    """Books the pair of entries of each call; answers the accruals themselves.

    The caller's transaction holds the locks of the deliverables (`pots.lock`).
    """
    found = entries.scopes_of_takes({call.hold.take_id for call in calls})
    accrued = [_accrual(call, found[call.hold.take_id], span.end - INSTANT, now) for call in calls]
    accrued = [entry for entry in accrued if entry.amount]
    back = [_given_back(entry, span.end, now) for entry in accrued]
    if accrued:
        pots.book([*accrued, *back])
    return accrued


def total(calls: Sequence[Unsettled]) -> Decimal:
    """What would be accrued, in the workspace's currency."""
    return sum((money.booked(call.charge.amount) for call in calls), Decimal(0))


def _accrual(call: Unsettled, scope: entries.Scope, at: datetime.datetime, now: datetime.datetime) -> Entry:
    return Entry(
        **dataclasses.asdict(scope),
        **{name: getattr(call.charge, name) for name in OF_CHARGE},
        kind=EntryKind.ACCRUAL,
        credit=entries.owed_to(call.charge.provider),
        amount=money.booked(call.charge.amount),
        service_at=at,
        booked_at=now,
        effective_at=at,
        calculation="expected price of a call without a charge at the close",
    )


def _given_back(accrual: Entry, at: datetime.datetime, now: datetime.datetime) -> Entry:
    return entries.like(
        accrual,
        without=(),
        kind=EntryKind.ACCRUAL,
        amount=-accrual.amount,
        service_at=at,
        booked_at=now,
        effective_at=at,
        corrects=accrual.id,
        calculation="the accrual of the month before, given back",
    )
