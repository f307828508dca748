"""What truly happened, by the provider's own log: it settles what is unknown and judges the rows."""

from __future__ import annotations

import collections
import itertools
import json
import time
import urllib.request
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Q

from billing import checks, months, roll_forward
from billing.models import Entry, Hold
from drills.studio import Studio
from generation import tokens, unknown
from generation.models import Call, Run
from generation.models.runs import RUNS_IN_FLIGHT, CallState, RunState
from generation.providers.protocol import ErrorClass
from projects.models import Event, Take, TakeAsset
from projects.models.takes import TAKES_IN_FLIGHT, TakeState

EVIDENCE = ("intended_at", "unknown_since", "what_happened", "model", "payload_sha256", "token_sha256")
FINAL = frozenset({"succeeded", "failed", "blocked", "cancelled"})
JOB_SECONDS = 60.0
Job = dict[str, Any]


def log(url: str) -> list[Job]:
    with urllib.request.urlopen(f"{url}/_control/log", timeout=60) as answer:
        jobs: list[Job] = json.load(answer)["jobs"]
    return jobs


def ended_log(url: str) -> list[Job]:
    """The log once no job runs any more: before that nobody knows what will have been charged."""
    until = time.monotonic() + JOB_SECONDS
    while any(job["state"] not in FINAL for job in log(url)):
        if time.monotonic() > until:
            raise TimeoutError(f"The provider's jobs still run after {JOB_SECONDS:.0f} s.")
        time.sleep(0.5)
    return log(url)


def by_token(jobs: Sequence[Job]) -> dict[str, list[Job]]:
    found: dict[str, list[Job]] = collections.defaultdict(list)
    for job in jobs:
        found[job["token"]].append(job)
    return found


def under_way() -> dict[str, int]:
    """What the engine is still busy with by itself; empty when all is final, or waits for a person."""
    soon = Q(state=RunState.UNKNOWN) & ~Q(lane="") & Q(waiting_for__startswith="an answer that was lost")
    busy = Q(state__in=[RunState.QUEUED, RunState.SUBMITTING, RunState.RENDERING, RunState.COLLECTING]) | soon
    found = collections.Counter(Run.objects.filter(busy).values_list("state", flat=True))
    found.update(
        f"call {state}"
        for state in Call.objects.filter(state__in=[CallState.INTENDED, CallState.ACCEPTED]).values_list(
            "state", flat=True
        )
    )
    waiting = Run.objects.filter(state=RunState.UNKNOWN).values("take")
    ended = Take.objects.filter(state__in=TAKES_IN_FLIGHT).exclude(pk__in=waiting).count()
    return {**found, **({"takes": ended} if ended else {})}


def unlisted(studios: Sequence[Studio]) -> list[str]:
    """Unknown calls that a person would not find with open hold and evidence, in words."""
    wrong = []
    listed = {call.pk for studio in studios for call in unknown.waiting(membership=studio.member)}
    for call in Call.objects.filter(state=CallState.UNKNOWN).select_related("hold"):
        if call.pk not in listed:
            wrong.append(f"Call {call.pk} is unknown and not listed.")
        if call.hold is None or hasattr(call.hold, "outcome"):
            wrong.append(f"Call {call.pk} is unknown and its hold is not open.")
        if missing := [name for name in EVIDENCE if not call.evidence.get(name)]:
            wrong.append(f"Call {call.pk} is unknown and lacks evidence: {', '.join(missing)}.")
    return wrong


def settle(studios: Sequence[Studio], jobs: Sequence[Job]) -> dict[str, int]:
    """Says of each unknown call what the log says; answers how many happened and did not."""
    known = by_token(jobs)
    said: collections.Counter[str] = collections.Counter()
    for studio in studios:
        for call in list(unknown.waiting(membership=studio.member)):
            made = known.get(tokens.token_of(call.pk, call.token_hash), [])
            follows = call.run.state == RunState.UNKNOWN and unknown.is_last(call)
            if made and (follows or made[0]["charged"]):
                unknown.it_happened(call=call, by=studio.member, job_id=made[0]["request_id"])
                said["it happened"] += 1
            else:
                unknown.it_did_not(call=call, by=studio.member)
                said["it did not happen"] += 1
    return dict(said)


def violations(studios: Sequence[Studio], jobs: Sequence[Job]) -> list[str]:
    """Everything that must not be, in words."""
    return [
        *_unfinished(),
        *(f"The books: {line}" for line in checks.problems()),
        *_roll_forward(studios),
        *_holds(),
        *_submitted_twice(jobs),
        *_charged(jobs),
        *_unexplained(),
    ]


def _unfinished() -> list[str]:
    takes = Take.objects.filter(state__in=TAKES_IN_FLIGHT)
    runs = Run.objects.filter(state__in=RUNS_IN_FLIGHT)
    calls = Call.objects.filter(state__in=[CallState.INTENDED, CallState.ACCEPTED, CallState.UNKNOWN])
    return [
        *(f"Take {take.pk} is still {take.state}." for take in takes),
        *(f"Run {run.pk} ({run.step}) is still {run.state}: {run.waiting_for}." for run in runs),
        *(f"Call {call.pk} is still {call.state}." for call in calls),
    ]


def _roll_forward(studios: Sequence[Studio]) -> list[str]:
    wrong = []
    for studio in studios:
        entries = Entry.objects.filter(workspace=studio.workspace)
        instants = entries.values_list("effective_at", flat=True)
        found_in = {months.month_of(studio.workspace, instant) for instant in instants}
        for month in sorted(found_in):
            found = roll_forward.roll_forward(studio.workspace, month)
            wrong += [f"{studio.workspace} {month}: {line}" for line in found.differences]
            if found.kept.off_by():
                wrong.append(f"{studio.workspace} {month}: the roll-forward is off by {found.kept.off_by()}.")
    return wrong


def _holds() -> list[str]:
    rows = Hold.objects.filter(outcome__isnull=True)
    return [f"Hold {hold.pk} of run {hold.run} is left open." for hold in rows]


def _submitted_twice(jobs: Sequence[Job]) -> list[str]:
    """No token twice, none without its call, and no second job of a run while the first one was in doubt,
    unless the take's events say so."""
    known = by_token(jobs)
    calls = {
        tokens.token_of(call.pk, call.token_hash): call
        for call in Call.objects.filter(provider="fal").select_related("run")
    }
    wrong = [
        f"The token of call {calls[token].pk} was submitted {len(found)} times."
        for token, found in known.items()
        if token in calls and len(found) > 1
    ]
    wrong += [
        f"Job {known[token][0]['request_id']} belongs to no call." for token in known.keys() - calls.keys()
    ]
    of_run: dict[uuid.UUID, list[Call]] = collections.defaultdict(list)
    for token in known.keys() & calls.keys():
        of_run[calls[token].run_id].append(calls[token])
    said = collections.Counter(
        Event.objects.filter(kind="take.sent_once_more").values_list("take_id", "data__step")
    )
    for made in of_run.values():
        made.sort(key=lambda call: call.number)
        jobs_of = [known[tokens.token_of(call.pk, call.token_hash)][0] for call in made]
        doubtful = sum(
            _in_doubt(first, second) or _at_once(one, other) or _for_nothing(first, one)
            for (first, second), (one, other) in zip(
                itertools.pairwise(made), itertools.pairwise(jobs_of), strict=True
            )
        )
        run = made[0].run
        if doubtful > said[(run.take_id, run.step)]:
            wrong.append(f"Run {run.pk} was submitted twice and nothing says so.")
    return wrong


def _in_doubt(first: Call, second: Call) -> bool:
    """By the rows: the first call had not ended when the second one was made."""
    return first.ended_at is None or first.ended_at > second.intended_at


def _at_once(first: Job, second: Job) -> bool:
    """By the log: the first job still ran, or waited, when the second one was accepted."""
    return bool(first["ends_at"] > second["accepted_at"])


def _for_nothing(call: Call, job: Job) -> bool:
    """By the log the first job brought media, and its call does not say what was wrong with them."""
    return bool(job["state"] == "succeeded" and call.error_class != ErrorClass.MALFORMED_OUTPUT)


def _charged(jobs: Sequence[Job]) -> list[str]:
    """What the provider charged is booked, once; what it did not charge is not."""
    wrong = []
    known = by_token(jobs)
    entries = Entry.objects.exclude(kind="transfer").filter(call__isnull=False)
    booked = collections.Counter(entries.values_list("call", flat=True))
    for call in Call.objects.filter(provider="fal"):
        made = known.get(tokens.token_of(call.pk, call.token_hash), [])
        owed = sum(job["charged"] for job in made)
        if booked[call.pk] != owed:
            words = f"{call.state}, {call.error_class} {call.error}".strip(", ")
            wrong.append(f"Call {call.pk} ({words}) is booked {booked[call.pk]} times and owed {owed} times.")
        billed = Decimal(str(round(sum(job["units"] for job in made), 6)))
        if call.units is not None and call.units != billed:
            wrong.append(f"Call {call.pk} says {call.units} units and the provider billed {billed}.")
        if call.posted is not None and call.posted <= Decimal(0):
            wrong.append(f"Call {call.pk} is posted at {call.posted}.")
    return wrong


def figures() -> dict[str, int]:
    """How many answers were lost, how many of them by a worker's death, and how many were sent again."""
    calls = Call.objects.filter(evidence__has_key="unknown_since")
    return {
        "unknown": calls.count(),
        "unknown_by_a_dead_worker": calls.filter(evidence__what_happened__startswith="the worker").count(),
        "sent_once_more": Event.objects.filter(kind="take.sent_once_more").count(),
    }


def _unexplained() -> list[str]:
    """Takes that ended without a file, without words why, or without anybody who cancelled them."""
    with_files = set(TakeAsset.objects.values_list("take", flat=True))
    cancelled = set(Event.objects.filter(kind="take.cancelled").values_list("take_id", flat=True))
    wrong = []
    for take in Take.objects.all():
        if take.state == TakeState.READY and take.pk not in with_files:
            wrong.append(f"Take {take.pk} is ready and has no file.")
        if take.state == TakeState.FAILED and not (take.failure and take.failure_class):
            wrong.append(f"Take {take.pk} failed and does not say why.")
        if take.state == TakeState.CANCELLED and take.pk not in cancelled:
            wrong.append(f"Take {take.pk} is cancelled and nobody did so.")
    return wrong
