"""Where a call's money ends: its hold is posted at what was charged, or voided; once.

Nothing else in this room posts or voids the hold of a call. Both are safe to repeat: the second time finds
the hold settled and changes nothing.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable

from billing import ledger
from billing.models import Entry, Hold
from billing.models.ledger import Stage
from generation import charges
from generation.charges import Books
from generation.models import Call
from generation.models.runs import CALLS_IN_FLIGHT
from projects.models import Take

COUNTED_STAGES = (Stage.GENERATION, Stage.REFINEMENT)


def post(
    *,
    call: Call,
    books: Books,
    now: datetime.datetime,
    failed_charged: bool = False,
    brought_media: bool = False,
) -> Entry | None:
    """Posts the call's hold at what the provider charged; None where it was settled already.

    A call that brought media makes its take counted from the entry's effective instant on; one that failed
    and was charged marks the take. Runs in the caller's transaction, with the deliverable locked.
    """
    if call.hold is None:
        return None
    charge = charges.charge(call, books, failed_charged=failed_charged, now=now)
    entry = ledger.post(hold=call.hold, charge=charge, now=now)
    if entry is None:
        return None
    call.posted = entry.amount
    Call.objects.filter(pk=call.pk).update(posted=entry.amount)
    takes = Take.objects.filter(pk=call.run.take_id)
    if failed_charged:
        takes.update(failed_charged=True)
    elif call.run.stage in COUNTED_STAGES and brought_media:
        takes.filter(counted_at__isnull=True).update(counted_at=entry.effective_at)
    if call.run.stage == Stage.GENERATION or not _has_generation(call):
        takes.update(tier=entry.tier, provider=entry.provider, model=entry.model)
    return entry


def void(*, call: Call, reason: str, now: datetime.datetime) -> bool:
    """Releases the call's hold; False where it was settled already, or there is none."""
    return call.hold is not None and ledger.void(hold=call.hold, reason=reason, now=now)


def void_rest(*, runs: Iterable[uuid.UUID], reason: str, now: datetime.datetime) -> int:
    """Releases the open holds of runs that will make no more calls; those of calls under way stay."""
    under_way = Call.objects.filter(run__in=list(runs), state__in=CALLS_IN_FLIGHT, hold__isnull=False).values(
        "hold"
    )
    rows = Hold.objects.filter(run__in=list(runs), outcome__isnull=True).exclude(pk__in=under_way)
    return sum(
        ledger.void(hold=hold, reason=reason, now=now) for hold in rows.select_related("take").order_by("pk")
    )


def _has_generation(call: Call) -> bool:
    """Whether a call of stage generation has been charged for the take already: that one names its model."""
    return Call.objects.filter(
        run__take=call.run.take_id, run__stage=Stage.GENERATION, posted__isnull=False
    ).exists()
