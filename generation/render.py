"""The render lane: a pool of processes that draws the built-in renderer's jobs and makes renditions.

It stands outside the queue, so that work on the processor never delays the other lanes. Jobs are leased rows,
and their leases are renewed while they are drawn; one whose process died is drawn again, at most
`MOST_ATTEMPTS` times.
"""

from __future__ import annotations

import datetime
import multiprocessing
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import structlog
from django.conf import settings
from django.db import Error, close_old_connections, connection, transaction
from django.utils import timezone

from circletake import bells
from generation import lanes, moves, painting, renditions
from generation.models import Call, Run, SketchJob
from generation.models.runs import CallState, Lane, RunState
from projects.models import Asset, Rendition, TakeAsset

Work = tuple[Any, ...]
log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 3
JOBS_A_PROCESS = 1000
AHEAD = 6
"""Jobs that are leased for each process, so that none waits for the database between two of them."""

NO_ROOM_PAUSE = datetime.timedelta(seconds=30)
LOOK_SECONDS, IDLE_SECONDS = 0.3, 1.0
"""Waits for a job that is being drawn, and for the bell while none is."""

GATHER_SECONDS = 0.04
"""So long what is drawn waits for what is nearly drawn, so that both are written at once."""

LEASED = """
    WITH due AS MATERIALIZED (
        SELECT id FROM generation_sketchjob
        WHERE state IN ('queued', 'running') AND not_before <= %(now)s
          AND (leased_until IS NULL OR leased_until < %(now)s)
        ORDER BY not_before, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )
    UPDATE generation_sketchjob AS job SET
        state = 'running', leased_until = %(until)s, attempts = attempts + 1
    FROM due WHERE job.id = due.id RETURNING job.id
"""
"""Due jobs are found once and for all: as a subquery they may be looked for anew for each row, and then more
are leased than were asked for."""


def lease(*, limit: int, now: datetime.datetime) -> list[SketchJob]:
    """Takes up to `limit` jobs that are due; what was tried too often fails instead."""
    if limit < 1:
        return []
    with connection.cursor() as cursor:
        cursor.execute(LEASED, {"now": now, "until": _until(now), "limit": limit})
        ids = [row[0] for row in cursor.fetchall()]
    jobs = list(SketchJob.objects.filter(pk__in=ids).order_by("not_before", "pk"))
    worn = [job for job in jobs if job.attempts > MOST_ATTEMPTS]
    for job in worn:
        words = f"The renderer ended {MOST_ATTEMPTS} times while it drew this."
        finish(job, {"state": "failed", "error_class": "unavailable", "error": words}, now=now)
    return [job for job in jobs if job not in worn]


def renew(jobs: Iterable[SketchJob], *, now: datetime.datetime) -> None:
    """Keeps jobs that are still being drawn for another LEASE_SECONDS."""
    running = SketchJob.objects.filter(pk__in=[job.pk for job in jobs], state=SketchJob.State.RUNNING)
    running.update(leased_until=_until(now))


def _until(now: datetime.datetime) -> datetime.datetime:
    return now + datetime.timedelta(seconds=settings.LEASE_SECONDS)


def works_of(jobs: Sequence[SketchJob]) -> Iterator[tuple[SketchJob, Work]]:
    """What a render process has to do for each job: a function and its plain arguments."""
    assets = Asset.objects.in_bulk([job.request["asset"] for job in jobs if job.kind == renditions.KIND])
    for job in jobs:
        if job.kind == renditions.KIND:
            asset = assets[uuid.UUID(job.request["asset"])]
            yield job, (painting.shrink, asset.name, asset.sha256)
        else:
            yield job, (painting.paint, job.kind, job.request)


def finish(job: SketchJob, answer: dict[str, Any], *, now: datetime.datetime) -> None:
    """Writes what became of a job and brings forward the look at it; again, it changes nothing."""
    mine = SketchJob.objects.filter(pk=job.pk, state=SketchJob.State.RUNNING)
    if answer["state"] == "later":
        mine.update(
            state=SketchJob.State.QUEUED,
            leased_until=None,
            attempts=max(0, job.attempts - 1),
            not_before=now + NO_ROOM_PAUSE,
            error=answer["error"][:500],
        )
        return
    error = _whose(job, answer["missing"]) if "missing" in answer else ""
    with transaction.atomic():
        done = mine.update(
            state=answer["state"],
            outputs=answer.get("outputs", []),
            error_class=answer.get("error_class", ""),
            error=(error or answer.get("error", ""))[:500],
            leased_until=None,
            ended_at=now,
        )
        if done and job.kind != renditions.KIND:
            bring_forward([job.pk], now=now)


def keep(made: Mapping[uuid.UUID, dict[str, Any]], *, now: datetime.datetime) -> None:
    """Writes at once what was made for these jobs, which ask for renditions; again, it changes nothing."""
    with transaction.atomic():
        running = SketchJob.objects.filter(pk__in=made, state=SketchJob.State.RUNNING).select_for_update()
        assets = {job.pk: uuid.UUID(job.request["asset"]) for job in running.order_by("pk")}
        Rendition.objects.bulk_create(
            [Rendition(asset_id=asset, **row) for pk, asset in assets.items() for row in made[pk]["made"]],
            ignore_conflicts=True,
        )
        SketchJob.objects.filter(pk__in=assets).update(
            state=SketchJob.State.SUCCEEDED, leased_until=None, ended_at=now
        )


def bring_forward(jobs: Sequence[uuid.UUID], *, now: datetime.datetime) -> None:
    """Lets the poll lane look at these jobs at once."""
    runs = Call.objects.filter(
        provider="builtin",
        provider_job_id__in=[str(pk) for pk in jobs],
        state=CallState.ACCEPTED,
    ).values_list("run", flat=True)
    soon = moves.same(runs, due_at=now)
    if moves.alter(Run, soon, states=[RunState.RENDERING, RunState.CANCELLED]):
        lanes.ring(Lane.POLL)


def _whose(job: SketchJob, sha256: str) -> str:
    """Which file is missing, in words that say where it came from; empty where no take had it."""
    call = Call.objects.filter(provider="builtin", provider_job_id=str(job.pk)).select_related("run__take")
    asked = call.first()
    if asked is None:
        return ""
    take = asked.run.take
    made = TakeAsset.objects.filter(asset__workspace=take.workspace_id, asset__sha256=sha256)
    of = made.exclude(take=take).select_related("take__deliverable").order_by("take__number").first()
    if of is None:
        return ""
    elsewhere = f" of {of.take.deliverable.name}" if of.take.deliverable_id != take.deliverable_id else ""
    return (
        f"The file of take {of.take.number}{elsewhere} is not in the store any more ({sha256[:12]}). "
        "Restore it from a backup, or start from another take."
    )


class Studio:
    """The pool with the jobs that it draws. `beat` is called again and again until the program ends."""

    def __init__(self, *, processes: int = settings.RENDER_PROCESSES) -> None:
        self.processes = processes
        self.pool = self._new_pool()
        self.bell = bells.Bell(bells.RENDER)
        self.drawing: dict[Future[dict[str, Any]], SketchJob] = {}
        self.alone = 0
        self.renewed_at = 0.0

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            max_workers=self.processes,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=painting.prepare,
            max_tasks_per_child=JOBS_A_PROCESS,
        )

    def beat(self) -> None:
        """Takes jobs, waits a moment, and writes what is done."""
        self._renew()
        self._take()
        if not self.drawing:
            self.bell.wait(seconds=IDLE_SECONDS)
            return
        done, more = wait(self.drawing, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
        if done and more:
            time.sleep(GATHER_SECONDS)
            done = {future for future in self.drawing if future.done()}
        broken = sum(isinstance(future.exception(), BrokenProcessPool) for future in done)
        if broken:
            self.pool.shutdown(wait=False)
            self.pool = self._new_pool()
        self.alone = max(0, self.alone - len(done)) + broken
        self._write(done)

    def _take(self) -> None:
        """Leases jobs once half of the places are free.

        A job that ended its process took the others of the pool with it: each of these is drawn alone then,
        so that what is at fault is found, and nothing else is given up with it.
        """
        places = 1 if self.alone else self.processes * AHEAD
        if len(self.drawing) * 2 > places:
            return
        for job, work in works_of(lease(limit=places - len(self.drawing), now=timezone.now())):
            self.drawing[self.pool.submit(*work)] = job

    def _renew(self) -> None:
        """Well before the leases run out, and not with every beat."""
        if self.drawing and time.monotonic() - self.renewed_at > settings.LEASE_SECONDS / 4:
            renew(self.drawing.values(), now=timezone.now())
            self.renewed_at = time.monotonic()

    def _write(self, done: Iterable[Future[dict[str, Any]]]) -> None:
        """Writes what is done, and only then forgets it: while the database is away, it is written later."""
        made = {future: future.result() for future in done if self._is_rendition(future)}
        if made:
            keep({self.drawing[future].pk: answer for future, answer in made.items()}, now=timezone.now())
        for future in done:
            if future not in made:
                self._written(self.drawing[future], future)
        for future in done:
            del self.drawing[future]

    def _is_rendition(self, future: Future[dict[str, Any]]) -> bool:
        asks = self.drawing[future].kind == renditions.KIND
        return asks and future.exception() is None and future.result()["state"] == "succeeded"

    def _written(self, job: SketchJob, future: Future[dict[str, Any]]) -> None:
        error = future.exception()
        if error is None:
            finish(job, future.result(), now=timezone.now())
            return
        log.error("render process failed", job=str(job.pk), kind=job.kind, error=repr(error))
        SketchJob.objects.filter(pk=job.pk, state=SketchJob.State.RUNNING).update(leased_until=None)

    def close(self) -> None:
        """Ends the pool's processes and lets go of what they drew: it is due again, for another process.

        The pool is waited for: one that is still ending while Python exits raises in its thread.
        """
        for process in list((self.pool._processes or {}).values()):
            process.kill()
        self.pool.shutdown(cancel_futures=True)
        pending = [job.pk for job in self.drawing.values()]
        SketchJob.objects.filter(pk__in=pending, state=SketchJob.State.RUNNING).update(
            state=SketchJob.State.QUEUED, leased_until=None
        )


def run(*, should_stop: Callable[[], bool]) -> None:
    """Draws until it is told to stop; a database that is away is waited for."""
    studio = Studio()
    try:
        while not should_stop():
            try:
                close_old_connections()
                studio.beat()
            except Error as error:
                log.warning("the database is away", error=str(error))
                connection.close()
                time.sleep(1)
    finally:
        studio.close()
