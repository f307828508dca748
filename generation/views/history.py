"""Importing the months before the team came, with the progress of large imports."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from generation import history_jobs, history_rows
from generation.forms.history import HistoryForm
from generation.history import HistoryResult
from generation.models.imports import JOBS_UNFINISHED, HistoryJob
from generation.views.refusals import shows_refusals
from generation.views.saving import status
from projects.access import Right, WorkspaceRequest, workspace_page

SHOWN_JOBS = 10


@require_http_methods(["GET", "POST"])
@workspace_page(Right.KEEP_BOOKS)
@shows_refusals
def history(request: WorkspaceRequest) -> HttpResponse:
    """The form, what the columns mean, and the imports that run or ran."""
    member = request.membership
    form = HistoryForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        done = history_jobs.submit(
            workspace=member.workspace,
            charges=form.cleaned_data["charges"],
            decisions=form.cleaned_data["decisions"],
            by=member,
        )
        messages.success(request, _words(done))
        return redirect("generation:history", member.workspace.slug)
    jobs = HistoryJob.objects.visible_to(member).order_by("-requested_at")[:SHOWN_JOBS]
    context = {
        "form": form,
        "jobs": jobs,
        "running": any(job.state in JOBS_UNFINISHED for job in jobs),
        "charge_columns": history_rows.CHARGE_COLUMNS,
        "charge_options": history_rows.CHARGE_OPTIONS,
        "decision_columns": history_rows.DECISION_COLUMNS,
    }
    part = "#jobs" if request.headers.get("HX-Request") and request.method == "GET" else ""
    return render(request, f"generation/history.html{part}", context, status=status(form))


def _words(done: HistoryResult | HistoryJob) -> str:
    if isinstance(done, HistoryJob):
        return f"{done.rows_total:,} rows are staged; the import goes on by itself."
    return (
        f"{done.charges:,} charges and {done.decisions:,} decisions imported, "
        f"{done.deliverables:,} deliverables created."
    )
