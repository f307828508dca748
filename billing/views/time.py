"""Time: one's own logs beside what was measured of oneself, and the workspace's for finance. No cash."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing import money, months, time_logs
from billing.forms import carry
from billing.time_forms import TimeForm
from billing.views.passing_on import asked, csv_file, month_links, tabs
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page
from projects.models import TimeLog
from projects.problems import Refused

SHOWN = 200


@require_http_methods(["GET", "POST"])
@workspace_page(Right.READ)
def own(request: WorkspaceRequest) -> HttpResponseBase:
    """One's own month: logs, what was measured, and a form to log more."""
    member = request.membership
    workspace = member.workspace
    month = request.GET.get("month") or months.month_of(workspace, timezone.now())
    span = asked(months.span, workspace, month)
    rows = time_logs.own(member, span)
    if request.GET.get("format") == "csv":
        return csv_file(_own_rows(rows), f"{workspace.slug}-{month}-my-time.csv")
    form, status = _log(request) if request.method == "POST" else (TimeForm(membership=member), 200)
    if form is None:
        return redirect(request.get_full_path())
    standing = [row for row in rows if not row.is_back]
    context = {
        **month_links(month),
        "rows": rows[:SHOWN],
        "minutes": sum((row.minutes for row in standing), money.ZERO),
        "measured": time_logs.measured(workspace, span, member.person_id),
        "form": form,
        "may_log": Right.MAKE in rights_of(member),
        "may_keep": Right.KEEP_BOOKS in rights_of(member),
        "tabs": tabs(workspace, "Time"),
        "workspace": workspace,
    }
    return render(request, "billing/time.html", context, status=status)


@require_safe
@workspace_page(Right.KEEP_BOOKS)
def everybody(request: WorkspaceRequest) -> HttpResponseBase:
    """The workspace's logged time by campaign and kind, beside what was measured."""
    workspace = request.membership.workspace
    month = request.GET.get("month") or months.month_of(workspace, timezone.now())
    span = asked(months.span, workspace, month)
    rows = time_logs.summed(workspace, span)
    if request.GET.get("format") == "csv":
        head = ("campaign", "name", "kind", "person", "logs", "minutes", "worth")
        return csv_file([head, *rows], f"{workspace.slug}-{month}-time.csv")
    context = {
        **month_links(month),
        "rows": rows,
        "minutes": sum((row.minutes for row in rows), money.ZERO),
        "worth": sum((row.worth for row in rows), money.ZERO),
        "measured": time_logs.measured(workspace, span),
        "by_person": workspace.time_by_person,
        "tabs": tabs(workspace, "Time"),
        "currency": workspace.currency,
        "workspace": workspace,
    }
    return render(request, "billing/time_of_all.html", context)


@require_POST
@workspace_page(Right.READ)
def take_back(request: WorkspaceRequest, log_id: uuid.UUID) -> HttpResponse:
    """Takes a log back: one's own, or as finance anybody's."""
    row = get_object_or_404(TimeLog.objects.visible_to(request.membership), pk=log_id)
    try:
        time_logs.take_back(row=row, by=request.membership)
    except Refused as refused:
        messages.error(request, f"{refused.detail} {refused.remedy}".strip())
    else:
        messages.success(request, f"{_plain(row.minutes)} minutes are taken back.")
    return redirect("billing:time", request.membership.workspace.slug)


def _log(request: WorkspaceRequest) -> tuple[TimeForm | None, int]:
    """The form with what is wrong with it; None once the time is logged."""
    member = request.membership
    form = TimeForm(request.POST, membership=member)
    if not form.is_valid():
        return form, 422
    try:
        row = time_logs.log(by=member, **form.said())
    except Refused as refused:
        return form, carry(form, refused)
    messages.success(request, f"{_plain(row.minutes)} minutes are logged.")
    return None, 200


def _own_rows(rows: Any) -> Any:
    yield ("started_at", "minutes", "kind", "role", "campaign", "deliverable", "note", "taken_back")
    for row in rows.iterator(2000):
        campaign = f"{row.campaign.project.key}/{row.campaign.key}" if row.campaign else ""
        deliverable = row.deliverable.key if row.deliverable else ""
        yield (
            *(row.started_at, row.minutes, row.kind, row.role, campaign, deliverable, row.note),
            "yes" if row.is_back else "",
        )


def _plain(minutes: Decimal | None) -> str:
    return f"{(minutes or money.ZERO).normalize():f}"
