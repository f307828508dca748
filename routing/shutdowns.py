"""Models that their provider will switch off on a published date, and the routes in force that name them."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator

from django.db.models import Q

from projects.models import Membership
from routing import tables, words
from routing.document import Route, Table
from routing.models import CatalogueModel

AHEAD = datetime.timedelta(days=60)


@dataclasses.dataclass(frozen=True)
class Use:
    """A route that names the model, in words, and as what: a choice, a fallback, or after a switch."""

    route: str
    words: str
    place: str


@dataclasses.dataclass(frozen=True)
class Shutdown:
    """A model that ends within AHEAD, or has ended while a route in force still names it."""

    model: CatalogueModel
    on: datetime.date
    days_left: int
    uses: tuple[Use, ...]


def ahead(member: Membership, *, today: datetime.date) -> list[Shutdown]:
    """The shutdowns that the workspace has to prepare for, the next first; two queries."""
    table = _table(member)
    used = uses_of(table) if table else {}
    ended = Q(available_until__lt=today, key__in=list(used))
    soon = Q(available_until__gte=today, available_until__lte=today + AHEAD)
    rows = CatalogueModel.objects.visible_to(member).filter(soon | ended).order_by("available_until", "key")
    return [
        Shutdown(row, row.available_until, (row.available_until - today).days, tuple(used.get(row.key, ())))
        for row in rows
        if row.available_until is not None
    ]


def uses_of(table: Table) -> dict[str, list[Use]]:
    """By model key, the routes of a table that name it."""
    found: dict[str, list[Use]] = {}
    for route in table.routes:
        for model, place in _named(route):
            uses = found.setdefault(model, [])
            if all(use.route != route.key for use in uses):
                uses.append(Use(route.key, words.subject(route), place))
    return found


def _named(route: Route) -> Iterator[tuple[str, str]]:
    yield from ((choice.model, "choice") for choice in route.choices)
    yield from ((choice.model, "fallback") for choice in route.fallbacks)
    for rule in route.criteria:
        yield from ((choice.model, "after a switch") for choice in rule.choices)


def _table(member: Membership) -> Table | None:
    try:
        return tables.current(member.workspace)
    except tables.NoTable:
        return None
