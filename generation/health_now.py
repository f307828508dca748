"""What is under way at this instant by provider: places taken, pauses, and what waits the longest."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Min, Q

from generation import intents
from generation.health import provider_of
from generation.models import Call, ProviderAccount
from generation.models.runs import CALLS_IN_FLIGHT, CallState
from projects.models import Membership
from routing.brief import BUILTIN

#: Steps that wait for their submit, by the model that is next, with when the oldest take was asked for.
WAITING = """
    SELECT r.request->'choices'->(r.choice::int)->>'model' AS model, count(*), min(t.requested_at)
    FROM generation_run r JOIN projects_take t ON t.id = r.take_id
    WHERE r.workspace_id = %s AND r.state = 'queued' AND r.lane = 'submit' GROUP BY 1
"""


@dataclasses.dataclass
class Place:
    """A provider now. `limit`: how many calls its accounts let be under way; None where it has none."""

    provider: str
    in_flight: int = 0
    unknown: int = 0
    oldest_call: datetime.datetime | None = None
    waiting: int = 0
    oldest_waiting: datetime.datetime | None = None
    limit: int | None = None
    accounts: list[ProviderAccount] = dataclasses.field(default_factory=list)

    def paused(self, now: datetime.datetime) -> list[ProviderAccount]:
        """Accounts that the provider asked to leave alone for a while."""
        return [a for a in self.accounts if a.enabled and a.blocked_until and a.blocked_until > now]

    @property
    def share(self) -> float:
        return self.in_flight / self.limit if self.limit else 0.0


def places(member: Membership, *, known: list[str]) -> list[Place]:
    """By provider what is under way, waits and may be under way: of those in `known` and all that have any
    of it. Three queries."""
    found: dict[str, Place] = {name: Place(name) for name in known}

    def place(name: str) -> Place:
        return found.setdefault(name, Place(name))

    for row in _in_flight(member):
        one = place(row["provider"])
        one.in_flight, one.unknown, one.oldest_call = row["number"], row["unknown"], row["oldest"]
    for model, (number, oldest) in _waiting(member).items():
        one = place(provider_of(model) or "none")
        one.waiting += number
        one.oldest_waiting = min(filter(None, (one.oldest_waiting, oldest)), default=None)
    for account in ProviderAccount.objects.visible_to(member).order_by("provider", "name"):
        one = place(account.provider)
        one.accounts.append(account)
        if account.enabled:
            one.limit = (one.limit or 0) + account.concurrency
    if BUILTIN in found:
        found[BUILTIN].limit = intents.LOCAL_QUEUE * settings.RENDER_PROCESSES
    return [found[name] for name in sorted(found)]


def in_flight_by_model(member: Membership) -> dict[str, int]:
    """Calls under way by model; one query."""
    rows = Call.objects.visible_to(member).filter(state__in=CALLS_IN_FLIGHT)
    return dict(rows.values_list("model").annotate(number=Count("pk")))


def _in_flight(member: Membership) -> list[dict[str, Any]]:
    rows = Call.objects.visible_to(member).filter(state__in=CALLS_IN_FLIGHT).values("provider")
    unknown = Count("pk", filter=Q(state=CallState.UNKNOWN))
    told = rows.annotate(number=Count("pk"), unknown=unknown, oldest=Min("intended_at"))
    return [dict(row) for row in told]


def _waiting(member: Membership) -> dict[str, tuple[int, datetime.datetime]]:
    found: dict[str, tuple[int, datetime.datetime]] = {}
    with connection.cursor() as cursor:
        cursor.execute(WAITING, [member.workspace_id])
        for model, number, oldest in cursor.fetchall():
            found[model or ""] = (number, oldest)
    return found
