"""How far a month rests on prices that finance approved, and where providers charged otherwise."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing import reported, unapproved
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.problems import Invalid

SHOWN = 10


@require_safe
@workspace_page(Right.READ)
def month_prices(request: WorkspaceRequest, month: str) -> HttpResponse:
    """The part of the month's page that is loaded after it: it looks at every entry of the month."""
    workspace = request.membership.workspace
    try:
        at_risk = unapproved.of_month(workspace=workspace, month=month)
        differing = reported.differences(workspace=workspace, month=month, most=SHOWN)
    except Invalid as invalid:
        raise Http404(invalid.detail) from None
    context = {
        "month": month,
        "at_risk": at_risk,
        "differing": differing,
        "currency": workspace.currency,
        "workspace": workspace,
    }
    part = "#prices" if request.headers.get("HX-Request") else ""
    return render(request, f"billing/month_prices.html{part}", context)
