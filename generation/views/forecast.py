"""Forecast: what the running month will have cost at its end, and how past forecasts would have held."""

from __future__ import annotations

import datetime
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing import dimensions, forecasts, months
from billing.dimensions import By
from billing.figures import printed, printed_or_none
from billing.forecasts import Forecast, Tested
from generation import exports, outlook_charts
from generation.views.outlook_tabs import picture, tabs
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Workspace


@require_safe
@workspace_page(Right.READ)
def page(request: WorkspaceRequest) -> HttpResponseBase:
    """The month's end by its parts; `?format=csv` is them."""
    workspace, now = request.membership.workspace, timezone.now()
    found = forecasts.of_month(workspace, at=now)
    if request.GET.get("format") == "csv":
        name = f"{workspace.slug}-{found.month}-forecast.csv"
        return exports.csv_response(_lines(found), filename=name)
    keys = [part.category for part in found.parts]
    names = dimensions.names(workspace=workspace, by=By.CATEGORY, keys=keys)
    context = {
        "found": found,
        "parts": [(part, names[part.category]) for part in found.parts],
        "borrowed": any(part.borrowed for part in found.parts),
        "chart": outlook_charts.digest(_course(workspace, found)),
        "weeks": forecasts.WEEKS,
        "tabs": tabs(workspace.slug, "forecast"),
    }
    return render(request, "generation/forecast.html", context)


@require_safe
@workspace_page(Right.READ)
def chart(request: WorkspaceRequest, digest: str) -> HttpResponse:
    """The month's course up to now, and its end, as SVG."""
    workspace = request.membership.workspace
    rows = _course(workspace, forecasts.of_month(workspace, at=timezone.now()))
    if outlook_charts.digest(rows) != digest:
        raise Http404("The numbers of this chart have changed; reload the page.")
    return picture(outlook_charts.course_svg(rows, currency=workspace.currency))


@require_safe
@workspace_page(Right.READ)
def back_test(request: WorkspaceRequest) -> HttpResponseBase:
    """Past months as they would have been foreseen, a part of the page; `?format=csv` is the table."""
    workspace = request.membership.workspace
    rows = forecasts.back_test(workspace, now=timezone.now())
    if request.GET.get("format") == "csv":
        return exports.csv_response(_test_lines(rows), filename=f"{workspace.slug}-back-test.csv")
    context = {
        "rows": rows,
        "held": sum(row.held for row in rows),
        "day": forecasts.TESTED_DAY,
        "tabs": tabs(workspace.slug, "forecast"),
    }
    part = "#tested" if request.headers.get("HX-Request") else ""
    return render(request, f"generation/forecast_tested.html{part}", context)


def _course(workspace: Workspace, found: Forecast) -> list[Any]:
    zone = months.zone_of(workspace)
    end = months.span(workspace, found.month).end.astimezone(zone).date() - datetime.timedelta(days=1)
    return outlook_charts.course(forecasts.course(workspace, month=found.month), found, end)


def _lines(found: Forecast) -> list[tuple[Any, ...]]:
    lines: list[tuple[Any, ...]] = [
        ("part", "due", "takes_used", "takes_per_accepted", "base", "amount", "low", "high")
    ]
    for part in found.parts:
        figures = [printed_or_none(figure) for figure in part.pattern] if part.pattern else ["", ""]
        lines.append((part.category, part.due, part.used, *figures, printed(part.amount), "", ""))
    lines += [
        ("booked", "", "", "", "", printed(found.booked), "", ""),
        ("reserved", "", "", "", "", printed(found.reserved), "", ""),
        ("month end", "", "", "", "", *(printed(each) for each in (found.amount, found.low, found.high))),
    ]
    return lines


def _test_lines(rows: list[Tested]) -> list[tuple[Any, ...]]:
    head = ("month", "as_of", "booked", "reserved", "forecast", "low", "high", "actual", "held")
    return [head, *(_test_line(row) for row in rows)]


def _test_line(row: Tested) -> tuple[Any, ...]:
    made = row.forecast
    amounts = (made.booked, made.reserved, made.amount, made.low, made.high, row.actual)
    return (made.month, made.at.isoformat(), *map(printed, amounts), "yes" if row.held else "no")
