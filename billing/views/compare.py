"""Side by side: a month with the one before it, any two months, or any two campaigns."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing import comparison, dimensions, drawn, month_tabs, months, saved_views, variance, waterfalls
from billing.audit_tables import Row
from billing.compare_forms import WHAT, CompareForm
from billing.dimensions import By
from billing.figures import printed
from billing.models.views import ViewedPage
from billing.variance import Side
from billing.views.month import csv_file
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Campaign, Workspace
from projects.problems import Invalid


@require_safe
@workspace_page(Right.READ)
def month_variance(request: WorkspaceRequest, month: str) -> HttpResponse:
    """What moved the month's figure against the month before."""
    workspace = request.membership.workspace
    try:
        before = months.before(month) if months.span(workspace, month) else ""
        sides = (comparison.of_month(workspace, before), comparison.of_month(workspace, month))
    except Invalid as invalid:
        raise Http404(invalid.detail) from None
    if request.GET.get("format") == "csv":
        return csv_file(_lines(*sides), f"{workspace.slug}-{month}-variance.csv")
    context = _context(workspace, *sides) | {
        "month": month,
        "tabs": month_tabs.tabs(workspace, month, "month_variance"),
        "hrefs": [_accepted(workspace, name) for name in (before, month)],
        "compare_href": f"{reverse('billing:compare', args=[workspace.slug])}?"
        + urlencode({"what": "months", "before": before, "after": month}),
    }
    return render(request, "billing/month_variance.html", context)


@require_safe
@workspace_page(Right.READ)
def compare(request: WorkspaceRequest) -> HttpResponseBase:
    """Any two months or campaigns: their figures, the change, and what moved it."""
    member, workspace = request.membership, request.membership.workspace
    default = saved_views.default_query(member, ViewedPage.COMPARE) if not request.GET else ""
    if default:
        return redirect(f"{request.path}?{default}")
    form = CompareForm(request.GET, membership=member, now=timezone.now())
    sides = _sides(workspace, form) if form.is_valid() else None
    context: dict[str, Any] = {
        "form": form,
        "saved": saved_views.offered(member, ViewedPage.COMPARE, request.GET),
        "href": reverse("billing:compare", args=[workspace.slug]),
        "tabs": [
            {"label": label, "href": f"?what={what}", "current": what == form.data["what"]}
            for what, label in WHAT
        ],
        "workspace": workspace,
        "query": urlencode({name: value for name, value in request.GET.items() if name in form.fields}),
    }
    if sides:
        if request.GET.get("format") == "csv":
            return csv_file(_lines(*sides), f"{workspace.slug}-comparison.csv")
        context |= _context(workspace, *sides)
        if not form.of_campaigns:
            names = (form.cleaned_data["before"], form.cleaned_data["after"])
            context["hrefs"] = [_accepted(workspace, name) for name in names]
    part = "#found" if request.headers.get("HX-Request") else ""
    return render(request, f"billing/compare.html{part}", context)


def _sides(workspace: Workspace, form: CompareForm) -> tuple[Side, Side] | None:
    said = form.cleaned_data
    if not form.of_campaigns:
        return comparison.of_month(workspace, said["before"]), comparison.of_month(workspace, said["after"])
    chosen: list[Campaign | None] = [said["first"], said["second"]]
    found = [
        comparison.of_campaign(campaign, month=said["within"], now=timezone.now())
        for campaign in chosen
        if campaign
    ]
    return (found[0], found[1]) if len(found) == len(chosen) else None


def _context(workspace: Workspace, old: Side, new: Side) -> dict[str, Any]:
    """Figures, effects and categories of two sides, with the chart of the effects."""
    steps = variance.steps(old, new)
    categories = variance.by_category(old, new)
    names = dimensions.names(workspace=workspace, by=By.CATEGORY, keys=[row.key for row in categories])
    shown = waterfalls.rows(steps, currency=workspace.currency)
    return {
        "old": old,
        "new": new,
        "lines": comparison.lines(old, new),
        "steps": [(step, variance.MEANINGS.get(step.key, "")) for step in steps],
        "chart": drawn.address(workspace, "change", shown),
        "categories": [(names[row.key], row) for row in categories],
        "workspace": workspace,
        "currency": workspace.currency,
    }


def _lines(old: Side, new: Side) -> list[Row]:
    """Figures, effects and the categories' parts in them, one below the other."""
    found: list[Row] = [("figure", old.label, new.label, "change")]
    found += [(line.label, line.before, line.after, line.change) for line in comparison.lines(old, new)]
    found += [(), ("effect", "amount")]
    found += [(step.label, step.amount) for step in variance.steps(old, new) if not step.total]
    parts = ("price", "exchange", "multiplier", "rest")
    found += [(), ("category", f"accepted, {old.label}", f"accepted, {new.label}", *parts)]
    found += [
        (row.key, *row.accepted, *(printed(getattr(row, part)) for part in parts))
        for row in variance.by_category(old, new)
    ]
    return found


def _accepted(workspace: Workspace, month: str) -> str:
    return reverse("generation:month_deliverables", args=[workspace.slug, month])
