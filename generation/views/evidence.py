"""Evidence for routing: how each model does in each category, with how far that can be trusted."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing import months
from generation import evidence, evidence_files, exports
from generation.evidence import MEASURES, Ranked
from generation.forms.evidence import EvidenceFilter
from generation.views.outlook_tabs import picture, tabs
from projects.access import Right, WorkspaceRequest, workspace_page

FIELDS = ("weeks", "category", "phase", "by", "least")


@require_safe
@workspace_page(Right.READ)
def page(request: WorkspaceRequest) -> HttpResponseBase:
    """The rows as filtered; for htmx the part that filters change; `?format=csv` is all of them."""
    workspace, now = request.membership.workspace, timezone.now()
    form, found = _asked(request)
    said = form.cleaned_data
    if request.GET.get("format") == "csv":
        name = f"{workspace.slug}-evidence-{said['weeks']}-weeks.csv"
        return exports.csv_response(evidence_files.lines(found), filename=name)
    context = {
        "form": form,
        "groups": _groups(found),
        "ranked": sum(each.place is not None for each in found),
        "few": sum(each.place is None for each in found),
        "chart": evidence_files.digest(found, said["by"]),
        "chart_height": evidence_files.height(found),
        "measure": MEASURES[said["by"]],
        "said": said,
        "since": evidence.since(said["weeks"], now),
        "query": urlencode({name: said[name] for name in FIELDS if said.get(name)}),
        "month": months.month_of(workspace, now),
        "tabs": tabs(workspace.slug, "evidence"),
    }
    part = "#figures" if request.headers.get("HX-Request") else ""
    return render(request, f"generation/evidence.html{part}", context)


@require_safe
@workspace_page(Right.READ)
def chart(request: WorkspaceRequest, digest: str) -> HttpResponse:
    """The figure by which rows are ranked, with its intervals, as SVG."""
    form, found = _asked(request)
    by = form.cleaned_data["by"]
    if evidence_files.digest(found, by) != digest:
        raise Http404("The numbers of this chart have changed; reload the page.")
    return picture(evidence_files.svg(found, by, currency=request.membership.workspace.currency))


def _asked(request: WorkspaceRequest) -> tuple[EvidenceFilter, list[Ranked]]:
    """The filters and their rows; what makes no sense counts as not asked for."""
    member = request.membership
    form = EvidenceFilter(request.GET.dict(), member.workspace)
    if not form.is_valid():
        form = EvidenceFilter({}, member.workspace)
        form.is_valid()
    said = form.cleaned_data
    found = evidence.rows(
        member,
        weeks=said["weeks"],
        now=timezone.now(),
        category=said["category"],
        phase=said["phase"],
    )
    return form, evidence.ranked(found, by=said["by"], least=said["least"])


def _groups(found: list[Ranked]) -> list[dict[str, Any]]:
    """The rows by category and phase."""
    groups: dict[tuple[str, str], list[Ranked]] = {}
    for each in found:
        groups.setdefault((each.row.category, each.row.phase), []).append(each)
    return [
        {
            "name": rows[0].row.category_name,
            "category": category,
            "phase": phase,
            "rows": rows,
            "takes": sum(each.row.takes for each in rows),
            "judged": sum(each.row.judged for each in rows),
            "kept": sum(each.row.kept for each in rows),
        }
        for (category, phase), rows in groups.items()
    ]
