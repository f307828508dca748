"""Batches: choose deliverables, see the total, confirm; then watch them."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from generation import batch_steering
from generation import batches as work
from generation.forms.batches import BatchForm
from generation.matrices import Asked
from generation.views.refusals import shows_refusals
from generation.views.saving import status, values
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page
from projects.models import Batch, Take
from projects.problems import Refused

ROWS = 400


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page(Right.MAKE)
@shows_refusals
def new(request: WorkspaceRequest) -> HttpResponse:
    """GET: what the chosen deliverables cost together. POST: makes them all, or none; twice makes once."""
    member = request.membership
    if request.method == "POST":
        said = values(BatchForm(request.POST, membership=member))
        chosen = list(said["deliverables"])
        made = work.make(deliverables=chosen, count=said["count"], by=member, batch_id=said["batch_id"])
        return redirect("generation:batch", member.workspace.slug, made.pk)
    form = BatchForm(_asked(request), membership=member)
    context: dict[str, Any] = {"form": form, "cancel": request.headers.get("Referer", "")}
    if form.is_valid():
        context["chosen"] = list(form.cleaned_data["deliverables"])
        try:
            context["total"] = work.quote(asked=Asked(context["chosen"], form.cleaned_data["count"])).total
        except Refused as refused:
            context["refused"] = refused
    return render(request, "generation/batch_new.html", context, status=status(form))


@require_safe
@workspace_page(Right.READ)
def batch(request: WorkspaceRequest, batch_id: uuid.UUID) -> HttpResponse:
    """How far a batch is, take by take; live while something runs."""
    member, row = request.membership, _find(request, batch_id)
    takes = Take.objects.filter(round__batch=row).select_related("deliverable", "poster")
    own = row.requested_by_id == member.person_id
    context = {
        "batch": row,
        "progress": work.progress(row),
        "takes": takes.order_by("deliverable__key", "number")[:ROWS],
        "may_cancel": (Right.MAKE if own else Right.APPROVE) in rights_of(member),
    }
    part = "#live" if request.headers.get("HX-Request") else ""
    return render(request, f"generation/batch.html{part}", context)


@require_POST
@workspace_page(Right.MAKE)
@shows_refusals
def cancel(request: WorkspaceRequest, batch_id: uuid.UUID) -> HttpResponse:
    row = _find(request, batch_id)
    batch_steering.cancel_batch(batch=row, by=request.membership)
    messages.success(request, "The batch is cancelled. What had been sent may still arrive, charged.")
    return redirect("generation:batch", request.membership.workspace.slug, row.pk)


def _asked(request: WorkspaceRequest) -> QueryDict:
    """The address's choice, with one take of each and a new id where it names none."""
    asked = request.GET.copy()
    asked.setdefault("count", "1")
    asked["batch_id"] = str(uuid.uuid4())
    return asked


def _find(request: WorkspaceRequest, batch_id: uuid.UUID) -> Batch:
    rows = Batch.objects.visible_to(request.membership).select_related("requested_by", "workspace")
    return get_object_or_404(rows, pk=batch_id)
