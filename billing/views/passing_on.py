"""Passing costs on: statements of clients with their mark-up, fees and numbers of campaigns, the journal."""

from __future__ import annotations

import datetime
import uuid
from typing import Any, cast

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_safe

from billing import chargeback, journal, journal_accounts, months
from billing.exports import chargeback_files, journal_files, lines
from billing.exports.spool import csv_download
from billing.forms import carry, providers
from billing.passing_on_forms import AccountsForm, MarkUpForm, TermsForm
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page
from projects.models import Campaign, Project, Workspace
from projects.problems import Invalid, Refused

PAGES = (
    ("Clients", "billing:chargeback"),
    ("Shared costs", "billing:shared"),
    ("Time", "billing:time"),
    ("Journal", "billing:journal"),
)


@require_safe
@workspace_page(Right.READ)
def clients(request: WorkspaceRequest) -> HttpResponse:
    """What each client pays for a month."""
    member = request.membership
    month = request.GET.get("month") or months.month_of(member.workspace, timezone.now())
    rows = asked(chargeback.of_workspace, member.workspace, month)
    context = {
        **month_links(month),
        "rows": rows,
        "total": chargeback.added([row for _, _, row in rows]) if rows else None,
        "tabs": tabs(member.workspace, "Clients"),
        "currency": member.workspace.currency,
        "workspace": member.workspace,
    }
    return render(request, "billing/chargeback.html", context)


@require_safe
@workspace_page(Right.READ)
def statement(request: WorkspaceRequest, project_id: uuid.UUID) -> HttpResponseBase:
    """One client's months, as a page, as PDF, or as CSV."""
    member = request.membership
    project = _project(request, project_id)
    this = months.month_of(member.workspace, timezone.now())
    last = request.GET.get("last") or this
    first = request.GET.get("first") or last
    form = request.GET.get("format")
    name = f"{member.workspace.slug}-{project.key}-{first}" + (f"-{last}" if last != first else "")
    said: dict[str, Any] = {"project": project, "first": first, "last": last}
    if form == "csv":
        file = asked(csv_download, lambda: chargeback_files.csv_rows(**said), name=f"{name}-chargeback.csv")
        return cast(HttpResponseBase, file)
    if form == "pdf":
        answer = HttpResponse(asked(chargeback_files.pdf, **said), content_type="application/pdf")
        return _named(answer, f"{name}-chargeback.pdf")
    found = asked(chargeback.statement, **said)
    if form == "margin":
        return csv_file(chargeback_files.margins(found), f"{name}-margin.csv")
    context = {
        **month_links(last),
        "found": found,
        "project": project,
        "first": first,
        "last": last,
        "may_set": Right.SET_BUDGETS in rights_of(member),
        "may_keep": Right.KEEP_BOOKS in rights_of(member),
        "currency": member.workspace.currency,
        "workspace": member.workspace,
    }
    return render(request, "billing/chargeback_client.html", context)


@require_http_methods(["GET", "POST"])
@workspace_page(Right.KEEP_BOOKS)
def mark_up(request: WorkspaceRequest, project_id: uuid.UUID) -> HttpResponse:
    project = _project(request, project_id)
    form = MarkUpForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                row = chargeback.set_mark_up(project=project, by=request.membership, **form.cleaned_data)
            except Refused as refused:
                status = carry(form, refused)
            else:
                messages.success(request, f"{project} pays {row.percent.normalize():f} % above cost.")
                return redirect(_client(project))
    note = "Cost of accepted × the percentage, from the month on. What was said of earlier months stays."
    return _form(request, project, form, "Mark-up", "Set mark-up", note, status)


@require_http_methods(["GET", "POST"])
@workspace_page(Right.SET_BUDGETS)
def terms(request: WorkspaceRequest, campaign_id: uuid.UUID) -> HttpResponse:
    """A campaign's fee, job number, purchase order and cost centre."""
    rows = Campaign.objects.visible_to(request.membership).select_related("project")
    row = get_object_or_404(rows, pk=campaign_id)
    currency = request.membership.workspace.currency
    initial = {name: getattr(row, name) for name in chargeback.TERMS}
    form = TermsForm(request.POST or None, initial=initial, currency=currency)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                chargeback.set_terms(campaign=row, by=request.membership, **form.cleaned_data)
            except Refused as refused:
                status = carry(form, refused)
            else:
                messages.success(request, f"{row}: saved.")
                return redirect(_client(row.project))
    note = "The margin is the fee less what the campaign cost to date, written-off work included."
    return _form(request, row.project, form, f"Fee and numbers of {row}", "Save", note, status)


@require_safe
@workspace_page(Right.READ)
def journal_page(request: WorkspaceRequest) -> HttpResponse:
    """The month's journal: its lines, and each account's total."""
    workspace = request.membership.workspace
    month = request.GET.get("month") or months.before(months.month_of(workspace, timezone.now()))
    found, setup = asked(journal.of, workspace, month), journal_accounts.of(workspace)

    def told(account: str) -> dict[str, str]:
        return {"number": setup.number(account), "name": journal_accounts.name(account)}

    context = {
        **month_links(month),
        "lines": [{"line": row, "debit": told(row.debit), "credit": told(row.credit)} for row in found.lines],
        "accounts": [
            {**told(key), "exact": total, "posted": found.posted[key]} for key, total in found.exact.items()
        ],
        "found": found,
        "exact_total": sum(found.exact.values()),
        "posted_total": sum(found.posted.values()),
        "rounding": told(journal_accounts.ROUNDING),
        "rounding_posted": found.posted.get(journal_accounts.ROUNDING),
        "may_keep": Right.KEEP_BOOKS in rights_of(request.membership),
        "tabs": tabs(workspace, "Journal"),
        "currency": workspace.currency,
        "workspace": workspace,
    }
    return render(request, "billing/journal.html", context)


@require_safe
@workspace_page(Right.READ)
def journal_file(request: WorkspaceRequest, month: str, layout: str) -> HttpResponseBase:
    """The journal as CSV, for DATEV or for Xero."""
    workspace = request.membership.workspace
    if layout not in journal_files.CALLED:
        raise Http404
    found, setup = asked(journal.of, workspace, month), journal_accounts.of(workspace)
    try:
        made = journal_files.encoded(found, setup, layout, timezone.localtime())
    except Refused as refused:
        messages.error(request, f"{refused.detail} {refused.remedy}".strip())
        return redirect(f"{reverse('billing:journal', args=[workspace.slug])}?month={month}")
    kind = "text/csv; charset=windows-1252" if layout == "datev" else "text/csv; charset=utf-8"
    called = journal_files.CALLED[layout]
    name = f"{called}_{month}.csv" if layout == "datev" else f"{workspace.slug}-{month}-{called}.csv"
    return _named(StreamingHttpResponse(made, content_type=kind), name)


@require_http_methods(["GET", "POST"])
@workspace_page(Right.KEEP_BOOKS)
def accounts(request: WorkspaceRequest) -> HttpResponse:
    """Under which numbers bookkeeping knows our accounts."""
    member = request.membership
    setup = journal_accounts.of(member.workspace)
    form = AccountsForm(request.POST or None, setup=setup, providers=providers(member))
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                journal_accounts.say(by=member, **form.said())
            except Refused as refused:
                status = carry(form, refused)
            else:
                messages.success(request, "The accounts are saved; files made from now on have them.")
                return redirect("billing:journal", member.workspace.slug)
    context = {"form": form, "workspace": member.workspace}
    return render(request, "billing/journal_accounts.html", context, status=status)


def tabs(workspace: Workspace, current: str) -> list[dict[str, Any]]:
    return [
        {"label": label, "href": reverse(name, args=[workspace.slug]), "current": label == current}
        for label, name in PAGES
    ]


def asked(work: Any, *args: Any, **named: Any) -> Any:
    """What was asked for; 404 for what is no month."""
    try:
        return work(*args, **named)
    except Invalid as invalid:
        raise Http404(invalid.detail) from None


def month_links(month: str) -> dict[str, str]:
    first = datetime.date(int(month[:4]), int(month[5:]), 1)
    after = (first + datetime.timedelta(days=31)).strftime("%Y-%m")
    return {"month": month, "before": months.before(month), "after": after}


def _project(request: WorkspaceRequest, project_id: uuid.UUID) -> Project:
    rows = Project.objects.visible_to(request.membership).select_related("workspace")
    return get_object_or_404(rows, pk=project_id)


def _client(project: Project) -> str:
    return reverse("billing:chargeback_client", args=[project.workspace.slug, project.pk])


def _form(
    request: WorkspaceRequest, project: Project, form: Any, title: str, submit: str, note: str, status: int
) -> HttpResponse:
    context = {
        "project": project,
        "form": form,
        "title": title,
        "submit": submit,
        "note": note,
        "workspace": request.membership.workspace,
    }
    return render(request, "billing/chargeback_form.html", context, status=status)


def csv_file(table: Any, name: str) -> HttpResponseBase:
    return _named(StreamingHttpResponse(lines.encoded(table), content_type="text/csv; charset=utf-8"), name)


def _named(answer: HttpResponseBase, name: str) -> HttpResponseBase:
    answer["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    answer["Cache-Control"] = "private, no-store"
    return answer
