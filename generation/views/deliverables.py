"""Editing what a deliverable asks for."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from generation import hero_voids
from generation.forms.deliverables import EditForm
from generation.views.campaigns import address, deliverables
from generation.views.saving import saved, status
from projects import work
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page
from projects.models import Deliverable


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page(Right.MAKE)
def edit(request: WorkspaceRequest, deliverable_id: uuid.UUID) -> HttpResponse:
    """Name, brief, format, template, variables, due date; the cap by those who set caps."""
    member = request.membership
    row = get_object_or_404(deliverables(request), pk=deliverable_id)
    caps = Right.SET_BUDGETS in rights_of(member)
    form = EditForm(request.POST or None, workspace=member.workspace, caps=caps, initial=_initial(row))
    if request.method == "POST" and saved(form, work.change_deliverable, deliverable=row, by=member):
        voided = hero_voids.void_changed(workspace=member.workspace)
        messages.success(request, f"{row.name} is changed.{_said(voided)}")
        return redirect("generation:desk", member.workspace.slug, row.pk)
    desk = f"/w/{member.workspace.slug}/deliverables/{row.pk}/"
    context = {
        "form": form,
        "title": f"Edit {row.name}",
        "submit": "Save",
        "trail": [
            {"label": row.campaign.name, "href": address(request, row.campaign)},
            {"label": row.name, "href": desk},
        ],
        "note": "Takes that exist keep what made them. A hero request that this changes becomes void.",
    }
    return render(request, "generation/form.html", context, status=status(form))


def _initial(row: Deliverable) -> dict[str, Any]:
    values = {
        name: getattr(row, name) for name in ("name", "brief", "format", "prompt_template", "cap", "due_on")
    }
    return {**values, "variables": "; ".join(f"{name}={value}" for name, value in row.variables.items())}


def _said(count: int) -> str:
    return f" {count} hero request{'' if count == 1 else 's'} became void." if count else ""
