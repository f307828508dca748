"""Which calls have been asked of a provider and have no charge yet, as the close of a month asks."""

from __future__ import annotations

import datetime

from billing.unsettled import Unsettled
from generation import charges
from generation.charges import Books
from generation.models import Call
from projects.models import Workspace


def calls(workspace: Workspace, instant: datetime.datetime) -> list[Unsettled]:
    """Calls that were sent before the instant and whose hold is open, each at its expected price."""
    rows = Call.objects.filter(
        workspace=workspace, intended_at__lt=instant, hold__isnull=False, hold__outcome__isnull=True
    )
    found = list(rows.select_related("hold", "run__take__workspace").order_by("intended_at", "pk"))
    books = charges.open_books(found, now=instant)
    return [call for row in found if (call := _unsettled(row, books))]


def _unsettled(call: Call, books: Books) -> Unsettled | None:
    if call.hold is None:
        return None
    return Unsettled(
        hold=call.hold,
        expected=charges.cost_of(call, books).amount,
        stage=call.run.stage,
        provider=call.provider,
        model=call.model,
        run=call.run_id,
        call=call.pk,
        asked_at=call.intended_at,
    )
