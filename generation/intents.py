"""Before a submit: places are taken, holds are there, and the intent is committed.

A call row in the state *intended* stands before anything is sent. If the worker dies then, the run is found
as `unknown`, and nothing is sent twice in silence. Limits of accounts hold across all workers, because their
rows are locked while places are counted.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, Q

from billing import ledger, months, pots
from billing.models import Hold
from generation import canonical, moves, renditions, tokens
from generation.choosing import Order
from generation.models import Call, ProviderAccount, Run, SketchJob
from generation.models.runs import CALLS_IN_FLIGHT, CallState, RunState
from projects.identifiers import new_id
from projects.models.takes import TakeState

MINUTE = datetime.timedelta(minutes=1)
PAUSE = datetime.timedelta(seconds=2)
"""When a run is looked at again that found no free place."""

LOCAL_QUEUE = 8
"""Jobs of the built-in renderer that wait or are drawn at a time, for each of its processes."""


@dataclasses.dataclass
class Intent:
    """A committed call that is about to be sent."""

    order: Order
    call: Call
    account: ProviderAccount | None
    token: str


@dataclasses.dataclass
class Full:
    """No account has a place for it now."""

    order: Order
    until: datetime.datetime
    words: str


@dataclasses.dataclass
class Committed:
    intents: list[Intent]
    full: list[Full]


def uncovered(orders: Sequence[Order]) -> set[uuid.UUID]:
    """The runs among these orders whose open hold does not cover their choice; one query."""
    held = _open_holds([order.run.pk for order in orders])
    return {order.run.pk for order in orders if not _covers(held.get(order.run.pk), order)}


def _covers(held: Hold | None, order: Order) -> bool:
    """A hold made with the take covers the dearest choice at its provider, up to its amount."""
    if held is None or held.model_key.partition("/")[0] != order.choice.provider:
        return False
    return held.amount >= (order.choice.at_most or Decimal(0))


def cover(order: Order, *, now: datetime.datetime) -> None:
    """Gives the run an open hold that covers its choice, in the place of any other; raises BudgetRefused.

    Another provider, a dearer price or a call after a charged one needs a hold of its own before the submit.
    """
    run, choice = order.run, order.choice
    with transaction.atomic():
        pots.lock([run.take.deliverable_id])
        ledger.alone(run.workspace_id)
        held = _open_holds([run.pk]).get(run.pk)
        if held is not None:
            ledger.void(hold=held, reason=f"replaced by a hold for {choice.model}", now=now)
        planned = ledger.PlannedHold(
            run=run.pk,
            model_key=choice.model,
            provider=choice.provider,
            amount=choice.at_most or Decimal(0),
            price_row=uuid.UUID(choice.price_row) if choice.price_row else None,
        )
        ledger.reserve(take=run.take, holds=[planned], now=now)


def commit(orders: Sequence[Order], *, lease: uuid.UUID, now: datetime.datetime) -> Committed:
    """Commits the intents of as many orders as there are places, in their order; one transaction."""
    with transaction.atomic():
        places = Places(orders, now)
        placed, full = places.share_out(orders)
        moved = _start(placed, lease, now)
        holds = _open_holds(moved)
        numbers = _next_numbers(moved)
        intents = [
            _intent(order, account, holds.get(order.run.pk), numbers.get(order.run.pk, 1), now)
            for order, account in placed
            if order.run.pk in moved
        ]
        Call.objects.bulk_create([intent.call for intent in intents])
    return Committed(intents, full)


def _start(
    placed: Sequence[tuple[Order, ProviderAccount | None]], lease: uuid.UUID, now: datetime.datetime
) -> set[uuid.UUID]:
    """Runs that were cancelled meanwhile, or whose lease went to somebody else, are left out."""
    ours = set(
        Run.objects.filter(lease=lease, pk__in=[order.run.pk for order, _ in placed])
        .select_for_update()
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    moved = moves.runs(
        {
            order.run.pk: {
                "choice": order.index,
                "attempts": order.run.attempts + 1,
                "started_at": order.run.started_at or now,
                "waiting_for": "",
                "error_class": "",
                "error": "",
            }
            for order, _ in placed
            if order.run.pk in ours
        },
        to=RunState.SUBMITTING,
        sources=[RunState.QUEUED],
    )
    takes = {order.run.take_id for order, _ in placed if order.run.pk in moved}
    moves.takes(moves.same(takes, started_at=now), to=TakeState.RENDERING, sources=[TakeState.QUEUED])
    return moved


def _intent(
    order: Order, account: ProviderAccount | None, hold: Hold | None, number: int, now: datetime.datetime
) -> Intent:
    if hold is None:
        raise RuntimeError(f"Run {order.run.pk} has no open hold; nothing may be submitted.")
    call = Call(
        id=new_id(),
        workspace_id=order.run.workspace_id,
        run=order.run,
        number=number,
        model=order.choice.model,
        provider=order.choice.provider,
        account=account,
        hold=hold,
        price_row=uuid.UUID(order.choice.price_row) if order.choice.price_row else None,
        payload_hash=canonical.digest(dict(order.job.payload)),
        intended_at=now,
    )
    token = tokens.token(call.pk)
    call.token_hash = tokens.token_hash(token)
    return Intent(order=order, call=call, account=account, token=token)


def _open_holds(runs: Iterable[uuid.UUID]) -> dict[uuid.UUID, Hold]:
    """By run, the hold that has no outcome and no call."""
    taken = Call.objects.filter(run__in=runs, hold__isnull=False).values("hold")
    rows = (
        Hold.objects.filter(run__in=runs, outcome__isnull=True)
        .exclude(pk__in=taken)
        .order_by("made_at", "pk")
    )
    return {row.run: row for row in rows}


def _next_numbers(runs: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    rows = Call.objects.filter(run__in=runs).values("run").annotate(last=Max("number"))
    return {row["run"]: row["last"] + 1 for row in rows}


class Places:
    """Free places of the accounts that some orders need, counted under a lock on them."""

    def __init__(self, orders: Sequence[Order], now: datetime.datetime) -> None:
        self.now = now
        wanted = Q(pk__isnull=True)
        for workspace, provider in {(o.run.workspace_id, o.choice.provider) for o in orders}:
            wanted |= Q(workspace=workspace, provider=provider)
        self.accounts: dict[tuple[uuid.UUID, str], list[ProviderAccount]] = collections.defaultdict(list)
        rows = ProviderAccount.objects.filter(wanted, enabled=True).order_by("pk")
        for row in rows.select_for_update(no_key=True):
            self.accounts[(row.workspace_id, row.provider)].append(row)
        ids = [row.pk for group in self.accounts.values() for row in group]
        self.busy = collections.Counter(_in_flight(ids))
        self.by_account = collections.Counter[Any]()
        for (account, _), count in self.busy.items():
            self.by_account[account] += count
        self.recent = _since(ids, now - MINUTE)

    def share_out(
        self, orders: Sequence[Order]
    ) -> tuple[list[tuple[Order, ProviderAccount | None]], list[Full]]:
        placed: list[tuple[Order, ProviderAccount | None]] = []
        full: list[Full] = []
        for order in orders:
            if order.provider.abilities.local:
                placed.append((order, None))
                continue
            group = self.accounts[(order.run.workspace_id, order.choice.provider)]
            best = max(group, key=lambda account: self.free(account, order), default=None)
            if best is not None and self.free(best, order) > 0:
                self._take(best, order)
                placed.append((order, best))
            else:
                full.append(self._full(order, group))
        return placed, full

    def free(self, account: ProviderAccount, order: Order) -> int:
        """Places left for this order's model: the least of all limits."""
        if account.blocked_until and account.blocked_until > self.now:
            return 0
        left = account.concurrency - self.by_account[account.pk]
        if account.rate_per_minute is not None:
            left = min(left, account.rate_per_minute - self.recent[account.pk])
        most = order.model_concurrency
        if most is not None:
            left = min(left, most - self.busy[(account.pk, order.choice.model)])
        return left

    def _take(self, account: ProviderAccount, order: Order) -> None:
        self.busy[(account.pk, order.choice.model)] += 1
        self.by_account[account.pk] += 1
        self.recent[account.pk] += 1

    def _full(self, order: Order, group: Sequence[ProviderAccount]) -> Full:
        blocked = [a.blocked_until for a in group if a.blocked_until and a.blocked_until > self.now]
        provider = order.choice.provider
        if group and len(blocked) == len(group):
            until = min(blocked)
            at = until.astimezone(months.zone_of(order.run.take.workspace))
            return Full(order, until, f"{provider} asked us to wait until {at:%H:%M:%S %Z}")
        most = sum(account.concurrency for account in group)
        return Full(order, self.now + PAUSE, f"a free place at {provider} ({most} at a time)")


def _in_flight(accounts: Iterable[uuid.UUID]) -> dict[tuple[uuid.UUID, str], int]:
    rows = (
        Call.objects.filter(account__in=list(accounts), state__in=CALLS_IN_FLIGHT)
        .exclude(state=CallState.UNKNOWN, ended_at__isnull=False)  # only its charge is not known
        .values("account", "model")
        .annotate(n=Count("pk"))
    )
    return {(row["account"], row["model"]): row["n"] for row in rows}


def _since(accounts: Iterable[uuid.UUID], since: datetime.datetime) -> collections.Counter[Any]:
    rows = (
        Call.objects.filter(account__in=list(accounts), intended_at__gt=since)
        .values("account")
        .annotate(n=Count("pk"))
    )
    return collections.Counter({row["account"]: row["n"] for row in rows})


def room(*, now: datetime.datetime) -> dict[tuple[uuid.UUID, str], int]:
    """Free places by workspace and provider, without a lock: to lease no more than can be sent."""
    accounts = list(ProviderAccount.objects.filter(enabled=True))
    busy: collections.Counter[Any] = collections.Counter()
    for (account, _), count in _in_flight([row.pk for row in accounts]).items():
        busy[account] += count
    found: collections.Counter[tuple[uuid.UUID, str]] = collections.Counter()
    for row in accounts:
        blocked = row.blocked_until is not None and row.blocked_until > now
        free = 0 if blocked else max(0, row.concurrency - busy[row.pk])
        found[(row.workspace_id, row.provider)] += free
    return dict(found)


def local_room(*, now: datetime.datetime) -> int:
    """Free places in the built-in renderer's queue, kept short so that turns are taken before it.

    What is to lag, as a drill or as a request asks, takes nobody's place meanwhile.
    """
    due = Q(state=SketchJob.State.RUNNING) | Q(state=SketchJob.State.QUEUED, not_before__lte=now)
    waiting = SketchJob.objects.filter(due).exclude(kind=renditions.KIND)
    places: int = LOCAL_QUEUE * settings.RENDER_PROCESSES
    return max(0, places - waiting.count())
