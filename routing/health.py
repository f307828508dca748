"""Circuit breakers: a model that keeps failing rests, is probed within a money limit, and comes
back.

`next_state` is the rule, pure. `probe` is asked before a call, `record` counts one that ended and
moves the row, `facts` reads what `decide` needs. Failures are the provider's: what a request itself
caused (bad_request, moderated) or the account (auth, insufficient_credit, rate_limited) says
nothing about the model.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Mapping
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from projects.models import Workspace
from routing.brief import Breaker, Health
from routing.models import BreakerChange, HealthSample, ModelHealth

#: Error classes that count against a model.
FAILURES = frozenset({"unavailable", "timeout", "malformed_output", "retired", "unknown"})
ZERO = Decimal(0)


@dataclasses.dataclass(frozen=True)
class Rule:
    """When a breaker opens and closes. `probe_money` (workspace's currency) may go into probes, at
    most `most_probes` of them, for each takes its share at least; after `fresh_money_seconds` of
    probing in vain it may be spent once more. The first probe goes whatever it costs."""

    window_seconds: int = 600
    least_calls: int = 5
    open_share: Decimal = Decimal("0.5")
    rest_seconds: int = 120
    probe_money: Decimal = Decimal(2)
    most_probes: int = 5
    fresh_money_seconds: int = 3600

    @property
    def least_probe(self) -> Decimal:
        """What a probe takes of the money at least, even where it costs nothing."""
        return self.probe_money / self.most_probes


@dataclasses.dataclass(frozen=True)
class Window:
    """Calls of a model that ended within the window, and how many of them failed."""

    calls: int
    failures: int

    @property
    def failure_share(self) -> Decimal:
        return Decimal(self.failures) / self.calls if self.calls else ZERO


def rule() -> Rule:
    """The operator's rule: the defaults, changed by the setting `BREAKER` (field → value)."""
    return Rule(**getattr(settings, "BREAKER", {}))


def next_state(state: str, window: Window, *, failed: bool, rule: Rule) -> str:
    """The breaker's state after one more call that ended.

    Closed opens on the failure share once there are calls enough to tell. Half open closes on one
    success and opens again on one failure. Open stays: only time takes it to half open.
    """
    if state == Breaker.HALF_OPEN:
        return Breaker.OPEN if failed else Breaker.CLOSED
    if state == Breaker.CLOSED and failed and window.calls >= rule.least_calls:
        return Breaker.OPEN if window.failure_share >= rule.open_share else Breaker.CLOSED
    return state


def state_at(state: str, retry_at: datetime.datetime | None, now: datetime.datetime) -> str:
    """The state that holds now: an open breaker whose rest is over is half open."""
    if state == Breaker.OPEN and retry_at is not None and retry_at <= now:
        return Breaker.HALF_OPEN
    return state


def is_fresh(row: ModelHealth, now: datetime.datetime, rule: Rule) -> bool:
    """Whether so much time went by in vain that the money for probes is there once more."""
    since = (now - row.retry_at).total_seconds() if row.retry_at else 0
    return since >= rule.fresh_money_seconds


def probe(*, workspace: Workspace, model_key: str, at_most: Decimal, now: datetime.datetime) -> bool:
    """Asked before each call: whether the breaker lets it through. A probe's money is taken here.

    True at once where the breaker is closed; False where it is open, or the money for probes is
    used up.
    """
    with transaction.atomic():
        row = _locked(workspace, model_key)
        if row is None or state_at(row.state, row.retry_at, now) == Breaker.CLOSED:
            return True
        about = _health(row, Window(0, 0), now)
        if about.breaker == Breaker.OPEN or not about.lets_probe(at_most):
            return False
        if is_fresh(row, now, rule()):
            row.probe_spent, row.retry_at = ZERO, now
        row.probe_spent += max(at_most, about.least_probe)
        if row.state != Breaker.HALF_OPEN:
            _note(row, Breaker.HALF_OPEN, now, reason="its rest is over: a probe was sent")
            row.state, row.changed_at = Breaker.HALF_OPEN, now
        row.save(update_fields=["state", "changed_at", "retry_at", "probe_spent"])
    return True


def not_sent(*, workspace: Workspace, model_key: str, at_most: Decimal) -> None:
    """Gives back the money of a probe that `probe` let through and that was not sent after all."""
    with transaction.atomic():
        row = _locked(workspace, model_key)
        if row is not None and row.state == Breaker.HALF_OPEN:
            row.probe_spent = max(ZERO, row.probe_spent - max(at_most, rule().least_probe))
            row.save(update_fields=["probe_spent"])


def record(
    *,
    workspace: Workspace,
    model_key: str,
    error_class: str = "",
    seconds: Decimal = ZERO,
    calls: int = 1,
    now: datetime.datetime | None = None,
) -> str:
    """Counts a call that ended (`error_class` empty: it succeeded) and answers the breaker's
    state. Several that ended alike are counted in one go: `calls`, and their `seconds` summed."""
    now = now or timezone.now()
    with transaction.atomic():
        ModelHealth.objects.bulk_create(
            [ModelHealth(workspace=workspace, model_key=model_key, changed_at=now)],
            ignore_conflicts=True,
        )
        row = ModelHealth.objects.select_for_update().get(workspace=workspace, model_key=model_key)
        _count(row, error_class, seconds=seconds, calls=calls, now=now)
        if error_class in FAILURES or not error_class:
            _move(row, error_class=error_class, now=now)
    return row.state


def facts(workspace: Workspace, keys: Iterable[str], *, now: datetime.datetime) -> dict[str, Health]:
    """How each model does now, in two queries; a model that nobody called is well."""
    wanted = sorted(set(keys))
    rows = {
        row.model_key: row for row in ModelHealth.objects.filter(workspace=workspace, model_key__in=wanted)
    }
    windows = _windows(workspace, rows, now)
    return {key: _health(rows.get(key), windows.get(key), now) for key in wanted}


def _health(row: ModelHealth | None, window: Window | None, now: datetime.datetime) -> Health:
    if row is None or window is None:
        return Health()
    spent = ZERO if is_fresh(row, now, rule()) else row.probe_spent
    return Health(
        breaker=state_at(row.state, row.retry_at, now),
        failure_share=window.failure_share,
        calls=window.calls,
        retry_at=row.retry_at,
        probe_money_left=max(ZERO, rule().probe_money - spent),
        least_probe=rule().least_probe,
        first_probe=not spent,
    )


def _locked(workspace: Workspace, model_key: str) -> ModelHealth | None:
    rows = ModelHealth.objects.select_for_update()
    return rows.filter(workspace=workspace, model_key=model_key).first()


def _count(
    row: ModelHealth, error_class: str, *, seconds: Decimal, calls: int, now: datetime.datetime
) -> None:
    """Adds to the sample of this minute; the breaker's row is locked."""
    sample, _ = HealthSample.objects.get_or_create(
        workspace_id=row.workspace_id,
        model_key=row.model_key,
        minute=now.replace(second=0, microsecond=0),
    )
    sample.calls += calls
    sample.seconds += seconds
    if error_class in FAILURES:
        sample.failures += calls
    if error_class:
        sample.errors = {**sample.errors, error_class: sample.errors.get(error_class, 0) + calls}
    sample.save(update_fields=["calls", "seconds", "failures", "errors"])


def _move(row: ModelHealth, *, error_class: str, now: datetime.datetime) -> None:
    """Moves the locked row by the rule, after a call that succeeded or failed with a class of error."""
    window = _windows(row.workspace, {row.model_key: row}, now)[row.model_key]
    before = state_at(row.state, row.retry_at, now)
    after = next_state(before, window, failed=bool(error_class), rule=rule())
    if after == Breaker.OPEN and before != Breaker.OPEN:
        row.retry_at = now + datetime.timedelta(seconds=rule().rest_seconds)
        row.reason = f"{window.failures} of the last {window.calls} calls failed"
    if after == Breaker.CLOSED and before != Breaker.CLOSED:
        row.retry_at, row.probe_spent, row.reason = None, ZERO, ""
    if after != row.state:
        reason = row.reason if after == Breaker.OPEN else "a call succeeded"
        _note(row, after, now, reason=reason, error_class=error_class, window=window)
        row.state, row.changed_at = after, now
    row.save(update_fields=["state", "changed_at", "retry_at", "probe_spent", "reason"])


def _note(
    row: ModelHealth,
    after: str,
    now: datetime.datetime,
    *,
    reason: str,
    error_class: str = "",
    window: Window | None = None,
) -> None:
    """Keeps a move of the locked row for the page of health; the row still has its state before it."""
    seen = window or Window(0, 0)
    BreakerChange.objects.create(
        workspace_id=row.workspace_id,
        model_key=row.model_key,
        at=now,
        before=row.state,
        after=after,
        reason=reason,
        error_class=error_class,
        calls=seen.calls,
        failures=seen.failures,
        retry_at=row.retry_at if after == Breaker.OPEN else None,
    )


def _windows(
    workspace: Workspace, rows: Mapping[str, ModelHealth], now: datetime.datetime
) -> dict[str, Window]:
    """What ended within the rule's window by model; where the breaker has closed since, from
    then."""
    start = now - datetime.timedelta(seconds=rule().window_seconds)
    counted: dict[str, Window] = {key: Window(0, 0) for key in rows}
    samples = HealthSample.objects.filter(
        workspace=workspace, model_key__in=list(rows), minute__gt=start, minute__lte=now
    )
    for key, minute, calls, failures in samples.values_list("model_key", "minute", "calls", "failures"):
        row = rows[key]
        closed_at = row.changed_at.replace(second=0, microsecond=0)
        if row.state != Breaker.CLOSED or minute >= closed_at:
            seen = counted[key]
            counted[key] = Window(seen.calls + calls, seen.failures + failures)
    return counted
