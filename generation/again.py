"""A call whose answer was lost, at a provider that knows jobs by a key of ours: it is asked once more.

The very same request goes out under the very same key, so that the provider answers with the job that it has,
or makes it now: one job either way, on the hold that is open already.
"""

from __future__ import annotations

import contextlib
import datetime

from generation import canonical, choosing, facts, tokens
from generation.choosing import Order
from generation.inputs import Materials
from generation.intents import Intent
from generation.models import Call, Run
from generation.models.runs import RunState

PATIENCE = datetime.timedelta(minutes=30)
"""For how long a call is asked again under its key; providers keep keys for a day or so."""


def intent(*, call: Call, open_files: contextlib.ExitStack, now: datetime.datetime) -> Intent | None:
    """The call as it was sent; None where it cannot be made again exactly, or was cancelled since.

    Files that go in stay open until `open_files` closes.
    """
    run = Run.objects.select_related("take__workspace", "take__deliverable").get(pk=call.run_id)
    if run.state != RunState.UNKNOWN or now > call.intended_at + PATIENCE:
        return None
    return rebuilt(call=call, run=run, open_files=open_files, now=now)


def rebuilt(
    *, call: Call, run: Run, open_files: contextlib.ExitStack, now: datetime.datetime
) -> Intent | None:
    """A committed call with its job, made anew; None where it would not be exactly what was committed."""
    known = facts.collect(workspace=run.take.workspace, models=[call.model], now=now)
    order = choosing.same(run, call.model, known, Materials([run], open_files))
    if not isinstance(order, Order) or canonical.digest(dict(order.job.payload)) != call.payload_hash:
        return None
    try:
        token = tokens.token_of(call.pk, call.token_hash)
    except LookupError:
        return None
    return Intent(order=order, call=call, account=call.account, token=token)
