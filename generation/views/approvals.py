"""The approvals inbox of managers: money before it is spent, and results before they ship."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from generation import bulk_approval, caps, claims, desks, heroes, inbox, inbox_details, strips
from generation.figures import money_words
from generation.forms.approvals import BulkForm, InboxFilter, NoteForm, PriceForm
from generation.views.refusals import shows_refusals
from generation.views.saving import values
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page
from projects.models import CapRequest, HeroRequest
from projects.problems import Refused


@require_safe
@workspace_page(Right.READ)
def approvals(request: WorkspaceRequest) -> HttpResponse:
    """Two panes: what waits, and the chosen one with its price and consequences; htmx gets the right one."""
    member = request.membership
    form = InboxFilter(request.GET, workspace=member.workspace)
    wanted = form.cleaned_data if form.is_valid() else {}
    rows = inbox.rows(member, wanted, today=timezone.localdate(), now=timezone.now())
    at = next((n for n, row in enumerate(rows) if str(row.id) == request.GET.get("request")), 0)
    done = "done" in request.GET and "request" not in request.GET
    chosen = rows[at] if rows and not done else None
    query = request.GET.copy()
    query.pop("request", None)
    query.pop("done", None)
    context: dict[str, Any] = {
        "rows": rows,
        "chosen": chosen,
        "position": at + 1,
        "done": done,
        "after": rows[(at + 1) % len(rows)] if len(rows) > 1 else None,
        "following": rows[at + 1] if at + 1 < len(rows) else None,
        "form": form,
        "query": query.urlencode(),
        "undoable": inbox.undoable(member, now=timezone.now()),
        "bulk": sum(row.kind == inbox.SPEND and not row.own for row in rows) > 1,
        "playable": sum(row.shown is not None for row in rows) > 1,
    }
    if chosen:
        context |= _details(request, chosen)
    part = "#detail" if request.headers.get("HX-Request-Type") == "partial" else ""
    return render(request, f"generation/approvals.html{part}", context)


@require_safe
@workspace_page(Right.APPROVE)
def looking(request: WorkspaceRequest, request_id: uuid.UUID) -> HttpResponse:
    """Who else looks at this; asking says that one does so oneself."""
    if not inbox.knows(request_id, request.membership):
        raise Http404("There is no such request.")
    context = {"others": claims.look(request_id, by=request.membership), "chosen": {"id": request_id}}
    return render(request, "generation/approval_looking.html", context)


@require_POST
@workspace_page(Right.APPROVE)
@shows_refusals
def decide_hero(request: WorkspaceRequest, request_id: uuid.UUID) -> HttpResponse:
    row = _hero(request, request_id)
    said = values(PriceForm(request.POST))
    if request.POST.get("decision") == "approve":
        heroes.approve(hero_request=row, by=request.membership, note=said["note"], seen=said["at_most"])
    else:
        heroes.decline(hero_request=row, by=request.membership, note=said["note"])
        messages.success(request, f"{row.deliverable.name}: the producer was asked for changes.")
    return on_to_next(request)


@require_POST
@workspace_page(Right.APPROVE)
@shows_refusals
def undo_hero(request: WorkspaceRequest, request_id: uuid.UUID) -> HttpResponse:
    row = _hero(request, request_id)
    heroes.undo(hero_request=row, by=request.membership)
    messages.success(request, f"{row.deliverable.name}: the approval was taken back.")
    return on_to_next(request)


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
        by=request.membership,
        **values(NoteForm(request.POST)),
    )
    granted = "granted" if row.state == "approved" else "declined"
    takes = "1 more take" if row.more == 1 else f"{row.more} more takes"
    messages.success(request, f"{row.deliverable.name}: {takes} {granted}.")
    return on_to_next(request)


@workspace_page(Right.APPROVE)
@shows_refusals
def bulk(request: WorkspaceRequest) -> HttpResponse:
    """Many small approvals: first what they are and their sum, then all of them at once."""
    member = request.membership
    given = request.POST if request.method == "POST" else request.GET
    form = BulkForm(given, waiting=_heroes(request).filter(state="waiting"))
    said = values(form)
    chosen = list(said["request"])
    if request.method == "POST":
        done = bulk_approval.approve(
            requests=chosen, limit=said["limit"], total=said["total"] or desks.ZERO, by=member
        )
        _tell(request, done)
        return on_to_next(request)
    choice = bulk_approval.choose(requests=chosen or _filtered(request), limit=said["limit"], by=member)
    context = {"choice": choice, "limit": said["limit"], "undo_seconds": settings.HERO_UNDO_SECONDS}
    return render(request, "generation/approvals_bulk.html", context)


@require_POST
@workspace_page(Right.APPROVE)
@shows_refusals
def undo_all(request: WorkspaceRequest) -> HttpResponse:
    """Takes back all approvals that still can be; what began meanwhile stands."""
    wanted, undone = request.POST.getlist("request"), 0
    for row in inbox.undoable(request.membership, now=timezone.now()):
        if str(row.pk) in wanted:
            try:
                heroes.undo(hero_request=row, by=request.membership)
                undone += 1
            except Refused as refused:
                messages.error(request, f"{row.deliverable.name}: {refused.detail}")
    messages.success(request, f"{undone} approval{'' if undone == 1 else 's'} taken back.")
    return on_to_next(request)


def _heroes(request: WorkspaceRequest) -> QuerySet[HeroRequest]:
    rows: QuerySet[HeroRequest] = HeroRequest.objects.visible_to(request.membership)
    return rows.select_related(
        "workspace",
        "requested_by",
        "take__poster",
        "take__recipe",
        "deliverable__workspace",
        "deliverable__campaign__project",
        "deliverable__category",
        "deliverable__format",
    )


def _hero(request: WorkspaceRequest, request_id: uuid.UUID) -> HeroRequest:
    return get_object_or_404(_heroes(request), pk=request_id)


def _filtered(request: WorkspaceRequest) -> Sequence[HeroRequest]:
    """The hero requests that the inbox lists with these filters, in its order."""
    member = request.membership
    form = InboxFilter(QueryDict(request.GET.get("query", "")), workspace=member.workspace)
    wanted = form.cleaned_data if form.is_valid() else {}
    rows = inbox.rows(member, {**wanted, "kind": inbox.SPEND}, today=timezone.localdate(), now=timezone.now())
    found = _heroes(request).in_bulk([row.id for row in rows])
    return [found[row.id] for row in rows]


def on_to_next(request: WorkspaceRequest) -> HttpResponse:
    """On to the next one that waits, with the filters as they were; after the last one, to the end."""
    query = QueryDict(request.POST.get("query", ""), mutable=True)
    if after := request.POST.get("next"):
        query["request"] = after
    elif "next" in request.POST:
        query["done"] = "1"
    address = reverse("generation:approvals", args=[request.membership.workspace.slug])
    return redirect(f"{address}?{query.urlencode()}" if query else address)


def _tell(request: WorkspaceRequest, done: bulk_approval.Outcome) -> None:
    currency = request.membership.workspace.currency
    if done.approved:
        messages.success(
            request, f"{len(done.approved)} approved, at most {money_words(done.total, currency)} together."
        )
    for row, why in done.refused:
        messages.error(request, f"{row.deliverable.name} was not approved: {why}")


def _details(request: WorkspaceRequest, chosen: inbox.Row) -> dict[str, Any]:
    slug, member = request.membership.workspace.slug, request.membership
    context: dict[str, Any] = {"others": chosen.looking, "viewer": chosen.shown}
    if Right.APPROVE in rights_of(member):
        context["others"] = claims.look(chosen.id, by=member)
    if chosen.kind == inbox.SPEND:
        row = _hero(request, chosen.id)
        found = inbox_details.hero(row, now=timezone.now())
        shown = found["last_accepted"]
        beside = strips.viewer(shown, slug=slug) if shown else None
        return {**context, **found, "hero": row, "deliverable": row.deliverable, "beside": beside}
    if chosen.kind == inbox.MORE:
        rows = CapRequest.objects.select_related("deliverable__workspace", "requested_by")
        more = rows.get(pk=chosen.id)
        price = desks.draft_price(chosen.deliverable, {"count": more.more}, by=member)
        takes = strips.rows(chosen.deliverable, current=None, beside=None, slug=slug)
        around = inbox_details.around(chosen.deliverable)
        return {
            **context,
            **around,
            "cap": more,
            "deliverable": chosen.deliverable,
            "price": price,
            "takes": takes,
        }
    return {
        **context,
        **inbox_details.around(chosen.deliverable),
        "deliverable": chosen.deliverable,
        "take": chosen.take,
        "notes": inbox_details.notes_on(chosen.take) if chosen.take else (),
        "cost": desks.cost_of(chosen.take) if chosen.take else desks.ZERO,
    }
