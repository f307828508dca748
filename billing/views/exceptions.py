"""A month's exceptions: counted by kind, listed with where each leads, as CSV."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import Http404, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing import audit_tables, exceptions, saved_views
from billing.exception_forms import ExceptionsForm
from billing.exceptions import Exceptional, Filters, Kind
from billing.models.views import ViewedPage
from billing.views.month import csv_file
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Workspace
from projects.problems import Invalid

PAGE_ROWS = 100


@require_safe
@workspace_page(Right.READ)
def page(request: WorkspaceRequest, month: str) -> HttpResponseBase:
    """The list, narrowed by kind, campaign and person; with `?counts` how many, as the month's page shows."""
    member, workspace = request.membership, request.membership.workspace
    default = saved_views.default_query(member, ViewedPage.EXCEPTIONS) if not request.GET else ""
    if default:
        return redirect(f"{request.path}?{default}")
    form = ExceptionsForm(request.GET, membership=member)
    filters = form.filters()
    try:
        counts = exceptions.counts(workspace=workspace, month=month, filters=filters._replace(kind=""))
    except Invalid as invalid:
        raise Http404(invalid.detail) from None
    context: dict[str, Any] = {
        "month": month,
        "counts": counts.items(),
        "number": sum(counts.values()),
        "workspace": workspace,
        "currency": workspace.currency,
    }
    if "counts" in request.GET:
        return render(request, "billing/month_exceptions.html#counts", context)
    if request.GET.get("format") == "csv":
        rows = exceptions.listed(workspace=workspace, month=month, filters=filters)
        return csv_file(audit_tables.exceptions(rows), f"{workspace.slug}-{month}-exceptions.csv")
    found = _Found(workspace, month, filters, counts)
    shown = Paginator(cast(Any, found), PAGE_ROWS).get_page(request.GET.get("page"))
    query = urlencode(
        {name: request.GET[name] for name in ("kind", "campaign", "by") if request.GET.get(name)}
    )
    context |= {
        "saved": saved_views.offered(member, ViewedPage.EXCEPTIONS, request.GET),
        "form": form,
        "page": shown,
        "rows": [(row, _href(workspace, month, row)) for row in shown.object_list],
        "tabs": _tabs(request, counts, filters.kind),
        "meaning": exceptions.MEANINGS[Kind(filters.kind)] if filters.kind else "",
        "query": query,
        "href": reverse("billing:month_exceptions", args=[workspace.slug, month]),
    }
    part = "#found" if request.headers.get("HX-Request") else ""
    return render(request, f"billing/month_exceptions.html{part}", context)


class _Found:
    """The rows as a paginator asks for them: how many there are, and a slice."""

    def __init__(self, workspace: Workspace, month: str, filters: Filters, counts: dict[Kind, int]) -> None:
        self.asked: dict[str, Any] = {"workspace": workspace, "month": month, "filters": filters}
        self.number = counts[Kind(filters.kind)] if filters.kind else sum(counts.values())

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, part: slice) -> list[Exceptional]:
        return exceptions.listed(**self.asked, limit=part.stop - part.start, offset=part.start)


def _tabs(request: WorkspaceRequest, counts: dict[Kind, int], kind: str) -> list[dict[str, Any]]:
    """All, and each kind that has some; the other filters stay."""
    kept = {name: request.GET[name] for name in ("campaign", "by") if request.GET.get(name)}
    offered = [("", "All", sum(counts.values()))]
    offered += [(one.value, one.label, count) for one, count in counts.items() if count or one == kind]
    return [
        {
            "label": label,
            "count": count,
            "href": f"?{urlencode({'kind': value, **kept})}",
            "current": value == kind,
        }
        for value, label, count in offered
    ]


def _href(workspace: Workspace, month: str, row: Exceptional) -> str:
    """Where the exception can be looked at: take desk, the provider's bill, the price's history."""
    slug = workspace.slug
    if row.kind == Kind.DISPUTED:
        return f"{reverse('generation:provider_month', args=[slug, row.place, month])}?d={row.id}"
    if row.deliverable_id:
        desk = reverse("generation:desk", args=[slug, row.deliverable_id])
        return f"{desk}?take={row.take}" if row.take else desk
    if row.kind == Kind.OWN_SIDE:
        return f"{reverse('billing:price_history', args=[slug])}?{urlencode({'model': row.place})}"
    return reverse("billing:month_entries", args=[slug, month])
