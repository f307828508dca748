"""The sweep: once a minute it finds what a lost bell, a dead worker or a silent provider left behind.

Everything it does is safe to repeat and moves only rows that are still as it found them.
"""

from __future__ import annotations

import datetime
import time
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.db import Error, connection, transaction
from django.db.models import Exists, OuterRef, Q
from django_q.models import Schedule

from billing import ledger, month_sums, pot_days, seals, spend_days
from billing.exports import jobs
from billing.models import Hold
from generation import (
    account_changes,
    batch_steering,
    bill_jobs,
    ending,
    expiries,
    history_jobs,
    keyring,
    lanes,
    month_ends,
    moves,
    retirement,
    tallies,
    unknown,
    verdicts,
)
from generation.api import idempotency
from generation.models import Call, Run, SketchJob
from generation.models.runs import CALLS_IN_FLIGHT, RUNS_IN_FLIGHT, CallState, Lane, RunState
from generation.providers.protocol import ErrorClass, ProviderError
from projects.models.takes import TAKES_IN_FLIGHT, TakeState

log = structlog.get_logger(__name__)

NAME = "sweep"
MANY = 500
KEPT_JOBS = datetime.timedelta(days=7)


def ensure_schedule() -> None:
    """The queue's own schedule, which sweeps even where no supervisor does."""
    Schedule.objects.update_or_create(
        name=NAME,
        defaults={
            "func": lanes.TASKS["sweep"],
            "schedule_type": Schedule.MINUTES,
            "minutes": 1,
            "repeats": -1,
        },
    )


class Pace:
    """Rings for the sweep every SWEEP_SECONDS; a database that is away is not its concern."""

    def __init__(self) -> None:
        self.rung_at = 0.0

    def ring_when_due(self) -> None:
        if time.monotonic() - self.rung_at < settings.SWEEP_SECONDS:
            return
        try:
            if not self.rung_at:
                ensure_schedule()
                retirement.ensure_schedule()
                month_ends.ensure_schedule()
                expiries.ensure_schedule()
            lanes.ring("sweep")
            self.rung_at = time.monotonic()
        except Error:
            connection.close()


def sweep(*, now: datetime.datetime) -> dict[str, int]:
    """Does all of it, one part's failure not keeping the next from its work; answers what was found."""
    parts: dict[str, Callable[..., int]] = {
        "interrupted": interrupted,
        "stranded": stranded,
        "finished": finished,
        "holds": orphan_holds,
        "bells": bells,
        "batches": batch_steering.keep_going,
        "histories": history_jobs.overdue,
        "bills": bill_jobs.overdue,
        "pot_days": pot_days.compact,
        "spend_days": spend_days.compact,
        "old_jobs": old_jobs,
        "old_keys": idempotency.forget_old,
        "old_secrets": keyring.forget_old,
        "retired_accounts": account_changes.forget_retired,
        "months": month_sums.fold,
        "seals": seals.seal_new_day,
        "tallies": tallies.fold,
        "old_exports": jobs.forget_old,
        "verdicts": verdicts.carry_out_due,
    }
    found = {}
    for name, part in parts.items():
        try:
            found[name] = part(now=now)
        except Exception:
            log.exception("a part of the sweep failed", part=name)
            found[name] = -1
    if any(found.values()):
        log.info("swept", **found)
    return found


def interrupted(*, now: datetime.datetime) -> int:
    """Submits whose worker died between the intent and the answer: nobody knows whether they were sent.

    Calls that were handed to the hold lane and never opened were not sent: they wait there.
    """
    waiting = Q(evidence__has_key="handed_over_at") & ~Q(evidence__has_key="opened_at")
    calls = Call.objects.filter(state=CallState.INTENDED, run__leased_until__lt=now) | Call.objects.filter(
        state=CallState.INTENDED,
        run__leased_until__isnull=True,
        intended_at__lt=now - datetime.timedelta(seconds=settings.LEASE_SECONDS),
    )
    error = ProviderError(
        ErrorClass.UNKNOWN,
        "the worker ended after the intent was committed and before an answer was",
        ambiguous=True,
    )
    ids = calls.exclude(waiting).order_by("intended_at").values_list("pk", flat=True)[:MANY]
    return sum(unknown.mark(call=pk, error=error, now=now) for pk in list(ids))


def stranded(*, now: datetime.datetime) -> int:
    """Runs that no lane looks after although their state wants one; brought back into their lane."""
    back = {
        RunState.QUEUED: (Lane.SUBMIT, Q(lane=Lane.NONE) & ~Q(kind="human")),
        RunState.RENDERING: (Lane.POLL, ~Q(lane__in=[Lane.POLL, Lane.HOLD])),
        RunState.COLLECTING: (Lane.COLLECT, ~Q(lane=Lane.COLLECT)),
    }
    count = 0
    for state, (lane, lost) in back.items():
        ids = Run.objects.filter(lost, state=state).values_list("pk", flat=True)[:MANY]
        columns = moves.same(list(ids), **moves.FREE, lane=lane, due_at=now)
        count += len(moves.alter(Run, columns, states=[state]))
    return count


def finished(*, now: datetime.datetime) -> int:
    """Takes in flight whose runs have all ended, or that wait for a step that can come now."""
    under_way = Run.objects.filter(
        take=OuterRef("take"), state__in=[s for s in RUNS_IN_FLIGHT if s != RunState.PLANNED]
    )
    ids = (
        Run.objects.filter(take__state__in=TAKES_IN_FLIGHT)
        .exclude(Exists(under_way))
        .values_list("take", flat=True)
        .distinct()[:MANY]
    )
    return sum(_finish(take, now) for take in list(ids))


def _finish(take: uuid.UUID, now: datetime.datetime) -> int:
    with transaction.atomic():
        rows = Run.objects.filter(take=take).order_by("position")
        row = ending.locked(rows.values_list("pk", flat=True)[0])
        before = row.take.state
        bad = rows.filter(state__in=[RunState.FAILED, RunState.BLOCKED]).first()
        if bad is not None:
            words = ending.PLAIN.get(bad.error_class, ending.PLAIN[ErrorClass.UNKNOWN])
            ending.end_take(row.take, to=TakeState.FAILED, words=words, error_class=bad.error_class, now=now)
        else:
            ending.advance_all([row.take], now=now)
        row.take.refresh_from_db(fields=["state"])
    return int(row.take.state != before)


def orphan_holds(*, now: datetime.datetime) -> int:
    """Open holds of runs that make no more calls and have none under way: released by their job's state."""
    runs_open = Run.objects.filter(pk=OuterRef("run"), state__in=RUNS_IN_FLIGHT)
    calls_open = Call.objects.filter(
        Q(hold=OuterRef("pk")), Q(state__in=CALLS_IN_FLIGHT) | Q(run__state=RunState.COLLECTING)
    )
    known = Run.objects.filter(pk=OuterRef("run"))
    holds = (
        Hold.objects.filter(outcome__isnull=True)
        .filter(Exists(known))
        .exclude(Exists(runs_open))
        .exclude(Exists(calls_open))
        .select_related("take")
        .order_by("pk")[:MANY]
    )
    reason = "released by the sweep: its run makes no more calls"
    return sum(ledger.void(hold=hold, reason=reason, now=now) for hold in holds)


def bells(*, now: datetime.datetime) -> int:
    """Rings for every lane in which something is due."""
    rung = 0
    for lane in (Lane.SUBMIT, Lane.POLL, Lane.COLLECT):
        due = lanes.next_due(lane, now=now)
        if due is not None and due <= now:
            lanes.ring(lane)
            rung += 1
    waiting = Call.objects.filter(
        state=CallState.ACCEPTED,
        cancel_requested_at__isnull=False,
        evidence__cancel_outcome__isnull=True,
    )
    if waiting.exists():
        lanes.ring("cancel")
        rung += 1
    lanes.ring("notify")
    return rung


def old_jobs(*, now: datetime.datetime) -> int:
    """Jobs of the built-in renderer that ended long ago; their results are assets since."""
    count, _ = SketchJob.objects.filter(ended_at__lt=now - KEPT_JOBS).delete()
    return count
