"""Where a call's money ends: its hold is posted at what was charged, or voided; once.

Nothing else in this room posts or voids the hold of a call. Both are safe to repeat: the second time finds
the hold settled and changes nothing.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from billing import ledger
from billing.models import Entry, Hold
from billing.models.ledger import Stage
from generation import charges, moves
from generation.charges import Books
from generation.models import Call
from generation.models.runs import CALLS_IN_FLIGHT, CallState
from projects.models import Take
from projects.models.takes import TakeState

COUNTED_STAGES = (Stage.GENERATION, Stage.REFINEMENT)


def post(*, call: Call, books: Books, now: datetime.datetime, failed_charged: bool = False) -> Entry | None:
    """Posts the call's hold at what the provider charged; None where it was settled already."""
    failed = {call.pk} if failed_charged else set()
    return post_all(calls=[call], books=books, failed=failed, now=now).get(call.pk)


def post_all(
    *,
    calls: Sequence[Call],
    books: Books,
    now: datetime.datetime,
    failed: Collection[uuid.UUID] = (),
    with_media: Collection[uuid.UUID] = (),
) -> dict[uuid.UUID, Entry]:
    """Posts the holds of calls of one workspace; answers the entries by call, settled ones left out.

    A call that brought media makes its take counted from the entry's effective instant on; one that failed
    and was charged marks the take. Runs in the caller's transaction, with the deliverables locked.
    """
    open_calls = [call for call in calls if call.hold is not None]
    posted = ledger.post_all(
        charges=[
            (call.hold, charges.charge(call, books, failed_charged=call.pk in failed, now=now))
            for call in open_calls
            if call.hold is not None
        ],
        now=now,
    )
    entries = {call.pk: posted[call.hold_id] for call in open_calls if call.hold_id in posted}
    done = [call for call in open_calls if call.pk in entries]
    for call in done:
        call.posted = entries[call.pk].amount
    moves.alter(Call, {call.pk: {"posted": call.posted} for call in done}, states=CallState.values)
    _mark_takes(done, entries, failed, with_media)
    return entries


def _mark_takes(
    calls: Sequence[Call],
    entries: dict[uuid.UUID, Entry],
    failed: Collection[uuid.UUID],
    with_media: Collection[uuid.UUID],
) -> None:
    """Writes what the entries say of their takes: from when they count, and by which model they were made."""
    takes = Take.objects.in_bulk({call.run.take_id for call in calls})
    generated = _generated(takes, calls)
    for call in calls:
        take, entry = takes[call.run.take_id], entries[call.pk]
        if call.pk in failed:
            take.failed_charged = True
        elif call.run.stage in COUNTED_STAGES and call.pk in with_media:
            # a lost answer that is found out late may be the earlier one
            take.counted_at = min(entry.effective_at, take.counted_at or entry.effective_at)
        if call.run.stage == Stage.GENERATION or take.pk not in generated:
            take.tier, take.provider, take.model = entry.tier, entry.provider, entry.model
    names = ("failed_charged", "counted_at", "tier", "provider", "model")
    changes: dict[uuid.UUID, dict[str, Any]] = {
        take.pk: {name: getattr(take, name) for name in names} for take in takes.values()
    }
    moves.alter(Take, changes, states=TakeState.values)


def _generated(takes: Iterable[uuid.UUID], calls: Sequence[Call]) -> set[uuid.UUID]:
    """The takes of which a call of stage generation was charged: that one names their model."""
    if all(call.run.stage == Stage.GENERATION for call in calls):
        return set()
    rows = Call.objects.filter(run__take__in=list(takes), run__stage=Stage.GENERATION, posted__isnull=False)
    return set(rows.values_list("run__take", flat=True))


def void(*, call: Call, reason: str, now: datetime.datetime) -> bool:
    """Releases the call's hold; False where it was settled already, or there is none."""
    return call.hold is not None and ledger.void(hold=call.hold, reason=reason, now=now)


def void_rest(*, runs: Iterable[uuid.UUID], reason: str, now: datetime.datetime) -> int:
    """Releases the open holds of runs that will make no more calls; those of calls under way stay."""
    ids = list(runs)
    if not ids:
        return 0
    under_way = Call.objects.filter(run__in=ids, state__in=CALLS_IN_FLIGHT, hold__isnull=False)
    rows = Hold.objects.filter(run__in=ids, outcome__isnull=True).exclude(pk__in=under_way.values("hold"))
    return ledger.void_all(holds=rows.select_related("take"), reason=reason, now=now)
