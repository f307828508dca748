"""What waits for a person because an answer was lost: each call with its evidence, and what to say of it."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from generation import unknown, verdicts
from generation.models import Call, Verdict
from generation.views.refusals import shows_refusals
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page

PAGE_SIZE = 20
WORDS = {
    False: {"yes": "It happened", "no": "It did not happen"},
    True: {"yes": "It was charged", "no": "It was not charged"},
}
"""What a person can say of a call whose answer was lost, and of one that ended without a word on money."""


@require_safe
@workspace_page(Right.READ)
def page(request: WorkspaceRequest) -> HttpResponse:
    """Calls whose answer or charge is not known, oldest first, and what each verdict does to the money."""
    member = request.membership
    shown = Paginator(unknown.waiting(membership=member), PAGE_SIZE).get_page(request.GET.get("page"))
    calls = list(shown.object_list)
    last, said = verdicts.last_ones(calls), verdicts.waiting(call.pk for call in calls)
    currency = member.workspace.currency
    rows: list[dict[str, Any]] = [
        {
            "call": call,
            "take": call.run.take,
            "facts": verdicts.evidence(call),
            "amount": call.hold.amount if call.hold else None,
            "then": verdicts.consequences(call, last=call.pk in last, currency=currency),
            "said": said.get(call.pk),
            "words": WORDS[unknown.has_ended(call)],
        }
        for call in calls
    ]
    context = {
        "page": shown,
        "rows": rows,
        "may_say": Right.APPROVE in rights_of(member),
        "workspace": member.workspace,
        "currency": currency,
    }
    return render(request, "generation/queue_unknown.html", context)


@require_POST
@workspace_page(Right.APPROVE)
@shows_refusals
def say(request: WorkspaceRequest, call_id: uuid.UUID) -> HttpResponse:
    """A person says what became of a call: `happened` 1, with the provider's job id if it is known, or 0."""
    call = get_object_or_404(Call.objects.visible_to(request.membership), pk=call_id)
    happened = request.POST.get("happened") == "1"
    job_id = request.POST.get("job_id", "").strip()
    verdict = verdicts.say(call=call, happened=happened, job_id=job_id, by=request.membership)
    if verdict.state == Verdict.State.DONE:
        messages.success(request, f"The call is settled. {verdict.words}".strip())
    return redirect("generation:unknown", request.membership.workspace.slug)


@require_POST
@workspace_page(Right.APPROVE)
@shows_refusals
def take_back(request: WorkspaceRequest, verdict_id: uuid.UUID) -> HttpResponse:
    """Takes back what was said, while it was not carried out."""
    rows = Verdict.objects.visible_to(request.membership).select_related("call__run__take__deliverable")
    verdicts.take_back(verdict=get_object_or_404(rows, pk=verdict_id), by=request.membership)
    messages.success(request, "Taken back: nothing was booked and nothing was sent.")
    return redirect("generation:unknown", request.membership.workspace.slug)
