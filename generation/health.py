"""How models and providers do over a span of time: figures for the page, its tables and its charts.

Ended calls come from `generation.tallies`, what is under way from rows that are few. A fixed number of
queries, whatever there is.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from django.db import connection

from generation import tallies
from projects.models import Membership
from routing import tables
from routing.document import ON_ERROR, Route
from routing.words import THEN

CANCELLED, LOST, SUCCEEDED = "cancelled", "lost", "succeeded"
#: Classes of error in the order in which they are shown, with their words.
ERRORS: dict[str, str] = {
    "rate_limited": "Rate limited",
    "unavailable": "Unavailable",
    "timeout": "Took too long",
    "bad_request": "Request refused",
    "moderated": "Blocked by moderation",
    "insufficient_credit": "No credit left",
    "auth": "Key not accepted",
    "retired": "Model is gone",
    "malformed_output": "Unusable result",
    "unknown": "Answer lost, settled since",
    LOST: "Answer lost, not known yet",
}
COUNTED = """
    SELECT date_bin(make_interval(secs => %(step)s), starts_at, %(since)s) AS slot,
           model, measure, outcome, bucket, sum(calls)::int
    FROM generation_calltally WHERE workspace_id = %(workspace)s AND starts_at >= %(since)s
    GROUP BY 1, 2, 3, 4, 5 HAVING sum(calls) <> 0
"""
Buckets = dict[int, int]


@dataclasses.dataclass(frozen=True)
class Span:
    """A stretch of time up to now. It begins on a whole `grain`, as counts are kept; charts have `step`s."""

    key: str
    words: str
    seconds: int
    grain: int
    step: int

    def since(self, now: datetime.datetime) -> datetime.datetime:
        start = int(now.timestamp()) - self.seconds
        return datetime.datetime.fromtimestamp(start - start % self.grain, datetime.UTC)


SPANS = {
    span.key: span
    for span in (
        Span("hour", "Last hour", 3600, tallies.FIVE_MINUTES, tallies.FIVE_MINUTES),
        Span("day", "Last 24 hours", 86_400, tallies.HOUR, tallies.HOUR),
        Span("week", "Last 7 days", 7 * 86_400, tallies.HOUR, 6 * tallies.HOUR),
        Span("month", "Last 30 days", 30 * 86_400, tallies.DAY, tallies.DAY),
    )
}


@dataclasses.dataclass
class Figures:
    """Counts of ended calls, and in which buckets their times lie."""

    key: str
    outcomes: dict[str, int] = dataclasses.field(default_factory=lambda: defaultdict(int))
    answers: Buckets = dataclasses.field(default_factory=lambda: defaultdict(int))
    waits: Buckets = dataclasses.field(default_factory=lambda: defaultdict(int))

    def add(self, measure: str, outcome: str, bucket: int, calls: int) -> None:
        if measure == "wait":
            self.waits[bucket] += calls
            return
        self.outcomes[outcome] += calls
        if outcome == SUCCEEDED:
            self.answers[bucket] += calls

    @property
    def calls(self) -> int:
        return sum(self.outcomes.values())

    @property
    def succeeded(self) -> int:
        return self.outcomes.get(SUCCEEDED, 0)

    @property
    def cancelled(self) -> int:
        return self.outcomes.get(CANCELLED, 0)

    @property
    def failed(self) -> int:
        return self.calls - self.succeeded - self.cancelled

    @property
    def success(self) -> Decimal | None:
        """The share that succeeded of those that were not cancelled."""
        ended = self.calls - self.cancelled
        return Decimal(self.succeeded) / ended if ended > 0 else None

    @property
    def p50(self) -> float | None:
        return tallies.quantile(self.answers, 0.5)

    @property
    def p95(self) -> float | None:
        return tallies.quantile(self.answers, 0.95)

    @property
    def wait50(self) -> float | None:
        return tallies.quantile(self.waits, 0.5)

    @property
    def wait95(self) -> float | None:
        return tallies.quantile(self.waits, 0.95)

    @property
    def provider(self) -> str:
        return provider_of(self.key)


@dataclasses.dataclass(frozen=True)
class ErrorRow:
    """A class of error: how many calls, which share of those that were not cancelled, what it leads to."""

    key: str
    words: str
    calls: int
    share: Decimal
    leads_to: str


@dataclasses.dataclass(frozen=True)
class Report:
    """A span's figures: all together, by model, by provider and by step of time."""

    span: Span
    since: datetime.datetime
    until: datetime.datetime
    total: Figures
    models: list[Figures]
    providers: list[Figures]
    slots: list[tuple[datetime.datetime, Figures]]
    known_models: list[str]
    known_providers: list[str]


def provider_of(model: str) -> str:
    return model.partition("/")[0]


def report(
    member: Membership, *, span: Span, now: datetime.datetime, provider: str = "", model: str = ""
) -> Report:
    """The figures of a span, of all models or of those that are named; one query."""
    since = span.since(now)
    total, by_model, by_provider = Figures(""), dict[str, Figures](), dict[str, Figures]()
    slots = {at: Figures("") for at in _slots(span, since, now)}
    named: set[str] = set()
    with connection.cursor() as cursor:
        cursor.execute(COUNTED, {"workspace": member.workspace_id, "since": since, "step": span.step})
        rows = cursor.fetchall()
    for slot, key, *counted in rows:
        named.add(key)
        if (model and key != model) or (provider and provider_of(key) != provider):
            continue
        for into in (
            total,
            by_model.setdefault(key, Figures(key)),
            by_provider.setdefault(provider_of(key), Figures(provider_of(key))),
            slots.setdefault(slot, Figures("")),
        ):
            into.add(*counted)
    return Report(
        span=span,
        since=since,
        until=now,
        total=total,
        models=_busiest(by_model.values()),
        providers=_busiest(by_provider.values()),
        slots=sorted(slots.items()),
        known_models=sorted(named),
        known_providers=sorted({provider_of(key) for key in named}),
    )


def errors(member: Membership, figures: Figures) -> list[ErrorRow]:
    """The classes of error that there were, the most frequent first."""
    ended, routes = max(1, figures.calls - figures.cancelled), _routes(member)
    known = {**dict.fromkeys(ERRORS), **dict.fromkeys(figures.outcomes)}
    rows = [
        ErrorRow(
            key=key,
            words=ERRORS.get(key, key.replace("_", " ").capitalize()),
            calls=figures.outcomes[key],
            share=Decimal(figures.outcomes[key]) / ended,
            leads_to=leads_to(key, routes),
        )
        for key in known
        if key not in (SUCCEEDED, CANCELLED) and figures.outcomes.get(key)
    ]
    return sorted(rows, key=lambda row: -row.calls)


def leads_to(error_class: str, routes: Sequence[Route]) -> str:
    """What follows such an error: the rule, and what routes in force say otherwise."""
    if error_class == LOST:
        return "the provider is asked; then a person decides"
    usual = ON_ERROR.get(error_class)
    if usual is None:
        return ""
    others = sorted({route.on_error.get(error_class, usual) for route in routes} - {usual})
    return "; ".join([THEN[usual], *(f"{THEN[then]} in some routes" for then in others)])


def _routes(member: Membership) -> Sequence[Route]:
    try:
        return tables.current(member.workspace).routes
    except tables.NoTable:
        return ()


def _busiest(found: Iterable[Figures]) -> list[Figures]:
    return sorted(found, key=lambda figures: (-figures.calls, figures.key))


def _slots(span: Span, since: datetime.datetime, now: datetime.datetime) -> Iterable[datetime.datetime]:
    """Every step of the span, those without any call too."""
    at, step = since, datetime.timedelta(seconds=span.step)
    while at <= now:
        yield at
        at += step
