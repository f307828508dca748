"""Behind the month's figures: the deliverables of a cell, and the takes of one, with pictures."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from billing import dimensions, months
from billing.acceptances import Month
from billing.dimensions import By
from generation import exports, month_drill
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Deliverable, Workspace
from projects.plain import whole_number
from projects.problems import Invalid

PAGE_ROWS = 100
MOST_ROWS = 1_000_000


@require_safe
@workspace_page(Right.READ)
def deliverables(request: WorkspaceRequest, month: str) -> HttpResponseBase:
    """Deliverables accepted in the month, narrowed to one row of its table; `?format=csv` is all of them."""
    workspace = request.membership.workspace
    by, key = request.GET.get("by", ""), request.GET.get("key")
    csv = request.GET.get("format") == "csv"
    page = min(whole_number(request.GET.get("page", "")) or 1, 10_000)
    try:
        rows = month_drill.accepted(
            month=Month(workspace, months.span(workspace, month)),
            by=by,
            key=key,
            limit=MOST_ROWS if csv else PAGE_ROWS + 1,
            offset=0 if csv else (page - 1) * PAGE_ROWS,
        )
    except Invalid as invalid:
        raise Http404(invalid.detail) from None
    if csv:
        lines = [month_drill.Accepted._fields, *rows]
        return exports.csv_response(lines, filename=f"{workspace.slug}-{month}-accepted.csv")
    query = {name: value for name, value in (("by", by), ("key", key)) if value}
    context = {
        "month": month,
        "rows": _named(workspace, rows[:PAGE_ROWS]),
        "more": len(rows) > PAGE_ROWS,
        "page": page,
        "query": urlencode(query),
        "what": dimensions.names(workspace=workspace, by=by, keys=[key])[key] if by and key else key or "",
        "entries_query": urlencode(query),
    }
    return render(request, "generation/month_deliverables.html", context)


def _named(workspace: Workspace, rows: Sequence[month_drill.Accepted]) -> list[dict[str, Any]]:
    """The rows with the names of their campaigns and categories, in two queries."""
    names = {
        by: dimensions.names(workspace=workspace, by=by, keys=sorted({getattr(row, by) for row in rows}))
        for by in (By.CAMPAIGN, By.CATEGORY)
    }
    return [
        {
            **row._asdict(),
            "campaign": names[By.CAMPAIGN][row.campaign],
            "campaign_key": row.campaign,
            "category": names[By.CATEGORY][row.category],
        }
        for row in rows
    ]


@require_safe
@workspace_page(Right.READ)
def deliverable(request: WorkspaceRequest, month: str, deliverable_id: uuid.UUID) -> HttpResponse:
    """One deliverable's takes: picture, decisions, entries with price row and provider's job."""
    workspace = request.membership.workspace
    try:
        months.span(workspace, month)
    except Invalid as invalid:
        raise Http404(invalid.detail) from None
    rows = Deliverable.objects.visible_to(request.membership)
    row = get_object_or_404(rows.select_related("campaign__project", "category", "format"), pk=deliverable_id)
    context = {"month": month, "deliverable": row, "takes": month_drill.takes(row, slug=workspace.slug)}
    return render(request, "generation/month_deliverable.html", context)
