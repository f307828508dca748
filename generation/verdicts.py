"""What a person says of a call whose answer was lost, with what it does to the money said beforehand.

A verdict is carried out when the time to take it back is over (HERO_UNDO_SECONDS): what a ledger has booked
and a provider was sent cannot be taken back. Until then the call stays as it is, its money held.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Max, Q
from django.utils import timezone

from generation import job_check, lanes, unknown
from generation.figures import money_words
from generation.models import Call, Verdict
from generation.models.runs import CallState, RunState
from projects import access, events, notices
from projects.access import Right
from projects.models import Membership
from projects.models.notices import NoticeKind
from projects.models.takes import TAKES_IN_FLIGHT
from projects.problems import Invalid, Refused

log = structlog.get_logger(__name__)
MANY = 200
LONGEST_JOB_ID = 200
LONGEST_WORDS = 200
UNKNOWN_THERE = (
    "Copy the id from the provider’s page again. If the provider has forgotten a job that it made, say that "
    "it happened without an id."
)
TAKEN = "This job is known already: another call has it. Look for the one that belongs to this call."


def say(
    *,
    call: Call,
    happened: bool,
    by: Membership,
    job_id: str = "",
    now: datetime.datetime | None = None,
) -> Verdict:
    """Notes that the call happened or not; carried out after HERO_UNDO_SECONDS, at once where that is nought.

    A job's id is looked up at the provider first; `words` of the verdict say what that told, or that it could
    not be checked. Needs the right to approve. Raises Invalid for an id that is too long, that another call
    has, or that the provider does not know; Refused (409) where somebody has said something already or the
    end is known by now; then nothing was changed.
    """
    access.require(by, Right.APPROVE)
    now = now or timezone.now()
    if len(job_id) > LONGEST_JOB_ID:
        raise Invalid({"job_id": [f"A job's id has at most {LONGEST_JOB_ID} characters."]})
    if call.workspace_id != by.workspace_id:
        raise Refused("There is no such call here.", status=404)
    job_id = job_id.strip() if happened else ""
    if job_id and _is_taken(call, job_id):
        raise Invalid({"job_id": [TAKEN]})
    call.refresh_from_db(fields=["state"])
    if call.state != CallState.UNKNOWN:
        raise Refused("What became of this call is known by now.", remedy="Reload the page to see it.")
    words = _looked_up(call, job_id) if job_id else ""
    verdict = _write(call, happened, job_id, by, now, words)
    if verdict.due_at <= now:  # after the commit: the engine locks deliverables first, and calls last
        carry_out(verdict, now=now)
    return verdict


def _is_taken(call: Call, job_id: str) -> bool:
    """Whether another call of the provider here has the job, was found to have it, or is said to."""
    others = Call.objects.filter(workspace=call.workspace_id, provider=call.provider).exclude(pk=call.pk)
    found = Q(provider_job_id=job_id) | Q(state=CallState.UNKNOWN, evidence__job_id=job_id)
    said = Verdict.objects.filter(
        workspace=call.workspace_id, call__provider=call.provider, state=Verdict.State.SAID, job_id=job_id
    )
    return others.filter(found).exists() or said.exclude(call=call.pk).exists()


def _looked_up(call: Call, job_id: str) -> str:
    """What the provider says of the job, in words; raises Invalid where it knows none of this id."""
    looked = job_check.look(call=call, job_id=job_id)
    if looked.known is False:
        raise Invalid({"job_id": [looked.words]}, remedy=UNKNOWN_THERE)
    return looked.words[:LONGEST_WORDS]


def _write(
    call: Call, happened: bool, job_id: str, by: Membership, now: datetime.datetime, words: str
) -> Verdict:
    try:
        with transaction.atomic():
            return Verdict.objects.create(
                workspace_id=call.workspace_id,
                call=call,
                happened=happened,
                job_id=job_id,
                words=words,
                said_by=by,
                said_at=now,
                due_at=now + datetime.timedelta(seconds=settings.HERO_UNDO_SECONDS),
            )
    except IntegrityError:
        raise Refused(
            "Somebody has said already what became of this call.",
            remedy="Take that back first, while there is time.",
        ) from None


def take_back(*, verdict: Verdict, by: Membership, now: datetime.datetime | None = None) -> None:
    """Takes a verdict back that was not carried out yet; whoever may say one may. Raises Refused (409)."""
    access.require(by, Right.APPROVE)
    if verdict.workspace_id != by.workspace_id:
        raise Refused("There is no such answer here.", status=404)
    now = now or timezone.now()
    waiting = Verdict.objects.filter(pk=verdict.pk, state=Verdict.State.SAID)
    with transaction.atomic():
        if not waiting.update(state=Verdict.State.UNDONE, ended_at=now):
            raise Refused("It was carried out already.", remedy="Activity and the take show what followed.")
        take = verdict.call.run.take
        events.record(
            workspace=by.workspace,
            kind="take.verdict_taken_back",
            by=by,
            at=now,
            deliverable=take.deliverable,
            take=take,
            step=verdict.call.run.step,
            model=verdict.call.model,
        )


def carry_out_due(*, now: datetime.datetime) -> int:
    """Carries out the verdicts whose time to be taken back is over; answers how many."""
    due = Verdict.objects.filter(state=Verdict.State.SAID, due_at__lte=now).order_by("due_at")
    ids = list(due.values_list("pk", flat=True)[:MANY])
    for pk in ids:
        with transaction.atomic():
            rows = Verdict.objects.select_for_update(of=("self",), skip_locked=True)
            row = rows.select_related("said_by__workspace", "call").filter(pk=pk, state=Verdict.State.SAID)
            for verdict in row:
                carry_out(verdict, now=now)
    return len(ids)


def carry_out(verdict: Verdict, *, now: datetime.datetime) -> None:
    """Does what was said; void where the end is known meanwhile, or who said it may not any more."""
    call, by = verdict.call, verdict.said_by
    try:
        with transaction.atomic():
            if by.ended_at is not None:
                raise PermissionDenied(f"{by.person} has left the workspace.")
            if verdict.happened:
                unknown.it_happened(call=call, by=by, job_id=verdict.job_id, now=now)
            else:
                unknown.it_did_not(call=call, by=by, now=now)
            _tell_asker(verdict, now)
    except (Refused, PermissionDenied, IntegrityError) as no:
        words = TAKEN if isinstance(no, IntegrityError) else str(no)
        verdict.state, verdict.words = Verdict.State.VOID, words[:LONGEST_WORDS]
        log.warning("a verdict is void", call=str(call.pk), model=call.model, reason=verdict.words)
    else:
        verdict.state = Verdict.State.DONE
    verdict.ended_at = now
    verdict.save(update_fields=["state", "words", "ended_at"])


def _tell_asker(verdict: Verdict, now: datetime.datetime) -> None:
    """Tells who asked for the take what was said and what follows; nobody who said it themselves."""
    call = Call.objects.select_related("run__take__deliverable", "run__take__workspace").get(
        pk=verdict.call_id
    )
    take, by = call.run.take, verdict.said_by
    members = Membership.objects.filter(workspace=take.workspace_id, person=take.requested_by_id)
    notices.notify(
        members=members.exclude(pk=by.pk),
        kind=NoticeKind.TAKE_WAITS,
        title=f"{take.deliverable.name}, take {take.number}: {by.person} looked up what became of it",
        body=_what_follows(verdict, call),
        url=f"/w/{take.workspace.slug}/deliverables/{take.deliverable_id}/?take={take.number}",
        dedupe=f"verdict:{verdict.pk}",
        now=now,
    )
    lanes.ring("notify")


def _what_follows(verdict: Verdict, call: Call) -> str:
    """A verdict that was carried out, in words for who asked for the take."""
    if not verdict.happened:
        again = call.run.state == RunState.QUEUED
        then = "the step is sent again" if again else "nothing is sent again, and nothing is owed for it"
        return f"{call.provider} did not make or charge it: {then}."
    if call.state == CallState.ACCEPTED:
        return f"{call.provider} has the job: it is followed to its end like any other."
    return f"{call.provider} made it: it is charged, and its result is lost."


def waiting(calls: Iterable[uuid.UUID]) -> dict[uuid.UUID, Verdict]:
    """By call, what was said and not carried out yet; one query."""
    rows = Verdict.objects.filter(call__in=list(calls), state=Verdict.State.SAID)
    return {row.call_id: row for row in rows.select_related("said_by__person")}


def consequences(call: Call, *, last: bool, currency: str) -> dict[str, str]:
    """In words what each verdict does, before it is said: `happened`, `with_id`, `did_not`.

    `last` tells whether the step has no later call; an older one is settled and nothing more.
    """
    held = call.hold.amount if call.hold else None
    amount = money_words(held or Decimal(0), currency)
    charged = f"{amount} is booked as charged" if held else "nothing is booked, for nothing is held"
    released = f"The {amount} held is released" if held else "Nothing is held"
    if unknown.has_ended(call):
        return {"happened": f"{charged}.", "with_id": f"{charged}.", "did_not": f"{released}."}
    if not (last and call.run.state == RunState.UNKNOWN):
        unused = f"{charged}; the job’s result is not used."
        return {"happened": unused, "with_id": unused, "did_not": f"{released}; nothing is sent."}
    again = (
        f"The step is sent again to {call.model}, on the {amount} that is held. If the job did run after "
        "all, the provider charges twice."
    )
    return {
        "happened": f"{charged}; the result is lost and the take fails.",
        "with_id": f"the job is followed to its end and its result collected; {amount} stays held until "
        "the provider’s charge is booked.",
        "did_not": again if call.run.take.state in TAKES_IN_FLIGHT else f"{released}.",
    }


def last_ones(calls: Collection[Call]) -> set[uuid.UUID]:
    """Those of the calls after which their step made no other; one query."""
    rows = Call.objects.filter(run__in=[call.run_id for call in calls]).values("run")
    newest = {row["run"]: row["newest"] for row in rows.annotate(newest=Max("number"))}
    return {call.pk for call in calls if call.number == newest[call.run_id]}


def evidence(call: Call) -> list[tuple[str, Any]]:
    """What is known of the call, as label and value, in the order in which a person reads it."""
    kept = dict(call.evidence)
    account = call.account.name if call.account else kept.get("account", "")
    known = [
        ("What happened", kept.pop("what_happened", "") or call.error),
        ("Sent", call.intended_at),
        ("To", f"{call.provider}, account {account}" if account else call.provider),
        ("Model", call.model),
        ("Provider’s job", call.provider_job_id or kept.pop("job_id", "") or "not told"),
        ("Our token, as its hash", call.token_hash),
        ("Hash of the request", call.payload_hash),
        ("Not known since", _instant(kept.pop("unknown_since", None))),
        ("Asked since", asked_since(call)),
        ("Sent once more", _instant(kept.pop("sent_once_more_at", None))),
        ("Asked to stop", call.cancel_requested_at),
    ]
    for name in ("intended_at", "model", "account", "payload_sha256", "token_sha256", "job_id", "seed"):
        kept.pop(name, None)
    rest = [(name.replace("_", " ").capitalize(), value) for name, value in sorted(kept.items())]
    return [(label, value) for label, value in (*known, *rest) if value not in (None, "", [], {})]


def asked_since(call: Call) -> str:
    """What was tried to find out what became of it."""
    tries = call.run.attempts - 1
    if call.run.waiting_for and call.run.lane:
        return f"waits for {call.run.waiting_for}"
    if tries > 0:
        return f"asked {tries} more time{'' if tries == 1 else 's'}, without an answer that tells"
    return "nothing: this provider cannot be asked for a job without its id"


def _instant(text: object) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None
