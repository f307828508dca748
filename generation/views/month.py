"""Behind the month's figures: the deliverables of a cell, and the takes of one, with pictures."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from billing import dimensions, months, saved_views
from billing.acceptances import Month
from billing.dimensions import By
from billing.exports.spool import csv_download
from billing.models.views import ViewedPage
from generation import month_drill
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Deliverable, Workspace
from projects.plain import whole_number
from projects.problems import Invalid

PAGE_ROWS = 100
MOST_DAYS = 10_000
NARROWED = ("place", "week", "over", "within")


@require_safe
@workspace_page(Right.READ)
def deliverables(request: WorkspaceRequest, month: str) -> HttpResponseBase:
    """Deliverables accepted in the month, narrowed to one row of its table; `?format=csv` is all of them."""
    workspace = request.membership.workspace
    by, key = request.GET.get("by", ""), request.GET.get("key")
    narrow, words = _narrowed(request)
    page = min(whole_number(request.GET.get("page", "")) or 1, 10_000)
    asked: dict[str, Any] = {"by": by, "key": key, "narrow": narrow}
    try:
        asked["month"] = Month(workspace, months.span(workspace, month))
        if request.GET.get("format") == "csv":
            name = f"{workspace.slug}-{month}-accepted.csv"
            return csv_download(lambda: month_drill.accepted_table(**asked), name=name)
        rows = month_drill.accepted(limit=PAGE_ROWS + 1, offset=(page - 1) * PAGE_ROWS, **asked)
    except Invalid as invalid:
        raise Http404(invalid.detail) from None
    whole = {name: value for name, value in (("by", by), ("key", key)) if value}
    query = whole | {name: request.GET[name] for name in NARROWED if request.GET.get(name)}
    named = dimensions.names(workspace=workspace, by=by, keys=[key])[key] if by and key else key or ""
    context = {
        "month": month,
        "rows": _named(workspace, rows[:PAGE_ROWS]),
        "more": len(rows) > PAGE_ROWS,
        "page": page,
        "query": urlencode(query),
        "what": named,
        "narrowed": words,
        "saved": saved_views.offered(request.membership, ViewedPage.ACCEPTED, request.GET),
        "entries_query": urlencode(whole),
    }
    return render(request, "generation/month_deliverables.html", context)


def _narrowed(request: WorkspaceRequest) -> tuple[month_drill.Narrow, str]:
    """The bar that was asked for, and what it says; 404 for what is no number or day."""
    asked = {name: request.GET[name] for name in NARROWED if request.GET.get(name)}
    if not asked:
        return month_drill.EVERYTHING, ""
    try:
        monday = datetime.date.fromisoformat(asked["week"]) if "week" in asked else None
    except ValueError:
        raise Http404("This is no day.") from None
    numbers = {name: whole_number(text) for name, text in asked.items() if name != "week"}
    if any(number is None or number > MOST_DAYS for number in numbers.values()):
        raise Http404("This is no number of days or takes.")
    if monday and not 2000 <= monday.year < 2100:
        raise Http404("Nothing was accepted in that year.")
    narrow = month_drill.Narrow(
        place=numbers.get("place"), over=numbers.get("over"), within=numbers.get("within")
    )
    if monday:
        zone = months.zone_of(request.membership.workspace)
        first, following = (months.first_instant(monday + datetime.timedelta(days=n), zone) for n in (0, 7))
        narrow = narrow._replace(since=first, before=following)
    said = [f"at take {narrow.place}"] if narrow.place is not None else []
    said += [f"in the week of {monday:%-d %b %Y}"] if monday else []
    said += [f"{narrow.over or 0} days after the brief or later"] if narrow.over is not None else []
    said += [f"within {narrow.within} days of the brief"] if narrow.within is not None else []
    return narrow, ", ".join(said)


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
