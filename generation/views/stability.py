"""Stability: weeks that are out of what chance explains, and what changed in them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.figures import printed, printed_or_none
from generation import exports, outlook_charts, stability, week_causes
from generation.forms.outlook import StabilityFilter
from generation.stability import MEASURES, SHOWN, Stability
from generation.views.outlook_tabs import picture, tabs
from projects.access import Right, WorkspaceRequest, workspace_page

MOST_FLAGS = 30


@require_safe
@workspace_page(Right.READ)
def page(request: WorkspaceRequest) -> HttpResponseBase:
    """Flagged weeks with their causes, and one category's chart; `?format=csv` is all categories' weeks."""
    workspace = request.membership.workspace
    form, found = _asked(request)
    said = form.cleaned_data
    measure = said.get("measure") or stability.TAKES
    if request.GET.get("format") == "csv":
        name = f"{workspace.slug}-stability-{measure}.csv"
        return exports.csv_response(_lines(found, measure), filename=name)
    flags = found.flags(measure)
    points = found.chart(measure, said["category"]) if said else []
    context = {
        "form": form,
        "measure": measure,
        "label": MEASURES[measure],
        "flags": [
            (flag, found.names.get(flag.category, flag.category), causes)
            for flag, causes in week_causes.of_flags(workspace, found, flags[:MOST_FLAGS])
        ],
        "more": max(0, len(flags) - MOST_FLAGS),
        "points": points,
        "name": found.names.get(said["category"], "") if said else "",
        "category": said["category"] if said else "",
        "chart": outlook_charts.digest(outlook_charts.weeks(points)),
        "query": urlencode(said),
        "weeks": SHOWN,
        "tabs": tabs(workspace.slug, "stability"),
    }
    part = "#figures" if request.headers.get("HX-Request") else ""
    return render(request, f"generation/stability.html{part}", context)


@require_safe
@workspace_page(Right.READ)
def chart(request: WorkspaceRequest, digest: str) -> HttpResponse:
    """One category's weeks as SVG."""
    form, found = _asked(request)
    said = form.cleaned_data
    rows = outlook_charts.weeks(found.chart(said["measure"], said["category"])) if said else []
    if not rows or outlook_charts.digest(rows) != digest:
        raise Http404("The numbers of this chart have changed; reload the page.")
    return picture(outlook_charts.weeks_svg(rows, title=MEASURES[said["measure"]]))


def _asked(request: WorkspaceRequest) -> tuple[StabilityFilter, Stability]:
    """The filters, and what there is; without anything to choose from the filters say nothing."""
    found = stability.of(request.membership.workspace, now=timezone.now())
    known = sorted({key for by_category in found.counts.values() for key in by_category})
    choices = [(key, found.names.get(key, key)) for key in known]
    given = {str(name): str(value) for name, value in request.GET.items()}
    flags = found.flags(given.get("measure", "") if given.get("measure") in MEASURES else stability.TAKES)
    first = flags[0].category if flags else known[0] if known else ""
    form = StabilityFilter(given, choices, first)
    if not form.is_valid():
        form = StabilityFilter({}, choices, first)
        if not form.is_valid():
            form.cleaned_data = {}
    return form, found


def _lines(found: Stability, measure: str) -> list[tuple[Any, ...]]:
    events, units = ("takes", "accepted") if measure == stability.TAKES else ("failures", "takes")
    lines: list[tuple[Any, ...]] = [
        ("category", "week", events, units, "figure", "centre", "low", "high", "flagged")
    ]
    for category in sorted(found.counts[measure]):
        for point in found.chart(measure, category):
            limits = ["" if end is None else printed(end) for end in (point.low, point.high)]
            centre = printed_or_none(point.centre) or ""
            flagged = "above" if point.is_above else "below" if point.is_below else ""
            lines.append((category, point.week, *point.tally, printed(point.value), centre, *limits, flagged))
    return lines
