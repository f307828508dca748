"""One order for what a campaign's shared costs are spread over: who comes into it, and who is decided on.

A deliverable takes its instant under this lock, and shares are booked under it (`billing.shares`); so every
share sees each deliverable that was there at its instant, and none that comes later is dated before it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db import connection

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))"


def lock(campaign_ids: Iterable[uuid.UUID]) -> None:
    """Lets nobody else into these campaigns until the transaction ends; after all locks of deliverables."""
    with connection.cursor() as cursor:
        for campaign_id in sorted(set(campaign_ids)):
            cursor.execute(LOCK, [f"shares:{campaign_id}"])
