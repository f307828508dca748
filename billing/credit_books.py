"""What the page about credits shows: lots, what is left, what providers say, what expires when."""

from __future__ import annotations

import datetime
import uuid
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import F, Sum
from django.utils import timezone

from billing import credit_lots, credits, money, months, rates
from billing.models import CreditLot, CreditMovement, ProviderBalance
from projects import access
from projects.access import Right
from projects.models import Membership
from projects.problems import Invalid

ZERO = Decimal(0)


class Unit(NamedTuple):
    """One provider's credits: ours by the books, the provider's last word, the lots first to expire first."""

    unit: str
    ours: Decimal
    beyond: Decimal
    said: ProviderBalance | None
    lots: list[CreditLot]
    cost_left: Decimal

    @property
    def provider(self) -> str:
        return self.unit.removeprefix(credit_lots.PREFIX)

    @property
    def difference(self) -> Decimal | None:
        """What the provider said less what our books had when it was entered."""
        return None if self.said is None else self.said.credits - self.said.ours


class Expiring(NamedTuple):
    """A rest that expires, and what it would cost the month of its last day."""

    lot: CreditLot
    days: int


def units(by: Membership) -> list[Unit]:
    """Every unit of credits that the workspace bought or was told a balance of; four queries."""
    lots: dict[str, list[CreditLot]] = defaultdict(list)
    for lot in CreditLot.objects.visible_to(by).select_related("balance", "author"):
        lots[lot.unit].append(lot)
    moved = CreditMovement.objects.visible_to(by).filter(kind=CreditMovement.Kind.BEYOND)
    beyond = dict(moved.order_by().values_list("unit").annotate(total=Sum("credits")))
    told = ProviderBalance.objects.visible_to(by).select_related("author")
    said = {row.unit: row for row in told.order_by("unit", "-read_at").distinct("unit")}
    return [
        _unit(name, lots.get(name, []), beyond.get(name, ZERO), said.get(name))
        for name in sorted(lots.keys() | beyond.keys() | said.keys())
    ]


def expiring(found: Iterable[Unit], by: Membership, now: datetime.datetime) -> list[Expiring]:
    """The rests that will expire, soonest first."""
    today = now.astimezone(months.zone_of(by.workspace)).date()
    lots = [lot for unit in found for lot in unit.lots if lot.expires_on and lot.balance.credits]
    return sorted(
        (Expiring(lot, (lot.expires_on - today).days) for lot in lots if lot.expires_on),
        key=lambda each: (each.days, each.lot.pk),
    )


def told(
    *,
    unit: str,
    credits_left: Decimal,
    source: str,
    by: Membership,
    read_at: datetime.datetime | None = None,
) -> ProviderBalance:
    """Enters what a provider says is left, with what our books have now; needs the right to keep the books.

    Raises Invalid (422) where a value does not fit or the instant has a balance already.
    """
    access.require(by, Right.KEEP_BOOKS)
    read_at = read_at or timezone.now()
    if errors := check_balance(unit=unit, credits_left=credits_left, source=source):
        raise Invalid(errors)
    try:
        with transaction.atomic():
            credit_lots.lock(by.workspace_id, unit)
            made: ProviderBalance = ProviderBalance.objects.create(
                workspace=by.workspace,
                unit=unit,
                credits=credits_left,
                ours=credits.ours(by.workspace_id, unit),
                read_at=read_at,
                source=source.strip(),
                author=by.person,
            )
    except IntegrityError:
        raise Invalid({"unit": [f"{unit} has a balance of this instant already."]}) from None
    return made


def check_balance(*, unit: str, credits_left: Decimal, source: str) -> dict[str, list[str]]:
    """What of a provider's balance does not fit, by field."""
    errors: dict[str, list[str]] = {}
    if not credits.is_credit(unit) or not rates.CURRENCY.fullmatch(unit):
        errors["unit"] = ["Give credit: and the provider's name, as credit:runway."]
    if not credits_left.is_finite() or abs(credits_left) >= credits.MOST:
        errors["credits"] = ["Give a number."]
    elif credits_left != money.booked(credits_left):
        errors["credits"] = ["Give at most eight decimals."]
    if not source.strip() or len(source) > 200:
        errors["source"] = ["Say where it stands, in up to 200 characters, such as the billing page."]
    return errors


def ours_at(workspace_id: uuid.UUID, unit: str, at: datetime.datetime) -> Decimal:
    """The credits that were left by our books at an instant: all bought less all that had moved by then."""
    lots = CreditLot.objects.filter(workspace=workspace_id, unit=unit, created_at__lte=at)
    bought = lots.aggregate(total=Sum(F("credits") + F("bonus")))["total"] or ZERO
    moved = CreditMovement.objects.filter(workspace=workspace_id, unit=unit, at__lte=at)
    return bought - (moved.aggregate(total=Sum("credits"))["total"] or ZERO)


def _unit(name: str, lots: list[CreditLot], beyond: Decimal, said: ProviderBalance | None) -> Unit:
    never = datetime.date.max
    ordered = sorted(lots, key=lambda lot: (lot.expires_on or never, lot.bought_on, lot.pk))
    held = sum((lot.balance.credits for lot in lots), ZERO)
    cost = sum((lot.balance.cost for lot in lots), ZERO)
    return Unit(name, held - beyond, beyond, said, ordered, cost)
