"""Prices and exchange rates: what is in force, and how it came about."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from billing import money, months, prices, rates
from billing.forms import PriceFilter, PriceForm, RateForm, carry
from billing.models import ExchangeRate, PriceRow
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page
from projects.problems import Refused

PAGE_SIZE = 50
RATES_SHOWN = 60


@require_safe
@workspace_page(Right.READ)
def listed(request: WorkspaceRequest) -> HttpResponse:
    """Every price row, newest first within a model, and the newest rates; for htmx the prices alone."""
    member, now = request.membership, timezone.now()
    form = PriceFilter(request.GET)
    rows = PriceRow.objects.visible_to(member).select_related("author")
    if form.is_valid() and form.cleaned_data["q"]:
        rows = rows.filter(model_key__icontains=form.cleaned_data["q"].strip())
    page = Paginator(rows.order_by("model_key", "-starts_at", "-created_at"), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    found = prices.in_force(member.workspace, [row.model_key for row in page.object_list], now)
    in_force = {row.pk for row in found.values()}
    context = {
        "form": form,
        "page": page,
        "rows": [(row, row.pk in in_force, row.starts_at > now) for row in page.object_list],
        "rates": ExchangeRate.objects.visible_to(member)
        .select_related("author")
        .order_by("-day", "currency")[:RATES_SHOWN],
        "may_keep": Right.KEEP_BOOKS in rights_of(member),
        "workspace": member.workspace,
    }
    part = "#prices" if request.headers.get("HX-Request") else ""
    return render(request, f"billing/prices.html{part}", context)


@require_http_methods(["GET", "POST"])
@workspace_page(Right.KEEP_BOOKS)
def new_price(request: WorkspaceRequest) -> HttpResponseBase:
    member = request.membership
    today = timezone.now().astimezone(months.zone_of(member.workspace)).date()
    asked = {"model_key": request.GET.get("model", ""), "starts_on": today}
    form = PriceForm(request.POST or None, membership=member, initial=_last(request, asked))
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                row = prices.add_row(by=member, **form.row())
            except Refused as refused:
                status = carry(form, refused)
            else:
                messages.success(request, f"{row.model_key}: the price is added.")
                return redirect("billing:prices", member.workspace.slug)
    context = {
        "form": form,
        "title": "New price",
        "submit": "Add price",
        "note": "A price is never edited: the new row is in force from its day on.",
        "workspace": member.workspace,
    }
    return render(request, "billing/price_form.html", context, status=status)


@require_http_methods(["GET", "POST"])
@workspace_page(Right.KEEP_BOOKS)
def new_rate(request: WorkspaceRequest) -> HttpResponseBase:
    member = request.membership
    form = RateForm(request.POST or None, currency=member.workspace.currency)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                rate = rates.add_rate(by=member, **form.cleaned_data)
            except Refused as refused:
                status = carry(form, refused)
            else:
                messages.success(request, f"{rate.currency}: the rate of {rate.day:%Y-%m-%d} is added.")
                return redirect("billing:prices", member.workspace.slug)
    context = {
        "form": form,
        "title": "New exchange rate",
        "submit": "Add rate",
        "note": "A charge takes the last rate published on or before its service date.",
        "workspace": member.workspace,
    }
    return render(request, "billing/price_form.html", context, status=status)


def _last(request: WorkspaceRequest, asked: dict[str, object]) -> dict[str, object]:
    """The asked model's newest row as a start, so that only what changed is typed."""
    key = str(asked["model_key"])
    row = prices.in_force(request.membership.workspace, [key], timezone.now()).get(key)
    if row is None:
        return asked
    return {**asked, "unit": row.unit, "amount": money.unit_price(row.amount), "currency": row.currency}
