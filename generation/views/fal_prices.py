"""fal's own price list, proposed to finance."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from generation import fal_prices
from generation.views.refusals import shows_refusals
from projects.access import Right, WorkspaceRequest, workspace_page


@require_http_methods(["GET", "POST"])
@workspace_page(Right.KEEP_BOOKS)
@shows_refusals
def propose(request: WorkspaceRequest) -> HttpResponse:
    """Asks fal and says what was proposed, what is the same, and what was left out."""
    told = fal_prices.propose(by=request.membership) if request.method == "POST" else None
    context = {"told": told, "workspace": request.membership.workspace}
    return render(request, "generation/fal_prices.html", context)
