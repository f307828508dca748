"""What `doctor` asks the engine: lanes, breakers, lost answers, holds and leases left behind, the disk.

Each finding says what to do. A sweep mends holds and leases by itself within a minute; so only what is older
than several sweeps is a finding, and then the workers are at fault.
"""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import connection

from generation import readiness, tallies
from generation.figures import money_words

LEAST_FREE = 2 * 10**9
LEAST_SHARE = 0.05
"""Of a disk: with less room than either, a finding."""

RESTS_LONG = datetime.timedelta(minutes=30)
"""A breaker that has not closed for so long does not close by itself soon."""

BREAKERS = """
    SELECT w.name, h.model_key, h.state, h.reason, (
        SELECT min(c.at) FROM routing_breakerchange c
        WHERE c.workspace_id = h.workspace_id AND c.model_key = h.model_key
          AND c.at > coalesce((
              SELECT max(x.at) FROM routing_breakerchange x WHERE x.workspace_id = h.workspace_id
                AND x.model_key = h.model_key AND x.after = 'closed'), '-infinity')
    ) AS since
    FROM routing_modelhealth h JOIN projects_workspace w ON w.id = h.workspace_id
    WHERE h.state <> 'closed' ORDER BY w.name, h.model_key
"""
UNKNOWN = """
    SELECT w.name, w.slug, w.currency, count(*), coalesce(sum(h.amount), 0), min(c.intended_at)
    FROM generation_call c JOIN projects_workspace w ON w.id = c.workspace_id
    LEFT JOIN billing_hold h ON h.id = c.hold_id
    WHERE c.state = 'unknown' GROUP BY w.id ORDER BY w.name
"""
#: Open holds of runs that have ended and have no call under way, as the sweep looks for them.
HOLDS = """
    SELECT w.name, w.currency, count(*), sum(h.amount)
    FROM billing_hold h JOIN generation_run r ON r.id = h.run
    JOIN projects_workspace w ON w.id = h.workspace_id
    WHERE NOT EXISTS (SELECT FROM billing_holdoutcome o WHERE o.hold_id = h.id)
      AND r.state IN ('succeeded', 'failed', 'blocked', 'cancelled') AND r.ended_at < %s
      AND NOT EXISTS (SELECT FROM generation_call c WHERE c.hold_id = h.id
                      AND c.state IN ('intended', 'accepted', 'unknown'))
    GROUP BY w.id ORDER BY w.name
"""
LEASES = """
    SELECT lane, count(*), min(leased_until) FROM generation_run
    WHERE lane <> '' AND leased_until < %s GROUP BY 1 ORDER BY 1
"""
VERDICTS = "SELECT count(*) FROM generation_verdict WHERE state = 'said' AND due_at < %s"
Look = Callable[[], list[str]]


def parts(*, now: datetime.datetime) -> list[tuple[str, Look]]:
    """What is looked at, by name, in the order in which it is told."""
    return [
        ("lanes", lambda: lanes(now)),
        ("breakers", lambda: breakers(now)),
        ("lost answers", lambda: lost_answers(now)),
        ("holds", lambda: orphaned_holds(now)),
        ("leases", lambda: stale_leases(now)),
        ("disk", disk),
        ("counted calls", tallies.problems),
    ]


def lanes(now: datetime.datetime) -> list[str]:
    """Lanes whose oldest due step has waited for several sweeps."""
    said = readiness.overdue(now=now)
    return [] if said == "ok" else [f"{said}: run manage.py work, or look into its log."]


def breakers(now: datetime.datetime) -> list[str]:
    """Models that have not done well for long, with what to do instead."""
    return [
        f"{model} does not do well in {workspace} since {since:%Y-%m-%d %H:%M} UTC ({reason or state}): look "
        "at the page Health and the provider's status, or publish a routing table that names another model."
        for workspace, model, state, reason, since in _ask(BREAKERS)
        if since is not None and since < now - RESTS_LONG
    ]


def lost_answers(now: datetime.datetime) -> list[str]:
    """Calls that wait for a person, with the money that waits with them; and verdicts not carried out."""
    found = [
        f"{number} calls of {workspace} wait for a person since {since:%Y-%m-%d %H:%M} UTC, with "
        f"{money_words(amount, currency)} held: a manager says what happened at /w/{slug}/queue/unknown/."
        for workspace, slug, currency, number, amount, since in _ask(UNKNOWN)
    ]
    ((late,),) = _ask(VERDICTS, now - _patience())
    if late:
        found.append(f"What people said of {late} lost answers is not carried out: run manage.py work.")
    return found


def orphaned_holds(now: datetime.datetime) -> list[str]:
    """Money that is held for steps that have ended."""
    return [
        f"{number} holds over {money_words(amount, currency)} in {workspace} belong to steps that have "
        "ended: the sweep releases them; run manage.py work."
        for workspace, currency, number, amount in _ask(HOLDS, now - _patience())
    ]


def stale_leases(now: datetime.datetime) -> list[str]:
    """Steps that a worker had leased that is gone, and that no other has taken up."""
    return [
        f"{number} steps of the lane {lane} are leased by a worker that is gone since {since:%Y-%m-%d %H:%M} "
        "UTC, and nobody has taken them up: run manage.py work."
        for lane, number, since in _ask(LEASES, now - _patience())
    ]


def disk() -> list[str]:
    """Room where DATA_DIR lies: media on their way, the embedded database, backups."""
    room = shutil.disk_usage(settings.DATA_DIR)
    if room.free >= LEAST_FREE and room.free >= LEAST_SHARE * room.total:
        return []
    return [
        f"Only {room.free / 10**9:.1f} GB of {room.total / 10**9:.0f} GB are free on the disk of "
        f"{settings.DATA_DIR}: free some, remove old backups, or keep media in a bucket (MEDIA_BUCKET)."
    ]


def _patience() -> datetime.timedelta:
    return datetime.timedelta(seconds=readiness.PATIENCE_SWEEPS * settings.SWEEP_SECONDS)


def _ask(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(values) or None)
        return list(cursor.fetchall())
