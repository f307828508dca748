"""Health: how models and providers do, now and over time, with the calls behind each figure."""

from __future__ import annotations

import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from billing import audit_tables
from generation import facts, health, health_calls, health_charts, health_now, health_tables, unknown
from generation.forms.health import HealthFilter
from generation.health import SPANS, Report
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Membership
from routing import breakers, leaving
from routing.brief import Breaker

#: How a breaker's states read, and their colours in a bar.
WORDS: dict[str, str] = {Breaker.CLOSED: "Healthy", Breaker.OPEN: "Resting", Breaker.HALF_OPEN: "Probing"}
SERIES: dict[str, str] = {Breaker.CLOSED: "good", Breaker.OPEN: "bad", Breaker.HALF_OPEN: "2"}


def _asked(request: WorkspaceRequest) -> tuple[HealthFilter, Report]:
    """The filters and their figures; what makes no sense counts as not asked for."""
    given = {"span": "day", "by": "model"} | {name: value for name, value in request.GET.items() if value}
    form = HealthFilter(given)
    if not form.is_valid():
        form = HealthFilter({"span": "day", "by": "model"})
        form.is_valid()
    said = form.cleaned_data
    report = health.report(
        request.membership,
        span=SPANS[said["span"]],
        now=timezone.now(),
        provider=said["provider"],
        model=said["model"],
    )
    form.offer(report)
    return form, report


@require_safe
@workspace_page(Right.READ)
def page(request: WorkspaceRequest) -> HttpResponse:
    """The whole page; for htmx what the filters change."""
    form, report = _asked(request)
    member, said = request.membership, form.cleaned_data
    now = report.until
    current = breakers.current(member, now=now)
    changes = breakers.changes(member, since=report.since, model=said["model"], provider=said["provider"])
    places = health_now.places(member, known=report.known_providers)
    by_provider = said["by"] == "provider"
    oldest = min(filter(None, (place.oldest_waiting for place in places)), default=None)
    context: dict[str, Any] = {
        "form": form,
        "report": report,
        "total": report.total,
        "by_provider": by_provider,
        "rows": _rows(request, report, current, by_provider=by_provider),
        "errors": health.errors(member, report.total),
        "current": current,
        "unwell": [one for one in current.values() if one.state != Breaker.CLOSED],
        "changes": changes,
        "courses": _courses(breakers.stretches(changes, current.values(), since=report.since, until=now)),
        "places": places,
        "paused": [account for place in places for account in place.paused(now)],
        "in_flight": sum(place.in_flight for place in places),
        "longest_wait": now - oldest if oldest else None,
        "unknown": unknown.waiting(membership=member).count(),
        "leaving": _leaving(member, now),
        "charts": {name: health_charts.digest(name, report) for name in health_charts.NAMES},
        "query": _query(said),
        "workspace": member.workspace,
    }
    part = "#figures" if request.headers.get("HX-Request") else ""
    return render(request, f"generation/health.html{part}", context)


@require_safe
@workspace_page(Right.READ)
def export(request: WorkspaceRequest, table: str) -> HttpResponse:
    """One table of the page as CSV, as filtered."""
    form, report = _asked(request)
    if table not in health_tables.TABLES:
        raise Http404
    said = form.cleaned_data
    lines = health_tables.TABLES[table](request.membership, report, said["model"], said["provider"])
    answer = HttpResponse(audit_tables.csv_text(lines), content_type="text/csv; charset=utf-8")
    name = f"{request.membership.workspace.slug}-health-{table}-{report.span.key}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_safe
@workspace_page(Right.READ)
def chart(request: WorkspaceRequest, name: str, digest: str) -> HttpResponse:
    """A chart as SVG, kept by browsers under the hash of its numbers."""
    _, report = _asked(request)
    if name not in health_charts.NAMES or health_charts.digest(name, report) != digest:
        raise Http404("The numbers of this chart have changed; reload the page.")
    answer = HttpResponse(health_charts.svg(name, report), content_type="image/svg+xml")
    answer["Cache-Control"] = "private, max-age=31536000, immutable"
    return answer


@require_safe
@workspace_page(Right.READ)
def calls(request: WorkspaceRequest) -> HttpResponse:
    """The calls behind a cell, the latest first, with the takes that they were made for."""
    form, report = _asked(request)
    said, outcome = form.cleaned_data, request.GET.get("outcome", "")
    before = _instant(request.GET.get("before", "")) or report.until
    rows, more = health_calls.latest(
        request.membership,
        models=[figures.key for figures in report.models],
        outcome=outcome,
        since=report.since,
        before=before,
    )
    context = {
        "rows": rows,
        "more": _ended_at(rows) if more else "",
        "report": report,
        "outcome": outcome,
        "words": health.ERRORS.get(outcome, outcome.capitalize()),
        "said": said,
        "query": _query(said),
        "workspace": request.membership.workspace,
        "currency": request.membership.workspace.currency,
    }
    return render(request, "generation/health_calls.html", context)


def _rows(
    request: WorkspaceRequest, report: Report, current: dict[str, breakers.Now], *, by_provider: bool
) -> list[dict[str, Any]]:
    """The figures with what a cell leads to, and the breaker of a model."""
    flying = {} if by_provider else health_now.in_flight_by_model(request.membership)
    name = "provider" if by_provider else "model"
    return [
        {
            "figures": figures,
            "query": _query({"span": report.span.key, name: figures.key}),
            "breaker": current.get(figures.key),
            "in_flight": flying.get(figures.key, 0),
        }
        for figures in (report.providers if by_provider else report.models)
    ]


def _leaving(member: Membership, now: datetime.datetime) -> dict[str, list[leaving.Leaving]]:
    """Models that go soon: those that routes in force will miss, and the others."""
    accounts = facts.providers_with_account(member.workspace)
    found = leaving.listed(member.workspace, accounts=accounts, now=now)
    return {"used": [row for row in found if row.routes], "others": [row for row in found if not row.routes]}


def _courses(found: dict[str, list[breakers.Stretch]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """By model a bar of the states that its breaker went through."""
    return [
        (
            model,
            [
                {"label": WORDS[row.state], "value": row.end - row.start, "series": SERIES[row.state]}
                for row in stretches
            ],
        )
        for model, stretches in found.items()
    ]


def _query(said: dict[str, Any]) -> str:
    """The filters as they stand in an address."""
    names = ("span", "provider", "model", "by")
    return urlencode({name: said[name] for name in names if said.get(name)})


def _ended_at(rows: list[health_calls.Ended]) -> str:
    last = rows[-1].call.ended_at
    return last.isoformat() if last else ""


def _instant(text: str) -> datetime.datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found is not None and timezone.is_aware(found) else None
