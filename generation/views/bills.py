"""Bills that are taken back."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from billing.invoices import withdrawing
from billing.models import Invoice, InvoiceWithdrawal
from generation import provider_jobs
from generation.views.refusals import shows_refusals
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Workspace

SHOWN = 50


@require_POST
@workspace_page(Right.KEEP_BOOKS)
@shows_refusals
def withdraw(request: WorkspaceRequest, invoice_id: uuid.UUID) -> HttpResponse:
    """Takes an imported bill back, before anything was booked from it."""
    member = request.membership
    row = get_object_or_404(Invoice.objects.visible_to(member), pk=invoice_id)
    made = withdrawing.withdraw(
        invoice=row, reason=request.POST.get("reason", ""), by=member, jobs=provider_jobs.known
    )
    messages.success(
        request,
        f"{made.file_name} is withdrawn with its {made.line_count:,} lines. Bring it again to undo this.",
    )
    return redirect("generation:provider_month", member.workspace.slug, made.provider, made.month)


def withdrawn(workspace: Workspace, provider: str, month: str) -> list[InvoiceWithdrawal]:
    """The bills of a provider's month that were taken back, newest first."""
    rows = InvoiceWithdrawal.objects.filter(workspace=workspace, provider=provider, month=month)
    return list(rows.select_related("by").order_by("-at")[:SHOWN])
