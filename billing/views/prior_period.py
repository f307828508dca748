"""Cash of earlier months whose outcome changed in this one."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing import month_tabs, months, prior_period
from billing.acceptances import Month
from billing.audit_tables import Row
from billing.outcomes import Outcome
from billing.views.month import csv_file, page_number
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.problems import Invalid

PAGE_ROWS = 100


@require_safe
@workspace_page(Right.READ)
def page(request: WorkspaceRequest, month: str) -> HttpResponse:
    """By old and new kind; with `?old=` and `?new=` the deliverables behind one line."""
    workspace = request.membership.workspace
    try:
        asked = Month(workspace, months.span(workspace, month))
    except Invalid as invalid:
        raise Http404(invalid.detail) from None
    changed = prior_period.by_kind(asked)
    old, new = (request.GET.get(name, "") for name in ("old", "new"))
    chosen = next((row for row in changed if (row.old, row.new) == (old, new)), None)
    number = page_number(request)
    if request.GET.get("format") == "csv":
        lines: list[Row] = [("was", "is", "entries", "amount")]
        lines += [(row.old.value, row.new.value, row.entries, row.amount) for row in changed]
        return csv_file(lines, f"{workspace.slug}-{month}-earlier-months.csv")
    parts = (
        prior_period.listed(
            asked,
            old=Outcome(chosen.old),
            new=Outcome(chosen.new),
            limit=PAGE_ROWS + 1,
            offset=(number - 1) * PAGE_ROWS,
        )
        if chosen
        else []
    )
    context = {
        "month": month,
        "changed": [(row, urlencode({"old": row.old.value, "new": row.new.value})) for row in changed],
        "chosen": chosen,
        "parts": parts[:PAGE_ROWS],
        "more": len(parts) > PAGE_ROWS,
        "page": number,
        "query": urlencode({"old": old, "new": new}),
        "tabs": month_tabs.tabs(workspace, month, "month_prior"),
        "workspace": workspace,
        "currency": workspace.currency,
    }
    return render(request, "billing/month_prior.html", context)
