"""Models that leave: the catalogue's section about them, and dates that a person enters or takes back."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from generation import retirement
from generation.forms.leaving import EndingForm
from generation.views.refusals import shows_refusals
from generation.views.saving import values
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page
from routing import endings
from routing.models import ModelEnding


@require_safe
@workspace_page(Right.READ)
def leaving(request: WorkspaceRequest) -> HttpResponse:
    """What leaves within sixty days, what is gone, and what this workspace says of it; a part for htmx."""
    member = request.membership
    context = {
        "leaving": retirement.listed(member.workspace, now=timezone.now()),
        "may_keep": Right.KEEP_MODELS in rights_of(member),
        "form": EndingForm(auto_id="ending_%s"),
    }
    part = "#section" if request.headers.get("HX-Request") else ""
    return render(request, f"routing/leaving.html{part}", context)


@require_POST
@workspace_page(Right.KEEP_MODELS)
@shows_refusals
def set_end(request: WorkspaceRequest) -> HttpResponse:
    """Enters or corrects the last day of a model for this workspace."""
    said = values(EndingForm(request.POST))
    endings.set_by_hand(**said, by=request.membership, now=timezone.now())
    messages.success(request, f"{said['model_key']}: the date is kept for this workspace.")
    return redirect("generation:leaving", request.membership.workspace.slug)


@require_POST
@workspace_page(Right.KEEP_MODELS)
@shows_refusals
def undo_end(request: WorkspaceRequest, ending_id: uuid.UUID) -> HttpResponse:
    """Takes back a date by hand, or what a provider answered."""
    row = get_object_or_404(ModelEnding.objects.visible_to(request.membership), pk=ending_id)
    endings.undo(ending=row, by=request.membership, now=timezone.now())
    messages.success(request, f"{row.model_key}: taken back.")
    return redirect("generation:leaving", request.membership.workspace.slug)
