"""What people's time on the takes of one deliverable is worth so far: no cash, as `timecost` derives it."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any

from django.db import connection

from billing import money, timecost
from projects.models import Deliverable

SPENT = f"""
    WITH life AS (
        SELECT %(deliverable)s::uuid AS deliverable_id, %(until)s::timestamptz AS at,
               ''::text AS category, ''::text AS own
    ), {timecost.PIECES}
    SELECT take_id, sum(amount) FROM w GROUP BY 1
"""  # noqa: S608 - our own words only


def by_take(*, deliverable: Deliverable, until: datetime.datetime) -> dict[uuid.UUID | None, Decimal]:
    """Per take the worth of review and waiting known before `until`, in the workspace's currency, booked
    to eight decimals; under None that of the deliverable as a whole. Takes without any are left out."""
    values: dict[str, Any] = {
        "workspace": deliverable.workspace_id,
        "deliverable": deliverable.pk,
        "until": until,
    }
    with connection.cursor() as cursor:
        cursor.execute(SPENT, values)
        return {take: money.booked(Decimal(amount)) for take, amount in cursor.fetchall()}
