"""The activity log: what happened, by whom, in sentences."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from generation import activities, exports
from generation.forms.activity import ActivityFilter
from projects.access import Right, WorkspaceRequest, workspace_page


@require_safe
@workspace_page(Right.READ)
def activity(request: WorkspaceRequest) -> HttpResponse | HttpResponseBase:
    """Fifty events a page, the newest first; `?format=csv` is all that fit the filters, one by one.

    Takes that were cancelled with their batch are one line, unless takes are what is asked for.
    """
    member = request.membership
    slug, currency = member.workspace.slug, member.workspace.currency
    form = ActivityFilter(request.GET, workspace=member.workspace)
    wanted = form.cleaned_data if form.is_valid() else {}
    rows = activities.events(member, wanted)
    if request.GET.get("format") == "csv":
        return exports.csv_response(
            activities.csv_rows(rows, currency=currency), filename=f"{slug}-activity.csv"
        )
    shown = rows if wanted.get("kind") == "take" else activities.grouped(rows)
    found, after = activities.page(shown, before=request.GET.get("before", ""))
    query = request.GET.copy()
    for name in ("before", "format"):
        query.pop(name, None)
    context = {
        "form": form,
        "lines": [activities.line(event, slug=slug, currency=currency) for event in found],
        "after": after,
        "first": "before" not in request.GET,
        "query": query.urlencode(),
        "address": reverse("generation:activity", args=[slug]),
    }
    part = "#rows" if request.headers.get("HX-Request") else ""
    return render(request, f"generation/activity.html{part}", context)
