"""Batches: choose what is varied, see its price change, confirm it; then watch, pause, go on, cancel."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from generation import (
    batch_choices,
    batch_columns,
    batch_costs,
    batch_sheets,
    batch_steering,
    boards,
    matrices,
    takes,
)
from generation import batches as work
from generation.forms.batches import BatchForm, ChosenForm, initial
from generation.forms.campaigns import BoardFilter
from generation.forms.steering import GoOnForm
from generation.matrices import MOST_DELIVERABLES, kept
from generation.views import campaigns
from generation.views.refusals import shows_refusals
from generation.views.saving import values
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Batch, Deliverable
from projects.models.batches import BATCHES_OPEN, BatchState
from projects.problems import Refused

LISTED = 30
PRICED_ROWS = 40


@require_safe
@workspace_page(Right.READ)
def batches(request: WorkspaceRequest) -> HttpResponse:
    """All batches, the newest first."""
    rows = Batch.objects.visible_to(request.membership).select_related("requested_by")
    page = Paginator(rows.order_by("-requested_at", "-pk"), LISTED).get_page(request.GET.get("page"))
    progress = work.progress_of([row.pk for row in page])
    shown = [(row, progress[row.pk]) for row in page]
    return render(request, "generation/batches.html", {"page": page, "rows": shown})


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page(Right.MAKE)
@shows_refusals
def new(request: WorkspaceRequest) -> HttpResponse:
    """GET: what is varied, with its price; `?from=` begins as another batch. POST: starts it, twice once."""
    if request.method == "POST":
        return _started(request)
    before = _before(request)
    chosen, fitting = _again(request, before) if before else _ticked(request)
    if not chosen:
        return render(request, "generation/batch_new.html", {"chosen": chosen, "fitting": fitting})
    offered = batch_choices.of(chosen)
    usual = initial(*kept(before.asked), before.count) if before else {"count": request.GET.get("count", 1)}
    form = BatchForm(initial=usual, offered=offered)
    gone = form.drop_what_is_not_offered()
    bound = BatchForm({name: form[name].value() for name in form.fields}, offered=offered)
    context = {"form": form, "chosen": chosen, "again": before, "gone": gone, "fitting": fitting}
    return render(request, "generation/batch_new.html", {**context, **_priced(request, bound, chosen)})


@require_POST
@workspace_page(Right.MAKE)
@shows_refusals
def price(request: WorkspaceRequest) -> HttpResponse:
    """The matrix as the form changes, with the price of each line and column, and the button."""
    chosen, form = _form(request)
    context = {"form": form, "chosen": chosen, **_priced(request, form, chosen)}
    return render(request, "generation/batch_matrix.html", context, status=422 if form.errors else 200)


@require_safe
@workspace_page(Right.READ)
def batch(request: WorkspaceRequest, batch_id: uuid.UUID) -> HttpResponse:
    """How far a batch is, cell by cell; live while something runs. `?size=large` to compare."""
    row = _find(request, batch_id)
    large = request.GET.get("size") == "large"
    sheet = batch_sheets.sheet(row, slug=request.membership.workspace.slug, number=request.GET.get("page"))
    costs = batch_costs.of(row)
    context = {
        "batch": row,
        "costs": costs,
        "held": costs.total.held,
        "progress": work.progress(row),
        "sheet": sheet,
        "page": sheet.page,
        "large": large,
        "query": "size=large" if large else "",
        **_steering(request, row),
    }
    part = "#live" if request.headers.get("HX-Request") else ""
    return render(request, f"generation/batch.html{part}", context)


@require_POST
@workspace_page(Right.MAKE)
@shows_refusals
def pause(request: WorkspaceRequest, batch_id: uuid.UUID) -> HttpResponse:
    row = batch_steering.pause(batch=_find(request, batch_id), by=request.membership)
    messages.success(request, "The batch is paused. What had been sent is finished; nothing more is sent.")
    return redirect("generation:batch", request.membership.workspace.slug, row.pk)


@require_POST
@workspace_page(Right.MAKE)
@shows_refusals
def go_on(request: WorkspaceRequest, batch_id: uuid.UUID) -> HttpResponse:
    """Goes on where the batch was; a stopped one at the price of the rest that was shown."""
    said = values(GoOnForm(request.POST))
    row = batch_steering.go_on(batch=_find(request, batch_id), by=request.membership, **said)
    messages.success(request, "The batch goes on where it was.")
    return redirect("generation:batch", request.membership.workspace.slug, row.pk)


@require_POST
@workspace_page(Right.MAKE)
@shows_refusals
def cancel(request: WorkspaceRequest, batch_id: uuid.UUID) -> HttpResponse:
    row = _find(request, batch_id)
    batch_steering.cancel_batch(batch=row, by=request.membership)
    messages.success(request, "The batch is cancelled. What had been sent may still arrive, charged.")
    return redirect("generation:batch", request.membership.workspace.slug, row.pk)


def _started(request: WorkspaceRequest) -> HttpResponse:
    chosen, form = _form(request)
    said = values(form)
    try:
        made = work.make(
            asked=form.asked(chosen),
            by=request.membership,
            confirmed=said["confirmed"],
            leave_out=said["leave_out"],
            batch_id=said["batch_id"],
        )
    except Refused as refused:
        context = {"form": form, "chosen": chosen, "refused": refused, **_priced(request, form, chosen)}
        return render(request, "generation/batch_new.html", context, status=refused.status)
    return redirect("generation:batch", request.membership.workspace.slug, made.pk)


def _form(request: WorkspaceRequest) -> tuple[list[Deliverable], BatchForm]:
    """The deliverables that were sent, and the form; raises Invalid where they are not there."""
    chosen = list(values(ChosenForm(request.POST, membership=request.membership))["deliverables"])
    return chosen, BatchForm(request.POST, offered=batch_choices.of(chosen))


def _ticked(request: WorkspaceRequest) -> tuple[list[Deliverable], int]:
    """The deliverables that were ticked, or, with `campaign`, the open ones that the board's filters leave:
    the first of them by due date, and how many they are."""
    if "campaign" not in request.GET:
        form = ChosenForm(request.GET, membership=request.membership)
        chosen = list(form.cleaned_data["deliverables"]) if form.is_valid() else []
        return chosen, len(chosen)
    project, _, key = request.GET["campaign"].partition("/")
    filters = BoardFilter(request.GET, workspace=request.membership.workspace)
    wanted = filters.cleaned_data if filters.is_valid() else {}
    rows = boards.filtered(boards.of_campaign(campaigns.find(request, project, key)), wanted)
    rows = boards.still_open(boards.table_rows(rows)).select_related(*takes.ABOVE)
    return list(rows[:MOST_DELIVERABLES]), rows.count()


def _before(request: WorkspaceRequest) -> Batch | None:
    """The batch that this one is to be like."""
    if "from" not in request.GET:
        return None
    try:
        return Batch.objects.visible_to(request.membership).filter(pk=request.GET["from"]).first()
    except ValidationError:
        return None


def _again(request: WorkspaceRequest, before: Batch) -> tuple[list[Deliverable], int]:
    named = {"deliverables": [str(pk) for pk in batch_sheets.deliverables_of(before)]}
    form = ChosenForm(named, membership=request.membership)
    chosen = list(form.cleaned_data["deliverables"]) if form.is_valid() else []
    return chosen, len(chosen)


def _priced(request: WorkspaceRequest, form: BatchForm, chosen: Sequence[Deliverable]) -> dict[str, Any]:
    """What the matrix costs, or why it cannot be priced."""
    if not form.is_valid():
        return {"wrong": [(form[name].label, said) for name, said in form.errors.items()]}
    now = timezone.now()
    try:
        plan = work.quote(asked=form.asked(chosen), person_id=request.membership.person_id, now=now)
    except Refused as refused:
        return {"unpriced": refused}
    rows = [(row, cells, line, plan.room(cells)) for row, cells, line in plan.rows()]
    return {
        "plan": plan,
        "total": plan.total,
        "headings": batch_columns.headings(request.membership.workspace, plan.asked.columns, now=now),
        "routed": batch_columns.routed(plan),
        "obstacles": matrices.obstacles(plan.impossible),
        "rows": rows[:PRICED_ROWS],
        "more_rows": len(rows) - PRICED_ROWS if len(rows) > PRICED_ROWS else 0,
        "leave_out": form.cleaned_data["leave_out"],
        "tightest": plan.lefts[0] if plan.lefts else None,
    }


def _steering(request: WorkspaceRequest, row: Batch) -> dict[str, Any]:
    """What may be done with the batch now, with the money that it moves."""
    may = batch_steering.may_steer(row, request.membership)
    stopped = row.state == BatchState.STOPPED
    return {
        "may_steer": may,
        "open": row.state in BATCHES_OPEN,
        "asker_left": batch_steering.asker_left(row),
        "rest": batch_steering.rest(row),
        "today": batch_steering.rest_today(row, now=timezone.now()) if stopped and may else None,
    }


def _find(request: WorkspaceRequest, batch_id: uuid.UUID) -> Batch:
    rows = Batch.objects.visible_to(request.membership).select_related(
        "requested_by", "paused_by", "workspace"
    )
    return get_object_or_404(rows, pk=batch_id)
