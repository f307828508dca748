"""What stands behind a figure of the month: deliverables, their takes with pictures, decisions, calls."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Prefetch
from django.urls import reverse

from billing import dimensions
from billing.acceptances import LIFE, PEOPLE_OF_ENTRIES, Month
from billing.exports.stream import stream_values
from billing.models import Entry
from billing.models.ledger import EntryKind
from billing.month_parts import PLACES
from generation.models import Call
from projects.models import Decision, Deliverable, Take

ACCEPTED = """
    {life}{places}
    SELECT l.deliverable_id, d.name, p.key || '/' || g.key, l.category, l.at, a.number,
           COALESCE(sum(e.amount), 0)
    FROM life l
    JOIN projects_deliverable d ON d.id = l.deliverable_id
    JOIN projects_campaign g ON g.id = d.campaign_id
    JOIN projects_project p ON p.id = g.project_id
    JOIN projects_take a ON a.id = l.take_id
    {at_place}
    LEFT JOIN billing_entry e ON e.deliverable_id = l.deliverable_id AND e.effective_at <= l.at
         AND e.effective_at < %(until)s AND e.kind <> 'transfer'
    {people}
    WHERE (%(key)s::text IS NULL OR {dimension} = %(key)s)
      AND (%(since)s::timestamptz IS NULL OR l.at >= %(since)s)
      AND (%(before)s::timestamptz IS NULL OR l.at < %(before)s)
      AND (%(over)s::int IS NULL OR l.at >= d.created_at + make_interval(secs => %(over)s::int * 86400))
      AND (%(within)s::int IS NULL OR l.at < d.created_at + make_interval(secs => %(within)s::int * 86400))
    GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 7 DESC, 1 LIMIT %(limit)s OFFSET %(offset)s
"""


AT_PLACE = "JOIN places f ON f.deliverable_id = l.deliverable_id AND f.place = %(place)s"


class Narrow(NamedTuple):
    """A bar of a chart: at which counted take, between which instants, how many days after the brief."""

    place: int | None = None
    since: datetime.datetime | None = None
    before: datetime.datetime | None = None
    over: int | None = None
    within: int | None = None


EVERYTHING = Narrow()


class Accepted(NamedTuple):
    """A deliverable accepted in the month, and its cash within the figure, life to date."""

    id: uuid.UUID
    name: str
    campaign: str
    category: str
    at: datetime.datetime
    take: int
    cash: object


def accepted(
    *,
    month: Month,
    by: str = "",
    key: str | None = None,
    narrow: Narrow = EVERYTHING,
    limit: int,
    offset: int = 0,
) -> list[Accepted]:
    """Deliverables behind a row of the month's table, dearest first; all of them without `key`.

    Raises Invalid (422) for an unknown dimension.
    """
    statement, values = _asked(month, by, key, narrow)
    with connection.cursor() as cursor:
        cursor.execute(statement, {**values, "limit": limit, "offset": offset})
        return [Accepted(*row) for row in cursor.fetchall()]


def accepted_table(
    *, month: Month, by: str = "", key: str | None = None, narrow: Narrow = EVERYTHING
) -> Iterator[Sequence[Any]]:
    """All of them under the names of their columns, in constant memory; needs the caller's transaction."""
    statement, values = _asked(month, by, key, narrow)
    yield Accepted._fields
    yield from stream_values(statement, values)


def _asked(month: Month, by: str, key: str | None, narrow: Narrow) -> tuple[str, dict[str, Any]]:
    """The statement with its values, for all rows."""
    dimension = dimensions.dimension(by) if by else None
    statement = ACCEPTED.format(
        life=LIFE.format(own=dimensions.own(by) if by else "''"),
        places="" if narrow.place is None else f", {PLACES}",
        at_place="" if narrow.place is None else AT_PLACE,
        people=PEOPLE_OF_ENTRIES if dimension and dimension.of_person else "",
        dimension=f"COALESCE({dimension.of_entry}, '')" if dimension else "''",
    )
    asked = {"key": key if by else None, "limit": None, "offset": 0}
    return statement, {**month.values(), **narrow._asdict(), **asked}


def takes(deliverable: Deliverable, *, slug: str) -> list[dict[str, Any]]:
    """Every take with its picture, decisions, entries and calls, in a bounded number of queries."""
    decided = Decision.objects.select_related("by").order_by("at", "sequence")
    rows = (
        Take.objects.filter(deliverable=deliverable)
        .select_related("poster", "requested_by")
        .prefetch_related(Prefetch("decisions", queryset=decided))
        .order_by("number")
    )
    cash = Entry.objects.filter(deliverable=deliverable).exclude(kind=EntryKind.TRANSFER)
    entries: dict[uuid.UUID | None, list[Entry]] = {}
    for entry in cash.order_by("effective_at", "id"):
        entries.setdefault(entry.take_id, []).append(entry)
    calls = Call.objects.filter(run__take__deliverable=deliverable).in_bulk()
    found = [_take(row, entries.get(row.pk, []), calls, deliverable, slug) for row in rows]
    if None in entries:
        found.append({"take": None, "entries": [(entry, None) for entry in entries[None]]})
    return found


def _take(
    row: Take,
    entries: list[Entry],
    calls: dict[uuid.UUID, Call],
    deliverable: Deliverable,
    slug: str,
) -> dict[str, Any]:
    poster = row.poster
    return {
        "take": row,
        "picture": reverse("generation:rendition", args=[slug, poster.pk, "thumbnail"]) if poster else "",
        "kind": poster.kind if poster else "",
        "format": deliverable.format.key if deliverable.format else "16x9",
        "entries": [(entry, calls.get(entry.call) if entry.call else None) for entry in entries],
        "decisions": list(row.decisions.all()),
        "cash": sum((entry.amount for entry in entries), 0),
    }
