"""Credits: packs, balances beside the provider's, and what expires when."""

from __future__ import annotations

from decimal import Decimal

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from billing import balance_imports, credit_books, credits
from billing.credit_forms import BalanceFileForm, BalanceForm, LotForm
from billing.forms import carry
from billing.views.price_tabs import tabs
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page
from projects.problems import BadLines, Refused

SHOWN_LINES = 200


@require_safe
@workspace_page(Right.READ)
def listed(request: WorkspaceRequest) -> HttpResponse:
    """Every unit of credits with its packs, what is left of them, and what will expire."""
    member = request.membership
    units = credit_books.units(member)
    context = {
        "units": units,
        "expiring": credit_books.expiring(units, member, timezone.now()),
        "may_keep": Right.KEEP_BOOKS in rights_of(member),
        "tabs": tabs(member.workspace, "Credits"),
        "currency": member.workspace.currency,
        "workspace": member.workspace,
    }
    return render(request, "billing/credits.html", context)


@require_http_methods(["GET", "POST"])
@workspace_page(Right.KEEP_BOOKS)
def new_lot(request: WorkspaceRequest) -> HttpResponse:
    member = request.membership
    form = LotForm(request.POST or None, initial={"unit": request.GET.get("unit", "credit:")})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            said = {**form.cleaned_data, "bonus": form.cleaned_data["bonus"] or Decimal(0)}
            try:
                lot = credits.buy(by=member, **said)
            except Refused as refused:
                status = carry(form, refused)
            else:
                messages.success(request, f"{lot.unit}: the pack is entered.")
                return redirect("billing:credits", member.workspace.slug)
    note = "A pack is paid in advance and no cost. Its credits are used first to expire first."
    return _form(request, form, "New pack of credits", "Enter pack", note, status)


@require_http_methods(["GET", "POST"])
@workspace_page(Right.KEEP_BOOKS)
def new_balance(request: WorkspaceRequest) -> HttpResponse:
    member = request.membership
    form = BalanceForm(request.POST or None, initial={"unit": request.GET.get("unit", "credit:")})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            said = form.cleaned_data
            try:
                row = credit_books.told(
                    unit=said["unit"], credits_left=said["credits"], source=said["source"], by=member
                )
            except Refused as refused:
                status = carry(form, refused)
            else:
                messages.success(request, f"{row.unit}: the provider's balance is entered.")
                return redirect("billing:credits", member.workspace.slug)
    note = "It stands beside what our books have at this moment; the difference is shown and booked nowhere."
    return _form(request, form, "The provider's balance", "Enter balance", note, status)


@require_http_methods(["GET", "POST"])
@workspace_page(Right.KEEP_BOOKS)
def import_balances(request: WorkspaceRequest) -> HttpResponse:
    """A CSV file of balances: all of it or nothing, every bad line named."""
    member = request.membership
    form = BalanceFileForm(request.POST or None, request.FILES or None)
    faults, status = [], 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                new = balance_imports.bring_in(text=form.cleaned_data["file"], by=member)
            except BadLines as bad:
                faults = bad.lines[:SHOWN_LINES]
            else:
                words = f"{new:,} balance{' is' if new == 1 else 's are'} entered." if new else "Nothing new."
                messages.success(request, words)
                return redirect("billing:credits", member.workspace.slug)
    context = {
        "form": form,
        "faults": faults,
        "columns": balance_imports.COLUMNS,
        "workspace": member.workspace,
    }
    return render(request, "billing/balance_import.html", context, status=status)


def _form(
    request: WorkspaceRequest,
    form: LotForm | BalanceForm,
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
        "back": "billing:credits",
        "back_label": "Credits",
        "workspace": request.membership.workspace,
    }
    return render(request, "billing/price_form.html", context, status=status)
