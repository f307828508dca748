"""The approvals inbox of managers: money before it is spent, and results before they ship."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from generation import caps, desks, heroes, inbox, strips
from generation.forms.approvals import InboxFilter
from generation.views.refusals import shows_refusals
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import CapRequest, Deliverable, HeroRequest


@require_safe
@workspace_page(Right.READ)
def approvals(request: WorkspaceRequest) -> HttpResponse:
    """Two panes: what waits, and the chosen one with its price and consequences."""
    member = request.membership
    form = InboxFilter(request.GET, workspace=member.workspace)
    wanted = form.cleaned_data if form.is_valid() else {}
    rows = inbox.rows(member, wanted, today=timezone.localdate())
    chosen = next((row for row in rows if str(row.id) == request.GET.get("request")), None)
    chosen = chosen or (rows[0] if rows else None)
    query = request.GET.copy()
    query.pop("request", None)
    context: dict[str, Any] = {
        "rows": rows,
        "chosen": chosen,
        "form": form,
        "query": query.urlencode(),
        "undoable": inbox.undoable(member, now=timezone.now()),
    }
    if chosen:
        context |= _details(request, chosen)
    return render(request, "generation/approvals.html", context)


@require_POST
@workspace_page(Right.APPROVE)
@shows_refusals
def decide_hero(request: WorkspaceRequest, request_id: uuid.UUID) -> HttpResponse:
    row = _hero(request, request_id)
    note = request.POST.get("note", "")
    if request.POST.get("decision") == "approve":
        heroes.approve(hero_request=row, by=request.membership, note=note)
    else:
        heroes.decline(hero_request=row, by=request.membership, note=note)
        messages.success(request, f"{row.deliverable.name}: the producer was asked for changes.")
    return redirect("generation:approvals", request.membership.workspace.slug)


@require_POST
@workspace_page(Right.APPROVE)
@shows_refusals
def undo_hero(request: WorkspaceRequest, request_id: uuid.UUID) -> HttpResponse:
    row = _hero(request, request_id)
    heroes.undo(hero_request=row, by=request.membership)
    messages.success(request, f"{row.deliverable.name}: the approval was taken back.")
    return redirect("generation:approvals", request.membership.workspace.slug)


@require_POST
@workspace_page(Right.APPROVE)
@shows_refusals
def decide_cap(request: WorkspaceRequest, request_id: uuid.UUID) -> HttpResponse:
    rows = CapRequest.objects.visible_to(request.membership).select_related(
        "deliverable__campaign__project", "workspace"
    )
    row = get_object_or_404(rows, pk=request_id)
    caps.decide(
        cap_request=row,
        decision=request.POST.get("decision", ""),
        note=request.POST.get("note", ""),
        by=request.membership,
    )
    messages.success(request, f"{row.deliverable.name}: {row.get_state_display().lower()}.")
    return redirect("generation:approvals", request.membership.workspace.slug)


def _hero(request: WorkspaceRequest, request_id: uuid.UUID) -> HeroRequest:
    rows = HeroRequest.objects.visible_to(request.membership).select_related(
        "workspace",
        "take__poster",
        "take__recipe",
        "deliverable__workspace",
        "deliverable__campaign__project",
        "deliverable__category",
        "deliverable__format",
    )
    return get_object_or_404(rows, pk=request_id)


def _details(request: WorkspaceRequest, chosen: inbox.Row) -> dict[str, Any]:
    slug = request.membership.workspace.slug
    if chosen.kind == inbox.SPEND:
        row = _hero(request, chosen.id)
        found = inbox.hero_details(row, now=timezone.now())
        shown = found["last_accepted"]
        return {
            **found,
            "hero": row,
            "own": row.requested_by_id == request.membership.person_id,
            "viewer": strips.viewer(row.take, slug=slug),
            "beside": strips.viewer(shown, slug=slug) if shown else None,
        }
    if chosen.kind == inbox.MORE:
        rows = CapRequest.objects.select_related("deliverable__campaign__project", "requested_by")
        more = rows.get(pk=chosen.id)
        return {"cap": more, "price": desks.draft_price(more.deliverable, {"count": more.more})}
    deliverable = Deliverable.objects.select_related("campaign__project", "category").get(pk=chosen.id)
    take = inbox.hero_take(deliverable)
    return {
        "deliverable": deliverable,
        "take": take,
        "viewer": strips.viewer(take, slug=slug) if take else None,
        "cost": desks.cost_of(take) if take else desks.ZERO,
    }
