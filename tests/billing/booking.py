"""Short ways for tests of the books to hold, charge and look."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from billing import ledger, money
from billing.models import BudgetWindow, DeliverableCost, Entry, Hold, HoldBudget, HoldOutcome
from projects.identifiers import new_id
from projects.models import Deliverable, Take
from tests.factories import utc

NOON = utc("2026-10-15T12:00:00")


def planned(amount: str, *, provider: str = "fal") -> ledger.PlannedHold:
    return ledger.PlannedHold(
        run=new_id(), model_key=f"{provider}/flux", provider=provider, amount=Decimal(amount)
    )


def hold(take: Take, amount: str, *, provider: str = "fal", now: datetime.datetime = NOON) -> Hold:
    (made,) = ledger.reserve(take=take, holds=[planned(amount, provider=provider)], now=now)
    return made


def charge(amount: str, *, at: datetime.datetime = NOON, **said: Any) -> ledger.Charge:
    usual = {"provider": "fal", "model": "fal/flux", "stage": "generation"}
    return ledger.Charge(amount=Decimal(amount), service_at=at, **{**usual, **said})


def spend(take: Take, amount: str, *, at: datetime.datetime = NOON, **said: Any) -> Entry:
    """A charge of this instant, held and settled."""
    provider = said.get("provider", "fal")
    made = hold(take, amount, provider=provider, now=at)
    entry = ledger.post(hold=made, charge=charge(amount, at=at, **said), now=at)
    assert entry is not None
    return entry


def pots(deliverable: Deliverable) -> dict[str, str]:
    """What each pot holds of a deliverable, by debits and credits, as text; empty ones are left out."""
    sums: dict[str, Decimal] = {}
    for row in Entry.objects.filter(deliverable=deliverable):
        sums[row.debit] = sums.get(row.debit, Decimal(0)) + row.amount
        sums[row.credit] = sums.get(row.credit, Decimal(0)) - row.amount
    return {
        name: money.unit_price(amount)
        for name, amount in sorted(sums.items())
        if amount and not name.startswith("provider:")
    }


def books() -> dict[str, list[Any]]:
    """Every row that an action on money could have changed, to show that a refusal changed none."""
    tables: Iterable[Any] = (Entry, Hold, HoldOutcome, HoldBudget, BudgetWindow, DeliverableCost)
    return {model.__name__: sorted(map(str, model.objects.values_list())) for model in tables}
