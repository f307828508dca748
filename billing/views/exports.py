"""The month as files: a menu on its page, downloads, and the progress of those that take long."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.exports import files, jobs
from billing.exports.forms import Form
from billing.models import ExportJob
from billing.models.exports import EXPORTS_UNFINISHED
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Workspace
from projects.problems import Invalid

COOKIE = "export"
YEAR_SECONDS = 365 * 24 * 3600
#: What each file is for, in the menu.
MENU = {
    Form.XLSX: "Live formulas over every entry",
    Form.PDF: "To read, sign and file",
    Form.JSON: "All figures with exact fractions",
    Form.ROWS: "CSV; its SHA-256 is on the statement",
    Form.FOCUS: "CSV for FinOps tools",
    Form.FOCUS_PERIODS: "CSV",
    Form.FOCUS_INVOICES: "CSV",
}


def menu(request: HttpRequest, workspace: Workspace, month: str) -> list[dict[str, Any]]:
    """The forms of export, the one that this browser took last at the top."""
    last = request.COOKIES.get(COOKIE, "")
    rows = [
        {
            "label": form.label,
            "what": words,
            "href": reverse("billing:month_file", args=[workspace.slug, month, form.value]),
            "last": form.value == last,
        }
        for form, words in MENU.items()
    ]
    return sorted(rows, key=lambda row: not row["last"])


@require_safe
@workspace_page(Right.READ)
def month_file(request: WorkspaceRequest, month: str, form: str) -> HttpResponseBase:
    """One file of the month; a long one is made in the background, and its page is shown instead."""
    if form not in Form.values:
        raise Http404
    workspace, wanted = request.membership.workspace, Form(form)
    answer: HttpResponseBase
    try:
        if jobs.is_long(workspace=workspace, month=month, form=wanted):
            job = jobs.ask(workspace=workspace, month=month, form=wanted, by=request.membership.person)
            answer = redirect("billing:export_job", workspace.slug, job.pk)
        else:
            answer = files.response(workspace=workspace, month=month, form=wanted)
    except Invalid as invalid:
        raise Http404(invalid.detail) from None
    answer.set_cookie(
        COOKIE,
        form,
        max_age=YEAR_SECONDS,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
    )
    return answer


@require_safe
@workspace_page(Right.READ)
def export_job(request: WorkspaceRequest, job_id: uuid.UUID) -> HttpResponse:
    """How far a file is, and where it is once it is made."""
    job = _job(request, job_id)
    running = job.state in EXPORTS_UNFINISHED
    context = {"job": job, "running": running, "form": Form(job.form).label}
    part = "#progress" if request.headers.get("HX-Request") else ""
    return render(request, f"billing/export_job.html{part}", context)


@require_safe
@workspace_page(Right.READ)
def export_job_file(request: WorkspaceRequest, job_id: uuid.UUID) -> HttpResponseBase:
    """The file that a job has made."""
    job = _job(request, job_id)
    if job.state != ExportJob.State.DONE:
        raise Http404("This file is not made yet.")
    return files.of_job(job)


def _job(request: WorkspaceRequest, job_id: uuid.UUID) -> ExportJob:
    rows = ExportJob.objects.visible_to(request.membership).select_related("workspace", "requested_by")
    job: ExportJob = get_object_or_404(rows, pk=job_id)
    return job
