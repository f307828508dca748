"""The poll lane: asks providers what became of their jobs, and takes up what webhooks brought forward."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import structlog
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from generation import (
    aftermath,
    again,
    ending,
    inline,
    keyring,
    lanes,
    moves,
    pace,
    sending,
    tokens,
    unknown,
    wire,
)
from generation.media.limits import StorageTrouble
from generation.models import Call, Run
from generation.models.runs import CALLS_IN_FLIGHT, CallState, Lane, RunState
from generation.providers import registry
from generation.providers.protocol import (
    Account,
    ErrorClass,
    JobState,
    Lost,
    Provider,
    ProviderError,
    Status,
    Submitted,
)

log = structlog.get_logger(__name__)
BATCH = 300
LOST_AFTER = datetime.timedelta(minutes=2)
"""A provider may need a moment until it knows a job that it has just accepted."""

GIVEN_UP_AFTER = datetime.timedelta(hours=24)
"""A job of which no poll has told the end for this long is unknown, and listed for a person."""

UNWRITTEN_PAUSE = datetime.timedelta(minutes=2)
UNDER_WAY = (RunState.RENDERING, RunState.CANCELLED)

Keys = dict[tuple[uuid.UUID | None, bool], Account]
"""Opened accounts, and apart from them those opened with the key before the present one."""


@dataclasses.dataclass
class Watched:
    """A run in the poll lane with its latest call."""

    run: Run
    call: Call
    provider: Provider


def poll_due(wires: wire.Wire, *, now: datetime.datetime | None = None, limit: int = BATCH) -> int:
    """Asks about a batch of jobs that are due; answers how many."""
    at = now or timezone.now()
    lease, leased = lanes.lease(Lane.POLL, limit=limit, now=at)
    if not leased:
        return 0
    watched = watch(leased)
    idle = set(leased) - set(watched)
    Run.objects.filter(pk__in=idle, lease=lease).update(**moves.RESTING)
    keys: Keys = {}
    remote: dict[uuid.UUID, Any] = {}
    with contextlib.ExitStack() as open_files:
        for pk, one in watched.items():
            work = _work(one, keys, open_files, at)
            if one.provider.abilities.local:
                record({pk: (one, wire.answer_here(work(None)))}, now=now or timezone.now())
            elif work is None:
                unknown_without_look_up(one, now=now or timezone.now())
            else:
                remote[pk] = work
        for batch in wires.each(remote):
            record({pk: (watched[pk], told) for pk, told in batch.items()}, now=now or timezone.now())
    return len(leased)


def watch(runs: Sequence[uuid.UUID]) -> dict[uuid.UUID, Watched]:
    """The runs with their latest calls, those without a call under way left out; two queries."""
    rows = Run.objects.defer("request").in_bulk(list(runs))
    calls = (
        Call.objects.filter(run__in=list(runs))
        .select_related("account")
        .order_by("run", "-number")
        .distinct("run")
    )
    return {
        call.run_id: Watched(rows[call.run_id], call, registry.get(call.provider))
        for call in calls
        if call.state in CALLS_IN_FLIGHT
    }


def _work(
    one: Watched,
    keys: Keys,
    open_files: contextlib.ExitStack,
    now: datetime.datetime,
) -> Any:
    """What is to be asked: the job by its id, or by our token or once more under its key where its answer was
    lost."""
    provider, call, row = one.provider, one.call, one.call.account
    name = (call.account_id, row is not None and keyring.is_old(row, call.intended_at))
    if name not in keys:
        try:
            keys[name] = keyring.opened(row, provider=call.provider, begun_at=call.intended_at, now=now)
        except keyring.KeyLost as lost:
            return functools.partial(_refuse, error=lost)
    account = keys[name]
    if call.state == CallState.ACCEPTED:
        return functools.partial(_ask, provider=provider, account=account, call=call)
    if not provider.abilities.look_up:
        if not provider.abilities.idempotency:
            return None
        try:
            intent = again.intent(call=call, open_files=open_files, now=now)
        except StorageTrouble as trouble:  # of a file that goes in
            words = ProviderError(ErrorClass.UNAVAILABLE, f"It waits for {trouble.waits_for}.")
            return functools.partial(_refuse, error=words)
        return sending.sending(intent) if intent else None
    return functools.partial(_look_up, provider=provider, account=account, call=call)


async def _refuse(client: httpx.AsyncClient, *, error: ProviderError) -> Status:
    raise error


async def _ask(client: httpx.AsyncClient, *, provider: Provider, account: Account, call: Call) -> Status:
    told = await provider.poll(client, account=account, job_id=call.provider_job_id, handle=call.handle)
    return await inline.kept(told, ours=provider.abilities.local)


async def _look_up(
    client: httpx.AsyncClient, *, provider: Provider, account: Account, call: Call
) -> Submitted | None:
    lost = Lost(
        token=tokens.token_of(call.pk, call.token_hash),
        endpoint=call.model.partition("/")[2],
        sent_at=call.intended_at,
    )
    return await provider.find(client, account=account, lost=lost)


def record(answers: Mapping[uuid.UUID, tuple[Watched, Any]], *, now: datetime.datetime) -> None:
    """Writes what the polls told. Where one of them cannot be written, the others are; it is asked again."""
    try:
        _record(answers, now=now)
    except (IntegrityError, DataError):
        if len(answers) > 1:
            for pk, pair in answers.items():
                record({pk: pair}, now=now)
            return
        log.exception("an answer could not be written", runs=[str(pk) for pk in answers])
        later = moves.same(answers, **moves.FREE, due_at=now + UNWRITTEN_PAUSE)
        moves.alter(Run, later, states=[*UNDER_WAY, RunState.UNKNOWN])


def _record(answers: Mapping[uuid.UUID, tuple[Watched, Any]], *, now: datetime.datetime) -> None:
    """What goes on and what is done in one statement each, the rest singly."""
    goes_on: dict[uuid.UUID, dict[str, Any]] = {}
    done: dict[uuid.UUID, tuple[Watched, Status]] = {}
    for pk, (one, told) in answers.items():
        if one.call.state != CallState.ACCEPTED:
            _looked_up(one, told, now)
        elif not isinstance(told, Status):
            _not_answered(one, sending.as_error(told), now)
        elif told.state in (JobState.QUEUED, JobState.RUNNING):
            goes_on[pk] = _goes_on(one, told, now)
        elif told.state == JobState.SUCCEEDED and told.outputs:
            done[pk] = (one, told)
        else:
            _ended(one, told, now)
    with transaction.atomic():
        moves.alter(Run, goes_on, states=UNDER_WAY)
        succeeded(done, now=now)


def _goes_on(one: Watched, told: Status, now: datetime.datetime) -> dict[str, Any]:
    usual = one.run.result.get("usual_seconds")
    since = one.call.accepted_at or one.call.intended_at
    place = told.queue_position
    words = f"its turn at {one.call.provider}, {place} before it" if place else ""
    return {
        **moves.FREE,
        "due_at": pace.next_look(accepted_at=since, usual_seconds=usual, now=now),
        "progress": told.progress if told.progress is not None else pace.progress(since, usual, now),
        "waiting_for": words,
    }


def succeeded(done: Mapping[uuid.UUID, tuple[Watched, Status]], *, now: datetime.datetime) -> None:
    """Hands finished jobs to the collect lane, with their outputs and what they cost as far as was told."""
    if not done:
        return
    moved = moves.runs(
        {
            pk: {**moves.FREE, "lane": Lane.COLLECT, "due_at": now, "attempts": 0, "waiting_for": ""}
            for pk in done
        },
        to=RunState.COLLECTING,
        sources=[RunState.RENDERING, RunState.CANCELLED, RunState.SUBMITTING, RunState.UNKNOWN],
    )
    moves.alter(
        Call,
        {
            one.call.pk: {
                **aftermath.told(status),
                "outputs": [inline.row(output) for output in status.outputs],
                "evidence": {**one.call.evidence, "seed": status.seed},
                "ended_at": aftermath.ended_at(one.call, status, now),
            }
            for pk, (one, status) in done.items()
            if pk in moved
        },
        states=CALLS_IN_FLIGHT,
    )
    lanes.ring(Lane.COLLECT)


def _ended(one: Watched, told: Status, now: datetime.datetime) -> None:
    """A job that failed, was blocked or cancelled, brought nothing, or that the provider does not know."""
    if told.state == JobState.LOST:
        _lost(one, now)
    elif told.state == JobState.SUCCEEDED:
        error = ProviderError(ErrorClass.MALFORMED_OUTPUT, "it says that it succeeded, without media")
        error.charged = aftermath.was_charged(told, error) or told.billed_units is None
        _keep_units(one, told)
        aftermath.unusable(call=one.call, error=error, now=now)
    else:
        aftermath.ended_badly(call=one.call, status=told, now=now)


def _keep_units(one: Watched, told: Status) -> None:
    Call.objects.filter(pk=one.call.pk).update(**aftermath.told(told))


def _lost(one: Watched, now: datetime.datetime) -> None:
    """The provider does not know the job: at first it may be too early to ask, later nobody knows."""
    since = one.call.accepted_at or one.call.intended_at
    if now < since + LOST_AFTER:
        _again(one, "the provider to know its job", now, tries=1)
        return
    error = ProviderError(ErrorClass.UNKNOWN, "the provider does not know the job any more")
    unknown.mark(call=one.call.pk, error=error, was=[CallState.ACCEPTED], now=now)


def _not_answered(one: Watched, error: ProviderError, now: datetime.datetime) -> None:
    """Only the asking failed; the job may be well. It is asked about again, ever more seldom."""
    since = one.call.accepted_at or one.call.intended_at
    if now > since + GIVEN_UP_AFTER:
        unknown.mark(call=one.call.pk, error=error, was=[CallState.ACCEPTED], now=now)
        return
    words = f"{one.call.provider} to answer ({error.error_class})"
    _again(one, words, now, tries=one.run.attempts + 1, after=error.retry_after_seconds)


def _again(
    one: Watched, words: str, now: datetime.datetime, *, tries: int, after: float | None = None
) -> None:
    pause = pace.after_trouble(tries=tries, retry_after_seconds=after)
    columns = {
        **moves.FREE,
        "due_at": now + pause,
        "waiting_for": words[:200],
        "attempts": min(one.run.attempts + 1, 1000),
    }
    moves.alter(Run, {one.run.pk: columns}, states=UNDER_WAY)


def _looked_up(one: Watched, told: Any, now: datetime.datetime) -> None:
    """A lost answer was asked for: the job is there (or is now), is not there, or nobody could say."""
    if isinstance(told, Submitted):
        unknown.follow(call=one.call, answer=told, now=now)
    elif told is None and now >= one.call.intended_at + unknown.GRACE:
        with transaction.atomic():
            run = ending.locked(one.run.pk)
            unknown.did_not(run=run, call=one.call, now=now)
    else:
        pause = pace.after_trouble(tries=one.run.attempts + 1)
        columns = {**moves.FREE, "due_at": now + pause, "attempts": one.run.attempts + 1}
        moves.alter(Run, {one.run.pk: columns}, states=[RunState.UNKNOWN, RunState.CANCELLED])


def unknown_without_look_up(one: Watched, *, now: datetime.datetime) -> None:
    """Nothing can be asked: a webhook is waited for, then the workspace's limit or a person decides."""
    if unknown.waits_for_webhook(one.call, now):
        until = one.call.intended_at + unknown.WEBHOOK_PATIENCE
        columns = {**moves.FREE, "due_at": until, "waiting_for": "a webhook that tells what became of it"}
        moves.alter(Run, {one.run.pk: columns}, states=[RunState.UNKNOWN, RunState.CANCELLED])
    elif one.run.state == RunState.UNKNOWN:
        unknown.settle_without_answer(call=one.call, now=now)
    else:
        moves.alter(Run, {one.run.pk: moves.RESTING}, states=[RunState.CANCELLED])
