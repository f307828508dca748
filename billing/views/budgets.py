"""Budgets: how far each is used; set, change, end."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing import budget_raises, budgets, money
from billing.forms import AlertsForm, BudgetForm, LimitForm, asked_deliverable, carry
from billing.models import Budget
from billing.models.budgets import Window
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page
from projects.problems import Refused

PAGE_SIZE = 50
TEACHING = (
    "Choose what it is for and how much may be spent.",
    "Each take holds its price at most; what it really cost is booked, the rest is freed.",
    "You are told at the shares that you choose: in the page, by mail, in a chat.",
)


@require_safe
@workspace_page(Right.READ)
def listed(request: WorkspaceRequest) -> HttpResponse:
    """Every budget in force with its use in the running window."""
    member = request.membership
    rows = (
        Budget.objects.visible_to(member)
        .filter(ended_at__isnull=True)
        .select_related(*budgets.NAMED, "set_by")
        .order_by("-set_at", "id")
    )
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    uses = budgets.in_window(page.object_list, timezone.now())
    context = {
        "page": page,
        "rows": list(zip(page.object_list, uses, strict=True)),
        "teaching": TEACHING,
        "raises": [(row, budgets.name_of(row.budget)) for row in budget_raises.waiting(member)],
        "may_set": Right.SET_BUDGETS in rights_of(member),
        "person": member.person,
        "workspace": member.workspace,
    }
    return render(request, "billing/budgets.html", context)


@require_http_methods(["GET", "POST"])
@workspace_page(Right.SET_BUDGETS)
def new(request: WorkspaceRequest) -> HttpResponseBase:
    member = request.membership
    asked = asked_deliverable(member, request.GET.get("deliverable", ""))
    initial = {"subject": f"deliverable:{asked.pk}", "window": Window.NONE} if asked else None
    form = BudgetForm(request.POST or None, membership=member, deliverable=asked, initial=initial)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            said = dict(form.cleaned_data)
            scope, target = said.pop("subject")
            try:
                budget = budgets.set_budget(scope=scope, target=target, by=member, **said)
            except Refused as refused:
                status = carry(form, refused)
            else:
                messages.success(request, f"{budgets.name_of(budget)}: the budget is in force.")
                return redirect("billing:budgets", member.workspace.slug)
    return _form(request, form, "New budget", "Set budget", status)


@require_http_methods(["GET", "POST"])
@workspace_page(Right.SET_BUDGETS)
def limit(request: WorkspaceRequest, budget_id: uuid.UUID) -> HttpResponseBase:
    """Another limit for a budget in force; what is used stays used."""
    budget, member = _budget(request, budget_id), request.membership
    (use,) = budgets.in_window([budget], timezone.now())
    form = LimitForm(
        request.POST or None,
        currency=member.workspace.currency,
        initial={"limit": money.unit_price(budget.limit)},
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                budgets.change_limit(budget=budget, by=member, limit=form.cleaned_data["limit"])
            except Refused as refused:
                status = carry(form, refused)
            else:
                messages.success(request, f"{use.name}: the limit is changed.")
                return redirect("billing:budgets", member.workspace.slug)
    return _form(request, form, use.name, "Change limit", status, use=use)


@require_http_methods(["GET", "POST"])
@workspace_page(Right.SET_BUDGETS)
def told(request: WorkspaceRequest, budget_id: uuid.UUID) -> HttpResponseBase:
    """Of which shares of its limit is told."""
    budget, member = _budget(request, budget_id), request.membership
    (use,) = budgets.in_window([budget], timezone.now())
    initial = {"alert_shares": ", ".join(map(str, budget.alert_shares))}
    form = AlertsForm(request.POST or None, initial=initial)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                budgets.change_alerts(budget=budget, shares=form.cleaned_data["alert_shares"], by=member)
            except Refused as refused:
                status = carry(form, refused)
            else:
                messages.success(request, f"{use.name}: the alerts are changed.")
                return redirect("billing:budget", member.workspace.slug, budget.pk)
    note = "Of what is reached already nobody is told again."
    return _form(request, form, use.name, "Change alerts", status, use=use, note=note)


@require_POST
@workspace_page(Right.SET_BUDGETS)
def end(request: WorkspaceRequest, budget_id: uuid.UUID) -> HttpResponseBase:
    budget = budgets.end_budget(budget=_budget(request, budget_id), by=request.membership)
    messages.success(request, f"{budgets.name_of(budget)}: the budget has ended.")
    return redirect("billing:budgets", request.membership.workspace.slug)


def _budget(request: WorkspaceRequest, budget_id: uuid.UUID) -> Budget:
    rows = Budget.objects.visible_to(request.membership).select_related(*budgets.NAMED)
    return get_object_or_404(rows, pk=budget_id, ended_at__isnull=True)


def _form(
    request: WorkspaceRequest,
    form: BudgetForm | LimitForm | AlertsForm,
    title: str,
    submit: str,
    status: int,
    use: budgets.BudgetLeft | None = None,
    note: str = "",
) -> HttpResponse:
    workspace = request.membership.workspace
    context = {
        "form": form,
        "title": title,
        "submit": submit,
        "use": use,
        "note": note,
        "workspace": workspace,
    }
    return render(request, "billing/budget_form.html", context, status=status)
