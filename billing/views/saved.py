"""Saved views: save the filters of a page, and keep them in order."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from billing import months, saved_views
from billing.models import SavedView
from billing.models.views import ViewedPage
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.problems import Refused

ACTIONS = ("rename", "share", "unshare", "default", "no-default", "delete")
ADDRESSES = {
    ViewedPage.MONTH: "billing:month",
    ViewedPage.EXCEPTIONS: "billing:month_exceptions",
    ViewedPage.ACCEPTED: "generation:month_deliverables",
    ViewedPage.ENTRIES: "billing:month_entries",
    ViewedPage.COMPARE: "billing:compare",
}


@require_safe
@workspace_page(Right.READ)
def listed(request: WorkspaceRequest) -> HttpResponse:
    """One's own views and those that others share; each leads to its page, of the running month."""
    workspace = request.membership.workspace
    month = months.month_of(workspace, timezone.now())
    found = saved_views.listed(request.membership)

    def rows(views: list[SavedView]) -> list[dict[str, Any]]:
        return [{"view": view, "href": _href(workspace.slug, month, view)} for view in views]

    context = {"own": rows(found.own), "others": rows(found.others), "workspace": workspace}
    return render(request, "billing/saved_views.html", context)


@require_POST
@workspace_page(Right.READ)
def save(request: WorkspaceRequest) -> HttpResponseBase:
    """Saves the filters of the page that the form stands in, and goes back there."""
    said = request.POST
    try:
        row = saved_views.save(
            by=request.membership,
            page=said.get("page", ""),
            name=said.get("name", ""),
            query=said.get("query", ""),
            shared="shared" in said,
        )
    except Refused as refused:
        messages.error(request, " ".join([*refused.points, refused.remedy]).strip())
    else:
        messages.success(request, f"The view “{row}” is saved.")
    return redirect(_back(request))


@require_POST
@workspace_page(Right.READ)
def change(request: WorkspaceRequest, view_id: uuid.UUID, action: str) -> HttpResponseBase:
    """Renames, shares or deletes a view of one's own, or opens its page with it from now on."""
    if action not in ACTIONS:
        raise Http404
    try:
        messages.success(request, _changed(request, view_id, action))
    except Refused as refused:
        if refused.status == 404:
            raise Http404(refused.detail) from None
        messages.error(request, " ".join(refused.points))
    return redirect("billing:saved_views", request.membership.workspace.slug)


def _changed(request: WorkspaceRequest, view_id: uuid.UUID, action: str) -> str:
    own: dict[str, Any] = {"view_id": view_id, "by": request.membership}
    if action == "rename":
        return f"It is called “{saved_views.rename(**own, name=request.POST.get('name', ''))}” now."
    if action in ("share", "unshare"):
        row = saved_views.share(**own, shared=action == "share")
        return f"“{row}” is {'shown to everybody here' if row.shared else 'yours alone'}."
    if action == "delete":
        return f"“{saved_views.delete(**own)}” is deleted."
    row = saved_views.make_default(**own, default=action == "default")
    return f"{row.get_page_display()} opens {'with' if row.is_default else 'without'} “{row}” from now on."


def _href(slug: str, month: str, view: SavedView) -> str:
    at = [slug] if view.page == ViewedPage.COMPARE else [slug, month]
    return f"{reverse(ADDRESSES[ViewedPage(view.page)], args=at)}?{view.query}"


def _back(request: WorkspaceRequest) -> str:
    """Where the form stood, on this site alone."""
    back = request.POST.get("back", "")
    inside = f"/w/{request.membership.workspace.slug}/"
    if back.startswith(inside) and url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        return back
    return reverse("billing:saved_views", args=[request.membership.workspace.slug])
