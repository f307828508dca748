"""Cancelling: exactly what is named, in every state. What was sent is asked to stop and polled to its end."""

from __future__ import annotations

import datetime
import functools
import uuid
from typing import Any

import httpx
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from billing import ledger, pots
from generation import aftermath, ending, keyring, lanes, moves, wire
from generation.models import Call, Run
from generation.models.runs import CallState, Lane, RunState
from generation.providers import registry
from generation.providers.protocol import (
    Account,
    CancelOutcome,
    ErrorClass,
    JobState,
    Provider,
    ProviderError,
    Status,
)
from projects import access, board, events
from projects.access import Right
from projects.models import Deliverable, Membership, Take
from projects.models.takes import TAKES_IN_FLIGHT, TakeState
from projects.problems import Refused

BATCH = 200
MOST_TRIES = 3
AGAIN = datetime.timedelta(seconds=5)
"""When a provider is asked once more that was busy or unwell; the sweep looks for what is due."""

MAY_WORK_LATER = (ErrorClass.RATE_LIMITED, ErrorClass.UNAVAILABLE, ErrorClass.TIMEOUT)


def cancel(
    *,
    take: Take,
    by: Membership,
    now: datetime.datetime | None = None,
    batch_id: uuid.UUID | None = None,
) -> bool:
    """Cancels one take; its own person or a manager may. False, and no change, where it had ended.

    `batch_id` is the batch that was cancelled as a whole, where the take goes with it.

    What waits costs nothing. What was sent is asked to stop; a success that arrives all the same is kept,
    marked and charged.
    """
    own = take.requested_by_id == by.person_id
    access.require(by, Right.MAKE if own else Right.APPROVE)
    if take.workspace_id != by.workspace_id:
        raise Refused("There is no such take here.", status=404)
    now = now or timezone.now()
    with transaction.atomic():
        pots.lock([take.deliverable_id])
        ledger.alone(take.workspace_id)
        done = _cancel(take, now)
        if done:
            told: dict[str, Any] = {"batch": str(batch_id)} if batch_id else {}
            events.record(
                workspace=by.workspace,
                kind="take.cancelled",
                by=by,
                at=now,
                deliverable=take.deliverable,
                take=take,
                number=take.number,
                **told,
            )
            board.refresh(take.deliverable_id)
    return done


def cancel_waiting(*, deliverable: Deliverable, by: Membership | None, now: datetime.datetime) -> int:
    """Cancels those takes of a deliverable of which nothing was sent yet; what runs is left to finish.

    In the caller's transaction; answers how many.
    """
    pots.lock([deliverable.pk])
    ledger.alone(deliverable.workspace_id)
    begun = Run.objects.exclude(state__in=ending.WAITING).values("take")
    rows = (
        Take.objects.filter(deliverable=deliverable, state__in=TAKES_IN_FLIGHT)
        .exclude(pk__in=begun)
        .order_by("pk")
    )
    count = 0
    for take in rows:
        count += _cancel(take, now)
        events.record(
            workspace=deliverable.workspace,
            kind="take.cancelled",
            by=by,
            at=now,
            deliverable=deliverable,
            take=take,
            number=take.number,
        )
    return count


def _cancel(take: Take, now: datetime.datetime) -> bool:
    """The deliverable is locked. Runs that were sent are cancelled too, and stay in the poll lane."""
    ending.stop_waiting(take, now=now)
    sent = Run.objects.filter(
        take=take, state__in=[RunState.SUBMITTING, RunState.RENDERING, RunState.UNKNOWN]
    ).values_list("pk", flat=True)
    moves.runs(
        moves.same(sent, **moves.FREE, lane=Lane.POLL, due_at=now, ended_at=now, waiting_for=""),
        to=RunState.CANCELLED,
    )
    ended = {"ended_at": now}
    return bool(moves.takes({take.pk: ended}, to=TakeState.CANCELLED, sources=TAKES_IN_FLIGHT))


def cancel_due(wires: wire.Wire, *, now: datetime.datetime | None = None) -> int:
    """The cancel lane: asks providers to stop the jobs that somebody cancelled; answers how many."""
    instant = (now or timezone.now()).isoformat()
    rows = list(
        Call.objects.filter(
            Q(evidence__cancel_again_at__isnull=True) | Q(evidence__cancel_again_at__lte=instant),
            state=CallState.ACCEPTED,
            cancel_requested_at__isnull=False,
            evidence__cancel_outcome__isnull=True,
        )
        .select_related("account", "run")
        .order_by("cancel_requested_at")[:BATCH]
    )
    calls = {row.pk: row for row in rows}
    remote = {}
    for row in rows:
        provider = registry.get(row.provider)
        work = _work(row, provider)
        if provider.abilities.local:
            record(row, wire.answer_here(work(None)), now=now or timezone.now())
        elif not provider.abilities.cancel:
            record(row, CancelOutcome.UNSUPPORTED, now=now or timezone.now())
        else:
            remote[row.pk] = work
    for batch in wires.each(remote):
        for pk, outcome in batch.items():
            record(calls[pk], outcome, now=now or timezone.now())
    return len(rows)


def _work(call: Call, provider: Provider) -> Any:
    account = keyring.opened(call.account, provider=call.provider, begun_at=call.intended_at)
    return functools.partial(_ask, provider=provider, account=account, call=call)


async def _ask(
    client: httpx.AsyncClient, *, provider: Provider, account: Account, call: Call
) -> CancelOutcome:
    return await provider.cancel(client, account=account, job_id=call.provider_job_id, handle=call.handle)


def record(call: Call, outcome: Any, *, now: datetime.datetime) -> None:
    """What the provider said to the cancel. Only "cancelled" ends the call; else polling tells the end.

    One that was busy or unwell is asked again, MOST_TRIES times in all.
    """
    Call.objects.filter(pk=call.pk, state=CallState.ACCEPTED).update(
        evidence={**call.evidence, **_said(call, outcome, now)}
    )
    if outcome == CancelOutcome.CANCELLED:
        stopped = ProviderError(ErrorClass.UNAVAILABLE, "it was cancelled in time", charged=False)
        aftermath.ended_badly(call=call, status=Status(JobState.CANCELLED, error=stopped), now=now)
        moves.alter(Run, {call.run_id: moves.RESTING}, states=[RunState.CANCELLED])
        return
    soon: dict[uuid.UUID, dict[str, Any]] = {call.run_id: {**moves.FREE, "lane": Lane.POLL, "due_at": now}}
    moves.alter(Run, soon, states=[RunState.CANCELLED, RunState.RENDERING])
    lanes.ring(Lane.POLL)


def _said(call: Call, outcome: Any, now: datetime.datetime) -> dict[str, Any]:
    """What is noted of the provider's word: how it came out, or when it is asked again."""
    if isinstance(outcome, CancelOutcome):
        return {"cancel_outcome": outcome.value}
    tries = int(call.evidence.get("cancel_tries", 0)) + 1
    again = isinstance(outcome, ProviderError) and outcome.error_class in MAY_WORK_LATER
    if again and tries < MOST_TRIES:
        return {"cancel_tries": tries, "cancel_again_at": (now + AGAIN * tries).isoformat()}
    return {"cancel_outcome": f"error: {outcome}"[:200], "cancel_tries": tries}
