"""Prices and exchange rates: what is in force, and how it came about."""

from __future__ import annotations

import datetime

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from billing import ecb, money, months, price_decisions, prices, rates
from billing.forms import PriceFilter, PriceForm, RateFileForm, RateForm, carry
from billing.models import ExchangeRate, PriceRow
from billing.views.price_tabs import history_address, tabs
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page
from projects.problems import Refused

PAGE_SIZE = 50
RATES_SHOWN = 60


@require_safe
@workspace_page(Right.READ)
def listed(request: WorkspaceRequest) -> HttpResponse:
    """Every price row, newest first within a model; for htmx the prices alone."""
    member, now = request.membership, timezone.now()
    form = PriceFilter(request.GET)
    visible = PriceRow.objects.visible_to(member).select_related("author", "decision")
    rows = form.narrowed(visible).order_by("model_key", "-starts_at", "-created_at")
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    found = prices.in_force(member.workspace, [row.model_key for row in page.object_list], now)
    in_force = {row.pk for row in found.values()}
    context = {
        "form": form,
        "page": page,
        "rows": [
            (row, prices.state_of(row), row.pk in in_force, row.starts_at > now) for row in page.object_list
        ],
        "proposed": price_decisions.proposed(member.workspace).count(),
        "tabs": tabs(member.workspace, "Prices"),
        "may_keep": Right.KEEP_BOOKS in rights_of(member),
        "workspace": member.workspace,
    }
    part = "#prices" if request.headers.get("HX-Request") else ""
    return render(request, f"billing/prices.html{part}", context)


@require_safe
@workspace_page(Right.READ)
def listed_rates(request: WorkspaceRequest) -> HttpResponse:
    """Exchange rates, the newest day first."""
    member = request.membership
    rows = ExchangeRate.objects.visible_to(member).select_related("author").order_by("-day", "currency")
    page = Paginator(rows, RATES_SHOWN).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "may_keep": Right.KEEP_BOOKS in rights_of(member),
        "tabs": tabs(member.workspace, "Exchange rates"),
        "workspace": member.workspace,
    }
    return render(request, "billing/rates.html", context)


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
                messages.success(request, f"{row.model_key}: the price is proposed.")
                return redirect(history_address(member.workspace, row.model_key))
    context = {
        "form": form,
        "title": "New price",
        "submit": "Propose price",
        "note": "A price is never edited: the new row counts from its day on, once finance has approved it.",
        "workspace": member.workspace,
    }
    return render(request, "billing/price_form.html", context, status=status)


@require_http_methods(["GET", "POST"])
@workspace_page(Right.KEEP_BOOKS)
def import_rates(request: WorkspaceRequest) -> HttpResponse:
    """A reference file of the European Central Bank; says what is new and what differs."""
    member = request.membership
    last_year = timezone.localdate().replace(month=1, day=1) - datetime.timedelta(days=1)
    initial = {"since": last_year.replace(month=1, day=1)}
    form = RateFileForm(request.POST or None, request.FILES or None, initial=initial)
    done, status = None, 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            said = form.cleaned_data
            try:
                done = ecb.import_file(
                    data=said["file"], by=member, currencies=said["currencies"], since=said["since"]
                )
                status = 200
            except Refused as refused:
                status = carry(form, refused)
    context = {
        "form": form,
        "done": done,
        "used": ecb.used_currencies(member),
        "workspace": member.workspace,
    }
    return render(request, "billing/rate_import.html", context, status=status)


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
                return redirect("billing:rates", member.workspace.slug)
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
