"""The run queue: mine or everybody's, live while something runs."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from generation import cancel as cancelling
from generation import queues, takes, unknown
from generation.models import Call
from generation.views.desk import find_take
from generation.views.refusals import shows_refusals
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page


@require_safe
@workspace_page(Right.READ)
def queue(request: WorkspaceRequest) -> HttpResponse:
    """What is under way; htmx gets the part that changes."""
    member, rights = request.membership, rights_of(request.membership)
    everybody = request.GET.get("whose", "" if Right.MAKE in rights else "all") == "all"
    context: dict[str, Any] = {
        "everybody": everybody,
        "summary": queues.summary(member),
        "rows": queues.rows(member, mine=not everybody),
        "limit": queues.ROWS,
        "providers": queues.providers(member),
        "reasons": queues.waiting_reasons(member),
        "batches": queues.open_batches(member),
        "imports": queues.open_imports(member),
        "unknown": [_evidence(call) for call in unknown.waiting(membership=member)],
        "may_settle": Right.APPROVE in rights,
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
@workspace_page(Right.APPROVE)
@shows_refusals
def settle_unknown(request: WorkspaceRequest, call_id: uuid.UUID) -> HttpResponse:
    """A person says what became of a call: `happened` 1, with the provider's job id if it is known, or 0."""
    call = get_object_or_404(Call.objects.visible_to(request.membership), pk=call_id)
    if request.POST.get("happened") == "1":
        unknown.it_happened(call=call, by=request.membership, job_id=request.POST.get("job_id", "").strip())
    else:
        unknown.it_did_not(call=call, by=request.membership)
    messages.success(request, "The call is settled.")
    return _back(request)


def _back(request: WorkspaceRequest) -> HttpResponse:
    response = redirect("generation:queue", request.membership.workspace.slug)
    if request.POST.get("whose") == "all":
        response["Location"] += "?whose=all"
    return response


def _evidence(call: Call) -> dict[str, Any]:
    """A call whose end is not known, with what is known of it, in the order in which a person reads it."""
    named = (
        ("What happened", "what_happened"),
        ("Asked at", "intended_at"),
        ("Account", "account"),
        ("Provider's job", "job_id"),
        ("Hash of the request", "payload_sha256"),
        ("Sent once more at", "sent_once_more_at"),
    )
    facts = [(label, call.evidence[key]) for label, key in named if call.evidence.get(key)]
    return {
        "call": call,
        "take": call.run.take,
        "facts": facts,
        "amount": call.hold.amount if call.hold else None,
    }
