"""Asks a provider what is left of its credits."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from billing import money
from generation import balances
from generation.views.refusals import shows_refusals
from projects.access import Right, WorkspaceRequest, workspace_page


@require_POST
@workspace_page(Right.KEEP_BOOKS)
@shows_refusals
def ask(request: WorkspaceRequest) -> HttpResponse:
    """The provider's answer stands beside what our books have now."""
    made = balances.ask(provider=request.POST.get("provider", ""), by=request.membership)
    words = (
        f"{made.unit}: {money.unit_price(made.credits)} left, and {money.unit_price(made.ours)} by our books."
    )
    messages.success(request, words)
    return redirect("billing:credits", request.membership.workspace.slug)
