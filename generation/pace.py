"""When a provider is asked about a job: seldom while it cannot be ready, oftener around its usual end."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping
from decimal import Decimal

from django.db.models import Sum

from routing.models import HealthSample

SOONEST = 1.0
LATEST = 20.0
GROWTH = 0.25
"""Without a usual duration, each look comes after another quarter of the time that has passed."""

NEAR = 0.95
"""Of a usual duration: when the first look is worth its call."""

AROUND = 0.06
"""Of a usual duration: the pause between looks once it is near."""

LONGEST_PAUSE_SECONDS = 24 * 3600.0
"""A provider that wants to be left alone for longer is asked again all the same."""

REMEMBERED = datetime.timedelta(hours=1)


def usual_seconds(
    workspace: uuid.UUID, capabilities: Mapping[str, Mapping[str, object]], *, now: datetime.datetime
) -> dict[str, float]:
    """By model, how long its calls took within the last hour, else what the catalogue says of it."""
    rows = (
        HealthSample.objects.filter(
            workspace=workspace, model_key__in=list(capabilities), minute__gt=now - REMEMBERED
        )
        .values("model_key")
        .annotate(seconds=Sum("seconds"), calls=Sum("calls"), failures=Sum("failures"))
    )
    usual = {
        key: float(str(known["typical_seconds"]))
        for key, known in capabilities.items()
        if known.get("typical_seconds")
    }
    for row in rows:
        if row["calls"] > row["failures"]:
            usual[row["model_key"]] = float(row["seconds"]) / row["calls"]
    return usual


def first_look(usual: float | None, now: datetime.datetime) -> datetime.datetime:
    """When a job that was accepted now is first asked about."""
    return now + datetime.timedelta(seconds=max(SOONEST, usual * NEAR) if usual else SOONEST)


def seconds_between(begun: datetime.datetime, ended: datetime.datetime) -> Decimal:
    """What passed, in seconds to the millisecond; never negative."""
    passed = max(0.0, (ended - begun).total_seconds())
    return Decimal(str(passed)).quantize(Decimal("0.001"))


def progress(since: datetime.datetime, usual: float | None, now: datetime.datetime) -> Decimal:
    """How far a job is by the time it usually takes; never done before it is."""
    if not usual:
        return Decimal("0.1")
    share = seconds_between(since, now) / Decimal(str(usual))
    return min(share, Decimal("0.95")).quantize(Decimal("0.001"))


def next_look(
    *, accepted_at: datetime.datetime, usual_seconds: float | None, now: datetime.datetime
) -> datetime.datetime:
    """When a job that is still under way is asked about again."""
    passed = max(0.0, (now - accepted_at).total_seconds())
    pause = usual_seconds * AROUND if usual_seconds else passed * GROWTH
    if usual_seconds and passed > 2 * usual_seconds:
        pause = passed * GROWTH
    return now + datetime.timedelta(seconds=min(max(pause, SOONEST), LATEST))


def after_trouble(*, tries: int, retry_after_seconds: float | None = None) -> datetime.timedelta:
    """The pause before something is tried again: 2, 4, 8 … up to 120 seconds, or what the provider asked."""
    doubled = min(2.0 ** min(max(tries, 1), 7), 120.0)
    return max(datetime.timedelta(seconds=doubled), asked_for(retry_after_seconds or 0.0))


def asked_for(seconds: float) -> datetime.timedelta:
    """How long a provider that named a time to wait is left alone."""
    return datetime.timedelta(seconds=min(max(0.0, seconds), LONGEST_PAUSE_SECONDS))
