"""The submit lane: lease, choose, commit the intent, call the provider, commit the job's id."""

from __future__ import annotations

import contextlib
import datetime
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import structlog
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from billing.budgets import BudgetRefused
from circletake import bells, stopping
from generation import aftermath, choosing, ending, intents, lanes, moves, pace, poll, sending, unknown, wire
from generation.choosing import Hopeless, Later, Order
from generation.intents import Intent
from generation.models import Call, Run
from generation.models.runs import CallState, Lane, RunState
from generation.providers.protocol import ErrorClass, JobState, ProviderError, Submitted
from projects.models.takes import TAKES_IN_FLIGHT
from routing import health
from routing.brief import Breaker

log = structlog.get_logger(__name__)

BATCH = 300
TAKEN = "Its answer names a job that another call has already."


def submit_due(wires: wire.Wire, *, now: datetime.datetime | None = None, limit: int = BATCH) -> int:
    """Takes up a batch of runs that wait for their submit; answers how many."""
    at = now or timezone.now()
    lease, leased = lanes.lease_fairly(
        limit=limit, room=intents.room(now=at), local_room=intents.local_room(now=at), now=at
    )
    if not leased:
        return 0
    rows = Run.objects.select_related("take__workspace", "take__deliverable").in_bulk(leased)
    runs = [rows[pk] for pk in leased if rows[pk].take.state in TAKES_IN_FLIGHT]
    with contextlib.ExitStack() as open_files:
        orders = _chosen(runs, open_files, at)
        committed = intents.commit(orders, lease=lease, now=at)
        for full in committed.full:
            _not_sent(full.order)
            put_off({full.order.run.pk: (full.until, full.words)})
        sent = [intent.order.run.pk for intent in committed.intents]
        Run.objects.filter(lease=lease).exclude(pk__in=sent).update(**moves.FREE)
        send(wires, committed.intents, now=now)
    return len(leased)


def _chosen(runs: list[Run], open_files: contextlib.ExitStack, now: datetime.datetime) -> list[Order]:
    """The runs that can be sent, with covered holds; what cannot is put off, failed or stopped."""
    orders = []
    for found in choosing.choose(runs, open_files=open_files, now=now):
        match found:
            case Later():
                put_off({found.run.pk: (found.until, found.words)})
            case Hopeless():
                ending.fail_run(run=found.run.pk, error_class=found.error_class, error=found.words, now=now)
            case Order() if not _let_through(found, now):
                words = f"{found.choice.model} to be well again: it is being probed"
                put_off({found.run.pk: (now + choosing.PROBE_PAUSE, words)})
            case Order():
                orders.append(found)
    uncovered = intents.uncovered(orders)
    return [order for order in orders if order.run.pk not in uncovered or _covered(order, now)]


def _covered(order: Order, now: datetime.datetime) -> bool:
    """Holds the money of a further call; a take whose money is refused stops."""
    try:
        intents.cover(order, now=now)
    except BudgetRefused as refusal:
        ending.stop_by_budget(run=order.run.pk, words=refusal.detail, now=now)
        return False
    return True


def _let_through(order: Order, now: datetime.datetime) -> bool:
    """Whether the model's circuit breaker lets this call through; a closed one is not even asked."""
    return order.choice.health == Breaker.CLOSED or health.probe(
        workspace=order.run.take.workspace,
        model_key=order.choice.model,
        at_most=order.choice.at_most or Decimal(0),
        now=now,
    )


def _not_sent(order: Order) -> None:
    """A probe that found no place at its provider keeps no money."""
    if order.choice.health != Breaker.CLOSED:
        health.not_sent(
            workspace=order.run.take.workspace,
            model_key=order.choice.model,
            at_most=order.choice.at_most or Decimal(0),
        )


def put_off(runs: Mapping[uuid.UUID, tuple[datetime.datetime, str]]) -> None:
    """Lets runs wait in the submit lane until an instant, saying in words what for."""
    moves.alter(
        Run,
        {
            run: {**moves.FREE, "due_at": until, "waiting_for": words[:200]}
            for run, (until, words) in runs.items()
        },
        states=[RunState.QUEUED],
    )


def send(wires: wire.Wire, committed: list[Intent], *, now: datetime.datetime | None = None) -> None:
    """Sends committed intents, all at once, and records the answers as they come."""
    hand_over([intent for intent in committed if intent.order.job.blocking], now=now or timezone.now())
    local = [intent for intent in committed if intent.order.provider.abilities.local]
    remote = {
        i.call.pk: i for i in committed if not (i.order.provider.abilities.local or i.order.job.blocking)
    }
    for intent in local:
        record({intent.call.pk: (intent, _here(intent))}, now=now or timezone.now())
    work = {pk: sending.sending(intent) for pk, intent in remote.items()}
    for batch in wires.each(work, gives_up=stopping.gives_up):
        answers = {pk: (remote[pk], answer) for pk, answer in batch.items()}
        record(answers, now=now or timezone.now())
        if open_calls := sum(isinstance(answer, wire.GivenUp) for answer in batch.values()):
            log.warning("stopped while calls were open", open_calls=open_calls, marked="unknown")


def hand_over(committed: list[Intent], *, now: datetime.datetime) -> None:
    """Leaves committed calls to the process that holds calls open; nothing of them has been sent."""
    runs = {
        intent.order.run.pk: {
            **moves.FREE,
            "lane": Lane.HOLD,
            "due_at": now,
            "waiting_for": f"a line to {intent.order.provider.profile.title}",
            "result": _expecting(intent),
        }
        for intent in committed
    }
    calls = {intent.call.pk: {"evidence": {"handed_over_at": now.isoformat()}} for intent in committed}
    with transaction.atomic():
        moves.alter(Run, runs, states=[RunState.SUBMITTING])
        moves.alter(Call, calls, states=[CallState.INTENDED])
        bells.ring(bells.HOLD)


def _expecting(intent: Intent) -> dict[str, Any]:
    """What the run says of the job that was sent for it."""
    return {
        **intent.order.run.result,
        "dropped": list(intent.order.job.dropped),
        "adjusted": list(intent.order.job.adjusted),
        "usual_seconds": intent.order.usual_seconds,
    }


def _here(intent: Intent) -> Any:
    """The answer of a local provider; where the request breaks it, what it began is taken back."""
    try:
        with transaction.atomic():
            return wire.here(sending.sending(intent)(None))  # type: ignore[arg-type]
    except ProviderError as error:
        return error
    except choosing.ODD as fault:
        log.exception("a request could not be taken", call=str(intent.call.pk))
        words = f"{intent.call.model} cannot read this request ({type(fault).__name__})."
        return ProviderError(ErrorClass.BAD_REQUEST, words, charged=False)


def record(answers: Mapping[uuid.UUID, tuple[Intent, Any]], *, now: datetime.datetime) -> None:
    """Commits what the submits answered: job ids together, errors one by one."""
    accepted = {pk: pair for pk, pair in answers.items() if isinstance(pair[1], Submitted)}
    if accepted:
        _record_accepted(accepted, now=now)
    for pk, (intent, answer) in answers.items():
        if pk in accepted:
            continue
        aftermath.not_accepted(call=intent.call, error=sending.as_error(answer), now=now)


def _record_accepted(
    accepted: Mapping[uuid.UUID, tuple[Intent, Submitted]], *, now: datetime.datetime
) -> None:
    """Where one of the answers cannot be written, the others are; that one counts as lost."""
    try:
        record_accepted(accepted, now=now)
    except (IntegrityError, DataError) as fault:
        if len(accepted) > 1:
            for pk, pair in accepted.items():
                _record_accepted({pk: pair}, now=now)
            return
        log.exception("an answer could not be written", calls=[str(pk) for pk in accepted])
        words = TAKEN if isinstance(fault, IntegrityError) else "Its answer could not be written."
        lost = ProviderError(ErrorClass.UNKNOWN, words, ambiguous=True)
        for intent, _ in accepted.values():
            aftermath.not_accepted(call=intent.call, error=lost, now=now)


def record_accepted(
    accepted: Mapping[uuid.UUID, tuple[Intent, Submitted]], *, now: datetime.datetime
) -> None:
    """The provider has the jobs: ids are kept and polling begins. Overtaken by a webhook, only ids count.

    An answer that came after its lease had run out, when nobody expected it any more, is followed as well.
    """
    with transaction.atomic():
        moved = moves.calls(
            {
                pk: {
                    "provider_job_id": answer.job_id[:200],
                    "handle": dict(answer.handle),
                    "accepted_at": now,
                }
                for pk, (_, answer) in accepted.items()
            },
            to=CallState.ACCEPTED,
            sources=[CallState.INTENDED],
        )
        columns = {
            intent.order.run.pk: {
                **moves.FREE,
                "lane": Lane.POLL,
                "due_at": pace.first_look(intent.order.usual_seconds, now),
                "result": _expecting(intent),
            }
            for pk, (intent, _) in accepted.items()
            if pk in moved
        }
        moves.runs(columns, to=RunState.RENDERING, sources=[RunState.SUBMITTING, RunState.UNKNOWN])
        moves.alter(Run, columns, states=[RunState.RENDERING])  # of a call that was held open
        stopped = Call.objects.filter(pk__in=moved, cancel_requested_at__isnull=False)
        lanes.ring("cancel" if stopped.exists() else Lane.POLL)
    late = Call.objects.filter(pk__in=accepted.keys() - moved, state=CallState.UNKNOWN)
    for call in late:
        unknown.follow(call=call, answer=accepted[call.pk][1], now=now)
    _record_ends(accepted, now=now)


def _record_ends(accepted: Mapping[uuid.UUID, tuple[Intent, Submitted]], *, now: datetime.datetime) -> None:
    """Takes answers that told the end already as polls that did; what was settled meanwhile stays so."""
    ends = {
        intent.order.run.pk: (pk, answer.status)
        for pk, (intent, answer) in accepted.items()
        if answer.status is not None and answer.status.state not in (JobState.QUEUED, JobState.RUNNING)
    }
    watched = poll.watch(list(ends)) if ends else {}
    known = {
        run: (one, ends[run][1])
        for run, one in watched.items()
        if one.call.pk == ends[run][0] and one.call.state == CallState.ACCEPTED
    }
    poll.record(known, now=now)
