"""A month as a file: whole before it is sent, so that nobody who reads it slowly holds up the database."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, BinaryIO

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.utils.http import content_disposition_header

from billing import month_sums
from billing.exports import canonical, document, focus, signing, spool, statement, workbook
from billing.exports.forms import Form, file_name, media_type
from billing.models import ExportJob
from projects.models import Workspace

ROWS = (Form.ROWS, Form.FOCUS, Form.FOCUS_PERIODS, Form.FOCUS_INVOICES)


def response(*, workspace: Workspace, month: str, form: Form) -> HttpResponseBase:
    """The file as a download. Raises Invalid (422) where `month` is no YYYY-MM, before anything is sent."""
    document.month_of(workspace, month)
    answer: HttpResponseBase
    if form in ROWS:
        answer = FileResponse(rows_file(workspace=workspace, month=month, form=form))
    elif form == Form.XLSX:
        answer = FileResponse(workbook_file(workspace=workspace, month=month))
    else:
        answer = HttpResponse(whole(workspace=workspace, month=month, form=form))
    return as_download(answer, workspace=workspace, month=month, form=form)


def of_job(job: ExportJob) -> HttpResponseBase:
    """The file that a job has made; 404 where the storage has it no longer."""
    try:
        answer = FileResponse(default_storage.open(job.file_name))
    except FileNotFoundError:
        raise Http404("This file was removed; export the month again.") from None
    return as_download(answer, workspace=job.workspace, month=job.month, form=Form(job.form))


def as_download(
    answer: HttpResponseBase, *, workspace: Workspace, month: str, form: Form
) -> HttpResponseBase:
    """With the file's name and type; private, and never kept by anything on the way."""
    name = file_name(workspace=workspace, month=month, form=form)
    answer["Content-Type"] = media_type(form)
    answer["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    answer["Cache-Control"] = "private, no-store"
    return answer


def rows_file(*, workspace: Workspace, month: str, form: Form) -> IO[bytes]:
    """One of the forms that are rows, as an open file that is gone when it is closed."""
    return spool.spooled(lambda: _rows(workspace, month, form))


def _rows(workspace: Workspace, month: str, form: Form) -> Iterator[bytes]:
    asked = document.month_of(workspace, month)
    if form == Form.ROWS:
        return canonical.rows(asked)
    if form == Form.FOCUS:
        return focus.cost_and_usage(asked)
    if form == Form.FOCUS_PERIODS:
        return focus.billing_period(asked, state=signing.of(workspace, month).state)
    return focus.invoice_detail(asked)


def whole(*, workspace: Workspace, month: str, form: Form) -> bytes:
    """The statement or the JSON document."""
    with month_sums.snapshot():
        if form == Form.PDF:
            return statement.pdf(workspace=workspace, month=month)
        return b"".join(document.encoded(workspace, month))


def workbook_file(
    *, workspace: Workspace, month: str, each: Callable[[int], object] = lambda number: None
) -> BinaryIO:
    """The workbook as an open file that is gone when it is closed; see `workbook.write`."""
    with tempfile.TemporaryDirectory(prefix="circletake-export-") as folder:
        path = Path(folder) / "month.xlsx"
        with month_sums.snapshot():
            workbook.write(str(path), workspace=workspace, month=month, each=each)
        return path.open("rb")  # stays readable when the folder is removed
