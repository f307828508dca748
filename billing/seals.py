"""The ledger's hash chain: each workspace's bookings of a day are sealed when the day is over.

A seal holds the hash of the one before it and of every row in between, in the order of their ids, so that no
row can be changed, taken out or put in without all later seals showing it.
"""

from __future__ import annotations

import datetime
import hashlib
import uuid
from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing import periods, snapshots
from billing.models import Entry, MonthClose, SealedDay
from projects import identifiers
from projects.models import Workspace

AFTERWARDS = datetime.timedelta(hours=6)
"""How long after midnight (UTC) a day is sealed: what was begun before it has ended by then."""

VERSION = "day 1"
BETWEEN = "id >= %(first)s AND id < %(until)s"
NOTHING = uuid.UUID(int=0)
_sealed: datetime.date | None = None


def seal_new_day(*, now: datetime.datetime) -> int:
    """`seal_due` once a day and process, as the sweep asks each minute."""
    global _sealed
    day = due(now)
    if _sealed == day:
        return 0
    number = seal_due(now=now)
    _sealed = day
    return number


def due(now: datetime.datetime) -> datetime.date:
    """The last day (UTC) that is over and to be sealed."""
    return (now - AFTERWARDS).astimezone(datetime.UTC).date() - datetime.timedelta(days=1)


def seal_due(*, now: datetime.datetime | None = None) -> int:
    """Seals, in every workspace, what was booked up to the last day that is over; answers how many."""
    now = now or timezone.now()
    day = due(now)
    return sum(seal(workspace, day, now=now) is not None for workspace in Workspace.objects.order_by("pk"))


def seal(workspace: Workspace, day: datetime.date, *, now: datetime.datetime) -> SealedDay | None:
    """Seals all up to the end of a day (UTC); None where that is done or nothing was booked since."""
    until = _bound(day + datetime.timedelta(days=1))
    with transaction.atomic():
        periods.lock(workspace.pk)
        last = SealedDay.objects.filter(workspace=workspace).order_by("-day").first()
        if last and last.day >= day:
            return None
        first = last.until if last else NOTHING
        if not Entry.objects.filter(workspace=workspace, id__gte=first, id__lt=until).exists():
            return None
        digest, number = _digest(workspace, first, until, last.digest if last else "")
        return SealedDay.objects.create(
            workspace=workspace, day=day, until=until, entries=number, digest=digest, sealed_at=now
        )


def problems() -> Iterator[str]:
    """What in the ledger is not as it was sealed or closed, in words; nothing in sound books."""
    for workspace in Workspace.objects.order_by("slug"):
        first, before = NOTHING, ""
        for row in SealedDay.objects.filter(workspace=workspace).order_by("day"):
            digest, number = _digest(workspace, first, row.until, before)
            if (digest, number) != (row.digest, row.entries):
                yield (
                    f"{workspace}: the bookings up to {row.day} are not those that were sealed "
                    f"({number} entries, {row.entries} were)."
                )
            first, before = row.until, row.digest
    for close in MonthClose.objects.select_related("workspace").order_by("workspace", "month").iterator(20):
        digest, number = snapshots.digest_of_close(close)
        if (digest, number) != (close.digest, close.entries):
            yield (
                f"{close.workspace}: {close.month} is not as it was closed "
                f"({number} entries, {close.entries} were)."
            )


def _bound(day: datetime.date) -> uuid.UUID:
    """The first identifier of a day (UTC)."""
    start = datetime.datetime.combine(day, datetime.time.min, datetime.UTC)
    return identifiers.of(int(start.timestamp() * 1000), 0)


def _digest(workspace: Workspace, first: uuid.UUID, until: uuid.UUID, before: str) -> tuple[str, int]:
    values: dict[str, Any] = {"workspace": workspace.pk, "first": first, "until": until}
    hashed, number = hashlib.sha256(f"{VERSION}\n{before}\n".encode()), 0
    for chunk in snapshots.lines(snapshots.ENTRIES.format(where=BETWEEN, order="id"), values):
        hashed.update(chunk)
        number += chunk.count(b"\n")
    return hashed.hexdigest(), number
