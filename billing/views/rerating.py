"""Re-rating a price that proved wrong: what it would book, then the booking."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from billing import money, rerating
from billing.models import PriceRow
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.problems import Invalid, Refused


@require_http_methods(["GET", "POST"])
@workspace_page(Right.KEEP_BOOKS)
def rerate(request: WorkspaceRequest, row_id: uuid.UUID) -> HttpResponseBase:
    """Choose the right row; what each would book stands beside it."""
    member = request.membership
    rows = PriceRow.objects.visible_to(member)
    wrong = get_object_or_404(rows, pk=row_id)
    refused: Refused | None = None
    if request.method == "POST":
        try:
            right = get_object_or_404(rows, pk=_id(request.POST.get("right", "")))
            found = rerating.rerate(wrong=wrong, right=right, by=member, note=request.POST.get("note", ""))
        except Refused as problem:
            refused = problem
        else:
            amount = f"{money.unit_price(found.amount)} {member.workspace.currency}"
            messages.success(request, f"{found.entries} entries are adjusted by {amount} in all.")
            return redirect("billing:prices", member.workspace.slug)
    return _page(request, wrong, refused)


def _page(request: WorkspaceRequest, wrong: PriceRow, refused: Refused | None) -> HttpResponse:
    member = request.membership
    others = PriceRow.objects.visible_to(member).filter(model_key=wrong.model_key).exclude(pk=wrong.pk)
    choices = []
    for row in others.order_by("-starts_at", "-created_at")[:20]:
        try:
            choices.append((row, rerating.preview(wrong=wrong, right=row)))
        except Invalid:
            continue
    context = {
        "wrong": wrong,
        "choices": choices,
        "note": request.POST.get("note", ""),
        "refused": refused,
        "workspace": member.workspace,
        "currency": member.workspace.currency,
    }
    return render(request, "billing/rerate.html", context, status=refused.status if refused else 200)


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Invalid({"right": ["Choose the row with the right price."]}) from None
