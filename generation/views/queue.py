"""The run queue: mine or everybody's, live while something runs."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from generation import cancel as cancelling
from generation import health_now, queue_order, queue_reasons, queues, takes, unknown
from generation.views.desk import find_take
from generation.views.refusals import shows_refusals
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page
from projects.identifiers import new_id
from projects.models import Take
from projects.problems import Refused


@require_safe
@workspace_page(Right.READ)
def queue(request: WorkspaceRequest) -> HttpResponse:
    """What is under way; htmx gets the part that changes."""
    member, rights = request.membership, rights_of(request.membership)
    everybody = request.GET.get("whose", "" if Right.MAKE in rights else "all") == "all"
    now = timezone.now()
    places = {place.provider: place for place in health_now.places(member, known=[])}
    context: dict[str, Any] = {
        "everybody": everybody,
        "summary": queues.summary(member),
        "rows": queues.rows(member, mine=not everybody, places=places, now=now),
        "limit": queues.ROWS,
        "places": [place for place in places.values() if place.in_flight or place.waiting],
        "reasons": queue_reasons.reasons(member, places=places, now=now),
        "ended_badly": _to_retry(request, now=now),
        "batches": queues.open_batches(member),
        "imports": queues.open_imports(member),
        "unknown": unknown.waiting(membership=member).count(),
    }
    beside_the_desk = request.headers.get("HX-Target", "").endswith("#queue-drawer-body")
    part = "#drawer" if beside_the_desk else "#live" if request.headers.get("HX-Request") else ""
    return render(request, f"generation/queue.html{part}", context)


@require_POST
@workspace_page(Right.MAKE)
@shows_refusals
def cancel(request: WorkspaceRequest, take_id: uuid.UUID) -> HttpResponse:
    take = find_take(request, take_id)
    if cancelling.cancel(take=take, by=request.membership):
        messages.success(request, f"{take.deliverable.name}, take {take.number}: cancelled.")
    return _back(request)


@require_POST
@workspace_page(Right.MAKE)
@shows_refusals
def cancel_mine(request: WorkspaceRequest) -> HttpResponse:
    count = queues.cancel_waiting(by=request.membership, now=timezone.now())
    messages.success(
        request, f"{count} waiting take{'' if count == 1 else 's'} cancelled; nothing was charged."
    )
    return _back(request)


@require_POST
@workspace_page(Right.MAKE)
@shows_refusals
def run_next(request: WorkspaceRequest, take_id: uuid.UUID) -> HttpResponse:
    takes.run_next(take=find_take(request, take_id), by=request.membership)
    return _back(request)


@require_POST
@workspace_page(Right.MAKE)
@shows_refusals
def reorder(request: WorkspaceRequest, take_id: uuid.UUID) -> HttpResponse:
    """Moves one's own waiting take: `by` -1 or 1 past its neighbour, else before `before` (none: last)."""
    take, by = find_take(request, take_id), request.POST.get("by", "")
    if by in ("-1", "1"):
        queue_order.step(take=take, by=request.membership, later=by == "1")
    else:
        queue_order.put_before(take=take, before=_uuid(request.POST.get("before", "")), by=request.membership)
    return _back(request)


def _back(request: WorkspaceRequest) -> HttpResponse:
    response = redirect("generation:queue", request.membership.workspace.slug)
    if request.POST.get("whose") == "all":
        response["Location"] += "?whose=all"
    return response


def _to_retry(request: WorkspaceRequest, *, now: datetime.datetime) -> list[tuple[Take, uuid.UUID]]:
    """One's own takes that ended badly, each with the id of the round that a retry makes."""
    if Right.MAKE not in rights_of(request.membership):
        return []
    return [(take, new_id()) for take in queues.ended_badly(request.membership, now=now)]


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        raise Refused("There is no such take.", status=404) from None
