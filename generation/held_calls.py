"""One call of the hold lane in the rows: opened, put off, ended, hung up on, or released unopened."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from django.db import transaction

from generation import aftermath, dispatch, ending, keyring, moves, settle, unknown
from generation.intents import Intent
from generation.lines import HungUp
from generation.models import Call, Run
from generation.models.runs import CallState, RunState
from generation.providers.protocol import (
    CancelOutcome,
    ErrorClass,
    JobState,
    Provider,
    ProviderError,
    Status,
)

PAUSE = datetime.timedelta(seconds=30)
"""When a call is looked at again that could not be made ready."""

MANY = 100


def put_off(call: Call, words: str, *, now: datetime.datetime) -> None:
    """Lets a call that was not opened wait; nothing of it was sent."""
    later = {**moves.FREE, "due_at": now + PAUSE, "waiting_for": words[:200]}
    moves.alter(Run, {call.run_id: later}, states=[RunState.SUBMITTING])


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


async def stop(client: Any, *, intent: Intent) -> CancelOutcome:
    """Asks the provider to end what it makes, by our token: the call has no other name yet."""
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
    return sum(_release(pk, now) for pk in list(waiting.values_list("pk", flat=True)[:MANY]))


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
