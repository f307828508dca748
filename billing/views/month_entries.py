"""The entries behind a figure of the month."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing import dimensions, entry_pages, month_entries, saved_views
from billing.acceptances import Month
from billing.models.views import ViewedPage
from billing.outcomes import Outcome
from billing.views.month import csv_file, page_number, span_of
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Workspace
from projects.problems import Invalid

PAGE_ROWS = 100
MOST_ROWS = 1_000_000


@require_safe
@workspace_page(Right.READ)
def entries(request: WorkspaceRequest, month: str) -> HttpResponse:
    """The entries behind a figure, with price row and calculation; `?format=csv` is all of them."""
    workspace = request.membership.workspace
    asked = {name: request.GET.get(name, "") for name in ("outcome", "by")}
    key = request.GET.get("key")
    csv, page = request.GET.get("format") == "csv", page_number(request)
    try:
        read = month_entries.entries if csv else entry_pages.page
        rows = read(
            month=Month(workspace, span_of(workspace, month)),
            key=key,
            limit=MOST_ROWS if csv else PAGE_ROWS + 1,
            offset=0 if csv else (page - 1) * PAGE_ROWS,
            **asked,
        )
    except Invalid as invalid:
        raise Http404(invalid.detail) from None
    if csv:
        lines = [month_entries.COLUMNS, *([row[name] for name in month_entries.COLUMNS] for row in rows)]
        return csv_file(lines, f"{workspace.slug}-{month}-entries.csv")
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
