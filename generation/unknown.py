"""Calls of which nobody knows whether the provider has them: sent, and no answer came.

What can be asked is asked; a webhook that carries our token answers by itself; below the workspace's limit
for doubtful charges the step is sent once more, and it is said; everything else waits, its hold open, listed
with its evidence for a person, who says that it happened or that it did not. So does a call that ended
without a word of the provider on whether it is charged; only its money is unknown.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from generation import charges, ending, lanes, moves, settle, wire
from generation.models import Call, Run
from generation.models.runs import CallState, Lane, RunState
from generation.providers.protocol import ErrorClass, ProviderError, Submitted
from projects import access, events, notices
from projects.access import Right
from projects.models import Membership, Role
from projects.models.notices import NoticeKind
from projects.models.takes import TAKES_IN_FLIGHT
from projects.problems import Invalid, Refused

GRACE = datetime.timedelta(seconds=10)
"""How long a job may need until a look-up finds it."""

WEBHOOK_PATIENCE = datetime.timedelta(minutes=10)
"""How long a webhook is waited for that would answer by itself."""


def mark(
    *,
    call: uuid.UUID,
    error: ProviderError,
    now: datetime.datetime,
    was: Collection[str] = (CallState.INTENDED,),
) -> bool:
    """The call's answer is lost: it and its run become unknown, with the evidence; False if it was known.

    What another worker or a webhook wrote since is not forgotten: only a call that still is as it `was`
    becomes unknown.
    """
    with transaction.atomic():
        row = Call.objects.select_related("account").get(pk=call)
        run = ending.locked(row.run_id)
        columns = {
            "error_class": str(ErrorClass.UNKNOWN),
            "error": error.detail[:500],
            "evidence": evidence(row, error, now),
        }
        if not moves.calls({call: columns}, to=CallState.UNKNOWN, sources=was):
            return False
        moves.runs(
            {
                run.pk: {
                    **moves.FREE,
                    "lane": Lane.POLL,
                    "due_at": now + GRACE,
                    "waiting_for": "an answer that was lost: it is being found out what became of it",
                    "error_class": str(ErrorClass.UNKNOWN),
                    "error": error.detail[:500],
                }
            },
            to=RunState.UNKNOWN,
        )
    lanes.ring(Lane.POLL)
    return True


def evidence(call: Call, error: ProviderError, now: datetime.datetime) -> dict[str, Any]:
    """All that is known about the call, for a person who looks it up at the provider."""
    return {
        **call.evidence,
        "intended_at": call.intended_at.isoformat(),
        "unknown_since": call.evidence.get("unknown_since") or now.isoformat(),
        "what_happened": error.detail[:500],
        "model": call.model,
        "account": call.account.name if call.account else "",
        "payload_sha256": call.payload_hash,
        "token_sha256": call.token_hash,
        "job_id": call.provider_job_id,
    }


def given_up_since(begun: datetime.datetime) -> int:
    """How many calls sent since then were given up by workers that were stopped."""
    found = Call.objects.filter(state=CallState.UNKNOWN, intended_at__gte=begun)
    return found.filter(evidence__what_happened=wire.GIVEN_UP).count()


def waits_for_webhook(call: Call, now: datetime.datetime) -> bool:
    """Whether the provider may still tell by itself."""
    if call.account is None or not call.account.webhooks or "opened_at" in call.evidence:
        return False
    return now < call.intended_at + WEBHOOK_PATIENCE


def settle_without_answer(*, call: Call, now: datetime.datetime) -> None:
    """Nothing more can be asked: sends the step once more below the workspace's limit, or lists it."""
    with transaction.atomic():
        run = ending.locked(call.run_id)
        if run.state != RunState.UNKNOWN:
            return
        amount = call.hold.amount if call.hold else None
        limit = run.take.workspace.doubtful_charge_limit
        first = run.calls.filter(state=CallState.UNKNOWN).count() == 1
        if first and amount is not None and amount <= limit and limit > 0:
            _send_once_more(run, call, now)
        else:
            _list(run, call, now)


def _send_once_more(run: Run, call: Call, now: datetime.datetime) -> None:
    """The doubtful call keeps its hold and stays listed; the new one holds its own money."""
    said = {**call.evidence, "sent_once_more_at": now.isoformat()}
    Call.objects.filter(pk=call.pk).update(evidence=said)
    again = {
        **moves.FREE,
        "lane": Lane.SUBMIT,
        "due_at": now,
        "waiting_for": "its second submit; the first one's answer was lost and it may be charged as well",
    }
    moves.runs({run.pk: again}, to=RunState.QUEUED, sources=[RunState.UNKNOWN])
    events.record(
        workspace=run.take.workspace,
        kind="take.sent_once_more",
        at=now,
        deliverable=run.take.deliverable,
        take=run.take,
        step=run.step,
        model=call.model,
        doubtful_amount=str(call.hold.amount if call.hold else ""),
    )
    lanes.ring(Lane.SUBMIT)


def _list(run: Run, call: Call, now: datetime.datetime) -> None:
    rest = {**moves.RESTING, "waiting_for": "a person to say whether the provider has this job"}
    moves.alter(Run, {run.pk: rest}, states=[RunState.UNKNOWN])
    _notify(run, call, now)
    _tell_asker(run, call, now)


def ask_a_person(*, call: Call, now: datetime.datetime) -> None:
    """A call that we ended ourselves and that may be charged: it is listed, and managers are told."""
    with transaction.atomic():
        run = ending.locked(call.run_id)
        moves.alter(Run, {run.pk: moves.RESTING}, states=[RunState.CANCELLED])
        _notify(run, call, now)


def in_doubt(call: Call, error: ProviderError, *, now: datetime.datetime) -> dict[str, Any]:
    """The evidence of a call whose end is known and whose charge is not, as columns; it keeps its hold."""
    words = f"{error.detail[:400]} (it ended, and whether it is charged is not known)"
    return {"evidence": evidence(call, ProviderError(error.error_class, words), now)}


def has_ended(call: Call) -> bool:
    """Whether only the charge of an unknown call is in doubt: nothing is to be followed."""
    return call.state == CallState.UNKNOWN and call.ended_at is not None


def ask_for_the_charge(*, run: Run, call: Call, now: datetime.datetime) -> None:
    """Tells managers of a call that ended without a word on its charge. In a transaction."""
    title = f"{run.take.deliverable.name}: it is not known whether {call.provider} charged a job"
    body = "It ended without a result. Look at the provider's bill and say whether it was charged."
    _notify(run, call, now, title=title, body=body)


def _notify(
    run: Run,
    call: Call,
    now: datetime.datetime,
    *,
    title: str = "",
    body: str = "The answer was lost. Look the job up at the provider and say whether it happened.",
) -> None:
    workspace = run.take.workspace
    notices.notify(
        members=notices.members_with(workspace, Role.MANAGER),
        kind=NoticeKind.TAKE_WAITS,
        title=title or f"{run.take.deliverable.name}: it is not known whether {call.provider} has a job",
        body=body,
        url=f"/w/{workspace.slug}/queue/unknown/",
        dedupe=f"unknown:{call.pk}",
        now=now,
    )


def _tell_asker(run: Run, call: Call, now: datetime.datetime) -> None:
    """Tells who asked for the take, unless a manager was told who is the same person."""
    take, workspace = run.take, run.take.workspace
    notices.notify(
        members=Membership.objects.filter(workspace=workspace, person=take.requested_by_id),
        kind=NoticeKind.TAKE_WAITS,
        title=f"{take.deliverable.name}, take {take.number}: the answer of {call.provider} is lost",
        body="A manager looks the job up and says what happened. Until then nothing is sent again, and its "
        "money stays held.",
        url=f"/w/{workspace.slug}/deliverables/{take.deliverable_id}/?take={take.number}",
        dedupe=f"unknown:{call.pk}",
        now=now,
    )


def follow(*, call: Call, answer: Submitted, now: datetime.datetime) -> bool:
    """The job is known after all, by look-up, webhook or a late answer: it is accepted and polled.

    Where the step was sent once more meanwhile, that call is followed; the job's id goes to the evidence of
    the first one, which stays listed for a person. False where nothing was unknown any more.
    """
    known = {
        "provider_job_id": answer.job_id[:200],
        "handle": dict(answer.handle),
        "accepted_at": call.intended_at,
    }
    again = {**moves.FREE, "lane": Lane.POLL, "due_at": now, "waiting_for": ""}
    with transaction.atomic():
        run = ending.locked(call.run_id)
        call.refresh_from_db(fields=["state", "evidence", "ended_at"])
        if has_ended(call):
            return False
        if run.state == RunState.QUEUED or not is_last(call):
            found = {**call.evidence, "job_id": answer.job_id[:200]}
            moves.alter(Call, {call.pk: {"evidence": found}}, states=[CallState.UNKNOWN])
            return False
        if not moves.calls({call.pk: known}, to=CallState.ACCEPTED):
            return False
        moves.runs({call.run_id: again}, to=RunState.RENDERING)
        moves.alter(Run, {call.run_id: again}, states=[RunState.CANCELLED])
        lanes.ring(Lane.POLL)
    return True


def is_last(call: Call) -> bool:
    """Whether the step's run waits for this call; only the last one is polled, older ones just settled."""
    return not Call.objects.filter(run=call.run_id, number__gt=call.number).exists()


def waiting(*, membership: Membership) -> QuerySet[Call]:
    """The calls of the workspace that are unknown, the oldest first."""
    found: QuerySet[Call] = (
        Call.objects.visible_to(membership)
        .filter(state=CallState.UNKNOWN)
        .select_related("run__take__deliverable", "hold", "account")
        .order_by("intended_at")
    )
    return found


def it_happened(
    *, call: Call, by: Membership, job_id: str = "", now: datetime.datetime | None = None
) -> None:
    """A person found the job at the provider. With its id it is followed like any other.

    Without an id, or when the step was made otherwise meanwhile, it is charged and its result is lost.
    """
    access.require(by, Right.APPROVE)
    now = now or timezone.now()
    if len(job_id) > 200:
        raise Invalid({"job_id": ["A job's id has at most 200 characters."]})
    with transaction.atomic():
        run = _settled_by(call, by, now, "take.call_happened")
        if job_id and run.state == RunState.UNKNOWN and is_last(call):
            _follow(run, call, job_id, now)
        else:
            _charge_lost(run, call, job_id, now)


def _follow(run: Run, call: Call, job_id: str, now: datetime.datetime) -> None:
    known = {
        "provider_job_id": job_id,
        "handle": {"endpoint": call.model.partition("/")[2]},
        "accepted_at": call.intended_at,
    }
    moves.calls({call.pk: known}, to=CallState.ACCEPTED, sources=[CallState.UNKNOWN])
    again = {**moves.FREE, "lane": Lane.POLL, "due_at": now, "waiting_for": ""}
    moves.runs({run.pk: again}, to=RunState.RENDERING, sources=[RunState.UNKNOWN])
    lanes.ring(Lane.POLL)


def _charge_lost(run: Run, call: Call, job_id: str, now: datetime.datetime) -> None:
    ended = {"ended_at": now, **({"provider_job_id": job_id} if job_id else {})}
    moves.calls({call.pk: ended}, to=CallState.FAILED, sources=[CallState.UNKNOWN])
    row = Call.objects.select_related("run__take__workspace", "run__take__requested_by", "hold").get(
        pk=call.pk
    )
    books = charges.open_books([row], now=now)
    settle.post(call=row, books=books, failed_charged=True, now=now)
    if run.state == RunState.UNKNOWN and is_last(call):
        words = "the job was made and charged, and its result was lost"
        ending.fail_run(run=run.pk, error_class=ErrorClass.UNKNOWN, error=words, now=now)


def it_did_not(*, call: Call, by: Membership, now: datetime.datetime | None = None) -> None:
    """A person found no such job at the provider: nothing is owed, and the step is sent again.

    It is not where a later call of the step is under way, or in doubt as well.
    """
    access.require(by, Right.APPROVE)
    now = now or timezone.now()
    with transaction.atomic():
        run = _settled_by(call, by, now, "take.call_did_not_happen")
        did_not(run=run, call=call, now=now)


def did_not(*, run: Run, call: Call, now: datetime.datetime) -> None:
    """The provider has no such job: the hold serves the next call, or is released. In a transaction."""
    end = CallState.FAILED if has_ended(call) else CallState.REFUSED
    moves.calls({call.pk: {"ended_at": now}}, to=end, sources=[CallState.UNKNOWN])
    again = {**moves.FREE, "lane": Lane.SUBMIT, "due_at": now, "waiting_for": ""}
    if not is_last(call):
        settle.void(call=call, reason="the provider has no such job", now=now)
        return
    if run.take.state in TAKES_IN_FLIGHT and moves.runs(
        {run.pk: again}, to=RunState.QUEUED, sources=[RunState.UNKNOWN]
    ):
        Call.objects.filter(pk=call.pk).update(hold=None)
        lanes.ring(Lane.SUBMIT)
        return
    settle.void(call=call, reason="the provider has no such job", now=now)
    moves.runs(
        {run.pk: {**moves.RESTING, "ended_at": now}},
        to=RunState.CANCELLED,
        sources=[RunState.UNKNOWN],
    )


def _settled_by(call: Call, by: Membership, now: datetime.datetime, kind: str) -> Run:
    """The call's run, locked, with the decision recorded; raises Refused where nothing is unknown."""
    if call.workspace_id != by.workspace_id:
        raise Refused("There is no such call here.", status=404)
    run = ending.locked(call.run_id)
    call.refresh_from_db()
    if call.state != CallState.UNKNOWN:
        raise Refused("What became of this call is known by now.", remedy="Reload the page to see it.")
    held: dict[str, Any] = {"amount": f"{call.hold.amount:f}"} if call.hold else {}
    events.record(
        workspace=run.take.workspace,
        kind=kind,
        by=by,
        at=now,
        deliverable=run.take.deliverable,
        take=run.take,
        step=run.step,
        model=call.model,
        **held,
    )
    return run
