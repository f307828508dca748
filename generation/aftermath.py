"""What an error leads to: wait, retry, the next model, or the end, as the route says for its class."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from django.db import transaction

from generation import charges, ending, lanes, moves, pace, retirement, settle, unknown
from generation.models import Call, ProviderAccount, Run
from generation.models.runs import CALL_MOVES, CallState, Lane, RunState
from generation.providers.protocol import ErrorClass, JobState, ProviderError, Status
from routing import health
from routing.after_error import Trouble, after_error
from routing.decision import Then
from routing.document import RETRIES

ENDED: dict[JobState, CallState] = {
    JobState.FAILED: CallState.FAILED,
    JobState.BLOCKED: CallState.BLOCKED,
    JobState.CANCELLED: CallState.CANCELLED,
}


def not_accepted(*, call: Call, error: ProviderError, now: datetime.datetime) -> None:
    """The submit did not end with a job: it was refused, or nobody knows."""
    if error.ambiguous:
        if unknown.mark(call=call.pk, error=error, now=now):
            _count(call.run, call, error, now)
        return
    with transaction.atomic():
        row = ending.locked(call.run_id)
        columns = {**_said(error), "ended_at": now}
        if not _end(call, CallState.REFUSED, columns, error, charged=error.charged, now=now):
            return
        _rest_account(call, error, now)
        _go_on(row, call.pk, error, charged=error.charged, now=now)
    _count(row, call, error, now)


def ended_badly(*, call: Call, status: Status, now: datetime.datetime) -> None:
    """An accepted job failed, was blocked or was cancelled: its money ends, the run goes on or ends."""
    error = status.error or ProviderError(ErrorClass.UNAVAILABLE, f"the job ended: {status.state}")
    charged = was_charged(status, error)
    with transaction.atomic():
        row = ending.locked(call.run_id)
        columns = {**_said(error), "ended_at": ended_at(call, status, now), **told(status)}
        to = ENDED.get(status.state, CallState.FAILED)
        if not _end(call, to, columns, error, charged=charged, now=now):
            return
        _go_on(row, call.pk, error, charged=charged, now=now)
    if status.state != JobState.CANCELLED:
        _count(row, call, error, now)


def unusable(*, call: Call, error: ProviderError, now: datetime.datetime) -> None:
    """A job succeeded and brought nothing that can be used: charged as the provider charges a success."""
    with transaction.atomic():
        row = ending.locked(call.run_id)
        if not moves.calls({call.pk: {**_said(error), "ended_at": now}}, to=CallState.FAILED):
            return
        _go_on(row, call.pk, error, charged=error.charged is not False, now=now)
    _count(row, call, error, now)


def was_charged(status: Status, error: ProviderError) -> bool | None:
    """What the provider says about money: an amount, units, or a plain word; None where it says nothing."""
    if status.charge is not None:
        return status.charge > 0
    if status.billed_units is not None:
        return status.billed_units > 0
    return error.charged


def _end(
    call: Call,
    to: CallState,
    columns: dict[str, Any],
    error: ProviderError,
    *,
    charged: bool | None,
    now: datetime.datetime,
) -> bool:
    """Ends the call; False where it had ended.

    Of one on whose charge its provider says nothing the end is known and the money is not: it is unknown,
    its hold stays open, and a person is asked.
    """
    if charged is not None or call.hold is None or not call.hold.amount:
        return bool(moves.calls({call.pk: columns}, to=to))
    columns = {**columns, **unknown.in_doubt(call, error, now=now)}
    sources = [state for state in (CallState.INTENDED, CallState.ACCEPTED) if to in CALL_MOVES[state]]
    if moves.calls({call.pk: columns}, to=CallState.UNKNOWN, sources=sources):
        return True
    lost = Call.objects.filter(pk=call.pk, state=CallState.UNKNOWN, ended_at__isnull=True)
    return lost.exists() and bool(moves.alter(Call, {call.pk: columns}, states=[CallState.UNKNOWN]))


def ended_at(call: Call, status: Status, now: datetime.datetime) -> datetime.datetime:
    """When a job ended, by the provider's clock as far as it can be right: since it was sent, and by now."""
    return min(max(status.ended_at or now, call.intended_at), now)


def told(status: Status) -> dict[str, Any]:
    """What a status says about money, as columns of a call."""
    return {
        "units": status.billed_units,
        "input_tokens": status.input_tokens,
        "output_tokens": status.output_tokens,
        "reported_charge": status.charge,
        "reported_currency": status.charge_currency,
    }


def _go_on(
    run: Run, call: uuid.UUID, error: ProviderError, *, charged: bool | None, now: datetime.datetime
) -> None:
    """Settles the ended call as far as its money is known; the run waits, retries, goes to the next, ends."""
    row = Call.objects.select_related("run__take__workspace", "run__take__requested_by", "hold").get(pk=call)
    if charged:
        books = charges.open_books([row], now=now)
        settle.post(call=row, books=books, failed_charged=True, now=now)
    in_doubt = row.state == CallState.UNKNOWN
    if in_doubt:
        unknown.ask_for_the_charge(run=run, call=row, now=now)
    due_at, choice = _next(run, row, error, now)
    if due_at is None:
        if not in_doubt:
            settle.void(call=row, reason=f"{error.error_class}: {error.detail}"[:200], now=now)
        ending.fail_run(run=run.pk, error_class=error.error_class, error=error.detail, now=now)
        return
    if not charged and not in_doubt:
        Call.objects.filter(pk=call).update(hold=None)
    again = {
        **moves.FREE,
        "lane": Lane.SUBMIT,
        "due_at": due_at,
        "choice": choice,
        "waiting_for": _words(error, run, choice)[:200],
        "error_class": error.error_class,
        "error": error.detail[:500],
    }
    if moves.runs({run.pk: again}, to=RunState.QUEUED):
        lanes.ring(Lane.SUBMIT)
    else:
        settle.void_rest(runs=[run.pk], reason="the run has ended", now=now)


def _next(
    run: Run, call: Call, error: ProviderError, now: datetime.datetime
) -> tuple[datetime.datetime | None, int]:
    """When the run is submitted again and with which choice; None for never."""
    if run.state == RunState.CANCELLED or call.cancel_requested_at is not None:
        return None, run.choice
    choices = run.request.get("choices", [])
    tries = run.calls.filter(model=call.model, error_class=error.error_class).count()
    trouble = Trouble(
        error_class=error.error_class,
        tries=tries,
        choice=run.choice,
        choices=len(choices),
        under_way=now - (run.started_at or now),
    )
    then = after_error(
        trouble,
        on_error=run.request.get("on_error", {}),
        retries=int(run.request.get("retries", RETRIES)),
    )
    if then == Then.STOP:
        return None, run.choice
    if then == Then.NEXT:
        return now, run.choice + 1
    pause = pace.after_trouble(tries=tries, retry_after_seconds=error.retry_after_seconds)
    return now + pause, run.choice


def _words(error: ProviderError, run: Run, choice: int) -> str:
    plain = ending.PLAIN.get(error.error_class, "")
    if choice != run.choice:
        return f"{plain} {run.request['choices'][choice]['model']} is next."
    return f"{plain} It is tried again."


def _said(error: ProviderError) -> dict[str, str]:
    return {"error_class": str(error.error_class), "error": error.detail[:500]}


def _rest_account(call: Call, error: ProviderError, now: datetime.datetime) -> None:
    """A provider that named a time to wait is left alone by every worker until then."""
    if call.account_id and error.error_class == ErrorClass.RATE_LIMITED and error.retry_after_seconds:
        until = now + pace.asked_for(error.retry_after_seconds)
        ProviderAccount.objects.filter(pk=call.account_id).update(blocked_until=until)


def _count(run: Run, call: Call, error: ProviderError, now: datetime.datetime) -> None:
    """Lets the model's circuit breaker know, outside the transaction that ended the call.

    A model that its provider has no longer is retired for the workspace until a person takes that back.
    """
    workspace = run.take.workspace
    if error.error_class == ErrorClass.RETIRED:
        retirement.answered_retired(workspace=workspace, model_key=call.model, words=error.detail, now=now)
    health.record(
        workspace=workspace,
        model_key=call.model,
        error_class=str(error.error_class),
        seconds=pace.seconds_between(call.accepted_at or call.intended_at, now),
        now=now,
    )
