"""The month's bridge from the headline to all cash, and what each of its terms is made of."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing import audit, bridge_rows, bridge_steps, drawn, month_tabs, months, waterfalls
from billing.acceptances import Month
from billing.audit_tables import Row
from billing.dimensions import By
from billing.views.month import csv_file, page_number
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Campaign, Workspace
from projects.problems import Invalid

PAGE_ROWS = 100


@require_safe
@workspace_page(Right.READ)
def page(request: WorkspaceRequest, month: str) -> HttpResponse:
    """From the cash of what was accepted to all cash of the month, each step with its rows."""
    workspace = request.membership.workspace
    try:
        document = audit.month_document(workspace=workspace, month=month, by=By.CATEGORY)
    except Invalid as invalid:
        raise Http404(invalid.detail) from None
    steps = bridge_steps.steps(document, _hrefs(workspace, month))
    if request.GET.get("format") == "csv":
        lines: list[Row] = [("term", "amount"), *((step.key, step.amount) for step in steps)]
        return csv_file(lines, f"{workspace.slug}-{month}-bridge.csv")
    context = {
        "month": month,
        "totals": document["totals"],
        "bars": [(bar, bridge_steps.TERMS.get(bar.step.key, "")) for bar in waterfalls.bars(steps)],
        "left_over": [amount for amount in bridge_steps.left_over(document) if amount],
        "chart": drawn.address(workspace, "parts", waterfalls.rows(steps, currency=workspace.currency)),
        "tabs": month_tabs.tabs(workspace, month, "month_bridge"),
        "workspace": workspace,
        "currency": workspace.currency,
    }
    return render(request, "billing/month_bridge.html", context)


@require_safe
@workspace_page(Right.READ)
def term(request: WorkspaceRequest, month: str, term: str) -> HttpResponse:
    """The deliverables of one term, largest first; `?campaign=` narrows them, `?format=csv` has all."""
    workspace = request.membership.workspace
    if term not in bridge_rows.TERMS:
        raise Http404
    campaign, csv, number = _campaign(request), request.GET.get("format") == "csv", page_number(request)
    try:
        span = months.span(workspace, month)
    except Invalid as invalid:
        raise Http404(invalid.detail) from None
    found = bridge_rows.parts(
        month=Month(workspace, span),
        term=term,
        campaign=campaign.pk if campaign else None,
        limit=None if csv else PAGE_ROWS,
        offset=0 if csv else (number - 1) * PAGE_ROWS,
    )
    if csv:
        lines: list[Row] = [("campaign", "deliverable", "state", "amount")]
        lines += [(row.campaign, row.deliverable, row.state, row.amount) for row in found.rows]
        return csv_file(lines, f"{workspace.slug}-{month}-{term}.csv")
    context: dict[str, Any] = {
        "month": month,
        "term": term,
        "label": bridge_steps.TERMS[term],
        "found": found,
        "campaign": campaign,
        "query": urlencode({"campaign": campaign.pk} if campaign else {}),
        "page": number,
        "more": number * PAGE_ROWS < found.number,
        "workspace": workspace,
        "currency": workspace.currency,
    }
    return render(request, "billing/month_bridge_term.html", context)


def _hrefs(workspace: Workspace, month: str) -> dict[str, str]:
    """Where each step leads."""
    at = [workspace.slug, month]
    entries = reverse("billing:month_entries", args=at)
    own = {key: reverse("billing:month_bridge_term", args=[*at, key]) for key in bridge_rows.TERMS}
    return {
        **own,
        "cash": reverse("generation:month_deliverables", args=at),
        "period": f"{entries}?outcome=period",
        "spend": entries,
    }


def _campaign(request: WorkspaceRequest) -> Campaign | None:
    """The campaign that the list is narrowed to; 404 for one of another workspace."""
    asked = request.GET.get("campaign", "")
    if not asked:
        return None
    try:
        return Campaign.objects.visible_to(request.membership).get(pk=uuid.UUID(asked))
    except (ValueError, Campaign.DoesNotExist):
        raise Http404("There is no such campaign.") from None
