"""Lead time, throughput, the take curve and the error bars of a month, as charts with their tables."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing import also, charts, dimensions, drawn, month_figures, month_sums, month_tabs, months, pace
from billing.acceptances import Month
from billing.audit_tables import Row
from billing.dimensions import By
from billing.pace import Pace
from billing.views.month import csv_file, error_bars
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.problems import Invalid


@require_safe
@workspace_page(Right.READ)
def page(request: WorkspaceRequest, month: str) -> HttpResponse:
    """The whole page; `?format=csv` is its tables one below the other."""
    workspace = request.membership.workspace
    try:
        with month_sums.snapshot():
            found = pace.of_month(Month(workspace, months.span(workspace, month)))
            figures = month_figures.of(workspace, month)
            beside, bars = also.also_of(figures), also.error_bars_of(figures)
    except Invalid as invalid:
        raise Http404(invalid.detail) from None
    if request.GET.get("format") == "csv":
        return csv_file(_lines(found, beside), f"{workspace.slug}-{month}-lead-time.csv")
    names = dimensions.names(
        workspace=workspace, by=By.CATEGORY, keys=[category.key for category in found.categories]
    )
    accepted = sum(week.number for week in found.weeks)
    href = reverse("generation:month_deliverables", args=[workspace.slug, month])
    context = {
        "month": month,
        "also": beside,
        "accepted": accepted,
        "cash": sum((place.cash for place in beside.curve), month_figures.NOUGHT),
        "leads": _leads(found, href),
        "lead_chart": drawn.address(
            workspace, "bars", [_bar(lead.label, lead.number) for lead in found.leads if accepted]
        ),
        "weeks": _weeks(found, href),
        "week_chart": drawn.address(
            workspace,
            "bars",
            [_bar(f"{week.monday:%-d %b}", week.number) for week in found.weeks if accepted],
        ),
        "categories": [(names[category.key], category) for category in found.categories],
        "curve_chart": charts.digest(beside.curve) if beside.curve else "",
        "bars": error_bars(workspace, bars),
        "href": href,
        "tabs": month_tabs.tabs(workspace, month, "month_pace"),
        "workspace": workspace,
        "currency": workspace.currency,
    }
    return render(request, "billing/month_pace.html", context)


def _bar(label: str, number: int) -> dict[str, Any]:
    return {"label": label, "value": number, "words": f"{number:,}" if number else ""}


def _leads(found: Pace, href: str) -> list[dict[str, Any]]:
    rows = []
    for lead in found.leads:
        ends = {"over": lead.over or None, "within": lead.within}
        query = urlencode({name: days for name, days in ends.items() if days is not None})
        rows.append({"label": lead.label, "number": lead.number, "href": f"{href}?{query}"})
    return rows


def _weeks(found: Pace, href: str) -> list[dict[str, Any]]:
    return [
        {"week": week, "href": f"{href}?{urlencode({'week': week.monday.isoformat()})}"}
        for week in found.weeks
    ]


def _lines(found: Pace, beside: also.Also) -> list[Row]:
    lines: list[Row] = [("lead time", "accepted"), *((lead.label, lead.number) for lead in found.leads)]
    lines += [(), ("week from", "days in the month", "accepted")]
    lines += [(week.monday.isoformat(), week.days, week.number) for week in found.weeks]
    lines += [(), ("category", "accepted", "median seconds", "80 % within seconds", "on time")]
    lines += [
        (
            *(each.key, each.number, each.median.total_seconds(), each.within_80.total_seconds()),
            "" if each.on_time is None else f"{float(each.on_time):.8f}",
        )
        for each in found.categories
    ]
    lines += [(), ("accepted at take", "deliverables", "cash"), *beside.curve]
    return lines
