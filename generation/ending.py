"""How runs and takes end: ready, failed, stopped by budget. Each in one transaction.

Locks are taken in one order everywhere: the deliverable, then runs, calls, the take, and money last.
"""

from __future__ import annotations

import collections
import datetime
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from billing import ledger, pots
from generation import lanes, moves, settle
from generation.models import Call, Run
from generation.models.runs import CALLS_IN_FLIGHT, Lane, RunState
from generation.providers.protocol import ErrorClass
from projects import board, events, notices
from projects.models import Asset, Membership, Phase, Take, TakeAsset
from projects.models.notices import NoticeKind
from projects.models.takes import TAKES_IN_FLIGHT, TakeState

WAITING = (RunState.PLANNED, RunState.QUEUED)
PLAIN: dict[str, str] = {
    ErrorClass.RATE_LIMITED: "The provider has too much to do.",
    ErrorClass.UNAVAILABLE: "The provider was not available.",
    ErrorClass.TIMEOUT: "The provider took too long.",
    ErrorClass.BAD_REQUEST: "The provider refused the request.",
    ErrorClass.MODERATED: "The provider's moderation blocked it. Change the prompt or the references.",
    ErrorClass.INSUFFICIENT_CREDIT: "The provider account has no credit left. An admin can add some.",
    ErrorClass.AUTH: "The provider did not accept the key. An admin can enter a new one.",
    ErrorClass.RETIRED: "The provider no longer has this model.",
    ErrorClass.MALFORMED_OUTPUT: "What the provider delivered cannot be used.",
    ErrorClass.UNKNOWN: "It is not known what became of it.",
}


def locked(run: uuid.UUID) -> Run:
    """The run with its take; until the transaction ends its deliverable is locked, and nobody else in the
    workspace holds or settles money: an ending may release several holds."""
    row = Run.objects.select_related("take__deliverable", "take__workspace", "take__round").get(pk=run)
    pots.lock([row.take.deliverable_id])
    ledger.alone(row.workspace_id)
    row.refresh_from_db(fields=["state", "choice", "attempts"])
    row.take.refresh_from_db(fields=["state"])
    return row


def fail_run(*, run: uuid.UUID, error_class: str, error: str, now: datetime.datetime) -> bool:
    """Ends a run for good, and its take with it; False where it had ended already."""
    to = RunState.BLOCKED if error_class == ErrorClass.MODERATED else RunState.FAILED
    with transaction.atomic():
        row = locked(run)
        ended = {"error_class": error_class, "error": error[:500], "ended_at": now}
        if not moves.runs({run: {**moves.RESTING, **ended}}, to=to):
            settle.void_rest(runs=[run], reason="the run has ended", now=now)
            moves.alter(Run, {run: moves.RESTING}, states=[RunState.CANCELLED])
            return False
        settle.void_rest(runs=[run], reason=f"{row.step}: {error_class}", now=now)
        words = PLAIN.get(error_class, PLAIN[ErrorClass.UNKNOWN])
        end_take(
            row.take,
            to=TakeState.FAILED,
            words=f"{words} ({row.step}: {error})",
            error_class=error_class,
            now=now,
        )
    return True


def stop_by_budget(*, run: uuid.UUID, words: str, now: datetime.datetime) -> bool:
    """Ends a take whose further hold was refused; what it made is kept."""
    with transaction.atomic():
        row = locked(run)
        ended = {"error_class": "", "error": words[:500], "ended_at": now}
        if not moves.runs({run: {**moves.RESTING, **ended}}, to=RunState.FAILED):
            return False
        settle.void_rest(runs=[run], reason="stopped by budget", now=now)
        end_take(row.take, to=TakeState.STOPPED_BY_BUDGET, words=words, error_class="", now=now)
    return True


def end_take(take: Take, *, to: str, words: str, error_class: str, now: datetime.datetime) -> bool:
    """Ends a take before its last step, in the caller's transaction: what waits is cancelled, holds released.

    Calls under way are asked to stop; what they bring all the same is kept and charged.
    """
    stop_waiting(take, now=now)
    ended = {"ended_at": now, "failure": words[:300], "failure_class": error_class}
    if not moves.takes({take.pk: ended}, to=to, sources=[TakeState.QUEUED, TakeState.RENDERING]):
        return False
    kind = "take.failed" if to == TakeState.FAILED else f"take.{to}"
    said = {"failure": words[:300], "failure_class": error_class}
    _told([take], kind, now, data={take.pk: said})
    board.refresh(take.deliverable_id)
    return True


def stop_waiting(take: Take, *, now: datetime.datetime) -> None:
    """Cancels the runs of a take that have not begun, and asks for an end of those that have."""
    waiting = Run.objects.filter(take=take, state__in=WAITING).values_list("pk", flat=True)
    ended = moves.same(waiting, **moves.RESTING, ended_at=now)
    stopped = moves.runs(ended, to=RunState.CANCELLED, sources=WAITING)
    settle.void_rest(runs=stopped, reason="cancelled before it was sent", now=now)
    under_way = Call.objects.filter(
        run__take=take, state__in=CALLS_IN_FLIGHT, cancel_requested_at__isnull=True
    )
    if under_way.update(cancel_requested_at=now):
        lanes.ring("cancel")


def advance_all(takes: Sequence[Take], *, now: datetime.datetime) -> None:
    """For takes of which a run has succeeded: queues what can come next, finishes those that are whole.

    In the caller's transaction, with the deliverables locked; the takes come with their present state.
    """
    runs: dict[uuid.UUID, list[Run]] = collections.defaultdict(list)
    rows = Run.objects.filter(take__in=takes).defer("request").order_by("take", "position")
    for row in rows:
        runs[row.take_id].append(row)
    whole, progress, ready = [], {}, []
    for take in {take.pk: take for take in takes}.values():
        done = {row.step for row in runs[take.pk] if row.state == RunState.SUCCEEDED}
        if len(done) == len(runs[take.pk]):
            whole.append(take)
            continue
        progress[take.pk] = {"progress": f"{len(done) / len(runs[take.pk]):.3f}"}
        if take.state in TAKES_IN_FLIGHT:
            planned = [row for row in runs[take.pk] if row.state == RunState.PLANNED]
            ready += [row for row in planned if set(row.needs) <= done]
    _queue(ready, now)
    moves.alter(Take, progress, states=TAKES_IN_FLIGHT)
    finish_all(whole, runs, now=now)


def _queue(ready: Sequence[Run], now: datetime.datetime) -> None:
    """Steps for a person wait for an upload; the others are submitted."""
    by_person = [row.pk for row in ready if row.kind == "human"]
    by_model = [row.pk for row in ready if row.kind != "human"]
    moves.runs(
        moves.same(by_person, lane=Lane.NONE, waiting_for="somebody to upload a file"),
        to=RunState.QUEUED,
    )
    moves.runs(moves.same(by_model, lane=Lane.SUBMIT, due_at=now), to=RunState.QUEUED)
    if by_model:
        lanes.ring(Lane.SUBMIT)


def finish_all(
    takes: Sequence[Take], runs: Mapping[uuid.UUID, Sequence[Run]], *, now: datetime.datetime
) -> None:
    """Every step of these takes has succeeded: they are ready, with their last file as their result."""
    media = {
        take.pk: [(row.step, row.asset_id) for row in runs[take.pk] if row.asset_id is not None]
        for take in takes
    }
    assets = {asset for found in media.values() for _, asset in found}
    kinds = dict(Asset.objects.filter(pk__in=assets).values_list("pk", "kind"))
    late = {take.pk: take.state == TakeState.CANCELLED for take in takes}
    moved = moves.takes(
        {
            take.pk: {
                "ended_at": now,
                "progress": "1",
                "failure": "Cancelled, and finished all the same." if late[take.pk] else "",
                "poster": _poster([asset for _, asset in media[take.pk]], kinds),
            }
            for take in takes
        },
        to=TakeState.READY,
    )
    TakeAsset.objects.bulk_create(
        [
            TakeAsset(take_id=key, asset_id=found[-1][1], role="output", step=found[-1][0])
            for key, found in media.items()
            if found and key in moved
        ],
        ignore_conflicts=True,
    )
    ended = [take for take in takes if take.pk in moved]
    _told(ended, "take.ready", now, data={take.pk: {"late_after_cancel": late[take.pk]} for take in ended})
    board.refresh_all(take.deliverable_id for take in ended)


def _poster(media: Sequence[uuid.UUID], kinds: Mapping[uuid.UUID, str]) -> uuid.UUID | None:
    """What stands for the take: its film, of which pages show the poster, else its last picture."""
    if media and kinds[media[-1]] == Asset.Kind.VIDEO:
        return media[-1]
    pictures = [asset for asset in media if kinds[asset] == Asset.Kind.IMAGE]
    return pictures[-1] if pictures else None


def _told(
    takes: Sequence[Take], kind: str, now: datetime.datetime, *, data: Mapping[uuid.UUID, Mapping[str, Any]]
) -> None:
    """The events, a look at their batches, and for hero takes who has to know."""
    events.record_all(
        events.event(
            workspace=take.workspace,
            kind=kind,
            at=now,
            deliverable=take.deliverable,
            take=take,
            number=take.number,
            **data[take.pk],
        )
        for take in takes
    )
    for take in takes:
        if kind == "take.ready" and take.phase == Phase.HERO:
            _notify_hero(take, now)
    if any(take.round is not None and take.round.batch_id is not None for take in takes):
        lanes.ring("batches")


def _notify_hero(take: Take, now: datetime.datetime) -> None:
    workspace = take.workspace
    members = notices.members_with(workspace, "manager")
    asker = Membership.objects.filter(workspace=workspace, person=take.requested_by_id)
    notices.notify(
        members={member.pk: member for member in [*members, *asker]}.values(),
        kind=NoticeKind.HERO_READY,
        title=f"The hero take of {take.deliverable.name} is ready",
        url=f"/w/{workspace.slug}/deliverables/{take.deliverable_id}/",
        dedupe=f"ready:{take.pk}",
        now=now,
    )
