"""What outages stopped, cost and moved; and what would stop if a provider were away."""

from __future__ import annotations

import dataclasses
import datetime
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, Q, QuerySet

from billing import months
from generation import trials
from generation.models.runs import CallState
from generation.trials import Place, Trial
from projects.models import Deliverable, Membership
from projects.models.work import DeliverableState
from routing import health, outages, shocks
from routing.brief import Breaker
from routing.decision import Decision
from routing.models import BreakerChange
from routing.outages import Outage

WEEKS = 13
MOST_CHANGES, MOST_SHOWN, MOST_LISTED = 2_000, 50, 50
BAD = (CallState.FAILED, CallState.REFUSED, CallState.BLOCKED)
#: Calls of each outage that failed, and what became of their steps. They began to fail before it opened.
FOLLOWED = """
    WITH failed AS MATERIALIZED (
        SELECT o.place, c.run_id, c.number, c.model, c.posted, r.state = 'failed' AS stopped
        FROM unnest(%(models)s::text[], %(since)s::timestamptz[], %(until)s::timestamptz[])
            WITH ORDINALITY AS o (model, since, until, place)
        CROSS JOIN unnest(%(states)s::text[]) AS s (state)
        JOIN generation_call c ON c.workspace_id = %(workspace)s AND c.model = o.model AND c.state = s.state
         AND c.ended_at >= o.since AND c.ended_at < o.until
        JOIN generation_run r ON r.id = c.run_id
        WHERE COALESCE(NULLIF(c.error_class, ''), 'unknown') = ANY(%(errors)s)
    ), taken_over AS (
        SELECT DISTINCT f.place, k.id, k.model, k.posted
        FROM failed f JOIN generation_call k
            ON k.run_id = f.run_id AND k.number > f.number AND k.model <> f.model AND k.state = 'succeeded'
    )
    SELECT place, f.calls, f.charged, f.stopped, COALESCE(m.calls, 0), COALESCE(m.cash, 0), m.models
    FROM (
        SELECT place, count(*) AS calls, COALESCE(sum(posted), 0) AS charged,
               count(DISTINCT run_id) FILTER (WHERE stopped) AS stopped
        FROM failed GROUP BY 1
    ) f LEFT JOIN (
        SELECT place, count(*) AS calls, COALESCE(sum(posted), 0) AS cash,
               array_agg(DISTINCT model ORDER BY model) AS models
        FROM taken_over GROUP BY 1
    ) m USING (place)
"""


#: How often a model of each outage was tried again in vain.
PROBED = """
    SELECT o.place, count(*)
    FROM unnest(%(models)s::text[], %(since)s::timestamptz[], %(until)s::timestamptz[])
        WITH ORDINALITY AS o (model, since, until, place)
    JOIN routing_breakerchange c ON c.workspace_id = %(workspace)s AND c.model_key = o.model
     AND c.at > o.since AND c.at < o.until AND c.before <> 'closed' AND c.after = 'open'
    GROUP BY 1
"""


class Followed(NamedTuple):
    """Calls that failed with what they were charged, steps that stopped, and calls that another model took
    over with what those cost."""

    failed: int = 0
    charged: Decimal = Decimal(0)
    stopped: int = 0
    moved: int = 0
    moved_cash: Decimal = Decimal(0)
    models: tuple[str, ...] = ()


class Past(NamedTuple):
    outage: Outage
    lasted: datetime.timedelta
    followed: Followed


def past(member: Membership, *, now: datetime.datetime, weeks: int = WEEKS) -> list[Past]:
    """The latest outages of the last weeks, those that began before and lasted into them as well, at most
    MOST_SHOWN; four queries."""
    since = now - datetime.timedelta(weeks=weeks)
    rows = BreakerChange.objects.visible_to(member).filter(Q(before=Breaker.CLOSED) | Q(after=Breaker.CLOSED))
    earlier = rows.filter(at__lt=since).order_by("model_key", "-at", "-pk").distinct("model_key")
    lately = rows.filter(at__gte=since).order_by("-at", "-pk")[:MOST_CHANGES]
    found = outages.of([*earlier, *lately])[:MOST_SHOWN]
    probes = _probed(member, found, now)
    followed = _followed(member, found, now)
    return [
        Past(
            dataclasses.replace(one, probes=probes.get(place, 0)),
            one.lasted(now),
            followed.get(place, Followed()),
        )
        for place, one in enumerate(found, 1)
    ]


def _probed(member: Membership, found: Sequence[Outage], now: datetime.datetime) -> dict[int, int]:
    return dict(_ask(PROBED, _spans(member, found, now))) if found else {}


def _followed(member: Membership, found: Sequence[Outage], now: datetime.datetime) -> dict[int, Followed]:
    if not found:
        return {}
    before = datetime.timedelta(seconds=health.rule().window_seconds)
    values = _spans(member, found, now) | {
        "since": [one.since - before for one in found],
        "states": [str(state) for state in BAD],
        "errors": sorted(health.FAILURES),
    }
    return {
        place: Followed._make((*counts, tuple(models or ())))
        for place, *counts, models in _ask(FOLLOWED, values)
    }


def _spans(member: Membership, found: Sequence[Outage], now: datetime.datetime) -> dict[str, Any]:
    return {
        "workspace": member.workspace_id,
        "models": [one.model for one in found],
        "since": [one.since for one in found],
        "until": [one.until or now for one in found],
    }


def _ask(statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


@dataclasses.dataclass(frozen=True)
class Hit:
    """A category and phase that needs the provider. `stops`: the steps that nothing else could make; `moves`:
    those that another model would make, with the prices of a take's step before and after."""

    place: Place
    category: str
    client: str
    stops: tuple[str, ...]
    moves: tuple[tuple[str, str, str, Decimal | None, Decimal | None], ...]
    deliverables: int
    late: int


@dataclasses.dataclass(frozen=True)
class WouldStop:
    """What would happen if the provider were away for so many days."""

    provider: str
    days: int
    hits: list[Hit]
    late: list[Deliverable]
    late_count: int
    stopped_count: int


def would_stop(member: Membership, *, provider: str, days: int, now: datetime.datetime) -> WouldStop:
    """By the table in force, and for the deliverables that are open now; days are of the workspace's clock.

    What is overdue already has missed its date, and is not among those that would.
    """
    trial = trials.of(member.workspace, now=now)
    left = shocks.without(trial.facts, {provider})
    today = now.astimezone(months.zone_of(member.workspace)).date()
    due = Q(due_on__gte=today, due_on__lte=today + datetime.timedelta(days=days))
    counts = _open(member, due, trial)
    hits = []
    for place in trial.places():
        before = trial.decision(place)
        stops, moves = _hit(before, trial.decision(place, left), provider)
        if stops or moves:
            client = trial.projects.get(place.project, "") if place.project else ""
            number, late = counts.get((place.category, client), (0, 0))
            hits.append(Hit(place, trial.name(place), client, stops, moves, number, late))
    stopped = _of_places(member, [hit.place for hit in hits if hit.stops], trial)
    late_rows = stopped.filter(due).order_by("due_on", "key")
    return WouldStop(
        provider=provider,
        days=days,
        hits=hits,
        late=list(late_rows.select_related("campaign__project", "category")[:MOST_LISTED]),
        late_count=late_rows.count(),
        stopped_count=stopped.count(),
    )


def providers_of(trial: Trial) -> list[str]:
    """The providers that the table in force names."""
    return sorted({model.provider for model in trial.facts.models.values()})


def _hit(
    before: Decision | None, after: Decision | None, provider: str
) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    stops, moves = [], []
    for was, becomes in zip(before.steps if before else (), after.steps if after else (), strict=True):
        if was.chosen is None or was.chosen.provider != provider:
            continue
        if becomes.chosen is None:
            stops.append(was.key)
        else:
            prices = (was.chosen.expected, becomes.chosen.expected)
            moves.append((was.key, was.chosen.model, becomes.chosen.model, *prices))
    return tuple(stops), tuple(moves)


def _open(member: Membership, due: Q, trial: Trial) -> Mapping[tuple[str, str], tuple[int, int]]:
    """By category and client named apart: how many deliverables are open, and how many are due so."""
    rows = Deliverable.objects.visible_to(member).filter(state=DeliverableState.OPEN)
    counted = rows.values_list("category__key", "campaign__project__key").order_by()
    apart = set(trial.projects.values())
    found: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for category, project, number, late in counted.annotate(number=Count("pk"), late=Count("pk", filter=due)):
        key = (category, project if project in apart else "")
        found[key] = (found[key][0] + number, found[key][1] + late)
    return found


def _of_places(member: Membership, places: Sequence[Place], trial: Trial) -> QuerySet[Deliverable]:
    """The open deliverables that need one of these places."""
    rows = Deliverable.objects.visible_to(member).filter(state=DeliverableState.OPEN)
    wanted = Q(pk__in=[])
    for place in places:
        one = Q(category__key=place.category)
        if place.project:
            one &= Q(campaign__project=place.project)
        else:
            one &= ~Q(campaign__project__in=list(trial.projects))
        wanted |= one
    return rows.filter(wanted)
