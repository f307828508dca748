"""Circuit breakers as people look at them: what holds now, since when and why, and how it went over time."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Sequence
from decimal import Decimal

from projects.models import Membership
from routing import health
from routing.brief import Breaker
from routing.models import BreakerChange, ModelHealth

MOST_CHANGES = 200


@dataclasses.dataclass(frozen=True)
class Now:
    """A model's breaker at this instant. `probe_at` is when the next probe may go; None where none is due.

    `since` is when the state began: an open one whose rest is over is half open from then on.
    """

    model: str
    state: str
    since: datetime.datetime
    reason: str
    probe_at: datetime.datetime | None
    probe_money_left: Decimal


@dataclasses.dataclass(frozen=True)
class Stretch:
    """A state that lasted, from and until as shares of the span that is shown."""

    state: str
    start: Decimal
    end: Decimal


def current(member: Membership, *, now: datetime.datetime) -> dict[str, Now]:
    """By model, the breakers of all models that were called so far; one query."""
    rows = ModelHealth.objects.visible_to(member).order_by("model_key")
    return {row.model_key: _now(row, now) for row in rows}


def _now(row: ModelHealth, now: datetime.datetime) -> Now:
    state = health.state_at(row.state, row.retry_at, now)
    rested = row.state == Breaker.OPEN and state == Breaker.HALF_OPEN and row.retry_at is not None
    spent = Decimal(0) if health.is_fresh(row, now, health.rule()) else row.probe_spent
    left = max(Decimal(0), health.rule().probe_money - spent)
    probe_at = row.retry_at if state == Breaker.OPEN else None
    if state == Breaker.HALF_OPEN:
        again = datetime.timedelta(seconds=health.rule().fresh_money_seconds)
        probe_at = now if left or row.retry_at is None else row.retry_at + again
    return Now(
        model=row.model_key,
        state=state,
        since=row.retry_at if rested and row.retry_at else row.changed_at,
        reason=row.reason,
        probe_at=probe_at,
        probe_money_left=left,
    )


def changes(
    member: Membership, *, since: datetime.datetime, model: str = "", provider: str = ""
) -> list[BreakerChange]:
    """What moved since then, the latest first, at most MOST_CHANGES; one query."""
    rows = BreakerChange.objects.visible_to(member).filter(at__gte=since)
    if model:
        rows = rows.filter(model_key=model)
    if provider:
        rows = rows.filter(model_key__startswith=f"{provider}/")
    return list(rows.order_by("-at", "-pk")[:MOST_CHANGES])


def stretches(
    found: Sequence[BreakerChange],
    now: Iterable[Now],
    *,
    since: datetime.datetime,
    until: datetime.datetime,
) -> dict[str, list[Stretch]]:
    """By model, the states that lasted between two instants: of those that moved, or that are not closed."""
    moves: dict[str, list[BreakerChange]] = {}
    for change in reversed(found):
        moves.setdefault(change.model_key, []).append(change)
    for each in now:
        if each.state != Breaker.CLOSED:
            moves.setdefault(each.model, [])
    states = {each.model: each.state for each in now}
    span = Decimal(str((until - since).total_seconds()))
    shown = {}
    for model, row in sorted(moves.items()):
        instants = [since, *(change.at for change in row), until]
        kept = [row[0].before, *(change.after for change in row)] if row else [states[model]]
        shares = [Decimal(str((at - since).total_seconds())) / span for at in instants]
        shown[model] = [
            Stretch(state, start, end)
            for state, start, end in zip(kept, shares[:-1], shares[1:], strict=True)
            if end > start
        ]
    return shown
