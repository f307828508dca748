"""The run queue as a page shows it: what is under way where, what waits and for what, how old it is."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import Count, Exists, F, Min, OuterRef, Q, QuerySet

from generation import cancel, ending, queue_order, queue_reasons
from generation.health import provider_of
from generation.health_now import Place
from generation.models import HistoryJob, Run
from generation.models.imports import JOBS_UNFINISHED
from generation.models.runs import RUNS_IN_FLIGHT, RunState
from projects import access
from projects.access import Right
from projects.models import Batch, Membership, Phase, Take
from projects.models.takes import TAKES_IN_FLIGHT, TakeState

ROWS = 100
BATCHES = 20
MOST_CANCELLED = 1000
RECENT = datetime.timedelta(days=1)
FEW = 10


@dataclasses.dataclass(frozen=True)
class Row:
    """A take in flight. Of other people's, only those who approve are told more than who and which tier."""

    take: Take
    own: bool
    named: bool
    state: str
    tier: str
    model: str
    waiting_for: str
    kind: str
    may_cancel: bool
    may_go_next: bool


@dataclasses.dataclass(frozen=True)
class Summary:
    """Exact counts; `oldest` is when the oldest take in flight was asked for."""

    mine: int
    everybody: int
    oldest: datetime.datetime | None


def in_flight(member: Membership, *, mine: bool) -> QuerySet[Take]:
    """Takes that are not done, in the order in which each person wants them."""
    rows: QuerySet[Take] = Take.objects.visible_to(member).filter(state__in=TAKES_IN_FLIGHT)
    if mine:
        return rows.filter(requested_by=member.person_id).order_by(*queue_order.ORDER)
    return rows.order_by("requested_at", "pk")


def summary(member: Membership) -> Summary:
    own = Q(requested_by=member.person_id)
    found = in_flight(member, mine=False).aggregate(
        mine=Count("pk", filter=own), everybody=Count("pk"), oldest=Min("requested_at")
    )
    return Summary(**found)


def rows(member: Membership, *, mine: bool, places: Mapping[str, Place], now: datetime.datetime) -> list[Row]:
    """At most ROWS takes with the step that each of them is at, and what it waits for."""
    takes = in_flight(member, mine=mine).select_related(
        "deliverable__campaign__project", "requested_by", "poster"
    )[:ROWS]
    shown = list(takes)
    runs = _current_runs([take.pk for take in shown])
    approves = Right.APPROVE in access.rights_of(member)
    makes = Right.MAKE in access.rights_of(member)
    found = []
    for take in shown:
        run = runs.get(take.pk)
        kind, words = _why(take, run, places, now)
        found.append(_row(take, run, member, approves=approves, makes=makes, kind=kind, words=words))
    return found


def _why(take: Take, run: Run | None, places: Mapping[str, Place], now: datetime.datetime) -> tuple[str, str]:
    """The kind of reason and its words; nothing for a step that is under way without any."""
    if run is None or (run.state not in (RunState.QUEUED, RunState.UNKNOWN) and not run.waiting_for):
        return "", ""
    later = take.phase == Phase.HERO and run.due_at is not None and run.due_at > now
    provider = provider_of(_choice(run).get("model", ""))
    return queue_reasons.why(run.waiting_for, provider=provider, later=later, places=places, now=now)


def _current_runs(takes: list[uuid.UUID]) -> dict[uuid.UUID, Run]:
    """Of each take the step that is under way, or that is next."""
    found: dict[uuid.UUID, Run] = {}
    waiting = Run.objects.filter(take__in=takes, state__in=RUNS_IN_FLIGHT)
    for run in waiting.order_by("position"):
        kept = found.setdefault(run.take_id, run)
        if kept.state == RunState.PLANNED and run.state != RunState.PLANNED:
            found[run.take_id] = run
    return found


def _row(
    take: Take,
    run: Run | None,
    member: Membership,
    *,
    approves: bool,
    makes: bool,
    kind: str,
    words: str,
) -> Row:
    own = take.requested_by_id == member.person_id
    choice = _choice(run)
    return Row(
        take=take,
        own=own,
        named=own or approves,
        state=run.state if run else take.state,
        tier=choice.get("tier", "") or take.tier,
        model=choice.get("model", ""),
        waiting_for=words,
        kind=kind,
        may_cancel=approves or (own and makes),
        may_go_next=own and makes and take.state in (TakeState.PLANNED, TakeState.QUEUED),
    )


def _choice(run: Run | None) -> dict[str, Any]:
    """The model that the step is tried on now."""
    choices = run.request.get("choices", []) if run else []
    if not choices:
        return {}
    return dict(choices[min(run.choice if run else 0, len(choices) - 1)])


def ended_badly(member: Membership, *, now: datetime.datetime) -> QuerySet[Take]:
    """One's own takes of the last day that failed or that a budget stopped, and that were not made again."""
    newer = Take.objects.filter(
        deliverable=OuterRef("deliverable"),
        request_hash=OuterRef("request_hash"),
        number__gt=OuterRef("number"),
    )
    return (
        Take.objects.visible_to(member)
        .filter(
            requested_by=member.person_id,
            requested_at__gte=now - RECENT,
            state__in=[TakeState.FAILED, TakeState.STOPPED_BY_BUDGET],
        )
        .exclude(Exists(newer))
        .select_related("deliverable")
        .order_by("-requested_at", "-pk")[:FEW]
    )


def open_batches(member: Membership) -> QuerySet[Batch]:
    """Batches that have not finished, with how many of their takes are done."""
    takes = "rounds__takes"
    return (
        Batch.objects.visible_to(member)
        .filter(finished_at__isnull=True)
        .select_related("requested_by")
        .annotate(
            total=F("planned"),
            done=Count(takes, filter=~Q(**{f"{takes}__state__in": TAKES_IN_FLIGHT})),
        )
        .order_by("requested_at")[:BATCHES]
    )


def open_imports(member: Membership) -> QuerySet[HistoryJob]:
    """History imports that are under way."""
    return HistoryJob.objects.visible_to(member).filter(state__in=JOBS_UNFINISHED).order_by("requested_at")


def cancel_waiting(*, by: Membership, now: datetime.datetime) -> int:
    """Cancels one's own takes of which nothing was sent yet, and no others; answers how many."""
    access.require(by, Right.MAKE)
    begun = Run.objects.exclude(state__in=ending.WAITING).values("take")
    waiting = in_flight(by, mine=True).exclude(pk__in=begun).select_related("deliverable")
    return sum(cancel.cancel(take=take, by=by, now=now) for take in waiting[:MOST_CANCELLED])
