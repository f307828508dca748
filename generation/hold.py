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
from django.db import Error, InterfaceError, OperationalError, close_old_connections, connection
from django.utils import timezone

from circletake import bells
from generation import aftermath, again, held_calls, lanes, moves, pace, poll, unknown, wire
from generation.intents import Intent
from generation.lines import Lines
from generation.media.limits import StorageTrouble
from generation.models import Call, Run
from generation.models.runs import CallState, Lane, RunState
from generation.providers.protocol import ErrorClass, ProviderError
from generation.sending import sending

log = structlog.get_logger(__name__)

MOST_OPEN = 500
AT_A_TIME = 25
"""Calls that are opened between two looks at those that are open."""

LOOK_SECONDS, IDLE_SECONDS = 0.3, 1.0
"""Waits for an answer, and for the bell while no call is open."""

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
                self._try(call, lease, now)
        return len(leased)

    def _try(self, call: Call, lease: uuid.UUID, now: datetime.datetime) -> None:
        """Opens a call; one that cannot be made ready was not sent, and stands in nobody's way."""
        try:
            self._open(call, lease, now)
        except StorageTrouble as trouble:  # of a file that goes in
            held_calls.put_off(call, trouble.waits_for, now=now)
        except Error:
            raise
        except Exception:
            log.exception("a call could not be made ready", call=str(call.pk))
            held_calls.put_off(call, "its request to be made ready", now=now)

    def _open(self, call: Call, lease: uuid.UUID, now: datetime.datetime) -> None:
        files = contextlib.ExitStack()
        run = Run.objects.select_related("take__workspace", "take__deliverable").get(pk=call.run_id)
        intent = again.rebuilt(call=call, run=run, open_files=files, now=now)
        if intent is None:
            error = ProviderError(ErrorClass.UNAVAILABLE, CHANGED, charged=False)
            aftermath.not_accepted(call=call, error=error, now=now)
        elif held_calls.begin(call, now=now):
            self.held[call.pk] = Held(intent, lease, files)
            self.lines.open(call.pk, sending(intent))
            return
        files.close()

    def write(self, *, now: datetime.datetime | None = None) -> int:
        """Writes the ends that have come; what could not be written is kept for the next time."""
        written = 0
        for pk in list(self.ends):
            held, at = self.held[pk], now or timezone.now()
            try:
                held_calls.record(held.intent, self.ends[pk], now=at)
            except (OperationalError, InterfaceError):
                raise
            except Exception as fault:  # also what no row can hold: it must not keep the others unwritten
                log.exception("an answer could not be written", call=str(pk))
                lost = ProviderError(ErrorClass.UNKNOWN, f"its answer could not be written: {fault!r}")
                unknown.mark(call=pk, error=lost, was=[CallState.INTENDED, CallState.ACCEPTED], now=at)
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
                "progress": pace.progress(
                    held.intent.call.intended_at, held.intent.order.run.result.get("usual_seconds"), now
                )
            }
            for held in self.held.values()
        }
        moves.alter(Run, progress, states=[RunState.RENDERING])
        cancelled = Call.objects.filter(pk__in=list(self.held), cancel_requested_at__isnull=False)
        for pk in cancelled.values_list("pk", flat=True):
            self._hang_up(self.held[pk])
        held_calls.release_cancelled(now=now)
        self.told_at = time.monotonic()

    def _hang_up(self, held: Held) -> None:
        """Closes the call, once; a provider that can stop what it is making is told before."""
        if held.hung_up:
            return
        held.hung_up = True
        intent = held.intent
        stop = (
            functools.partial(held_calls.stop, intent=intent)
            if intent.order.provider.abilities.cancel
            else None
        )
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


def run(*, stops: Callable[[], bool], gives_up: Callable[[], bool]) -> None:
    """Holds calls until `stops` says so; then waits for the open ones up to DRAIN_SECONDS, or gives them up.

    A database that is away is waited for; answers that come meanwhile are kept and written later.
    """
    bell = bells.Bell(bells.HOLD)
    with Switchboard() as board:
        until = float("inf")
        while not (stops() and (gives_up() or not board.held or time.monotonic() > until)):
            if stops():
                until = min(until, time.monotonic() + settings.DRAIN_SECONDS)
            try:
                close_old_connections()
                if idle := not (board.held or stops()):
                    bell.wait(seconds=IDLE_SECONDS)
                board.beat(takes_up=not stops(), seconds=0 if idle else LOOK_SECONDS)
            except Error as error:
                log.warning("the database is away", error=str(error))
                connection.close()
                time.sleep(1)
        board.give_up()
