"""What moves credits in and out of their lots: the order of lots, shares of a cost, movements, bookings."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal

from django.db import connection

from billing import entries, money, pots
from billing.entries import Charge
from billing.models import CreditBalance, CreditLot, CreditMovement, Entry
from billing.models.ledger import EntryKind

PREFIX = "credit:"


def lock(workspace_id: uuid.UUID, unit: str) -> None:
    """Whoever moves credits of a unit comes after whoever does so already, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))", [f"{workspace_id} {unit}"])


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of a whole, kept exact until it is applied."""

    part: Decimal
    whole: Decimal

    def of(self, amount: Decimal) -> Decimal:
        if self.part == self.whole:
            return amount
        return money.EXACT.divide(money.EXACT.multiply(amount, self.part), self.whole)


def of_unit(workspace_id: uuid.UUID, unit: str) -> list[CreditLot]:
    """All lots of the unit with their balances, first to expire first."""
    lots = CreditLot.objects.filter(workspace=workspace_id, unit=unit).select_related("balance")
    never = datetime.date.max
    return sorted(lots, key=lambda lot: (lot.expires_on or never, lot.bought_on, lot.pk))


def taken_out(balance: CreditBalance, wanted: Decimal) -> tuple[Decimal, Decimal]:
    """Takes up to so many credits out of a balance; answers credits and cost."""
    used = min(wanted, balance.credits)
    cost = money.booked(Part(used, balance.credits).of(balance.cost))
    balance.credits -= used
    balance.cost -= cost
    return used, cost


def movement(
    entry: Entry,
    kind: str,
    lot_id: uuid.UUID | None,
    credits: Decimal,
    cost: Decimal,
    at: datetime.datetime,
) -> CreditMovement:
    return CreditMovement(
        workspace_id=entry.workspace_id,
        unit=entry.native_currency,
        kind=kind,
        lot_id=lot_id,
        credits=credits,
        cost=cost,
        entry=entry.id,
        at=at,
    )


def save(moved: Sequence[CreditMovement], balances: Iterable[CreditBalance]) -> None:
    CreditMovement.objects.bulk_create(moved)
    CreditBalance.objects.bulk_update(list(balances), ["credits", "cost"], batch_size=200)


def book_period(
    workspace_id: uuid.UUID,
    unit: str,
    amount: Decimal,
    at: datetime.datetime,
    now: datetime.datetime,
    words: str,
    *,
    credits: Decimal | None = None,
) -> Entry:
    """Books a period cost of a provider's credits; a negative one is an adjustment."""
    charge = Charge(
        amount=abs(amount),
        service_at=at,
        stage="",
        provider=unit.removeprefix(PREFIX),
        native_amount=credits,
        native_currency=unit,
        calculation=words,
    )
    row = entries.period(workspace_id=workspace_id, charge=charge, amount=amount, now=now)
    if credits is None:
        row.kind = EntryKind.ADJUSTMENT
    pots.book([row])
    return row
