"""What waits and why: a kind for each reason, the words that the engine wrote, how many, how old."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.db.models import Count, Min
from django.urls import reverse
from django.utils import timezone

from generation.health_now import Place
from projects.models import CapRequest, HeroRequest, Membership, Take
from projects.models.decisions import RequestState
from projects.models.takes import TakeState

RECENT = datetime.timedelta(days=1)
MOST = 20


class Kind(enum.StrEnum):
    """Why something waits, in the order in which it is shown."""

    PERSON = "A person"
    BUDGET = "A budget"
    CAP = "A cap"
    BREAKER = "A model that rests"
    RATE = "A rate limit"
    PLACE = "A free place"
    PROVIDER = "The provider"
    MINUTE = "The time to take it back"
    TURN = "Its turn"


#: A kind by what the engine's words begin with or hold; the first that fits.
WORDS: tuple[tuple[str, Kind], ...] = (
    ("somebody to upload", Kind.PERSON),
    ("a person to say", Kind.PERSON),
    ("its batch to go on", Kind.PERSON),
    ("asked us to wait", Kind.RATE),
    ("has too much to do", Kind.RATE),
    ("a free place at", Kind.PLACE),
    ("it is being probed", Kind.BREAKER),
    ("it is resting", Kind.BREAKER),
    ("being probed and the money", Kind.BREAKER),
)
GROUPED = """
    SELECT r.waiting_for, split_part(r.request->'choices'->(r.choice::int)->>'model', '/', 1),
           r.due_at > %s AND t.phase = 'hero',
           count(*), min(t.requested_at)
    FROM generation_run r JOIN projects_take t ON t.id = r.take_id
    WHERE r.workspace_id = %s AND r.state IN ('queued', 'unknown') GROUP BY 1, 2, 3
"""


@dataclasses.dataclass(frozen=True)
class Reason:
    """How many wait for the same; `href` leads to where it can be mended, where there is such a page."""

    kind: Kind
    words: str
    number: int
    oldest: datetime.datetime | None
    href: str = ""


def why(
    waiting_for: str, *, provider: str, later: bool, places: Mapping[str, Place], now: datetime.datetime
) -> tuple[Kind, str]:
    """The kind and the words of one that waits; where the engine has written none, what is known tells.

    `later` is true of a hero take that an approval made and that is not due yet.
    """
    if waiting_for:
        kind = next((kind for part, kind in WORDS if part in waiting_for), Kind.PROVIDER)
        return kind, waiting_for
    if later:
        return Kind.MINUTE, "the approval to stand: until then it can be taken back"
    place = places.get(provider)
    if place is not None and place.accounts and place.limit is not None:
        paused = place.paused(now)
        if paused and len(paused) == sum(account.enabled for account in place.accounts):
            until = min(account.blocked_until for account in paused if account.blocked_until)
            return Kind.RATE, f"{provider} asked us to wait until {timezone.localtime(until):%H:%M:%S %Z}"
    if place is not None and place.limit and place.in_flight >= place.limit:
        return Kind.PLACE, f"a free place at {provider} ({place.limit} at a time)"
    return Kind.TURN, "its turn"


def reasons(member: Membership, *, places: Mapping[str, Place], now: datetime.datetime) -> list[Reason]:
    """Everything that waits in the workspace, by reason; four queries."""
    found: dict[tuple[Kind, str], tuple[int, datetime.datetime]] = {}
    with connection.cursor() as cursor:
        cursor.execute(GROUPED, [now, member.workspace_id])
        rows = cursor.fetchall()
    for words, provider, later, number, oldest in rows:
        key = why(words, provider=provider or "", later=bool(later), places=places, now=now)
        before = found.get(key, (0, oldest))
        found[key] = (before[0] + number, min(before[1], oldest))
    slug, order = member.workspace.slug, list(Kind)
    health = reverse("generation:health", args=[slug])
    hrefs = {
        Kind.BREAKER: health,
        Kind.RATE: health,
        Kind.PLACE: reverse("generation:providers", args=[slug]),
    }
    listed = [
        Reason(kind, words, number, oldest, _href(words, slug) or hrefs.get(kind, ""))
        for (kind, words), (number, oldest) in found.items()
    ]
    listed += _asked(member) + _stopped(member, now)
    return sorted(listed, key=lambda r: (order.index(r.kind), -r.number, r.words))[:MOST]


def _href(words: str, slug: str) -> str:
    return reverse("generation:unknown", args=[slug]) if "a person to say" in words else ""


def _asked(member: Membership) -> list[Reason]:
    """Requests that a manager has to decide: no take exists before."""
    inbox, found = reverse("generation:approvals", args=[member.workspace.slug]), []
    for model, kind, words in (
        (HeroRequest, Kind.PERSON, "a manager to approve a hero render"),
        (CapRequest, Kind.CAP, "a manager to grant more takes than the cap allows"),
    ):
        rows: Any = model._default_manager.filter(workspace=member.workspace_id, state=RequestState.WAITING)
        told = rows.aggregate(number=Count("pk"), oldest=Min("requested_at"))
        if told["number"]:
            found.append(Reason(kind, words, told["number"], told["oldest"], inbox))
    return found


def _stopped(member: Membership, now: datetime.datetime) -> list[Reason]:
    """Takes that a budget stopped lately: they wait for more money and to be made again."""
    rows = Take.objects.visible_to(member).filter(
        requested_at__gte=now - RECENT, state=TakeState.STOPPED_BY_BUDGET
    )
    told = rows.aggregate(number=Count("pk"), oldest=Min("requested_at"))
    if not told["number"]:
        return []
    words = "more money: a budget stopped these within a day"
    budgets = reverse("billing:budgets", args=[member.workspace.slug])
    return [Reason(Kind.BUDGET, words, told["number"], told["oldest"], budgets)]
