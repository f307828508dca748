"""Pages of this room: the catalogue."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from projects.access import Right, WorkspaceRequest, workspace_page
from routing import listing
from routing.forms import CatalogueFilter

PAGE_SIZE = 50


@workspace_page(Right.READ)
def catalogue(request: WorkspaceRequest) -> HttpResponse:
    """The models that a routing table may name; for htmx the list alone."""
    workspace, now = request.membership.workspace, timezone.now()
    form = CatalogueFilter(request.GET, membership=request.membership)
    filters = form.cleaned_data if form.is_valid() else {}
    found = listing.rows(request.membership, filters, today=now.date())
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "form": form,
        "page": page,
        "rows": listing.listed(workspace, page.object_list, now=now),
        "query": query.urlencode(),
        "workspace": workspace,
    }
    part = "#models" if request.headers.get("HX-Request") else ""
    return render(request, f"routing/catalogue.html{part}", context)
