"""One budget: how its money goes and how long it lasts, its requests, and what happened to it."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing import audit_tables, budget_raises, budgets, burn_charts, burn_down, money
from billing.forms import RaiseForm, carry
from billing.models import Budget, BudgetRaise
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page
from projects.models import Event
from projects.problems import Refused

SHOWN_RAISES = 20
SHOWN_EVENTS = 30


@require_safe
@workspace_page(Right.READ)
def page(request: WorkspaceRequest, budget_id: uuid.UUID) -> HttpResponse:
    """The running window day by day with its pace; the requests and the history below."""
    budget, member, now = _budget(request, budget_id), request.membership, timezone.now()
    (use,) = budgets.in_window([budget], now)
    burn = burn_down.of(budget, now=now)
    rights = rights_of(member)
    decided = BudgetRaise.objects.visible_to(member).filter(budget=budget).exclude(state="waiting")
    named = decided.select_related("requested_by", "decided_by")
    context = {
        "budget": budget,
        "use": use,
        "burn": burn,
        "days": list(reversed(burn.days)),
        "chart": burn_charts.digest(burn),
        "raises": [(row, use.name) for row in budget_raises.waiting(member, budget)],
        "decided": named.order_by("-requested_at", "id")[:SHOWN_RAISES],
        "events": _events(request, budget),
        "may_set": Right.SET_BUDGETS in rights,
        "may_ask": Right.MAKE in rights and budget.ended_at is None,
        "person": member.person,
        "workspace": member.workspace,
        "currency": member.workspace.currency,
    }
    return render(request, "billing/budget.html", context)


@require_safe
@workspace_page(Right.READ)
def chart(request: WorkspaceRequest, budget_id: uuid.UUID, digest: str) -> HttpResponse:
    """The burn-down as SVG, kept by browsers under the hash of its numbers."""
    burn = burn_down.of(_budget(request, budget_id), now=timezone.now())
    if burn_charts.digest(burn) != digest:
        raise Http404
    answer = HttpResponse(burn_charts.drawn(burn), content_type="image/svg+xml")
    answer["Cache-Control"] = "private, max-age=31536000, immutable"
    return answer


@require_safe
@workspace_page(Right.READ)
def days(request: WorkspaceRequest, budget_id: uuid.UUID) -> HttpResponse:
    """The days of the running window as CSV."""
    burn = burn_down.of(_budget(request, budget_id), now=timezone.now())
    lines: list[audit_tables.Row] = [("day", "used", "used in window", "left"), *burn.days]
    answer = HttpResponse(audit_tables.csv_text(lines), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="budget-{budget_id}.csv"'
    return answer


@require_http_methods(["GET", "POST"])
@workspace_page(Right.MAKE)
def ask(request: WorkspaceRequest, budget_id: uuid.UUID) -> HttpResponseBase:
    """Asks for more on the limit; `?more=` is what the refused spending lacked."""
    budget, member = _budget(request, budget_id), request.membership
    if budget.ended_at is not None:
        raise Http404
    (use,) = budgets.in_window([budget], timezone.now())
    form = RaiseForm(
        request.POST or None,
        currency=member.workspace.currency,
        initial={"more": request.GET.get("more", "")},
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                budget_raises.ask(budget=budget, by=member, **form.cleaned_data)
            except Refused as refused:
                status = carry(form, refused)
            else:
                messages.success(request, f"{use.name}: your request is with those who set budgets.")
                return redirect("billing:budget", member.workspace.slug, budget.pk)
    context = {
        "form": form,
        "title": f"Ask to raise {use.name}",
        "submit": "Send request",
        "use": use,
        "note": "Another person who sets budgets decides. After 14 days without a word the request ends.",
        "workspace": member.workspace,
    }
    return render(request, "billing/budget_form.html", context, status=status)


@require_POST
@workspace_page(Right.SET_BUDGETS)
def decide(request: WorkspaceRequest, raise_id: uuid.UUID) -> HttpResponse:
    """Grants or declines a request."""
    row, note = _raise(request, raise_id), request.POST.get("note", "")
    decision = {"grant": budget_raises.grant, "decline": budget_raises.decline}.get(
        request.POST.get("decision", "")
    )
    if decision is None:
        return HttpResponse("Say grant or decline.", status=422)
    return _done(request, row, decision, "The request is decided.", note=note)


@require_POST
@workspace_page(Right.MAKE)
def withdraw(request: WorkspaceRequest, raise_id: uuid.UUID) -> HttpResponse:
    return _done(request, _raise(request, raise_id), budget_raises.withdraw, "The request is withdrawn.")


def _done(request: WorkspaceRequest, row: BudgetRaise, action: Any, said: str, **more: Any) -> HttpResponse:
    """Does it and goes to the budget, with what was done or why it was not."""
    try:
        action(request=row, by=request.membership, **more)
    except Refused as refused:
        messages.error(request, f"{refused.detail} {refused.remedy}".strip())
    else:
        messages.success(request, said)
    return redirect("billing:budget", request.membership.workspace.slug, row.budget_id)


def _events(request: WorkspaceRequest, budget: Budget) -> list[dict[str, Any]]:
    """What was set, changed, asked for and decided, the newest first."""
    rows = Event.objects.visible_to(request.membership).filter(
        kind__startswith="budget.", data__budget=str(budget.pk)
    )
    currency = request.membership.workspace.currency
    words = {
        "set": "set the limit to {limit}",
        "changed": "changed the limit from {before} to {limit}",
        "alerts_changed": "chose other shares to be told of",
        "ended": "ended the budget",
        "reached": "{percent} % reached: {used} of {limit}",
        "raise_asked": "asked for {amount} more",
        "raise_granted": "granted {amount} more",
        "raise_declined": "declined {amount} more",
        "raise_withdrawn": "withdrew the request for {amount} more",
        "raise_expired": "the request for {amount} more expired",
    }
    return [
        {
            "at": row.at,
            "who": row.person,
            "what": words.get(row.kind.removeprefix("budget."), row.kind).format_map(
                _Said(row.data, currency)
            ),
            "note": row.data.get("note", ""),
        }
        for row in rows.select_related("person").order_by("-at", "-id")[:SHOWN_EVENTS]
    ]


class _Said(dict[str, Any]):
    """An event's data as words, amounts as money."""

    def __init__(self, data: dict[str, Any], currency: str) -> None:
        super().__init__(data)
        self.currency = currency

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is not None and name in ("limit", "before", "used", "amount"):
            return money.shown(Decimal(str(value)), self.currency)
        return "–" if value is None else str(value)


def _budget(request: WorkspaceRequest, budget_id: uuid.UUID) -> Budget:
    rows = Budget.objects.visible_to(request.membership).select_related(*budgets.NAMED, "set_by")
    return get_object_or_404(rows, pk=budget_id)


def _raise(request: WorkspaceRequest, raise_id: uuid.UUID) -> BudgetRaise:
    return get_object_or_404(BudgetRaise.objects.visible_to(request.membership), pk=raise_id)
