"""What is open for bookings: everything from the end of the last closed month on."""

from __future__ import annotations

import datetime
import uuid

from django.db import connection

from billing import months
from projects.models import Workspace
from projects.problems import Refused

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('closing:' || %s::text, 0))"


class MonthClosed(Refused):
    """Something was to be dated into a closed month."""

    status = 409
    title = "That month is closed"


def open_from(workspace_id: uuid.UUID) -> datetime.datetime | None:
    """The first instant that is not closed; None where no month is.

    Waits for a close that is under way. Within a transaction no close begins until that ends.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT billing_open_from(%s)", [workspace_id])
        instant: datetime.datetime | None = cursor.fetchone()[0]
    return instant


def effective(
    service_at: datetime.datetime, now: datetime.datetime, first: datetime.datetime | None
) -> datetime.datetime:
    """The effective instant: the service date, never the future, while its month is open, else `now`."""
    at = min(service_at, now)
    return now if first is not None and at < first else at


def require_open(workspace: Workspace, instant: datetime.datetime, *, what: str) -> None:
    """Raises MonthClosed (409) where `instant` lies before what is open."""
    first = open_from(workspace.pk)
    if first is not None and instant < first:
        zone = months.zone_of(workspace)
        raise MonthClosed(
            f"{what} is dated {instant.astimezone(zone):%Y-%m-%d}, "
            f"and the books are closed up to {first.astimezone(zone):%Y-%m-%d}.",
            remedy="Date it into an open month, or book an adjustment that names what it corrects.",
        )


def lock(workspace_id: uuid.UUID) -> None:
    """Waits for all who book in the workspace, and lets nobody book until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('closing:' || %s::text, 0))", [workspace_id]
        )
