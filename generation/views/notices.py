"""Notices to oneself, and which of them one wants in the page and by mail."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from generation.views.settings import tabs
from projects import notices as work
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Notice, NoticePreference
from projects.models.notices import NoticeKind

ROWS = 50


@require_safe
@workspace_page(Right.READ)
def notices(request: WorkspaceRequest) -> HttpResponse:
    """One's own notices, the newest first."""
    rows = Notice.objects.filter(membership=request.membership, in_page=True).order_by("-created_at", "pk")
    context = {
        "page": Paginator(rows, ROWS).get_page(request.GET.get("page")),
        "unread": rows.filter(read_at__isnull=True).count(),
    }
    return render(request, "generation/notices.html", context)


@require_POST
@workspace_page(Right.READ)
def read_all(request: WorkspaceRequest) -> HttpResponse:
    work.read_all(membership=request.membership)
    return redirect("generation:notices", request.membership.workspace.slug)


@require_POST
@workspace_page(Right.READ)
def open_notice(request: WorkspaceRequest, notice_id: uuid.UUID) -> HttpResponse:
    """Marks one's own notice as read and goes to what it tells of."""
    notice = get_object_or_404(Notice, membership=request.membership, pk=notice_id)
    Notice.objects.filter(pk=notice.pk, read_at__isnull=True).update(read_at=timezone.now())
    if url_has_allowed_host_and_scheme(notice.url, allowed_hosts=None):
        return redirect(notice.url)
    return redirect("generation:notices", request.membership.workspace.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page(Right.READ)
def preferences(request: WorkspaceRequest) -> HttpResponse:
    """For each kind of notice: in the page, by mail, both or neither."""
    member = request.membership
    if request.method == "POST":
        wishes = {
            kind: (f"{kind}-page" in request.POST, f"{kind}-mail" in request.POST)
            for kind in NoticeKind.values
        }
        work.set_preferences(membership=member, wishes=wishes)
        messages.success(request, "Saved.")
        return redirect("generation:notice_preferences", member.workspace.slug)
    kept = {row.kind: row for row in NoticePreference.objects.filter(membership=member)}
    rows: list[dict[str, Any]] = [
        {
            "kind": kind,
            "label": label,
            "in_page": kept[kind].in_page if kind in kept else True,
            "by_mail": kept[kind].by_mail if kind in kept else True,
        }
        for kind, label in NoticeKind.choices
    ]
    return render(request, "generation/settings_notices.html", {"rows": rows, "tabs": tabs(request)})
