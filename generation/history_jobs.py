"""Histories of more than 50,000 rows: staged, checked and applied in one transaction, however long it takes.

The queue ends a task after five minutes, so these are done by a process of their own, `manage.py histories`,
which the supervisor starts when a job waits. A job's state is in its row, and its progress is committed apart
from its transaction. A process that dies leaves a lease that runs out and nothing imported: the job begins
again from its staged files, and so nothing is ever imported in part or twice.
"""

from __future__ import annotations

import dataclasses
import datetime
from typing import BinaryIO, cast

import structlog
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from generation import history, lanes
from generation.history import HistoryResult
from generation.job_progress import LEASE, Progress
from generation.models.imports import JOBS_UNFINISHED, HistoryJob
from projects import access
from projects.access import Right
from projects.identifiers import new_id
from projects.models import Membership, Workspace
from projects.problems import BadLines

log = structlog.get_logger(__name__)

AT_ONCE = 50_000
"""Rows up to which an import is answered directly."""

MOST_ATTEMPTS = 3
CHUNK = 1024 * 1024
State = HistoryJob.State


def submit(
    *, workspace: Workspace, charges: BinaryIO, decisions: BinaryIO, by: Membership
) -> HistoryResult | HistoryJob:
    """Imports up to 50,000 rows at once; more are staged, and the job is answered."""
    access.require(by, Right.KEEP_BOOKS)
    rows = _lines(charges) + _lines(decisions)
    if rows <= AT_ONCE:
        return history.import_history(workspace=workspace, charges=charges, decisions=decisions, by=by)
    return _stage(workspace, charges, decisions, by, rows)


class Stopped(BaseException):
    """The process was asked to end in the midst of a job."""


def run_waiting() -> int:
    """Takes up every job that waits, one after the other; answers how many ended.

    Only one process at a time does so. Stopped ends the job under way, which waits again as if untouched.
    """
    ended = 0
    with lanes.keeper("history") as mine:
        while mine and (job := _leased(timezone.now())):
            _run(job)
            ended += 1
    return ended


def overdue(*, now: datetime.datetime) -> int:
    """How many jobs wait to be taken up: new ones, and those whose process went away."""
    return HistoryJob.objects.filter(_waiting(now)).count()


def _stage(
    workspace: Workspace, charges: BinaryIO, decisions: BinaryIO, by: Membership, rows: int
) -> HistoryJob:
    key = new_id()
    names = [
        default_storage.save(f"histories/{workspace.pk}/{key}-{name}.csv", file)
        for name, file in (("charges", charges), ("decisions", decisions))
    ]
    return HistoryJob.objects.create(
        id=key,
        workspace=workspace,
        charges_name=names[0],
        decisions_name=names[1],
        rows_total=rows,
        requested_by=by.person,
        requested_at=timezone.now(),
    )


def _waiting(now: datetime.datetime) -> Q:
    return Q(state__in=JOBS_UNFINISHED) & (Q(leased_until=None) | Q(leased_until__lt=now))


def _leased(now: datetime.datetime) -> HistoryJob | None:
    """The oldest job that waits, taken up by this worker."""
    with transaction.atomic():
        rows = HistoryJob.objects.filter(_waiting(now)).order_by("requested_at")
        job = rows.select_for_update(skip_locked=True, of=("self",)).select_related("workspace").first()
        if job is None:
            return None
        job.attempts += 1
        job.leased_until = now + LEASE
        job.state = State.CHECKING
        job.rows_done = 0
        job.save(update_fields=["attempts", "leased_until", "state", "rows_done"])
        return job


def _run(job: HistoryJob) -> None:
    if job.attempts > MOST_ATTEMPTS:
        said = f"The import was interrupted {MOST_ATTEMPTS} times; import fewer rows at once."
        return _end(job, State.FAILED, errors=[{"file": "", "line": 0, "reason": said}])
    progress = Progress(job, "rows_done", State.CHECKING)
    try:
        with (
            default_storage.open(job.charges_name) as charges,
            default_storage.open(job.decisions_name) as decisions,
        ):
            result = history.import_history(
                workspace=job.workspace,
                charges=cast(BinaryIO, charges),
                decisions=cast(BinaryIO, decisions),
                by=None,
                progress=lambda rows: progress.say(State.APPLYING, min(rows, job.rows_total)),
            )
    except BadLines as refused:
        return _end(job, State.REFUSED, errors=refused.lines)
    except FileNotFoundError:
        said = "The staged files are gone; send them again."
        return _end(job, State.FAILED, errors=[{"file": "", "line": 0, "reason": said}])
    except Stopped:
        if not connection.is_usable():  # the signal came while the database was asked
            connection.close()
        _wait_again(job)
        raise
    finally:
        progress.close()
    _end(job, State.DONE, answer=dataclasses.asdict(result))
    return None


def _end(job: HistoryJob, state: str, **said: object) -> None:
    done = job.rows_total if state == State.DONE else 0
    HistoryJob.objects.filter(pk=job.pk).update(
        state=state, ended_at=timezone.now(), leased_until=None, rows_done=done, **said
    )
    for name in (job.charges_name, job.decisions_name):
        default_storage.delete(name)
    log.info("history job ended", job=str(job.pk), state=state)


def _wait_again(job: HistoryJob) -> None:
    """A job that was stopped in good order was not interrupted."""
    HistoryJob.objects.filter(pk=job.pk).update(
        state=State.STAGED, rows_done=0, leased_until=None, attempts=job.attempts - 1
    )


def _lines(file: BinaryIO) -> int:
    """Lines below the header, about: enough to tell a large file. Leaves the file at its beginning."""
    count, last = 0, b"\n"
    while piece := file.read(CHUNK):
        count += piece.count(b"\n")
        last = piece[-1:]
    file.seek(0)
    return max(0, count + (last != b"\n") - 1)
