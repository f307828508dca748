"""In which pot the cash of a deliverable lies: work in progress, cost of accepted, or written off.

At any instant the whole cash of a deliverable lies in the pot of its state. A cash entry is booked into
the pot of its effective instant; a decision transfers all cash up to it, and an entry booked later with
an earlier instant is transferred again at each decision since. At equal instants charges come before
decisions, and decisions in the order of their sequence.
"""

from __future__ import annotations

import bisect
import collections
import datetime
import uuid
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from billing import costs, entries, months, shares
from billing.models import Entry, Pot
from billing.models.ledger import EntryKind
from projects import board, decisions
from projects.models import Decision, Deliverable, Membership, Person, Take
from projects.models.decisions import DecisionKind

#: The pot into which a decision moves a deliverable's cash. Other decisions move nothing.
POT_AFTER: dict[str, str] = {
    DecisionKind.ACCEPT: Pot.ACCEPTED,
    DecisionKind.WRITE_OFF: Pot.WRITTEN_OFF,
    DecisionKind.REVERSE: Pot.WIP,
    DecisionKind.REOPEN: Pot.WIP,
}


class Move(NamedTuple):
    """A decision that moves cash; moves of a deliverable sort by instant, then sequence."""

    at: datetime.datetime
    sequence: int
    pot: str


Moves = Mapping[uuid.UUID, Sequence[Move]]


def moves_of(deliverable_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[Move]]:
    """The moves of each deliverable in their order, in one query."""
    found: dict[uuid.UUID, list[Move]] = collections.defaultdict(list)
    rows = (
        Decision.objects.filter(deliverable__in=set(deliverable_ids), decision__in=POT_AFTER)
        .order_by("at", "sequence")
        .values_list("deliverable_id", "at", "sequence", "decision")
    )
    for deliverable_id, at, sequence, decision in rows:
        found[deliverable_id].append(Move(at, sequence, POT_AFTER[decision]))
    return found


def pot_at(moves: Sequence[Move], instant: datetime.datetime) -> str:
    """The pot in which an entry of this instant is booked: decisions of the same instant come after it."""
    before = bisect.bisect_left(moves, (instant,))
    return moves[before - 1].pot if before else Pot.WIP


def lay_out(cash: Iterable[Entry], moves: Moves) -> list[Entry]:
    """Sets the pot of each unsaved cash entry, and answers the transfers that later decisions ask for."""
    moved: dict[tuple[uuid.UUID, Move, str], list[Entry]] = collections.defaultdict(list)
    for entry in cash:
        if entry.deliverable_id is None:
            entry.debit = Pot.WIP if entry.campaign_id else Pot.PERIOD
            continue
        if not entry.stage:
            raise ValueError(f"Entry {entry.id} of a deliverable has no stage.")
        own = moves.get(entry.deliverable_id, ())
        entry.debit = pot = pot_at(own, entry.effective_at)
        for move in own[bisect.bisect_left(own, (entry.effective_at,)) :]:
            moved[entry.deliverable_id, move, pot].append(entry)
            pot = move.pot
    return [
        row
        for (_, move, pot), group in moved.items()
        if (row := _transfer(group[0], move, pot, sum((each.amount for each in group), Decimal(0))))
    ]


def book(cash: Sequence[Entry]) -> None:
    """Books unsaved cash entries, their transfers and the totals of their deliverables.

    Shared costs among them are spread. The caller's transaction holds the locks of the deliverables
    (see `lock`).
    """
    write(cash)
    shared = [entry for entry in cash if entry.deliverable_id is None and entry.campaign_id]
    for workspace_id in {entry.workspace_id for entry in shared}:
        shares.follow(workspace_id, (entry.campaign_id for entry in shared))


def write(cash: Sequence[Entry]) -> None:
    """As `book`, and leaves it to the caller to spread shared costs (`billing.shares.follow`)."""
    own = moves_of(entry.deliverable_id for entry in cash if entry.deliverable_id)
    transfers = lay_out(cash, own)
    entries.insert([*cash, *transfers])
    costs.add(costs.of_entries(cash))


def lock(deliverable_ids: Iterable[uuid.UUID | None]) -> None:
    """Locks deliverables against decisions, in the order of their ids, until the transaction ends."""
    ids = {key for key in deliverable_ids if key is not None}
    rows = Deliverable.objects.filter(pk__in=ids).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk"))


def deliverables_of(take_ids: Iterable[uuid.UUID]) -> list[uuid.UUID]:
    """The deliverables of takes."""
    rows = Take.objects.filter(pk__in=set(take_ids)).order_by().distinct()
    return list(rows.values_list("deliverable_id", flat=True))


def decide(
    *,
    deliverable: Deliverable,
    take: Take | None,
    decision: str,
    by: Membership | Person | None,
    at: datetime.datetime | None = None,
    **said: Any,
) -> Decision:
    """Records a decision and moves the deliverable's whole cash into the pot of its new state.

    Both happen or neither; rights are the caller's to check. `said` is what `projects.decisions.record`
    takes beside. Raises AgainstGrammar where the decision does not fit, or is dated before one that
    moved this deliverable already.
    """
    with transaction.atomic():
        decisions.lock(deliverable, take)
        row = decisions.record(
            deliverable=deliverable,
            take=take,
            decision=decision,
            by=by.person if isinstance(by, Membership) else by,
            at=_in_order(deliverable, decision, at),
            **said,
        )
        move_cash([row])
        board.refresh(deliverable.pk)
    return row


def move_cash(recorded: Iterable[Decision]) -> int:
    """Books the transfers of decisions that were just recorded, for the cash booked before them.

    Answers how many transfers, without those of shared costs, whose shares these decisions change. For
    decisions written in bulk: none may be dated before one of its deliverable that moved cash already.
    Runs in the caller's transaction.
    """
    recorded = list(recorded)
    moved = move_own_cash(recorded)
    spreading = [row for row in recorded if row.decision in shares.MOVING]
    for workspace_id in {row.workspace_id for row in spreading}:
        shares.follow(workspace_id, (row.campaign_id for row in spreading))
    return moved


def move_own_cash(recorded: Iterable[Decision]) -> int:
    """As `move_cash`, and leaves it to the caller to spread shared costs (`billing.shares.follow`)."""
    moving = [row for row in recorded if row.decision in POT_AFTER and row.deliverable_id]
    with_cash = _with_cash(row.deliverable_id for row in moving)
    own = moves_of(with_cash)
    transfers: list[Entry] = []
    for row in sorted(moving, key=lambda row: (row.at, row.sequence)):
        if row.deliverable_id not in with_cash:
            continue
        moves = own[row.deliverable_id]
        place = moves.index(Move(row.at, row.sequence, POT_AFTER[row.decision]))
        before = moves[place - 1].pot if place else Pot.WIP
        transfers += _transfers(row, moves[place], before)
    entries.insert(transfers)
    return len(transfers)


def _with_cash(deliverable_ids: Iterable[uuid.UUID | None]) -> set[uuid.UUID]:
    rows = Entry.objects.filter(deliverable__in=set(deliverable_ids) - {None})
    return {key for key in rows.values_list("deliverable_id", flat=True).distinct() if key}


def _transfers(row: Decision, move: Move, before: str) -> list[Entry]:
    """All cash up to the decision moves at its instant; what was booked after it, at its own."""
    cash = Entry.objects.filter(deliverable=row.deliverable_id).exclude(kind=EntryKind.TRANSFER)
    up_to = cash.filter(effective_at__lte=row.at)
    later = cash.filter(effective_at__gt=row.at).order_by("effective_at", "id")
    found = [_transfer(entry, move._replace(at=entry.effective_at), before, entry.amount) for entry in later]
    first = up_to.first()
    if first is not None:
        total = up_to.aggregate(total=Sum("amount"))["total"]
        found.insert(0, _transfer(first, move, before, total))
    return [entry for entry in found if entry]


def _transfer(like: Entry, move: Move, before: str, amount: Decimal) -> Entry | None:
    if not amount or before == move.pot:
        return None
    return Entry(
        workspace_id=like.workspace_id,
        project_id=like.project_id,
        campaign_id=like.campaign_id,
        deliverable_id=like.deliverable_id,
        category=like.category,
        kind=EntryKind.TRANSFER,
        debit=move.pot,
        credit=before,
        amount=amount,
        decision=move.sequence,
        service_at=move.at,
        effective_at=move.at,
        booked_at=timezone.now(),
    )


def _by_the_clock(deliverable: Deliverable, instant: datetime.datetime) -> str:
    return f"{instant.astimezone(months.zone_of(deliverable.workspace)):%Y-%m-%d %H:%M:%S}"


def _in_order(deliverable: Deliverable, decision: str, at: datetime.datetime | None) -> datetime.datetime:
    """The instant of a decision that comes after all that moved the deliverable before."""
    moves = moves_of([deliverable.pk])[deliverable.pk]
    last = moves[-1].at if moves and decision in POT_AFTER else None
    if at is None:
        # a clock that lags behind another machine's must not turn the order around
        return max(timezone.now(), last) if last else timezone.now()
    if last and at < last:
        raise decisions.AgainstGrammar(
            f"{deliverable.name} was decided on at {_by_the_clock(deliverable, last)}, after this instant.",
            remedy="Decisions on a deliverable are recorded in the order of their instants.",
        )
    return at
