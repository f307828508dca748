"""Clients, campaigns, their boards and briefs."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from billing.forms import carry
from generation import boards, exports, hero_voids, uploads
from generation.forms import campaigns as forms
from generation.views.refusals import shows_refusals
from generation.views.saving import status
from projects import briefs, work
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Campaign, Category, Deliverable, Format, Project, ReferenceAnchor
from projects.models.work import BoardColumn
from projects.problems import BadLines, Invalid

PAGE_ROWS = 100
TEACHING = (
    "Import the brief, or add a single deliverable.",
    "Open a card: the button says what a draft take costs.",
    "Select the best draft and ask for its hero render.",
)
STILL_OPEN = ~Q(deliverables__board_column__in=[BoardColumn.DONE, BoardColumn.DROPPED])


@require_safe
@workspace_page(Right.READ)
def projects(request: WorkspaceRequest) -> HttpResponse:
    """Every client with its campaigns and how many of their deliverables are still open."""
    rows = (
        Campaign.objects.visible_to(request.membership)
        .select_related("project")
        .annotate(total=Count("deliverables"), still_open=Count("deliverables", filter=STILL_OPEN))
        .order_by("project__name", "ended_at", "-created_at", "pk")
    )
    empty = Project.objects.visible_to(request.membership).filter(campaigns__isnull=True).order_by("name")
    return render(request, "generation/projects.html", {"campaigns": rows, "bare": empty})


@workspace_page(Right.MAKE)
@shows_refusals
def new_project(request: WorkspaceRequest) -> HttpResponse:
    form = forms.ProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            project = work.create_project(by=request.membership, **form.cleaned_data)
        except Invalid as invalid:
            carry(form, invalid)
        else:
            return redirect("generation:new_campaign", request.membership.workspace.slug, project.key)
    context = {"form": form, "title": "New client", "submit": "Create client"}
    return render(request, "generation/form.html", context, status=status(form))


@workspace_page(Right.MAKE)
@shows_refusals
def new_campaign(request: WorkspaceRequest, project: str) -> HttpResponse:
    parent = get_object_or_404(Project.objects.visible_to(request.membership), key=project)
    form = forms.CampaignForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            campaign = work.create_campaign(project=parent, by=request.membership, **form.cleaned_data)
        except Invalid as invalid:
            carry(form, invalid)
        else:
            return redirect(address(request, campaign))
    context = {
        "form": form,
        "title": "New campaign",
        "submit": "Create campaign",
        "trail": [{"label": parent.name}],
    }
    return render(request, "generation/form.html", context, status=status(form))


@require_safe
@workspace_page(Right.READ)
def board(request: WorkspaceRequest, project: str, campaign: str) -> HttpResponseBase:
    """The campaign as a board or a table, with the same filters; `?format=csv` is the table's rows."""
    row = find(request, project, campaign)
    workspace = request.membership.workspace
    form = forms.BoardFilter(request.GET, workspace=workspace)
    wanted = form.cleaned_data if form.is_valid() else {}
    rows = boards.filtered(boards.of_campaign(row), wanted)
    if request.GET.get("format") == "csv":
        return exports.csv_response(boards.csv_rows(rows), filename=f"{project}-{campaign}.csv")
    view = "table" if request.GET.get("view") == "table" else "board"
    today, new_batch = timezone.localdate(), reverse("generation:new_batch", args=[workspace.slug])
    context: dict[str, Any] = {
        "campaign": row,
        "form": form,
        "view": view,
        "address": address(request, row),
        "batch_address": f"{new_batch}?campaign={project}/{campaign}",
        "query": _query(request, "view", "page", "format"),
        "anchors": row.anchors.filter(removed_at=None).select_related("asset").order_by("position"),
        "reference_form": forms.ReferenceForm(),
        "bare": not row.deliverables.exists(),
        "teaching": TEACHING,
    }
    if view == "board":
        context["columns"] = boards.columns(rows, workspace=workspace, today=today)
    else:
        page = Paginator(boards.table_rows(rows), PAGE_ROWS).get_page(request.GET.get("page"))
        context |= {"page": page, "totals": boards.totals(rows), "today": today}
    part = "#rows" if request.headers.get("HX-Request") else ""
    return render(request, f"generation/campaign.html{part}", context)


@workspace_page(Right.MAKE)
@shows_refusals
def new_deliverable(request: WorkspaceRequest, project: str, campaign: str) -> HttpResponse:
    row = find(request, project, campaign)
    form = forms.DeliverableForm(request.POST or None, workspace=request.membership.workspace)
    if request.method == "POST" and form.is_valid():
        try:
            made = work.create_deliverable(campaign=row, by=request.membership, **form.cleaned_data)
        except Invalid as invalid:
            carry(form, invalid)
        else:
            return redirect("generation:desk", request.membership.workspace.slug, made.pk)
    context = {
        "form": form,
        "title": "New deliverable",
        "submit": "Create deliverable",
        "trail": [{"label": row.name, "href": address(request, row)}],
    }
    return render(request, "generation/form.html", context, status=status(form))


@workspace_page(Right.MAKE)
@shows_refusals
def import_brief(request: WorkspaceRequest, project: str, campaign: str) -> HttpResponse:
    """Import of a brief: whole or not at all, with every bad line named."""
    row = find(request, project, campaign)
    form = forms.BriefForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {"form": form, "campaign": row, "address": address(request, row)}
    context |= {"required": briefs.REQUIRED, "optional": briefs.OPTIONAL}
    member = request.membership
    context["categories"] = Category.objects.visible_to(member).order_by("key")
    context["formats"] = Format.objects.visible_to(member).order_by("key")
    if request.method == "POST" and form.is_valid():
        content = form.cleaned_data["file"].read(briefs.MAX_BYTES + 1)
        try:
            context["result"] = briefs.import_deliverables(file=content, by=request.membership, campaign=row)
        except BadLines as bad:
            context |= {"refused": bad, "heading": bad.title}
            return render(request, "generation/import_brief.html", context, status=bad.status)
        except Invalid as invalid:
            carry(form, invalid)
    return render(request, "generation/import_brief.html", context, status=status(form))


@workspace_page(Right.MAKE)
@shows_refusals
def identity(request: WorkspaceRequest, project: str, campaign: str) -> HttpResponse:
    """Seed policy, palette and drift tolerance; what waits for approval and changes by it is void."""
    row = find(request, project, campaign)
    initial = {
        "seed_policy": row.seed_policy,
        "seed": row.seed,
        "palette": " ".join(row.palette),
        "drift_tolerance": row.drift_tolerance,
    }
    form = forms.IdentityForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            work.change_identity(campaign=row, by=request.membership, **form.cleaned_data)
        except Invalid as invalid:
            carry(form, invalid)
        else:
            hero_voids.void_changed(workspace=request.membership.workspace)
            return redirect(address(request, row))
    context = {
        "form": form,
        "title": "Identity",
        "submit": "Save",
        "trail": [{"label": row.name, "href": address(request, row)}],
        "note": "Takes that exist keep what made them. Hero requests that this changes become void.",
    }
    return render(request, "generation/form.html", context, status=status(form))


@require_POST
@workspace_page(Right.MAKE)
@shows_refusals
def add_reference(request: WorkspaceRequest, project: str, campaign: str) -> HttpResponse:
    row = find(request, project, campaign)
    form = forms.ReferenceForm(request.POST, request.FILES)
    if not form.is_valid():
        raise Invalid({"file": ["Choose a picture."]})
    uploads.add_reference(
        campaign=row,
        file=form.cleaned_data["file"],
        label=form.cleaned_data["label"],
        by=request.membership,
    )
    hero_voids.void_changed(workspace=request.membership.workspace)
    return redirect(address(request, row))


@require_POST
@workspace_page(Right.MAKE)
@shows_refusals
def remove_reference(request: WorkspaceRequest, project: str, campaign: str, anchor: str) -> HttpResponse:
    row = find(request, project, campaign)
    found = get_object_or_404(ReferenceAnchor, campaign=row, pk=anchor)
    uploads.remove_reference(anchor=found, by=request.membership)
    hero_voids.void_changed(workspace=request.membership.workspace)
    return redirect(address(request, row))


def find(request: WorkspaceRequest, project: str, campaign: str) -> Campaign:
    """The campaign of an address, or 404."""
    rows: QuerySet[Campaign] = Campaign.objects.visible_to(request.membership)
    return get_object_or_404(rows.select_related("project", "workspace"), project__key=project, key=campaign)


def address(request: WorkspaceRequest, campaign: Campaign) -> str:
    slug = request.membership.workspace.slug
    return reverse("generation:campaign", args=[slug, campaign.project.key, campaign.key])


def deliverables(request: WorkspaceRequest) -> QuerySet[Deliverable]:
    """Deliverables that this member may see, with what a page needs of them."""
    rows: QuerySet[Deliverable] = Deliverable.objects.visible_to(request.membership)
    return rows.select_related("campaign__project", "category", "format", "workspace", "cost")


def _query(request: WorkspaceRequest, *without: str) -> str:
    query = request.GET.copy()
    for name in without:
        query.pop(name, None)
    return query.urlencode()
