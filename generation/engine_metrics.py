"""What the database tells Prometheus: takes, runs, lanes, calls, money held, breakers, workers, connections.

The same from every web host: scrape one, or take the maximum. Each figure costs an index or a kept sum; how
many takes have ended is counted at most every CACHE_SECONDS.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.cache import cache
from django.db import connection
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from generation import lanes, tallies
from generation.health import LOST, SUCCEEDED, provider_of
from generation.models import Canary
from generation.models.runs import Lane
from projects.models.takes import TAKES_IN_FLIGHT
from routing.brief import Breaker
from routing.models import CatalogueModel

CACHE_SECONDS = 300
OWN = "own"  # stands for all models that a workspace has added itself
FLYING = "SELECT state, count(*) FROM projects_take WHERE state = ANY(%s) GROUP BY 1"
ENDED = "SELECT state, count(*) FROM projects_take WHERE NOT state = ANY(%s) GROUP BY 1"
RUNS = """
    SELECT lane, state, count(*) FROM generation_run
    WHERE state IN ('planned', 'queued', 'submitting', 'rendering', 'collecting', 'unknown') GROUP BY 1, 2
"""
CALLS = """
    SELECT model, outcome, bucket, sum(calls)::bigint FROM generation_calltally
    WHERE measure = 'answer' GROUP BY 1, 2, 3
"""
#: Open holds of takes and calls that are under way; what the sweep would release is not among them.
HOLDS = """
    WITH wanted AS (
        SELECT h.id FROM projects_take t JOIN billing_hold h ON h.take_id = t.id WHERE t.state = ANY(%s)
        UNION SELECT c.hold_id FROM generation_call c
        WHERE c.state IN ('intended', 'accepted', 'unknown') AND c.hold_id IS NOT NULL
    )
    SELECT w.currency, count(*), sum(h.amount) FROM wanted JOIN billing_hold h USING (id)
    JOIN projects_workspace w ON w.id = h.workspace_id
    WHERE NOT EXISTS (SELECT FROM billing_holdoutcome o WHERE o.hold_id = h.id) GROUP BY 1
"""
UNDER_WAY = """
    SELECT provider, state, count(*) FROM generation_call
    WHERE state IN ('intended', 'accepted', 'unknown') GROUP BY 1, 2
"""
BREAKERS = """
    SELECT model_key, CASE WHEN state = 'open' AND retry_at <= %s THEN 'half_open' ELSE state END, count(*)
    FROM routing_modelhealth GROUP BY 1, 2
"""
KEEPERS = """
    SELECT objid::bigint / 100, count(*) FROM pg_locks
    WHERE locktype = 'advisory' AND classid = %s AND objsubid = 2 AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY 1
"""
CONNECTIONS = """
    SELECT coalesce(state, 'none'), count(*) FROM pg_stat_activity
    WHERE datname = current_database() GROUP BY 1
"""


def all_of_them(*, now: datetime.datetime) -> Iterator[Metric]:
    """Every family of metrics, with what holds at this instant."""
    known = frozenset(CatalogueModel.objects.filter(workspace=None).values_list("key", flat=True))
    yield _gauge("circletake_takes", "Takes by state.", ["state"], _takes())
    yield _gauge("circletake_runs", "Steps under way, by lane and state.", ["lane", "state"], _ask(RUNS))
    yield _gauge("circletake_lane_oldest_due_seconds", "How long a lane's oldest due step has waited.",
                 ["lane"], _oldest_due(now))  # fmt: skip
    yield _gauge("circletake_lane_keepers", "Tasks that look after a lane now.", ["lane"], _keepers())
    yield from _calls(known)
    yield _gauge("circletake_calls_under_way", "Calls not ended yet; state unknown: a lost answer.",
                 ["provider", "state"], _ask(UNDER_WAY))  # fmt: skip
    held = _ask(HOLDS, list(TAKES_IN_FLIGHT))
    yield _gauge("circletake_holds_open", "Open holds of takes and calls under way.", ["currency"],
                 [(currency, count) for currency, count, _ in held])  # fmt: skip
    yield _gauge("circletake_holds_open_amount", "Money that they hold.", ["currency"],
                 [(currency, amount) for currency, _, amount in held])  # fmt: skip
    yield _breakers(known, now)
    yield from _canary(now)
    yield _gauge("circletake_database_connections", "Connections to the database.", ["state"],
                 _ask(CONNECTIONS))  # fmt: skip


def _takes() -> list[tuple[Any, ...]]:
    flying = list(TAKES_IN_FLIGHT)
    ended = cache.get_or_set("metrics:takes-ended", lambda: _ask(ENDED, flying), CACHE_SECONDS)
    return [*_ask(FLYING, flying), *(ended or [])]


def _oldest_due(now: datetime.datetime) -> list[tuple[str, float]]:
    dues = {lane: lanes.next_due(lane, now=now) for lane in Lane.values if lane}
    return [(lane, max(0.0, (now - due).total_seconds()) if due else 0.0) for lane, due in dues.items()]


def _keepers() -> list[tuple[str, int]]:
    held = dict(_ask(KEEPERS, lanes.LOCK_SPACE))
    return [(lane, held.get(number, 0)) for lane, number in lanes.LOCKS.items()]


def _calls(known: frozenset[str]) -> Iterator[Metric]:
    """Calls that have ended for good, and how long those took that succeeded; lost answers are still open."""
    ended: dict[tuple[str, str, str], int] = defaultdict(int)
    took: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for model, outcome, bucket, number in _ask(CALLS):
        if outcome == LOST:
            continue
        ended[provider_of(model), model if model in known else OWN, outcome] += number
        if outcome == SUCCEEDED:
            took[provider_of(model)][bucket] += number
    counted = CounterMetricFamily(
        "circletake_calls", "Calls that have ended.", labels=["provider", "model", "result"]
    )
    for labels, number in sorted(ended.items()):
        counted.add_metric(labels, number)
    yield counted
    seconds = HistogramMetricFamily(
        "circletake_call_seconds", "From submit to result, of calls that succeeded.", labels=["provider"]
    )
    for provider, buckets in sorted(took.items()):
        seconds.add_metric([provider], _cumulated(buckets), sum_value=None)
    yield seconds


def _cumulated(buckets: Mapping[int, int]) -> list[tuple[str, float]]:
    """Each doubling of time with how many calls kept to it."""
    ends = range(0, tallies.LAST_BUCKET, 4)
    within = {end: sum(number for bucket, number in buckets.items() if bucket <= end) for end in ends}
    rows = [(str(tallies.bound(end)), float(number)) for end, number in within.items()]
    return [*rows, ("+Inf", float(sum(buckets.values())))]


def _breakers(known: frozenset[str], now: datetime.datetime) -> Metric:
    """Of each model that does not do well, in how many workspaces; and how many do."""
    counted: dict[tuple[str, str], int] = defaultdict(int)
    for model, state, number in _ask(BREAKERS, now):
        name = "" if state == Breaker.CLOSED else model if model in known else OWN
        counted[name, state] += number
    rows = [(*labels, number) for labels, number in sorted(counted.items())]
    words = "Circuit breakers by state; a model that is well has no name here."
    return _gauge("circletake_breakers", words, ["model", "state"], rows)


def _canary(now: datetime.datetime) -> Iterator[Metric]:
    newest = Canary.objects.exclude(stamped_at=None).order_by("-stamped_at").first()
    if newest is not None and newest.stamped_at is not None:
        age = max(0.0, (now - newest.stamped_at).total_seconds())
        yield GaugeMetricFamily(
            "circletake_canary_age_seconds", "Since the queue last took a task.", value=age
        )


def _gauge(name: str, words: str, labels: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> Metric:
    """Rows are the labels' values followed by the figure."""
    found = GaugeMetricFamily(name, words, labels=list(labels))
    for *values, figure in rows:
        found.add_metric([str(value) or "none" for value in values], float(figure))
    return found


def _ask(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(values) or None)
        return list(cursor.fetchall())
