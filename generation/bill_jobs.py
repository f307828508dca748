"""Bills of more lines than a page should wait for: imported by a process of their own, whole or not at all.

`manage.py histories` does them, as it does large histories. Lines, matches and differences come in one
transaction; progress is told beside it. A process that dies leaves a lease that runs out and nothing
imported: the bill begins again from its file, so that nothing is ever imported in part or twice.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping

import structlog
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from billing.invoices import imports
from billing.models import InvoiceUpload
from billing.models.invoices import UPLOADS_UNDER_WAY
from generation import lanes, provider_jobs
from generation.history_jobs import Stopped
from generation.job_progress import LEASE, Progress
from projects import access
from projects.access import Right
from projects.models import Membership
from projects.problems import BadLines, Invalid, Refused

log = structlog.get_logger(__name__)
MOST_ATTEMPTS = 3
State = InvoiceUpload.State


def bill_of(kept: InvoiceUpload) -> imports.Bill:
    return imports.Bill(
        provider=kept.provider,
        month=kept.month,
        source=kept.source,
        content=bytes(kept.content),
        file_name=kept.file_name,
        number=kept.number,
        currency=kept.currency,
    )


def submit(*, kept: InvoiceUpload, by: Membership, columns: Mapping[str, str] | None = None) -> bool:
    """Lets the file be imported as soon as a process is free; False where that was asked for before."""
    access.require(by, Right.KEEP_BOOKS)
    rows = InvoiceUpload.objects.visible_to(by).filter(pk=kept.pk, state=State.KEPT)
    said = dict(columns) if columns else None
    count = imports.lines_of(bytes(kept.content))
    return bool(rows.update(state=State.WAITS, columns=said, line_count=count, uploaded_by=by.person_id))


def run_waiting() -> int:
    """Imports every bill that waits, one after the other; answers how many ended.

    Only one process at a time does so. Stopped ends the bill under way, which waits again as if untouched.
    """
    ended = 0
    with lanes.keeper("bills") as mine:
        while mine and (kept := _leased(timezone.now())):
            _run(kept)
            ended += 1
    return ended


def overdue(*, now: datetime.datetime) -> int:
    """How many bills wait to be taken up: new ones, and those whose process went away."""
    return InvoiceUpload.objects.filter(_waiting(now)).count()


def _waiting(now: datetime.datetime) -> Q:
    return Q(state__in=UPLOADS_UNDER_WAY) & (Q(leased_until=None) | Q(leased_until__lt=now))


def _leased(now: datetime.datetime) -> InvoiceUpload | None:
    """The oldest bill that waits, taken up by this process."""
    with transaction.atomic():
        rows = InvoiceUpload.objects.filter(_waiting(now)).order_by("uploaded_at", "id")
        kept: InvoiceUpload | None = rows.select_for_update(skip_locked=True).first()
        if kept is None:
            return None
        kept.attempts += 1
        kept.leased_until, kept.state, kept.lines_done = now + LEASE, State.READING, 0
        kept.save(update_fields=["attempts", "leased_until", "state", "lines_done"])
        return kept


def _run(kept: InvoiceUpload) -> None:
    if kept.attempts > MOST_ATTEMPTS:
        said = f"The import was interrupted {MOST_ATTEMPTS} times; bring the file in parts."
        return _end(kept, State.FAILED, errors=[{"reason": said}])
    progress = Progress(kept, "lines_done", State.READING)
    try:
        done = imports.bring_in(
            bill_of(kept),
            by=_who(kept),
            columns=kept.columns or None,
            jobs=provider_jobs.known,
            progress=lambda lines: progress.say(
                State.READING if lines else State.COMPARING, lines or kept.line_count
            ),
        )
    except BadLines as refused:
        return _end(kept, State.REFUSED, errors=refused.lines)
    except Refused as refused:
        words = [*refused.points, refused.remedy] if isinstance(refused, Invalid) else [refused.detail]
        return _end(kept, State.REFUSED, errors=[{"reason": " ".join(filter(None, words))}])
    except Stopped:
        if not connection.is_usable():  # the signal came while the database was asked
            connection.close()
        _wait_again(kept)
        raise
    finally:
        progress.close()
    answer = imports.Counted(done.lines, done.known, done.differences)._asdict()
    _end(kept, State.DONE, answer=answer, lines_done=kept.line_count)
    return None


def _who(kept: InvoiceUpload) -> Membership:
    found: Membership | None = Membership.objects.filter(
        workspace=kept.workspace_id, person=kept.uploaded_by_id
    ).first()
    if found is None:
        raise Refused("Who brought this file has left the workspace.", remedy="Bring it again.")
    return found


def _end(kept: InvoiceUpload, state: str, **said: object) -> None:
    """The row stays for a day, for its page; the file goes."""
    InvoiceUpload.objects.filter(pk=kept.pk).update(
        state=state, ended_at=timezone.now(), leased_until=None, content=b"", **said
    )
    log.info("bill ended", upload=str(kept.pk), state=state)


def _wait_again(kept: InvoiceUpload) -> None:
    """A bill that was stopped in good order was not interrupted."""
    InvoiceUpload.objects.filter(pk=kept.pk).update(
        state=State.WAITS, lines_done=0, leased_until=None, attempts=kept.attempts - 1
    )
