"""Agreements: what is due each month whatever is made, and what the months came to."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from billing import agreements
from billing.agreement_forms import AgreementForm, EndForm
from billing.forms import carry
from billing.models import Agreement, AgreementSettlement
from billing.views.price_tabs import tabs
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page
from projects.problems import Refused

SHOWN_SETTLEMENTS = 60


@require_safe
@workspace_page(Right.READ)
def listed(request: WorkspaceRequest) -> HttpResponse:
    """Every agreement with its provisional rate, and the newest settlements."""
    member = request.membership
    rows = Agreement.objects.visible_to(member).select_related("end", "author").order_by("name")
    settled = AgreementSettlement.objects.visible_to(member).select_related("agreement")
    context = {
        "rows": [(row, agreements.unit_rate(row)) for row in rows],
        "settled": settled.order_by("-month", "agreement__name", "-number")[:SHOWN_SETTLEMENTS],
        "may_keep": Right.KEEP_BOOKS in rights_of(member),
        "tabs": tabs(member.workspace, "Agreements"),
        "currency": member.workspace.currency,
        "workspace": member.workspace,
    }
    return render(request, "billing/agreements.html", context)


@require_http_methods(["GET", "POST"])
@workspace_page(Right.KEEP_BOOKS)
def new(request: WorkspaceRequest) -> HttpResponse:
    form = AgreementForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = agreements.agree(by=request.membership, **form.cleaned_data)
            except Refused as refused:
                status = carry(form, refused)
            else:
                messages.success(request, f"{made.name} is entered.")
                return redirect("billing:agreements", request.membership.workspace.slug)
    note = "The fee is due whole for each month. What takes do not bear of it is a period cost."
    return _form(request, form, "New agreement", "Enter agreement", note, status)


@require_http_methods(["GET", "POST"])
@workspace_page(Right.KEEP_BOOKS)
def end(request: WorkspaceRequest, agreement_id: uuid.UUID) -> HttpResponse:
    row = get_object_or_404(Agreement.objects.visible_to(request.membership), pk=agreement_id)
    form = EndForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                agreements.end(agreement=row, by=request.membership, **form.said())
            except Refused as refused:
                status = carry(form, refused)
            else:
                messages.success(request, f"{row.name} has its last month.")
                return redirect("billing:agreements", request.membership.workspace.slug)
    note = "The fee of the last month is still due. This is said once."
    return _form(request, form, f"End {row.name}", "Say the last month", note, status)


def _form(
    request: WorkspaceRequest,
    form: AgreementForm | EndForm,
    title: str,
    submit: str,
    note: str,
    status: int,
) -> HttpResponse:
    context = {
        "form": form,
        "title": title,
        "submit": submit,
        "note": note,
        "back": "billing:agreements",
        "back_label": "Agreements",
        "workspace": request.membership.workspace,
    }
    return render(request, "billing/price_form.html", context, status=status)
