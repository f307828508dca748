"""Shared costs: what campaigns bear as a whole, and how it is spread over what they deliver."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing import money, shared_books, shared_costs
from billing.exports import lines
from billing.forms import carry
from billing.shared_forms import AdjustForm, SharedCostForm, TakeOverForm
from billing.views.passing_on import tabs
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page
from projects.models import Campaign
from projects.plain import whole_number
from projects.problems import Refused

SHOWN_SHARES = 100


@require_safe
@workspace_page(Right.READ)
def listed(request: WorkspaceRequest) -> HttpResponseBase:
    """Campaigns with shared costs: booked, spread, written off, waiting."""
    member = request.membership
    rows = shared_books.by_campaign(member)
    if request.GET.get("format") == "csv":
        table = [shared_books.COLUMNS, *(row[1:] for row in rows)]
        return _csv(table, f"{member.workspace.slug}-shared-costs.csv")
    context = {
        "rows": rows,
        "total": shared_books.total(rows),
        "campaigns": Campaign.objects.visible_to(member).filter(ended_at=None).select_related("project"),
        "may_keep": Right.KEEP_BOOKS in rights_of(member),
        "tabs": tabs(member.workspace, "Shared costs"),
        "currency": member.workspace.currency,
        "workspace": member.workspace,
    }
    return render(request, "billing/shared_costs.html", context)


@require_safe
@workspace_page(Right.READ)
def campaign(request: WorkspaceRequest, campaign_id: uuid.UUID) -> HttpResponseBase:
    """One campaign's costs, and each share that was taken of them."""
    member = request.membership
    row = _campaign(request, campaign_id)
    if request.GET.get("format") == "csv":
        return _csv(shared_books.share_rows(row), f"{member.workspace.slug}-{row.key}-shares.csv")
    page = min(whole_number(request.GET.get("page", "")) or 1, 10_000)
    taken = shared_books.shares(row, offset=(page - 1) * SHOWN_SHARES, limit=SHOWN_SHARES + 1)
    context = {
        "campaign": row,
        "costs": shared_costs.listed(row),
        "sums": shared_books.sums(row),
        "shares": taken[:SHOWN_SHARES],
        "more": len(taken) > SHOWN_SHARES,
        "page": page,
        "may_keep": Right.KEEP_BOOKS in rights_of(member),
        "currency": member.workspace.currency,
        "workspace": member.workspace,
    }
    return render(request, "billing/shared_campaign.html", context)


@require_http_methods(["GET", "POST"])
@workspace_page(Right.KEEP_BOOKS)
def new(request: WorkspaceRequest, campaign_id: uuid.UUID) -> HttpResponse:
    member = request.membership
    row = _campaign(request, campaign_id)
    today = timezone.localdate()
    usual = {"currency": member.workspace.currency, "service_on": today, "stage": "control"}
    form = SharedCostForm(request.POST or None, initial=usual)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = shared_costs.book(campaign=row, by=member, **form.cleaned_data)
            except Refused as refused:
                status = carry(form, refused)
            else:
                return _done(request, row, f"{_words(member, made.amount)} is booked for {row}.")
    note = "Each sign-off takes its share: what is not yet spread, divided by the deliverables still open."
    return _form(request, row, form, "New shared cost", "Book shared cost", note, status)


@require_http_methods(["GET", "POST"])
@workspace_page(Right.KEEP_BOOKS)
def take_over(request: WorkspaceRequest, campaign_id: uuid.UUID) -> HttpResponse:
    member = request.membership
    row = _campaign(request, campaign_id)
    initial = {name: request.GET.get(name, "") for name in ("deliverable", "number")}
    form = TakeOverForm(request.POST or None, membership=member, campaign=row, initial=initial)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            said = form.cleaned_data
            try:
                made = shared_costs.take_over(
                    campaign=row, take=said["take"], reason=said["reason"], by=member
                )
            except Refused as refused:
                status = carry(form, refused)
            else:
                amount = sum((entry.amount for entry in made), money.ZERO)
                return _done(request, row, f"{row} bears {_words(member, amount)} of this take now.")
    note = "All that the take cost so far moves from its deliverable to the campaign, dated today."
    return _form(request, row, form, "Let the campaign bear a take", "Move its cost", note, status)


@require_http_methods(["GET", "POST"])
@workspace_page(Right.KEEP_BOOKS)
def adjust(request: WorkspaceRequest, campaign_id: uuid.UUID, entry_id: uuid.UUID) -> HttpResponse:
    member = request.membership
    row = _campaign(request, campaign_id)
    cost = shared_costs.found(member, row, entry_id)
    if cost is None:
        raise Http404("There is no such shared cost.")
    form = AdjustForm(request.POST or None, currency=member.workspace.currency, amount=cost.amount)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = shared_costs.adjust(entry=cost.entry, by=member, **form.cleaned_data)
            except Refused as refused:
                status = carry(form, refused)
            else:
                return _done(request, row, f"Adjusted by {_words(member, made.amount)}.")
    said = cost.entry.note or cost.entry.calculation
    note = (
        f"“{said}” is {_words(member, cost.amount)}. The difference is booked, "
        "and what was taken of it is corrected in open months."
    )
    return _form(request, row, form, "Correct or undo a shared cost", "Book the difference", note, status)


@require_POST
@workspace_page(Right.KEEP_BOOKS)
def end(request: WorkspaceRequest, campaign_id: uuid.UUID) -> HttpResponse:
    """Ends the campaign; the rest of its shared costs is written off."""
    row = _campaign(request, campaign_id)
    try:
        shared_costs.end_campaign(campaign=row, by=request.membership)
    except Refused as refused:
        messages.error(request, f"{refused.detail} {refused.remedy}".strip())
        return redirect("billing:shared_campaign", request.membership.workspace.slug, row.pk)
    return _done(request, row, f"{row} has ended; what was not spread is written off.")


def _campaign(request: WorkspaceRequest, campaign_id: uuid.UUID) -> Campaign:
    rows = Campaign.objects.visible_to(request.membership).select_related("project")
    return get_object_or_404(rows, pk=campaign_id)


def _words(member: Any, amount: Any) -> str:
    return money.shown(amount, member.workspace.currency)


def _done(request: WorkspaceRequest, row: Campaign, words: str) -> HttpResponse:
    messages.success(request, words)
    return redirect("billing:shared_campaign", request.membership.workspace.slug, row.pk)


def _form(
    request: WorkspaceRequest, row: Campaign, form: Any, title: str, submit: str, note: str, status: int
) -> HttpResponse:
    context = {
        "campaign": row,
        "form": form,
        "title": title,
        "submit": submit,
        "note": note,
        "workspace": request.membership.workspace,
    }
    return render(request, "billing/shared_form.html", context, status=status)


def _csv(table: Any, name: str) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(lines.encoded(table), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
