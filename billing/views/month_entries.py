"""The entries behind a figure of the month."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing import dimensions, entry_pages, month_entries, saved_views
from billing.acceptances import Month
from billing.exports.spool import csv_download
from billing.models.views import ViewedPage
from billing.outcomes import Outcome
from billing.views.month import page_number, span_of
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Workspace
from projects.problems import Invalid

PAGE_ROWS = 100


@require_safe
@workspace_page(Right.READ)
def entries(request: WorkspaceRequest, month: str) -> HttpResponseBase:
    """The entries behind a figure, with price row and calculation; `?format=csv` is all of them."""
    workspace = request.membership.workspace
    asked = {name: request.GET.get(name, "") for name in ("outcome", "by")}
    key, page = request.GET.get("key"), page_number(request)
    of = Month(workspace, span_of(workspace, month))
    try:
        if request.GET.get("format") == "csv":
            name = f"{workspace.slug}-{month}-entries.csv"
            return csv_download(lambda: month_entries.table(month=of, key=key, **asked), name=name)
        rows = entry_pages.page(
            month=of, key=key, limit=PAGE_ROWS + 1, offset=(page - 1) * PAGE_ROWS, **asked
        )
    except Invalid as invalid:
        raise Http404(invalid.detail) from None
    query = {name: value for name, value in (*asked.items(), ("key", key)) if value}
    context = {
        "month": month,
        "rows": rows[:PAGE_ROWS],
        "page": page,
        "more": len(rows) > PAGE_ROWS,
        "query": urlencode(query),
        "tabs": _tabs(query),
        "saved": saved_views.offered(request.membership, ViewedPage.ENTRIES, request.GET),
        "what": Outcome(asked["outcome"]).label if asked["outcome"] else _name(workspace, asked["by"], key),
        "workspace": workspace,
        "currency": workspace.currency,
    }
    return render(request, "billing/month_entries.html", context)


def _tabs(query: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every outcome, within the row of a table that was asked for."""
    chosen = query.get("outcome", "")
    kept = {name: value for name, value in query.items() if name != "outcome"}
    offered = [("", "All"), *Outcome.choices]
    return [
        {
            "label": label,
            "href": f"?{urlencode({'outcome': value, **kept})}",
            "current": value == chosen,
        }
        for value, label in offered
    ]


def _name(workspace: Workspace, by: str, key: str | None) -> str:
    """What people call the row of the table that was asked for; empty where none was."""
    return dimensions.names(workspace=workspace, by=by, keys=[key])[key] if by and key else key or ""
