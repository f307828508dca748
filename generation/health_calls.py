"""The calls behind a figure of the page of health, the latest first. An index answers, whatever there is."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Any

from django.db import connection

from generation.health import CANCELLED, LOST, SUCCEEDED
from generation.models import Call
from generation.models.runs import CallState
from projects.models import Membership

PAGE = 50
FAILED = "failed"  # any class of error
#: Of each model and state the latest ones, then the latest of all of these.
LATEST = """
    SELECT found.id FROM unnest(%(models)s::text[]) model CROSS JOIN unnest(%(states)s::text[]) state
    CROSS JOIN LATERAL (
        SELECT c.id, c.ended_at FROM generation_call c
        WHERE c.workspace_id = %(workspace)s AND c.model = model.model AND c.state = state.state
          AND c.ended_at >= %(since)s AND c.ended_at < %(before)s
          AND (%(error)s = '' OR coalesce(nullif(c.error_class, ''), 'unknown') = %(error)s)
        ORDER BY c.ended_at DESC LIMIT %(limit)s
    ) found ORDER BY found.ended_at DESC, found.id LIMIT %(limit)s
"""
BAD = (CallState.FAILED, CallState.REFUSED, CallState.BLOCKED)
STATES: dict[str, Sequence[str]] = {
    SUCCEEDED: [CallState.SUCCEEDED],
    CANCELLED: [CallState.CANCELLED],
    "": [*BAD, CallState.SUCCEEDED, CallState.CANCELLED],
}


@dataclasses.dataclass(frozen=True)
class Ended:
    """A call that ended, and the seconds from its submit to its end."""

    call: Call
    took: datetime.timedelta | None


def latest(
    member: Membership,
    *,
    models: Sequence[str],
    outcome: str,
    since: datetime.datetime,
    before: datetime.datetime,
) -> tuple[list[Ended], bool]:
    """At most PAGE calls of these models that ended so within the time, and whether there are more.

    `outcome` is as in the figures: `succeeded`, `cancelled`, a class of error, `failed` for all of them, or
    nothing for all calls; `lost` ones have not ended and stand on the page of lost answers.
    """
    if outcome == LOST or not models:
        return [], False
    is_class = outcome not in (*STATES, FAILED)
    values: dict[str, Any] = {
        "models": list(models),
        "states": [str(state) for state in STATES.get(outcome, BAD)],
        "error": outcome if is_class else "",
        "workspace": member.workspace_id,
        "since": since,
        "before": before,
        "limit": PAGE + 1,
    }
    with connection.cursor() as cursor:
        cursor.execute(LATEST, values)
        ids = [pk for (pk,) in cursor.fetchall()]
    rows = Call.objects.visible_to(member).select_related("run__take__deliverable").in_bulk(ids)
    return [_ended(rows[pk]) for pk in ids[:PAGE]], len(ids) > PAGE


def _ended(call: Call) -> Ended:
    return Ended(call, call.ended_at - call.intended_at if call.ended_at else None)
