"""What providers billed: upload and look, the bridge of a month, and what becomes of each difference."""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing import audit_tables, months
from billing.invoices import columns, files, imports, reconcile, settle, statement, tolerances
from billing.models import Difference, DifferenceStep, InvoiceUpload
from billing.models.invoices import UPLOADS_UNDER_WAY
from billing.models.reconciliation import DifferenceKind
from generation import bill_jobs, provider_jobs
from generation.forms.invoices import ColumnsForm, ToleranceForm, UploadForm
from generation.views import bills
from generation.views.refusals import shows_refusals
from generation.views.saving import status
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page
from projects.models import Workspace
from projects.problems import Invalid

PAGE_SIZE = 50
KEPT = datetime.timedelta(days=1)
HUNDRED = Decimal(100)
CSV_COLUMNS = (
    *("kind", "state", "amount", "ours", "provider", "month", "service_at", "model", "job_id"),
    *("invoice", "line", "quantity", "unit", "native_amount", "currency", "take", "why", "reason"),
)


@require_safe
@workspace_page(Right.READ)
def listed(request: WorkspaceRequest) -> HttpResponse:
    """The month's providers: billed, used here, and what is open."""
    workspace = request.membership.workspace
    month = request.GET.get("month") or months.before(months.month_of(workspace, timezone.now()))
    rows = statement.overview(workspace, _month(workspace, month))
    context = {
        "rows": rows,
        "month": month,
        "before": months.before(month),
        "after": _after(month),
        "may_keep": Right.KEEP_BOOKS in rights_of(request.membership),
    }
    return render(request, "generation/invoices.html", context)


@require_http_methods(["GET", "POST"])
@workspace_page(Right.KEEP_BOOKS)
@shows_refusals
def upload(request: WorkspaceRequest) -> HttpResponse:
    """A file is kept for a day, until somebody has looked at how it is read."""
    member = request.membership
    asked = {name: request.GET[name] for name in ("provider", "month") if name in request.GET}
    form = UploadForm(request.POST or None, request.FILES or None, initial=asked)
    if request.method == "POST" and form.is_valid():
        said = dict(form.cleaned_data)
        file = said.pop("file")
        files.refuse_large(file.size)
        old = InvoiceUpload.objects.visible_to(member).filter(uploaded_at__lt=timezone.now() - KEPT)
        old.exclude(state__in=UPLOADS_UNDER_WAY).delete()
        kept = InvoiceUpload.objects.create(
            workspace=member.workspace,
            file_name=file.name[:200],
            content=file.read(),
            uploaded_by=member.person,
            uploaded_at=timezone.now(),
            **said,
        )
        return redirect("generation:invoice_upload", member.workspace.slug, kept.pk)
    return render(request, "generation/invoice_new.html", {"form": form}, status=status(form))


@require_http_methods(["GET", "POST"])
@workspace_page(Right.KEEP_BOOKS)
@shows_refusals
def look(request: WorkspaceRequest, upload_id: uuid.UUID) -> HttpResponse:
    """The first lines as they would be read, by the chosen columns; a POST imports."""
    member = request.membership
    kept = get_object_or_404(InvoiceUpload.objects.visible_to(member), pk=upload_id)
    if kept.state != InvoiceUpload.State.KEPT:
        return _under_way(request, kept)
    bill = bill_jobs.bill_of(kept)
    given = request.POST if request.method == "POST" else request.GET
    chosen = {field: given[field] for field in columns.FIELDS if given.get(field)}
    if request.method == "POST" and imports.is_large(bill.content):
        bill_jobs.submit(kept=kept, by=member, columns=chosen or None)
        return redirect("generation:invoice_upload", member.workspace.slug, kept.pk)
    if request.method == "POST":
        done = imports.bring_in(bill, by=member, columns=chosen or None, jobs=provider_jobs.known)
        kept.delete()
        messages.success(request, _imported(done))
        return redirect("generation:provider_month", member.workspace.slug, bill.provider, bill.month)
    found = imports.preview(bill, by=member, columns=chosen or None)
    form = ColumnsForm(initial=found.columns, header=found.header)
    context = {"form": form, "found": found, "kept": kept, "bad": len(found.faults) or len(found.errors)}
    return render(request, "generation/invoice_look.html", context)


@require_safe
@workspace_page(Right.READ)
def statement_page(request: WorkspaceRequest, provider: str, month: str) -> HttpResponse:
    """A provider's month: totals, bridge, differences by kind; `?d=` is the one that is looked at."""
    member, workspace = request.membership, request.membership.workspace
    _month(workspace, month)
    kind = request.GET.get("kind", "")
    state = request.GET.get("state", "")
    rows = statement.listed(workspace, provider, month, kind=kind, state=state)
    if request.GET.get("format") == "csv":
        return _csv(rows, f"{workspace.slug}-{provider}-{month}-differences.csv")
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    query = urlencode({name: value for name, value in (("kind", kind), ("state", state)) if value})
    chosen = _chosen(request, provider, month)
    context: dict[str, Any] = {
        "provider": provider,
        "month": month,
        "query": query,
        "chosen": chosen,
        "steps": _steps(chosen),
        "evidence": settle.evidence(chosen) if chosen else "",
        "may_keep": Right.KEEP_BOOKS in rights_of(member),
    }
    if request.headers.get("HX-Request"):
        return render(request, "generation/provider_month.html#difference", context)
    found = statement.statement(workspace, provider, month)
    tolerance = reconcile.tolerance_of(workspace, provider)
    context |= {
        "found": found,
        "page": page,
        "tabs": _tabs(found, kind, state),
        "withdrawn": bills.withdrawn(member.workspace, provider, month),
        "kind": kind,
        "class_kind": kind if kind in settle.WITHIN_TOLERANCE else "",
        "tolerance": tolerance,
        "tolerance_form": ToleranceForm(initial=_tolerance(tolerance)),
    }
    return render(request, "generation/provider_month.html", context)


@require_POST
@workspace_page(Right.KEEP_BOOKS)
@shows_refusals
def settle_one(request: WorkspaceRequest, difference_id: uuid.UUID) -> HttpResponse:
    """Accepts, adjusts or reopens one difference, and goes on to the next open one."""
    member = request.membership
    row = get_object_or_404(Difference.objects.visible_to(member), pk=difference_id)
    acts: dict[str, Callable[..., object]] = {
        "accept": settle.accept,
        "adjust": settle.adjust,
        "undo": settle.undo,
    }
    act = acts.get(request.POST.get("action", ""))
    if act is None:
        raise Invalid({"action": [f"Choose one of {', '.join(acts)}."]})
    act(difference=row, reason=request.POST.get("reason", ""), by=member)
    said = {"accept": "accepted", "adjust": "adjusted", "undo": "open again"}[request.POST["action"]]
    messages.success(request, f"{row.get_kind_display()}: {said}.")
    kind = request.POST.get("kind", "")
    kind = kind if kind in DifferenceKind.values else ""
    later = statement.listed(member.workspace, row.provider, row.month, kind=kind, state="open").first()
    query = {"kind": kind, "d": str(later.pk) if later else ""}
    address = reverse("generation:provider_month", args=[member.workspace.slug, row.provider, row.month])
    query = {name: value for name, value in query.items() if value}
    return redirect(f"{address}?{urlencode(query)}#differences" if query else f"{address}#differences")


@require_POST
@workspace_page(Right.KEEP_BOOKS)
@shows_refusals
def accept_class(request: WorkspaceRequest, provider: str, month: str) -> HttpResponse:
    """Accepts what is within the tolerance, of one kind."""
    member = request.membership
    kind, reason = request.POST.get("kind", ""), request.POST.get("reason", "")
    count = settle.accept_class(provider=provider, month=month, kind=kind, reason=reason, by=member)
    messages.success(request, f"{count:,} accepted; they stay listed.")
    return redirect("generation:provider_month", member.workspace.slug, provider, month)


@require_POST
@workspace_page(Right.KEEP_BOOKS)
@shows_refusals
def compare(request: WorkspaceRequest, provider: str, month: str) -> HttpResponse:
    """Compares the month once more, for charges that came after its bills."""
    member = request.membership
    _month(member.workspace, month)
    new = reconcile.compare(
        workspace=member.workspace, provider=provider, month=month, jobs=provider_jobs.known
    )
    messages.success(request, f"Compared: {new:,} new differences.")
    return redirect("generation:provider_month", member.workspace.slug, provider, month)


@require_http_methods(["POST"])
@workspace_page(Right.KEEP_BOOKS)
@shows_refusals
def tolerance(request: WorkspaceRequest, provider: str, month: str) -> HttpResponse:
    """Another tolerance for the provider."""
    member = request.membership
    form = ToleranceForm(request.POST)
    if not form.is_valid():
        raise Invalid({name: [str(word) for word in said] for name, said in form.errors.items()})
    said = dict(form.cleaned_data)
    said["share"] = said["share"] / HUNDRED
    tolerances.set_tolerance(provider=provider, by=member, **said)
    messages.success(request, "The tolerance holds for the next comparison, and for accepting as a class.")
    return redirect("generation:provider_month", member.workspace.slug, provider, month)


def _under_way(request: WorkspaceRequest, kept: InvoiceUpload) -> HttpResponse:
    """How far the import of a large file has come, and in the end what came of it."""
    part = "#progress" if request.headers.get("HX-Request") else ""
    words = _imported(imports.Counted(**kept.answer)) if kept.answer else ""
    context = {"kept": kept, "words": words, "faults": kept.errors or []}
    return render(request, f"generation/invoice_import.html{part}", context)


def _imported(done: imports.Imported | imports.Counted) -> str:
    if not done.lines and done.known:
        return f"Nothing new: all {done.known:,} lines were imported before."
    known = f", {done.known:,} were there before" if done.known else ""
    return f"{done.lines:,} lines imported{known}; {done.differences:,} differences found."


def _chosen(request: WorkspaceRequest, provider: str, month: str) -> Any:
    """The difference that is looked at; None where none is, or it is not of this page."""
    if not re.fullmatch(r"[0-9a-f-]{36}", request.GET.get("d", "")):
        return None
    workspace = request.membership.workspace
    return statement.listed(workspace, provider, month).filter(pk=request.GET["d"]).first()


def _steps(chosen: Difference | None) -> list[DifferenceStep]:
    rows = DifferenceStep.objects.filter(difference=chosen) if chosen else DifferenceStep.objects.none()
    return list(rows.select_related("by").order_by("number"))


def _tabs(found: statement.Statement, kind: str, state: str) -> list[dict[str, Any]]:
    every = sum(row.count for row in found.kinds)
    tabs = [
        {"label": "All", "href": "?#differences", "count": every, "current": not kind and not state},
        {
            "label": "Open",
            "href": "?state=open#differences",
            "count": found.open_count,
            "current": state == "open" and not kind,
        },
    ]
    return tabs + [
        {
            "label": row.kind.label,
            "href": f"?kind={row.kind.value}#differences",
            "count": row.count,
            "current": kind == row.kind,
        }
        for row in found.kinds
        if row.count
    ]


def _tolerance(row: Any) -> dict[str, Any]:
    return {
        "money": f"{row.money.normalize():f}",
        "share": f"{(row.share * HUNDRED).normalize():f}",
        "minutes": row.minutes,
        "rounding": f"{row.rounding.normalize():f}",
    }


def _csv(rows: Any, name: str) -> HttpResponse:
    lines: list[audit_tables.Row] = [CSV_COLUMNS]
    reasons = dict(
        DifferenceStep.objects.filter(difference__in=rows.values("pk"))
        .order_by("number")
        .values_list("difference", "reason")
    )
    for row in rows:
        line = row.line
        lines.append(
            (
                *(row.kind, "open" if row.state == "undone" else row.state, row.amount, row.ours),
                *(row.provider, row.month, row.service_at.isoformat(), row.model),
                *((line.job_id, line.invoice.file_name, line.number) if line else ("", "", "")),
                *((line.quantity, line.unit, line.native_amount, line.currency) if line else ("",) * 4),
                f"{row.take.deliverable.key} {row.take.number}" if row.take else "",
                row.why,
                reasons.get(row.pk, ""),
            )
        )
    answer = HttpResponse(audit_tables.csv_text(lines), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _month(workspace: Workspace, month: str) -> str:
    try:
        months.span(workspace, month)
    except Invalid as invalid:
        raise Http404(invalid.detail) from None
    return month


def _after(month: str) -> str:
    first = datetime.date(int(month[:4]), int(month[5:]), 1)
    return (first + datetime.timedelta(days=31)).strftime("%Y-%m")
