"""Holds: money is reserved before a provider hears of a call, then posted or voided, once."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import uuid
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from billing import (
    alerts,
    budgets,
    costs,
    credits,
    entries,
    money,
    periods,
    pots,
    price_uses,
    scopes,
    windows,
)
from billing.entries import Charge
from billing.models import Budget, BudgetWindow, Entry, Hold, HoldBudget, HoldOutcome
from billing.price_rules import Use
from projects.models import Take

OUTCOME = """
    INSERT INTO billing_holdoutcome (hold_id, outcome, amount, entry, at, reason)
    SELECT v.hold, %(kind)s, v.amount, v.entry, %(now)s, v.reason
    FROM unnest(%(holds)s::uuid[], %(amounts)s::numeric(20, 8)[], %(entries)s::uuid[], %(reasons)s::text[])
        AS v (hold, amount, entry, reason)
    ON CONFLICT (hold_id) DO NOTHING RETURNING hold_id
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlannedHold:
    """What one planned call may cost at most, in the workspace's currency, by its dearest choice."""

    run: uuid.UUID
    model_key: str
    provider: str
    amount: Decimal
    price_row: uuid.UUID | None = None


Plan = tuple[Take, Sequence[PlannedHold]]


def reserve(*, take: Take, holds: Sequence[PlannedHold], now: datetime.datetime | None = None) -> list[Hold]:
    """Holds the money of one take: see `reserve_all`."""
    return reserve_all(plans=[(take, holds)], now=now)


def reserve_all(*, plans: Sequence[Plan], now: datetime.datetime | None = None) -> list[Hold]:
    """Holds the money of all planned calls of these takes on every budget that covers them, or of none.

    The takes belong to one workspace. May run inside the caller's transaction. Raises BudgetRefused (402)
    with what was needed and left where one hard budget lacks the money; then nothing was changed.
    """
    now = now or timezone.now()
    if not any(holds for _, holds in plans):
        return []
    with transaction.atomic():
        windows.lock_to_hold(plans[0][0].workspace_id, now)
        made = [_hold(take, planned, now) for take, holds in plans for planned in holds]
        counted = _count(plans, now)
        Hold.objects.bulk_create([hold for hold, _ in made])
        places = [(hold, planned) for hold, planned in made]
        HoldBudget.objects.bulk_create(
            HoldBudget(hold=hold, window=window)
            for hold, planned in places
            for window in counted[hold.take_id, planned.provider]
        )
        reserved: dict[uuid.UUID, dict[str, Decimal]] = {}
        for take, holds in plans:
            of_one = reserved.setdefault(take.deliverable_id, {"reserved": Decimal(0)})
            of_one["reserved"] += sum(money.booked(hold.amount) for hold in holds)
        costs.add(reserved)
    return [hold for hold, _ in made]


def post(*, hold: Hold, charge: Charge, now: datetime.datetime | None = None) -> Entry | None:
    """Settles a hold at what the provider charged; the rest is released.

    Never refused: an amount above the hold is posted in full, flagged in the outcome, and overshoots the
    budgets. None where the hold was settled already; then nothing was changed.
    """
    return post_all(charges=[(hold, charge)], now=now).get(hold.pk)


def post_all(
    *, charges: Sequence[tuple[Hold, Charge]], now: datetime.datetime | None = None
) -> dict[uuid.UUID, Entry]:
    """Settles holds of one workspace, each as `post` does; answers the entries of those that were open.

    For more than one, nobody else in the workspace holds or settles until the transaction ends.
    """
    now = now or timezone.now()
    if not charges:
        return {}
    with transaction.atomic():
        found = entries.scopes_of_takes({hold.take_id for hold, _ in charges})
        pots.lock(scope.deliverable_id for scope in found.values())
        lock = windows.lock_shared if len(charges) == 1 else windows.lock_exclusive
        lock(charges[0][0].workspace_id)
        first = periods.open_from(charges[0][0].workspace_id)
        made: dict[Hold, Entry] = {}
        for hold, charge in charges:
            if hold not in made:
                scope = found[hold.take_id]
                made[hold] = entries.cash(scope=scope, charge=charge, now=now, open_from=first)
                made[hold].hold = hold.pk
        uses = _draw(made, {hold.pk: charge.use for hold, charge in charges if charge.use})
        settled = _settle(
            HoldOutcome.Kind.POSTED, [_posting(hold, entry) for hold, entry in made.items()], now
        )
        posted = {hold: entry for hold, entry in made.items() if hold.pk in settled}
        pots.book(list(posted.values()))
        price_uses.keep(posted.values(), uses)
        alerts.after(windows.settle_all({hold: entry.amount for hold, entry in posted.items()}), now)
        _free(posted, found)
    return {hold.pk: entry for hold, entry in posted.items()}


def _draw(made: Mapping[Hold, Entry], uses: Mapping[uuid.UUID, Use]) -> dict[uuid.UUID, Use]:
    """Gives uses their place among the month's units and takes credits out of their lots.

    Those whose hold has ended already are left out; who settles one holds its deliverable's lock, so that
    none ends meanwhile. Answers the uses by entry.
    """
    drawn = {
        hold.pk: entry
        for hold, entry in made.items()
        if hold.pk in uses or credits.is_credit(entry.native_currency)
    }
    if not drawn:
        return {}
    ended = set(HoldOutcome.objects.filter(pk__in=drawn).values_list("pk", flat=True))
    certain = {hold: entry for hold, entry in drawn.items() if hold not in ended}
    priced = {entry.id: uses[hold] for hold, entry in certain.items() if hold in uses}
    placed = price_uses.place(priced, certain.values())
    credits.draw(list(certain.values()))
    return placed


def _free(posted: Iterable[Hold], found: Mapping[uuid.UUID, entries.Scope]) -> None:
    """Takes settled holds out of what their deliverables have reserved."""
    freed: dict[uuid.UUID, dict[str, Decimal]] = {}
    for hold in posted:
        deliverable = found[hold.take_id].deliverable_id
        if deliverable is not None:
            of_one = freed.setdefault(deliverable, {"reserved": Decimal(0)})
            of_one["reserved"] -= hold.amount
    costs.add(freed)


def void(*, hold: Hold, reason: str, now: datetime.datetime | None = None) -> bool:
    """Releases a hold; False where it was settled already, and then nothing was changed."""
    return void_all(holds=[hold], reason=reason, now=now) == 1


def void_all(*, holds: Iterable[Hold], reason: str, now: datetime.datetime | None = None) -> int:
    """Releases those of the holds (of one workspace) that are not settled yet; answers how many."""
    now = now or timezone.now()
    waiting = sorted(holds, key=lambda hold: hold.pk)
    if not waiting:
        return 0
    with transaction.atomic():
        windows.lock_shared(waiting[0].workspace_id)
        nothing = [Ending(hold.pk, Decimal(0), None, reason) for hold in waiting]
        settled = _settle(HoldOutcome.Kind.VOIDED, nothing, now)
        voided = [hold for hold in waiting if hold.pk in settled]
        windows.release(voided)
        freed: dict[uuid.UUID, dict[str, Decimal]] = {}
        for hold in voided:
            of_one = freed.setdefault(hold.take.deliverable_id, {"reserved": Decimal(0)})
            of_one["reserved"] -= hold.amount
        costs.add(freed)
    return len(voided)


def alone(workspace_id: uuid.UUID) -> None:
    """Keeps everybody else in the workspace from holding and settling until the transaction ends.

    For a transaction that calls `reserve`, `post` or `void` more than once: each locks its windows in
    their order, but two such transactions could meet crosswise. Call it before the first of them.
    """
    windows.lock_exclusive(workspace_id)


def _hold(take: Take, planned: PlannedHold, now: datetime.datetime) -> tuple[Hold, PlannedHold]:
    if not planned.amount.is_finite() or planned.amount < 0:
        raise ValueError(f"A hold is never negative: {planned.amount}")
    hold = Hold(
        workspace_id=take.workspace_id,
        take=take,
        run=planned.run,
        model_key=planned.model_key,
        amount=money.booked(planned.amount),
        price_row=planned.price_row,
        made_at=now,
    )
    return hold, planned


def _count(plans: Sequence[Plan], now: datetime.datetime) -> dict[tuple[uuid.UUID, str], list[BudgetWindow]]:
    """Counts the plans in all windows that cover them; answers the windows by take and provider."""
    objects = scopes.of_takes([take for take, _ in plans])
    providers = {planned.provider for _, holds in plans for planned in holds}
    active = windows.active_budgets(list(objects.values()), providers)
    needed: dict[uuid.UUID, Decimal] = collections.defaultdict(Decimal)
    places: dict[tuple[uuid.UUID, str], list[Budget]] = {}
    for take, holds in plans:
        for planned in holds:
            over = [each for each in active if objects[take.pk].is_under(each, planned.provider)]
            places[take.pk, planned.provider] = over
            for budget in over:
                needed[budget.pk] += money.booked(planned.amount)
    covering = [budget for budget in active if budget.pk in needed]
    found = windows.ensure(covering, now)
    uses = []
    for budget in covering:
        use = windows.reserve(found[budget.pk].pk, needed[budget.pk])
        if use is None:
            raise budgets.refusal(budget, found[budget.pk].pk, needed[budget.pk])
        uses.append(use)
    alerts.after(uses, now)
    return {place: [found[budget.pk] for budget in over] for place, over in places.items()}


class Ending(NamedTuple):
    """How a hold ends: at which amount, by which entry, and why."""

    hold: uuid.UUID
    amount: Decimal
    entry: uuid.UUID | None
    reason: str


def _posting(hold: Hold, entry: Entry) -> Ending:
    over = entry.amount - hold.amount
    return Ending(hold.pk, entry.amount, entry.id, f"{money.exact(over)} above its hold" if over > 0 else "")


def _settle(kind: str, endings: Sequence[Ending], now: datetime.datetime) -> set[uuid.UUID]:
    """Ends those of the holds that have not ended yet, and answers which these were."""
    values: dict[str, Any] = {
        "kind": str(kind),
        "now": now,
        "holds": [ending.hold for ending in endings],
        "amounts": [ending.amount for ending in endings],
        "entries": [ending.entry for ending in endings],
        "reasons": [ending.reason[:200] for ending in endings],
    }
    with connection.cursor() as cursor:
        cursor.execute(OUTCOME, values)
        return {row[0] for row in cursor.fetchall()}
