"""Exports that take too long to wait for: a row with progress, and a file that is kept for some days.

A process of its own makes them, `manage.py exports`, which the supervisor starts when one waits. A process
that dies leaves a lease that runs out; the file is then made again from the beginning.
"""

from __future__ import annotations

import contextlib
import datetime
import time

import structlog
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from billing.exports import document, entries, files
from billing.exports.forms import Form, file_name
from billing.models import ExportJob
from billing.models.exports import EXPORTS_UNFINISHED
from projects.models import Person, Workspace
from projects.problems import Refused

log = structlog.get_logger(__name__)

DIRECT_ROWS = 20_000
"""Up to so many entries a workbook is answered directly, within some seconds."""

FRESH = datetime.timedelta(minutes=10)
"""So long the file that was just made is given again, instead of another one being made."""

KEPT = datetime.timedelta(days=7)
LEASE = datetime.timedelta(minutes=5)
MOST_ATTEMPTS = 3
TELL_SECONDS = 1.0
State = ExportJob.State


class Stopped(BaseException):
    """The process was asked to end in the midst of a job."""


def is_long(*, workspace: Workspace, month: str, form: Form) -> bool:
    """Whether the file is made in the background. Raises Invalid (422) where `month` is none."""
    asked = document.month_of(workspace, month)
    return form == Form.XLSX and entries.count(asked) > DIRECT_ROWS


def ask(*, workspace: Workspace, month: str, form: Form, by: Person) -> ExportJob:
    """The job that makes this file: the one under way, the one that has just ended, or a new one."""
    now = timezone.now()
    usable = Q(state__in=EXPORTS_UNFINISHED) | Q(state=State.DONE, ended_at__gt=now - FRESH)
    same = ExportJob.objects.filter(workspace=workspace, month=month, form=form)
    found = same.filter(usable).order_by("-requested_at").first()
    if found:
        return found
    with contextlib.suppress(IntegrityError), transaction.atomic():  # somebody else asked at the same time
        return ExportJob.objects.create(
            workspace=workspace,
            month=month,
            form=form,
            rows_total=entries.count(document.month_of(workspace, month)),
            requested_by=by,
            requested_at=now,
        )
    return same.filter(state__in=EXPORTS_UNFINISHED).get()


def waiting(*, now: datetime.datetime) -> int:
    """How many jobs are to be taken up: new ones, and those whose process went away."""
    return ExportJob.objects.filter(_free(now)).count()


def run_waiting() -> int:
    """Makes every file that waits, one after the other; answers how many."""
    made = 0
    while job := _leased(timezone.now()):
        _run(job)
        made += 1
    return made


def forget_old(*, now: datetime.datetime) -> int:
    """Removes files after a week, and their rows with them; answers how many."""
    old = list(ExportJob.objects.filter(ended_at__lt=now - KEPT))
    for job in old:
        if job.file_name:
            default_storage.delete(job.file_name)
        job.delete()
    return len(old)


def _free(now: datetime.datetime) -> Q:
    return Q(state__in=EXPORTS_UNFINISHED) & (Q(leased_until=None) | Q(leased_until__lt=now))


def _leased(now: datetime.datetime) -> ExportJob | None:
    with transaction.atomic():
        rows = ExportJob.objects.filter(_free(now)).order_by("requested_at")
        job = rows.select_for_update(skip_locked=True, of=("self",)).select_related("workspace").first()
        if job:
            ExportJob.objects.filter(pk=job.pk).update(
                state=State.MAKING, attempts=F("attempts") + 1, leased_until=now + LEASE, rows_done=0
            )
            job.attempts += 1
        return job


def _run(job: ExportJob) -> None:
    if job.attempts > MOST_ATTEMPTS:
        return _end(job, State.FAILED, said=f"Making it was interrupted {MOST_ATTEMPTS} times. Ask again.")
    progress = _Progress(job)
    try:
        with files.workbook_file(workspace=job.workspace, month=job.month, each=progress.say) as file:
            form = Form(job.form)
            name = file_name(workspace=job.workspace, month=job.month, form=form)
            stored = default_storage.save(f"exports/{job.workspace_id}/{job.pk}/{name}", File(file))
    except Stopped:
        if not connection.is_usable():  # the signal came while the database was asked
            connection.close()
        ExportJob.objects.filter(pk=job.pk).update(
            state=State.WAITING, leased_until=None, attempts=job.attempts - 1, rows_done=0
        )
        raise
    except Refused as refused:
        return _end(job, State.FAILED, said=f"{refused.detail} {refused.remedy}"[:300])
    except Exception:
        log.exception("an export could not be made", job=str(job.pk))
        return _end(job, State.FAILED, said="Making it broke off; the log says why. Ask again.")
    finally:
        progress.close()
    _end(job, State.DONE, file_name=stored, size_bytes=default_storage.size(stored), rows_done=job.rows_total)
    return None


def _end(job: ExportJob, state: str, **said: object) -> None:
    ExportJob.objects.filter(pk=job.pk).update(
        state=state, ended_at=timezone.now(), leased_until=None, **said
    )


class _Progress:
    """Says how far a job has come, over a connection of its own: the snapshot's transaction is still open."""

    def __init__(self, job: ExportJob) -> None:
        self.job, self.told_at, self.connection = job, 0.0, connection.copy()

    def say(self, rows: int) -> None:
        if time.monotonic() - self.told_at < TELL_SECONDS:
            return
        self.told_at = time.monotonic()
        with self.connection.cursor() as cursor:
            cursor.execute(
                "UPDATE billing_exportjob SET rows_done = LEAST(%s, rows_total), leased_until = %s"
                " WHERE id = %s",
                [rows, timezone.now() + LEASE, self.job.pk],
            )

    def close(self) -> None:
        self.connection.close()
