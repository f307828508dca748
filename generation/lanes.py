"""Lanes: due runs are leased in batches, and a bell tells the queue that something is due.

State is in the rows. A bell that is lost costs a delay until the next sweep; one that rings twice finds
nothing to do. Leases are taken with SKIP LOCKED, so that any number of workers share a lane, and what a dead
worker had leased is due again when the lease has run out.
"""

from __future__ import annotations

import datetime
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from django.conf import settings
from django.db import Error, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Min, Q
from django.utils import timezone

from circletake import stopping
from circletake.handing import handing
from generation.models import Run
from generation.models.runs import Lane
from projects.identifiers import new_id

TASKS = {
    "submit": "generation.tasks.submit",
    "poll": "generation.tasks.poll",
    "collect": "generation.tasks.collect",
    "cancel": "generation.tasks.cancel",
    "notify": "generation.tasks.notify",
    "sweep": "generation.tasks.sweep",
    "batches": "generation.tasks.batches",
    "endings": "generation.tasks.endings",
    "months": "generation.tasks.months",
    "expiries": "generation.tasks.expiries",
}
LOOKED_AFTER = ("submit", "poll", "collect")
"""Lanes of `look_after`: whoever keeps one looks once more at what is due after giving the lock back."""

LOCKS = {name: number for number, name in enumerate([*TASKS, "history", "bills"], start=1)}
LOCK_SPACE = 0x6C616E65  # advisory locks of the lanes, apart from any others

KEEPERS = {"collect": 2}
"""Lanes that more than one task looks after at a time: to fetch, hash, read and book what the others
submit and poll is more than one process of Python can do."""

TASK_SECONDS = 200.0
"""A lane task ends by itself after this long and rings for the next; below the queue's own time-out."""

PAUSE_SECONDS = 0.5
LINGER_SECONDS = 3.0
"""What becomes due within this is waited for, instead of ending the task."""

Room = Mapping[tuple[uuid.UUID, str], int]
"""Free places by workspace and provider; a pair that is missing has no limit."""


def ring(lane: str) -> None:
    """Asks the queue, on commit, to look after a lane; not where a keeper does, who looks before he goes."""
    transaction.on_commit(lambda: _ring(lane), robust=True)


def _ring(lane: str) -> None:
    if not (lane in LOOKED_AFTER and _is_kept(lane)):
        handing.over(TASKS[lane])


def _is_kept(lane: str) -> bool:
    """Whether tasks hold all of the lane's locks, on any machine."""
    places = _places(lane)
    held = """
        SELECT count(DISTINCT objid) FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND classid = %s AND objid = ANY (%s::oid[])
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    """
    with connection.cursor() as cursor:
        cursor.execute(held, [LOCK_SPACE, places])
        return bool(cursor.fetchone()[0] == len(places))


def lease(lane: str, *, limit: int, now: datetime.datetime) -> tuple[uuid.UUID, list[uuid.UUID]]:
    """Leases due runs of a lane, the longest due first; answers the lease and the runs."""
    lease = new_id()
    sql = """
        WITH due AS (
            SELECT id FROM generation_run
            WHERE lane = %(lane)s AND due_at <= %(now)s
              AND (leased_until IS NULL OR leased_until < %(now)s)
            ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
        )
        UPDATE generation_run r SET lease = %(lease)s, leased_until = %(until)s
        FROM due WHERE r.id = due.id RETURNING r.id
    """
    return lease, _leased(sql, lane=lane, limit=limit, now=now, lease=lease)


FAIR = """
    WITH paused AS MATERIALIZED (
        SELECT o.id FROM projects_round o JOIN projects_batch b ON b.id = o.batch_id WHERE b.state = 'paused'
    ),
    due AS (
        SELECT r.id, r.workspace_id, t.requested_by_id AS person,
               split_part(r.request->'choices'->(r.choice::int)->>'model', '/', 1) AS provider,
               row_number() OVER (
                   PARTITION BY r.workspace_id, t.requested_by_id
                   ORDER BY t.position, t.requested_at, t.number, r.position, r.id
               ) AS nth
        FROM generation_run r JOIN projects_take t ON t.id = r.take_id
        WHERE r.lane = 'submit' AND r.state = 'queued' AND r.due_at <= %(now)s
          AND (r.leased_until IS NULL OR r.leased_until < %(now)s)
          AND (t.state <> 'queued' OR NOT EXISTS (SELECT FROM paused WHERE paused.id = t.round_id))
    ),
    busy AS (
        SELECT r.workspace_id, t.requested_by_id AS person, count(*) AS n
        FROM generation_run r JOIN projects_take t ON t.id = r.take_id
        WHERE r.state IN ('submitting', 'rendering') GROUP BY 1, 2
    ),
    busy_workspace AS (SELECT workspace_id, sum(n) AS n FROM busy GROUP BY 1),
    room AS (
        SELECT (e->>0)::uuid AS workspace_id, e->>1 AS provider, (e->>2)::int AS free
        FROM jsonb_array_elements(%(room)s::jsonb) e
    ),
    by_person AS (
        SELECT due.*, row_number() OVER (
            PARTITION BY due.workspace_id
            ORDER BY due.nth + coalesce(busy.n, 0), due.person NULLS LAST
        ) AS turn
        FROM due LEFT JOIN busy ON busy.workspace_id = due.workspace_id
            AND busy.person IS NOT DISTINCT FROM due.person
    ),
    placed AS (
        SELECT by_person.*, room.free, row_number() OVER (
            PARTITION BY by_person.workspace_id, by_person.provider ORDER BY turn
        ) AS place
        FROM by_person LEFT JOIN room USING (workspace_id, provider)
    ),
    ranked AS (
        SELECT placed.id, placed.provider, row_number() OVER (
            ORDER BY placed.turn + coalesce(b.n, 0), placed.workspace_id
        ) AS rank
        FROM placed LEFT JOIN busy_workspace b USING (workspace_id)
        WHERE free IS NULL OR place <= free
    ),
    counted AS (
        SELECT id, rank, provider,
               row_number() OVER (PARTITION BY provider ORDER BY rank) AS nth_there
        FROM ranked
    ),
    ordered AS (
        SELECT id, rank FROM counted
        WHERE provider <> 'builtin' OR nth_there <= %(local_room)s
        ORDER BY rank LIMIT %(limit)s
    ),
    locked AS (
        SELECT r.id, ordered.rank FROM generation_run r JOIN ordered ON ordered.id = r.id
        WHERE r.lane = 'submit' AND r.state = 'queued' AND r.due_at <= %(now)s
          AND (r.leased_until IS NULL OR r.leased_until < %(now)s)
        FOR UPDATE OF r SKIP LOCKED
    ),
    leased AS (
        UPDATE generation_run r SET lease = %(lease)s, leased_until = %(until)s
        FROM locked WHERE r.id = locked.id RETURNING r.id
    )
    SELECT locked.id FROM locked JOIN leased ON leased.id = locked.id ORDER BY locked.rank
"""


def lease_fairly(
    *, limit: int, room: Room, now: datetime.datetime, local_room: int = 1_000_000
) -> tuple[uuid.UUID, list[uuid.UUID]]:
    """Leases runs that wait for their submit, in the order in which it is their turn.

    Workspaces take turns, then the people in them; who has much under way comes later. Within one's own
    queue `take.position` decides. No more are leased of a workspace and provider than `room` allows, and of
    the built-in renderer, which all workspaces share, no more than `local_room`. Takes of a paused batch of
    which nothing was sent are passed over.
    """
    lease = new_id()
    free = json.dumps([[str(workspace), name, n] for (workspace, name), n in room.items()])
    return lease, _leased(FAIR, limit=limit, now=now, lease=lease, room=free, local_room=local_room)


def _leased(sql: str, *, now: datetime.datetime, lease: uuid.UUID, **parameters: Any) -> list[uuid.UUID]:
    until = now + datetime.timedelta(seconds=settings.LEASE_SECONDS)
    with connection.cursor() as cursor:
        cursor.execute(sql, {**parameters, "now": now, "lease": lease, "until": until})
        return [row[0] for row in cursor.fetchall()]


def renew(lease: uuid.UUID, *, now: datetime.datetime) -> None:
    """Keeps what is still under this lease for another LEASE_SECONDS."""
    until = now + datetime.timedelta(seconds=settings.LEASE_SECONDS)
    Run.objects.filter(lease=lease).update(leased_until=until)


def next_due(lane: str, *, now: datetime.datetime) -> datetime.datetime | None:
    """When something becomes due in a lane that nobody has leased; None when there is nothing."""
    free = Q(leased_until__isnull=True) | Q(leased_until__lt=now)
    found = Run.objects.filter(free, lane=lane).aggregate(at=Min("due_at"))
    at: datetime.datetime | None = found["at"]
    return at


@contextmanager
def keeper(lane: str) -> Iterator[bool]:
    """True for one task at a time, or as many as KEEPERS says, on all machines together; the others have
    nothing to do."""
    with connection.cursor() as cursor:
        place = next((one for one in _places(lane) if _taken(cursor, one)), None)
        try:
            yield place is not None
        finally:
            if place is not None:
                with suppress(Error):  # a connection that is gone has given it back
                    cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_SPACE, place])


def _taken(cursor: CursorWrapper, place: int) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_SPACE, place])
    return bool(cursor.fetchone()[0])


def _places(lane: str) -> list[int]:
    """The locks of a lane: whoever holds one of them keeps it."""
    return [LOCKS[lane] * 100 + number for number in range(KEEPERS.get(lane, 1))]


def look_after(lane: str, step: Callable[[], int]) -> int:
    """Does a lane's work until nothing is due soon, or the worker stops; answers how many runs were taken up.

    Only one task at a time does so, or as many as KEEPERS says. After the lock is given back the lane is
    looked at once more: a bell that rang meanwhile found it taken and went away, or was not rung at all.
    """
    taken = 0
    begun = time.monotonic()
    while time.monotonic() - begun < TASK_SECONDS:
        with keeper(lane) as mine:
            if not mine:
                return taken
            taken += _until_quiet(lane, step, begun)
        due = next_due(lane, now=timezone.now())
        if due is None or due > timezone.now() + datetime.timedelta(seconds=LINGER_SECONDS):
            return taken
        if stopping.is_stopping():
            break
    ring(lane)
    return taken


def _until_quiet(lane: str, step: Callable[[], int], begun: float) -> int:
    """Steps and waits in turn while the lane has something that is due, or soon will be."""
    taken = 0
    while time.monotonic() - begun < TASK_SECONDS and not stopping.is_stopping():
        done = step()
        taken += done
        if done:
            continue
        now = timezone.now()
        due = next_due(lane, now=now)
        patience = TASK_SECONDS if lane == Lane.POLL else LINGER_SECONDS
        if due is None or due > now + datetime.timedelta(seconds=patience):
            return taken
        time.sleep(min(max((due - now).total_seconds(), PAUSE_SECONDS / 5), PAUSE_SECONDS))
    return taken
