"""Which calls have been asked of a provider and have no charge yet, as the close of a month asks."""

from __future__ import annotations

import datetime

from billing.unsettled import Unsettled
from generation import charges
from generation.models import Call
from projects.models import Workspace


def calls(workspace: Workspace, instant: datetime.datetime) -> list[Unsettled]:
    """Calls that were sent before the instant and whose hold is open, each at its expected price."""
    rows = Call.objects.filter(
        workspace=workspace, intended_at__lt=instant, hold__isnull=False, hold__outcome__isnull=True
    )
    known = rows.select_related("hold", "run__take__workspace", "run__take__requested_by")
    found = list(known.order_by("intended_at", "pk"))
    books = charges.open_books(found, now=instant)
    return [
        Unsettled(
            hold=call.hold,
            charge=charges.charge(call, books, failed_charged=False, now=instant),
            asked_at=call.intended_at,
        )
        for call in found
        if call.hold is not None
    ]
