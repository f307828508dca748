"""Pages of the routing table: the version in force in words, other versions, the dry run, proposals."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from generation import dry_run, retirement, routing_words, table_effects, workspaces
from generation.routing_forms import Compared, DryRun, Proposal, as_text
from generation.views.saving import values
from projects import access
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Workspace
from projects.plain import whole_number
from projects.problems import Refused
from routing import tables
from routing.models import RoutingTable
from routing.models.tables import TableState


@require_safe
@workspace_page(Right.READ)
def in_force(request: WorkspaceRequest) -> HttpResponse:
    """The table in force; where there is none, the newest version."""
    rows = _versions(request)
    current = next((row for row in rows if row.state == TableState.PUBLISHED), None)
    return _page(request, current or (rows[0] if rows else None), rows)


@require_safe
@workspace_page(Right.READ)
def version(request: WorkspaceRequest, number: int) -> HttpResponse:
    """One version, with what it changes against the one in force or the one before."""
    return _page(request, _one(request, number), _versions(request))


@require_safe
@workspace_page(Right.READ)
def try_brief(request: WorkspaceRequest) -> HttpResponse:
    """The dry run: what the table in force would choose for a brief."""
    form = DryRun(request.GET or None, membership=request.membership)
    context = {"dry_run_form": form, "workspace": request.membership.workspace}
    status = 200
    if form.is_valid():
        try:
            context["decision"] = dry_run.resolve(
                workspace=request.membership.workspace,
                brief=form.brief(),
                shape=form.cleaned_data["format"],
                now=timezone.now(),
            )
        except Refused as refused:
            context["refusal"], status = refused, refused.status
    elif form.is_bound:
        status = 422
    part = "routing/dry_run.html" + ("#result" if request.headers.get("HX-Request") else "")
    return render(request, part, context, status=status)


@workspace_page(Right.PROPOSE_TABLES)
def propose(request: WorkspaceRequest) -> HttpResponse:
    """A new version, written from the one in force or from `?from=`; `check` shows what it changes first."""
    if request.method != "POST":
        return _proposal(request, Proposal(initial=_draft(request)))
    form, check = Proposal(request.POST), "check" in request.POST
    form.fields["reason"].required = not check
    if not form.is_valid():
        return _proposal(request, form, status=422)
    if check:
        return _checked(request, form)
    try:
        table = tables.propose(
            content=form.cleaned_data["document"],
            reason=form.cleaned_data["reason"],
            by=request.membership,
            pipelines=workspaces.published(request.membership.workspace),
        )
    except tables.TableUnsound as refused:
        return _unsound(request, form, refused)
    return redirect("generation:routing_version", request.membership.workspace.slug, table.version)


@require_POST
@workspace_page(Right.PUBLISH_TABLES)
def publish(request: WorkspaceRequest, number: int) -> HttpResponse:
    """Puts a proposed version in force, if it was compared with the one that is."""
    table = _one(request, number)
    try:
        tables.publish(
            table=table,
            by=request.membership,
            against=values(Compared(request.POST))["against"],
            pipelines=workspaces.published(request.membership.workspace),
        )
    except Refused as refused:
        return _page(request, table, _versions(request), refusal=refused)
    return redirect("generation:routing", request.membership.workspace.slug)


@require_POST
@workspace_page(Right.PROPOSE_TABLES)
def withdraw(request: WorkspaceRequest, number: int) -> HttpResponse:
    """Takes a proposal back."""
    table = _one(request, number)
    try:
        tables.withdraw(table=table, by=request.membership)
    except Refused as refused:
        return _page(request, table, _versions(request), refusal=refused)
    return redirect("generation:routing_version", request.membership.workspace.slug, number)


def _versions(request: WorkspaceRequest) -> list[RoutingTable]:
    """All versions, newest first, without their documents."""
    rows = RoutingTable.objects.visible_to(request.membership).select_related("author", "approver")
    return list(rows.defer("document").order_by("-version"))


def _one(request: WorkspaceRequest, number: int) -> RoutingTable:
    rows = RoutingTable.objects.visible_to(request.membership).select_related("author", "approver")
    found = rows.filter(version=number).first()
    if found is None:
        raise Http404(f"There is no version {number}.")
    return found


def _page(
    request: WorkspaceRequest,
    table: RoutingTable | None,
    rows: list[RoutingTable],
    *,
    refusal: Refused | None = None,
) -> HttpResponse:
    rights = access.rights_of(request.membership)
    mine = table is not None and table.author_id == request.membership.person_id
    context = {
        "workspace": request.membership.workspace,
        "table": table,
        "versions": rows,
        **(_told(request.membership.workspace, table, rows) if table else {}),
        "dry_run_form": DryRun(membership=request.membership),
        "may_propose": Right.PROPOSE_TABLES in rights,
        "may_publish": Right.PUBLISH_TABLES in rights,
        "may_withdraw": mine or Right.PUBLISH_TABLES in rights,
        "mine": mine,
        "refusal": refusal,
        "leaving": retirement.listed(request.membership.workspace, now=timezone.now(), used_only=True),
    }
    return render(request, "routing/table.html", context, status=refusal.status if refusal else 200)


def _told(workspace: Workspace, table: RoutingTable, rows: list[RoutingTable]) -> dict[str, object]:
    """The version in words, what it changes, and, while it is proposed, what comes of that."""
    before = routing_words.compared_with(table, rows)
    document, compared = tables.parsed(table), routing_words.parsed(before)
    names = routing_words.names_of(workspace, document, *([compared] if compared else []))
    proposed = table.state == TableState.PROPOSED
    return {
        "routes": routing_words.told(document, names),
        "text": as_text(table.document),
        "against": routing_words.changed(before, table, names) if before else None,
        "effects": table_effects.of(workspace, compared, document, now=timezone.now()) if proposed else None,
    }


def _draft(request: WorkspaceRequest) -> dict[str, str]:
    """What the editor starts with."""
    rows = RoutingTable.objects.visible_to(request.membership)
    number = whole_number(request.GET.get("from", ""))
    if number is not None:
        found = rows.filter(version=number).first()
    else:
        found = rows.filter(state=TableState.PUBLISHED).first()
    return {"document": as_text(found.document)} if found else {}


def _checked(request: WorkspaceRequest, form: Proposal) -> HttpResponse:
    """What the document would change, before it is proposed; nothing is saved."""
    workspace, content = request.membership.workspace, form.cleaned_data["document"]
    try:
        tables.check(workspace, content, workspaces.published(workspace))
    except tables.TableUnsound as refused:
        return _unsound(request, form, refused)
    trial = RoutingTable(workspace=workspace, version=0, document=content, state=TableState.PROPOSED)
    told = _told(workspace, trial, list(RoutingTable.objects.filter(workspace=workspace)))
    return _proposal(request, form, told=told)


def _unsound(request: WorkspaceRequest, form: Proposal, refused: tables.TableUnsound) -> HttpResponse:
    for problem in refused.problems:
        form.add_error("document", str(problem))
    return _proposal(request, form, status=422)


def _proposal(
    request: WorkspaceRequest,
    form: Proposal,
    *,
    status: int = 200,
    told: Mapping[str, object] | None = None,
) -> HttpResponse:
    context = {"form": form, "workspace": request.membership.workspace, **(told or {})}
    return render(request, "routing/propose.html", context, status=status)
