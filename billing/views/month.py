"""The month: what a finished, approved deliverable really cost, and where the month's cash went."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing import (
    audit,
    audit_tables,
    charts,
    dimensions,
    exceptions,
    month_tabs,
    months,
    saved_views,
)
from billing.dimensions import By
from billing.models.views import ViewedPage
from billing.outcomes import Outcome
from billing.views.exports import menu
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Workspace
from projects.plain import whole_number
from projects.problems import Invalid

SHOWN_ROWS = 8  # until all are asked for
TABS = (By.CAMPAIGN, By.CATEGORY, By.PROJECT, By.TIER, By.PHASE, By.PROVIDER, By.MODEL, By.PERSON)
#: The colour of each outcome in bar and legend.
SERIES = {
    Outcome.ACCEPTED: "good",
    Outcome.OPEN: "1",
    Outcome.REJECTED: "5",
    Outcome.SUPERSEDED: "6",
    Outcome.WRITTEN_OFF: "4",
    Outcome.FAILED_CHARGED: "bad",
    Outcome.FAILED_REFUNDED: "3",
    Outcome.SHARED: "2",
    Outcome.PERIOD: "rest",
}


@require_safe
@workspace_page(Right.READ)
def month(request: WorkspaceRequest, month: str = "") -> HttpResponseBase:
    """One month's audit; without a month the running one."""
    workspace = request.membership.workspace
    month = month or months.month_of(workspace, timezone.now())
    default = saved_views.default_query(request.membership, ViewedPage.MONTH) if not request.GET else ""
    if default:
        return redirect(f"{reverse('billing:month', args=[workspace.slug, month])}?{default}")
    by = request.GET.get("by") or By.CAMPAIGN
    page = _page_of(workspace, month, by, most=None if request.GET.get("all") else SHOWN_ROWS)
    document, beside = page.document, page.also
    context = {
        "month": month,
        "before": months.before(month),
        "after": _after(month),
        "document": document,
        "totals": document["totals"],
        "change": _change(document),
        "outcomes": _outcomes(document),
        "bridge": _bridge(document),
        "statement": _statement(document),
        "by": by,
        "by_label": By(by).label,
        "whole": by in (By.PROJECT, By.CAMPAIGN, By.CATEGORY),
        "tabs": _tabs(workspace, month, by),
        "pages": month_tabs.tabs(workspace, month, "month"),
        "also": beside,
        "on_time": beside.on_time,
        "a_week": beside.accepted_a_week,
        "chart": charts.digest(beside.curve) if beside.curve else "",
        "bars": error_bars(workspace, page.bars),
        "row_count": page.row_count,
        "exports": menu(request, workspace, month),
        "saved": saved_views.offered(request.membership, ViewedPage.MONTH, request.GET),
        "workspace": workspace,
        "currency": workspace.currency,
    }
    return render(request, "billing/month.html", context)


@require_safe
@workspace_page(Right.READ)
def export(request: WorkspaceRequest, month: str, table: str) -> HttpResponse:
    """One table of the audit as CSV."""
    workspace = request.membership.workspace
    if table not in (*audit_tables.TABLES, "curve", "exceptions"):
        raise Http404
    by = request.GET.get("by") or By.CAMPAIGN
    if table == "curve":
        span_of(workspace, month)
        curve = audit.also(workspace=workspace, month=month).curve
        lines: list[audit_tables.Row] = [("take", "accepted", "cash"), *curve]
    elif table == "exceptions":
        span_of(workspace, month)
        lines = audit_tables.exceptions(exceptions.listed(workspace=workspace, month=month))
    else:
        lines = audit_tables.table(_document(workspace, month, by), table)
    name = f"{workspace.slug}-{month}-{by if table == 'rows' else table}.csv"
    return csv_file(lines, name)


@require_safe
@workspace_page(Right.READ)
def chart(request: WorkspaceRequest, month: str, digest: str) -> HttpResponse:
    """The take curve as SVG, kept by browsers under the hash of its numbers."""
    workspace = request.membership.workspace
    span_of(workspace, month)
    curve = audit.also(workspace=workspace, month=month).curve
    if not curve or charts.digest(curve) != digest:
        raise Http404("The numbers of this chart have changed; reload the page.")
    answer = HttpResponse(charts.take_curve(curve, currency=workspace.currency), content_type="image/svg+xml")
    answer["Cache-Control"] = "private, max-age=31536000, immutable"
    return answer


def _page_of(workspace: Workspace, month: str, by: str, *, most: int | None = None) -> audit.Page:
    try:
        return audit.month_page(workspace=workspace, month=month, by=by, most=most)
    except Invalid as invalid:
        raise Http404(invalid.detail) from None


def _document(workspace: Workspace, month: str, by: str) -> dict[str, Any]:
    return _page_of(workspace, month, by).document


def span_of(workspace: Workspace, month: str) -> months.Span:
    try:
        return months.span(workspace, month)
    except Invalid as invalid:
        raise Http404(invalid.detail) from None


def _after(month: str) -> str:
    first = datetime.date(int(month[:4]), int(month[5:]), 1)
    return (first + datetime.timedelta(days=31)).strftime("%Y-%m")


def page_number(request: WorkspaceRequest) -> int:
    return min(whole_number(request.GET.get("page", "")) or 1, 10_000)


def _change(document: dict[str, Any]) -> dict[str, Any] | None:
    """The change of the large figure, and the effects that explain it."""
    now, before = (document[name]["cash_per_acceptable"] for name in ("totals", "previous"))
    if document["effects"] is None or now is None or before is None:
        return None
    words = {
        "price": "prices",
        "multiplier": "takes per accepted",
        "rest": "control and refinement",
        "mix": "the mix of categories",
    }
    moved = Decimal(now) - Decimal(before)
    return {
        "amount": moved,
        "better": None if not moved else moved < 0,
        "parts": [(label, Decimal(document["effects"][name])) for name, label in words.items()],
    }


def _outcomes(document: dict[str, Any]) -> list[dict[str, Any]]:
    """What the month's cash became, without the kinds that had none."""
    return [
        {"kind": kind.value, "label": kind.label, "value": amount, "series": SERIES[kind]}
        for kind in SERIES
        if (amount := Decimal(document["outcomes"][kind]))
    ]


def _statement(document: dict[str, Any]) -> list[tuple[str, str, Decimal, bool]]:
    """The roll-forward in five lines: sign, words, amount, is it a sum."""
    terms = {name: Decimal(amount) for name, amount in document["roll_forward"].items()}
    return [
        ("", "Opening work in progress", terms["opening_wip"], False),
        ("+", "Spent", terms["spend"], False),
        ("−", "Cost of accepted", terms["accepted"], False),
        ("−", "Written off and period costs", terms["written_off"] + terms["period"], False),
        ("=", "Closing work in progress", terms["closing_wip"], True),
    ]


def _bridge(document: dict[str, Any]) -> list[tuple[str, str, Decimal, bool]]:
    terms = {name: Decimal(amount) for name, amount in document["bridge"].items()}
    return [
        ("", "Cash of what was accepted, life to date", terms["cash"], False),
        ("+", "Late: cash on what was accepted before", terms["late"], False),
        ("+", "Shares of shared costs", terms["shared"], False),
        ("−", "Carried back by withdrawn sign-offs", terms["carried_back"], False),
        ("=", "Cost of accepted", Decimal(document["roll_forward"]["accepted"]), True),
    ]


def _tabs(workspace: Workspace, month: str, by: str) -> list[dict[str, Any]]:
    address = reverse("billing:month", args=[workspace.slug, month])
    return [
        {"label": each.label, "href": f"{address}?by={each.value}#split", "current": each == by}
        for each in TABS
    ]


def error_bars(workspace: Workspace, bars: Sequence[Any]) -> list[dict[str, Any]]:
    """How sure the figure of each category is, under the category's name."""
    keys = [bar.category for bar in bars]
    names = dimensions.names(workspace=workspace, by=By.CATEGORY, keys=keys) if keys else {}
    return [
        {"name": names[bar.category], "figure": bar.figure, "target": bar.target, "bias": bar.bias}
        for bar in bars
    ]


def csv_file(lines: list[audit_tables.Row], name: str) -> HttpResponse:
    answer = HttpResponse(audit_tables.csv_text(lines), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
