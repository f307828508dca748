"""A model's prices through time, what a proposal would have cost, and finance's word on it."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing import audit_tables, charts, months, price_decisions, price_effects, price_history, price_imports
from billing.forms import DecideForm, PriceFileForm, PriceFilter
from billing.models import PriceRow
from billing.views.price_tabs import history_address
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page
from projects.problems import BadLines, Refused

SHOWN_LINES = 200


@require_safe
@workspace_page(Right.READ)
def history(request: WorkspaceRequest) -> HttpResponse:
    """How a model's price went, as a chart and a table; proposals with what they would have cost."""
    member, now = request.membership, timezone.now()
    model_key = request.GET.get("model", "")
    lines = price_history.of_model(model_key=model_key, by=member, now=now)
    if not lines:
        raise Http404(f"No price of “{model_key}” is known here.")
    steps = price_history.steps(lines)
    last_month = months.before(months.month_of(member.workspace, now))
    waiting = [line.row for line in lines if line.state == "proposed" and not line.in_force]
    others = bool(price_decisions.others_of_finance(member))
    context = {
        "model_key": model_key,
        "lines": [(line, price_decisions.may_approve(line.row, member, others=others)) for line in lines],
        "chart": charts.steps_digest(steps) if steps else "",
        "effects": price_effects.of_month(workspace=member.workspace, rows=waiting, month=last_month)
        if waiting
        else [],
        "last_month": last_month,
        "may_keep": Right.KEEP_BOOKS in rights_of(member),
        "currency": member.workspace.currency,
        "workspace": member.workspace,
    }
    return render(request, "billing/price_history.html", context)


@require_safe
@workspace_page(Right.READ)
def chart(request: WorkspaceRequest, digest: str) -> HttpResponse:
    """The steps as SVG, kept by browsers under the hash of their numbers."""
    now = timezone.now()
    lines = price_history.of_model(model_key=request.GET.get("model", ""), by=request.membership, now=now)
    steps = price_history.steps(lines)
    if not steps or charts.steps_digest(steps) != digest:
        raise Http404("The numbers of this chart have changed; reload the page.")
    answer = HttpResponse(charts.price_steps(steps, until=now), content_type="image/svg+xml")
    answer["Cache-Control"] = "private, max-age=86400"
    return answer


@require_POST
@workspace_page(Right.KEEP_BOOKS)
def decide(request: WorkspaceRequest, row_id: uuid.UUID) -> HttpResponse:
    """Approves or declines one proposed price."""
    member = request.membership
    row = get_object_or_404(PriceRow.objects.visible_to(member), pk=row_id)
    form = DecideForm(request.POST)
    if not form.is_valid():
        raise BadRequest("Say approve or decline, with at most 300 characters beside it.")
    said = form.cleaned_data
    work = price_decisions.approve if said["decision"] == "approve" else price_decisions.decline
    try:
        work(row=row, by=member, note=said["note"])
    except Refused as refused:
        messages.error(request, f"{refused.detail} {refused.remedy}".strip())
    else:
        messages.success(request, f"{row.model_key}: the price is {said['decision']}d.")
    return redirect(history_address(member.workspace, row.model_key))


@require_POST
@workspace_page(Right.KEEP_BOOKS)
def approve_all(request: WorkspaceRequest) -> HttpResponse:
    """Approves the proposed prices that the filter shows."""
    member = request.membership
    form = PriceFilter({"q": request.POST.get("q", ""), "state": "proposed"})
    rows = form.narrowed(PriceRow.objects.visible_to(member)).order_by("pk")
    done = price_decisions.approve_all(rows=rows[: price_decisions.MOST_AT_ONCE], by=member)
    left = form.narrowed(PriceRow.objects.visible_to(member)).count()
    words = f"{done:,} prices are approved."
    if left:
        words += f" {left:,} wait on: your own need another person of finance."
    (messages.success if done else messages.error)(request, words)
    return redirect("billing:prices", member.workspace.slug)


@require_http_methods(["GET", "POST"])
@workspace_page(Right.KEEP_BOOKS)
def import_prices(request: WorkspaceRequest) -> HttpResponseBase:
    """A CSV file of prices: looked at first, proposed when it is sent once more."""
    member = request.membership
    form = PriceFileForm(request.POST or None, request.FILES or None)
    found, status = None, 200
    if request.method == "POST":
        if not form.is_valid():
            status = 422
        elif request.POST.get("confirmed"):
            try:
                done = price_imports.propose(text=form.cleaned_data["text"], by=member)
            except BadLines:
                status = 422
            else:
                messages.success(request, f"{done:,} prices are proposed.")
                return redirect("billing:prices", member.workspace.slug)
        if form.is_valid():
            found = price_imports.read(text=form.cleaned_data["text"], by=member)
            status = 422 if found.bad else status
    context = {
        "form": PriceFileForm() if found else form,
        "found": found,
        "text": form.cleaned_data.get("text", "") if found else "",
        "shown": f":{SHOWN_LINES}",
        "required": price_imports.REQUIRED,
        "optional": price_imports.OPTIONAL,
        "workspace": member.workspace,
    }
    return render(request, "billing/price_import.html", context, status=status)


@require_safe
@workspace_page(Right.READ)
def export(request: WorkspaceRequest) -> HttpResponse:
    """The prices that the filter shows, as a file that can be imported again."""
    member = request.membership
    form = PriceFilter(request.GET)
    rows = form.narrowed(PriceRow.objects.visible_to(member)).order_by("model_key", "starts_at", "created_at")
    text = audit_tables.csv_text(tuple(line) for line in price_imports.lines(rows.iterator(), member))
    answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{member.workspace.slug}-prices.csv"'
    return answer
