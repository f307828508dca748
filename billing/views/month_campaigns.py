"""The roll-forward of a month by campaign."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing import campaign_terms, drawn, month_tabs, months, roll_forward, waterfalls
from billing.acceptances import Month
from billing.audit_tables import Row
from billing.campaign_terms import Line
from billing.roll_forward import Terms
from billing.views.month import csv_file
from billing.waterfalls import Step
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Workspace
from projects.problems import Invalid

COLUMNS = ("opening_wip", "spend", "accepted", "written_off", "period", "closing_wip")


@require_safe
@workspace_page(Right.READ)
def page(request: WorkspaceRequest, month: str) -> HttpResponse:
    """Opening, spent, what came out and closing of each campaign; each cell leads to what moved it."""
    workspace = request.membership.workspace
    try:
        lines = campaign_terms.lines(Month(workspace, months.span(workspace, month)))
    except Invalid as invalid:
        raise Http404(invalid.detail) from None
    if request.GET.get("format") == "csv":
        rows: list[Row] = [("campaign", "name", *COLUMNS)]
        rows += [(line.key, line.name, *(getattr(line.terms, name) for name in COLUMNS)) for line in lines]
        return csv_file(rows, f"{workspace.slug}-{month}-roll-forward.csv")
    total = roll_forward.total(line.terms for line in lines)
    context = {
        "month": month,
        "rows": [{"line": line, "cells": _cells(workspace, month, line)} for line in lines],
        "total": [getattr(total, name) for name in COLUMNS],
        "off_by": total.off_by(),
        "chart": drawn.address(
            workspace, "parts", waterfalls.rows(_steps(total), currency=workspace.currency)
        ),
        "tabs": month_tabs.tabs(workspace, month, "month_campaigns"),
        "workspace": workspace,
        "currency": workspace.currency,
    }
    return render(request, "billing/month_campaigns.html", context)


def _steps(total: Terms) -> list[Step]:
    return [
        Step("opening", "Opening WIP", total.opening_wip, total=True),
        Step("spend", "Spent", total.spend),
        Step("accepted", "Cost of accepted", -total.accepted),
        Step("written_off", "Written off", -total.written_off),
        Step("period", "Period costs", -total.period),
        Step("closing", "Closing WIP", total.closing_wip, total=True),
    ]


def _cells(workspace: Workspace, month: str, line: Line) -> list[tuple[Any, str]]:
    """Each term with where it leads: entries for what was spent, else the deliverables that moved the pot."""
    entries = reverse("billing:month_entries", args=[workspace.slug, month])
    if line.campaign_id is None:
        hrefs = dict.fromkeys(("spend", "period"), f"{entries}?outcome=period")
    else:
        only = urlencode({"campaign": line.campaign_id})
        hrefs = {
            name: f"{reverse('billing:month_bridge_term', args=[workspace.slug, month, name])}?{only}"
            for name in ("accepted", "written_off")
        }
        hrefs["spend"] = f"{entries}?{urlencode({'by': 'campaign', 'key': line.key})}"
        hrefs["closing_wip"] = (
            f"{reverse('billing:month_bridge_term', args=[workspace.slug, month, 'wip'])}?{only}"
        )
    return [(getattr(line.terms, name), hrefs.get(name, "")) for name in COLUMNS]
