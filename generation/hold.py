"""The hold lane: calls whose answer is the result, kept open by one process that never waits for one of them.

The submit lane commits such a call like any other and hands it over. Here its connection is opened, after
that was written down as well: a call that was opened and has no answer when its lease runs out is unknown,
its hold open; one that was never opened is taken up again. Leases are renewed while calls are open, and each
answer is written as it arrives.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.db import Error, close_old_connections, connection, transaction
from django.utils import timezone

from generation import aftermath, again, dispatch, ending, keyring, lanes, moves, poll, settle, unknown, wire
from generation.intents import Intent
from generation.lines import HungUp, Lines
from generation.models import Call, Run
from generation.models.runs import CallState, Lane, RunState
from generation.providers.protocol import (
    CancelOutcome,
    ErrorClass,
    JobState,
    Provider,
    ProviderError,
    Status,
)
from generation.sending import sending

log = structlog.get_logger(__name__)

MOST_OPEN = 500
AT_A_TIME = 25
"""Calls that are opened between two looks at those that are open."""

LOOK_SECONDS = 0.3
TELL_SECONDS = 3.0
"""How often cancels are looked for and progress is written."""

CRASHED = "the process that held the call open ended before the answer came"
CHANGED = "The request is no longer the one that was priced: a model or a reference has changed since."


@dataclasses.dataclass
class Held:
    """An open call."""

    intent: Intent
    lease: uuid.UUID
    files: contextlib.ExitStack
    hung_up: bool = False


class Switchboard:
    """The open calls of this process. `beat` is called again and again until it is to end."""

    def __init__(self, *, most: int = MOST_OPEN) -> None:
        self.lines = Lines()
        self.most = most
        self.held: dict[uuid.UUID, Held] = {}
        self.ends: dict[
            uuid.UUID, Any
        ] = {}  # answers that are not written yet, as while the database is away
        self.renewed_at = self.told_at = time.monotonic()

    def __enter__(self) -> Switchboard:
        self.lines.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.lines.__exit__(*error)
        for held in self.held.values():
            held.files.close()

    def beat(
        self, *, takes_up: bool = True, seconds: float = LOOK_SECONDS, now: datetime.datetime | None = None
    ) -> int:
        """Opens what is due, waits a moment, and writes what has ended; answers how much of both."""
        opened = self.take_up(now=now or timezone.now()) if takes_up else 0
        self.ends.update(self.lines.ended(seconds=0 if opened else seconds))
        ended = self.write(now=now)
        if time.monotonic() - self.renewed_at > settings.LEASE_SECONDS / 4:
            self.renew(now=now or timezone.now())
        if time.monotonic() - self.told_at > TELL_SECONDS or now is not None:
            self.tell(now=now or timezone.now())
        return opened + ended

    def take_up(self, *, now: datetime.datetime) -> int:
        """Opens calls that were handed over, as far as there is room; answers how many runs were taken up."""
        lease, leased = lanes.lease(Lane.HOLD, limit=min(AT_A_TIME, self.most - len(self.held)), now=now)
        watched = poll.watch(leased) if leased else {}
        for run in leased:
            call = watched[run].call if run in watched else None
            if call is None or call.state != CallState.INTENDED:
                moves.alter(Run, {run: {**moves.FREE, "lane": Lane.POLL}}, states=poll.UNDER_WAY)
            elif "opened_at" in call.evidence:
                error = ProviderError(ErrorClass.UNKNOWN, CRASHED, ambiguous=True)
                unknown.mark(call=call.pk, error=error, now=now)
            else:
                self._open(call, lease, now)
        return len(leased)

    def _open(self, call: Call, lease: uuid.UUID, now: datetime.datetime) -> None:
        files = contextlib.ExitStack()
        run = Run.objects.select_related("take__workspace", "take__deliverable").get(pk=call.run_id)
        intent = again.rebuilt(call=call, run=run, open_files=files, now=now)
        if intent is None:
            error = ProviderError(ErrorClass.UNAVAILABLE, CHANGED, charged=False)
            aftermath.not_accepted(call=call, error=error, now=now)
        elif begin(call, now=now):
            self.held[call.pk] = Held(intent, lease, files)
            self.lines.open(call.pk, sending(intent))
            return
        files.close()

    def write(self, *, now: datetime.datetime | None = None) -> int:
        """Writes the ends that have come; what could not be written is kept for the next time."""
        written = 0
        for pk in list(self.ends):
            held = self.held[pk]
            record(held.intent, self.ends[pk], now=now or timezone.now())
            held.files.close()
            del self.held[pk], self.ends[pk]
            written += 1
        return written

    def renew(self, *, now: datetime.datetime) -> None:
        """Keeps the runs of open calls for another LEASE_SECONDS."""
        until = now + datetime.timedelta(seconds=settings.LEASE_SECONDS)
        leases = {held.lease for held in self.held.values()}
        Run.objects.filter(pk__in=self._runs(), lease__in=leases).update(leased_until=until)
        self.renewed_at = time.monotonic()

    def _runs(self) -> list[uuid.UUID]:
        return [held.intent.order.run.pk for held in self.held.values()]

    def tell(self, *, now: datetime.datetime) -> None:
        """Writes how far open calls may be, hangs up on cancelled ones, and releases what never began."""
        progress = {
            held.intent.order.run.pk: {
                "progress": poll.guess(
                    held.intent.call.intended_at, held.intent.order.run.result.get("usual_seconds"), now
                )
            }
            for held in self.held.values()
        }
        moves.alter(Run, progress, states=[RunState.RENDERING])
        cancelled = Call.objects.filter(pk__in=list(self.held), cancel_requested_at__isnull=False)
        for pk in cancelled.values_list("pk", flat=True):
            self._hang_up(self.held[pk])
        release_cancelled(now=now)
        self.told_at = time.monotonic()

    def _hang_up(self, held: Held) -> None:
        """Closes the call, once; a provider that can stop what it is making is told before."""
        if held.hung_up:
            return
        held.hung_up = True
        intent = held.intent
        stop = functools.partial(_stop, intent=intent) if intent.order.provider.abilities.cancel else None
        self.lines.hang_up(intent.call.pk, first=stop)

    def give_up(self, *, now: datetime.datetime | None = None) -> int:
        """Marks what is still open as unknown, after a last moment for answers; answers how many."""
        until = time.monotonic() + wire.GIVEN_UP_SECONDS
        while self.held and time.monotonic() < until:
            self.beat(takes_up=False, seconds=0.1, now=now)
        error = ProviderError(ErrorClass.UNKNOWN, wire.GIVEN_UP, ambiguous=True)
        at = now or timezone.now()
        marked = sum(unknown.mark(call=pk, error=error, now=at) for pk in list(self.held))
        if marked:
            log.warning("stopped while calls were open", open_calls=marked, marked="unknown")
        return marked


def begin(call: Call, *, now: datetime.datetime) -> bool:
    """Writes down that the call is being opened, before it is; False where it was cancelled meanwhile."""
    with transaction.atomic():
        if not moves.runs(
            {call.run_id: {"waiting_for": ""}}, to=RunState.RENDERING, sources=[RunState.SUBMITTING]
        ):
            return False
        mine = Call.objects.select_for_update().filter(
            pk=call.pk, state=CallState.INTENDED, cancel_requested_at__isnull=True
        )
        row = mine.first()
        if row is None:
            transaction.set_rollback(True)
            return False
        call.evidence = {**row.evidence, "opened_at": now.isoformat()}
        mine.update(evidence=call.evidence)
    return True


def record(intent: Intent, end: Any, *, now: datetime.datetime) -> None:
    """Writes how a held call ended: with its result, an error, or because we hung up."""
    if isinstance(end, HungUp):
        _record_hung_up(intent, end.outcome, now=now)
    else:
        dispatch.record({intent.call.pk: (intent, end)}, now=now)


def _record_hung_up(intent: Intent, outcome: Any, *, now: datetime.datetime) -> None:
    """A cancel closed the call: free or charged as the provider has it, else a person is asked."""
    provider, call = intent.order.provider, intent.call
    stopped = outcome == CancelOutcome.CANCELLED
    charged = False if stopped else provider.abilities.hang_up_charged
    words = f"it was cancelled while {provider.profile.title} was making it"
    if charged is not None:
        error = ProviderError(ErrorClass.UNKNOWN, words, charged=charged)
        aftermath.ended_badly(call=call, status=Status(JobState.CANCELLED, error=error), now=now)
        moves.alter(Run, {call.run_id: moves.RESTING}, states=[RunState.CANCELLED])
        return
    words = f"{words}; the connection was closed, and whether it is charged all the same is not known"
    error = ProviderError(ErrorClass.UNKNOWN, words, ambiguous=True)
    if unknown.mark(call=call.pk, error=error, now=now):
        unknown.ask_a_person(call=call, now=now)


async def _stop(client: Any, *, intent: Intent) -> CancelOutcome:
    provider: Provider = intent.order.provider
    account = keyring.opened(intent.account, provider=provider.name, begun_at=intent.call.intended_at)
    handle = {"endpoint": intent.order.job.model}
    return await provider.cancel(client, account=account, job_id=intent.token, handle=handle)


def release_cancelled(*, now: datetime.datetime) -> int:
    """Calls that were handed over and cancelled before they were opened cost nothing; answers how many."""
    waiting = Call.objects.filter(
        state=CallState.INTENDED,
        cancel_requested_at__isnull=False,
        evidence__has_key="handed_over_at",
    ).exclude(evidence__has_key="opened_at")
    return sum(_release(pk, now) for pk in list(waiting.values_list("pk", flat=True)[:AT_A_TIME]))


def _release(call: uuid.UUID, now: datetime.datetime) -> bool:
    with transaction.atomic():
        row = Call.objects.select_related("hold").get(pk=call)
        ending.locked(row.run_id)
        found = Call.objects.select_for_update().get(pk=call)
        if "opened_at" in found.evidence or not moves.calls(
            {call: {"ended_at": now}}, to=CallState.CANCELLED, sources=[CallState.INTENDED]
        ):
            return False
        settle.void(call=row, reason="cancelled before it was sent", now=now)
        rest = {row.run_id: {**moves.RESTING, "ended_at": now}}
        moves.runs(rest, to=RunState.CANCELLED, sources=[RunState.SUBMITTING])
        moves.alter(Run, rest, states=[RunState.CANCELLED])
    return True


def run(*, stops: Callable[[], bool], gives_up: Callable[[], bool]) -> None:
    """Holds calls until `stops` says so; then waits for the open ones up to DRAIN_SECONDS, or gives them up.

    A database that is away is waited for; answers that come meanwhile are kept and written later.
    """
    with Switchboard() as board:
        until = float("inf")
        while not (stops() and (gives_up() or not board.held or time.monotonic() > until)):
            if stops():
                until = min(until, time.monotonic() + settings.DRAIN_SECONDS)
            try:
                close_old_connections()
                board.beat(takes_up=not stops())
            except Error as error:
                log.warning("the database is away", error=str(error))
                connection.close()
                time.sleep(1)
        board.give_up()
