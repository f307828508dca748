"""Outages of models, from the moves of their circuit breakers: from the opening to the next closing. Pure."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable

from routing.brief import Breaker
from routing.models import BreakerChange


@dataclasses.dataclass(frozen=True)
class Outage:
    """A stretch in which a model was not to be had. `until` is None while it lasts.

    `reason` and `error_class` are those of the opening; `probes` counts the times it was tried again in vain,
    as far as those moves were given.
    """

    model: str
    since: datetime.datetime
    until: datetime.datetime | None
    reason: str
    error_class: str
    probes: int

    @property
    def provider(self) -> str:
        return self.model.partition("/")[0]

    def lasted(self, now: datetime.datetime) -> datetime.timedelta:
        return (self.until or now) - self.since


def of(changes: Iterable[BreakerChange]) -> list[Outage]:
    """The outages that the moves tell of, the latest first. Moves before an opening that is not among them
    belong to no outage."""
    running: dict[str, Outage] = {}
    over: list[Outage] = []
    for change in sorted(changes, key=lambda move: (move.at, move.pk or 0)):
        one = running.get(change.model_key)
        if change.after == Breaker.CLOSED:
            if one:
                over.append(dataclasses.replace(running.pop(change.model_key), until=change.at))
        elif one is None and change.before == Breaker.CLOSED:
            running[change.model_key] = Outage(
                change.model_key, change.at, None, change.reason, change.error_class, 0
            )
        elif one and change.after == Breaker.OPEN:
            running[change.model_key] = dataclasses.replace(one, probes=one.probes + 1)
    return sorted([*over, *running.values()], key=lambda one: (one.since, one.model), reverse=True)
