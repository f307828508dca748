"""Exposure: on whom spend hangs, what dearer providers would cost, and what outages stop."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing import exposure, months, spend_days
from billing.exposure import Exposure
from billing.figures import printed, printed_or_none
from generation import exports, outages, outlook_charts, trials, what_if
from generation.forms.outlook import OutageForm, ShockForm
from generation.views.outlook_tabs import picture, tabs
from generation.what_if import WhatIf
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.problems import Invalid
from routing.brief import BUILTIN
from routing.shocks import Why

MOST_ROWS, MOST_SLIDERS = 20, 8
WORDS = {
    Why.FALLBACK: "the table's fallback is cheaper",
    Why.DEARER: "the fallback is not cheaper",
    Why.NONE: "no fallback that could be used",
    Why.UNNAMED: "not in the table in force",
}


@require_safe
@workspace_page(Right.READ)
def page(request: WorkspaceRequest) -> HttpResponseBase:
    """Shares of spend by provider and price row up to a month; `?format=csv` is the table by month."""
    workspace = request.membership.workspace
    found = _exposures(request)
    if request.GET.get("format") == "csv":
        name = f"{workspace.slug}-{found[0].month}-exposure.csv"
        return exports.csv_response(_exposure_lines(found), filename=name)
    this, before = found[0], found[1]
    following = months.month_of(workspace, months.span(workspace, this.month).end)
    names = _providers(found)
    context = {
        "this": this,
        "before": before,
        "after": following if following <= months.month_of(workspace, timezone.now()) else "",
        "providers": names,
        "found": [(each, [each.share_of(name) for name in names]) for each in found if each.providers],
        "rows": exposure.named(workspace, this.rows[:MOST_ROWS]),
        "rest": max(0, len(this.rows) - MOST_ROWS),
        "chart": outlook_charts.digest(outlook_charts.shares(found)),
        "tabs": tabs(workspace.slug, "exposure"),
    }
    return render(request, "generation/exposure.html", context)


@require_safe
@workspace_page(Right.READ)
def chart(request: WorkspaceRequest, digest: str) -> HttpResponse:
    """Shares by month as SVG."""
    rows = outlook_charts.shares(_exposures(request))
    if not rows or outlook_charts.digest(rows) != digest:
        raise Http404("The numbers of this chart have changed; reload the page.")
    return picture(outlook_charts.shares_svg(rows))


@require_safe
@workspace_page(Right.READ)
def shock(request: WorkspaceRequest) -> HttpResponseBase:
    """Last month at other prices; for htmx the part that the sliders change; `?format=csv` is its lines."""
    workspace = request.membership.workspace
    form, found = _shocked(request)
    if found and request.GET.get("format") == "csv":
        name = f"{workspace.slug}-{found.month}-what-if.csv"
        return exports.csv_response(_shock_lines(found), filename=name)
    context = {
        "form": form,
        "found": found,
        "lines": [(line, WORDS[line.way.why]) for line in found.lines] if found else [],
        "chart": outlook_charts.digest(outlook_charts.cases(found.lines)) if found and found.lines else "",
        "chart_height": 80 + 54 * min(outlook_charts.MOST_LINES, len(found.lines)) if found else 0,
        "query": urlencode({name: rise for name, rise in form.rises.items() if rise}),
        "tabs": tabs(workspace.slug, "shock"),
    }
    part = "#figures" if request.headers.get("HX-Request") else ""
    return render(request, f"generation/shock.html{part}", context)


@require_safe
@workspace_page(Right.READ)
def shock_chart(request: WorkspaceRequest, digest: str) -> HttpResponse:
    """The three cases of the dearest lines as SVG."""
    _, found = _shocked(request)
    rows = outlook_charts.cases(found.lines) if found else []
    if not rows or outlook_charts.digest(rows) != digest:
        raise Http404("The numbers of this chart have changed; reload the page.")
    return picture(outlook_charts.cases_svg(rows, currency=request.membership.workspace.currency))


@require_safe
@workspace_page(Right.READ)
def outage(request: WorkspaceRequest) -> HttpResponseBase:
    """What stopped in the last weeks, and what would stop; `?format=csv` is what stopped."""
    member, now = request.membership, timezone.now()
    past = outages.past(member, now=now)
    if request.GET.get("format") == "csv":
        return exports.csv_response(_outage_lines(past), filename=f"{member.workspace.slug}-outages.csv")
    named = outages.providers_of(trials.of(member.workspace, now=now))
    form = OutageForm(request.GET.dict(), named)
    if named and not form.is_valid():
        form = OutageForm({}, named)
        form.is_valid()
    said = form.cleaned_data if named else {}
    context = {
        "form": form,
        "past": past,
        "weeks": outages.WEEKS,
        "would": outages.would_stop(member, **said, now=now) if named else None,
        "tabs": tabs(member.workspace.slug, "outages"),
    }
    part = "#figures" if request.headers.get("HX-Request") else ""
    return render(request, f"generation/outages.html{part}", context)


def _exposures(request: WorkspaceRequest) -> list[Exposure]:
    workspace = request.membership.workspace
    month = request.GET.get("month") or months.month_of(workspace, timezone.now())
    try:
        return exposure.of_months(workspace, until=month)
    except Invalid as invalid:
        raise Http404(invalid.detail) from None


def _providers(found: list[Exposure]) -> list[str]:
    """Everybody that was paid in these months, in the order of the latest of them."""
    return list(dict.fromkeys(share.key for each in found for share in each.providers))


def _exposure_lines(found: list[Exposure]) -> list[tuple[Any, ...]]:
    names = _providers(found)
    head = ("month", "spend", "concentration_by_provider", "concentration_by_price_row", *names)
    lines: list[tuple[Any, ...]] = [head]
    for each in found:
        shares = [each.share_of(name) for name in names]
        cells = ["" if share is None else printed(share.amount) for share in shares]
        both = (printed_or_none(each.by_provider), printed_or_none(each.by_row))
        lines.append((each.month, printed(each.spend), *both, *cells))
    return lines


def _shocked(request: WorkspaceRequest) -> tuple[ShockForm, WhatIf | None]:
    """The sliders, and last month as they say; None where nothing was spent in it."""
    workspace, now = request.membership.workspace, timezone.now()
    month = months.before(months.month_of(workspace, now))
    spent = spend_days.of_months(workspace, [month])
    providers: dict[str, Any] = {}
    for each in spent:
        if each.provider != BUILTIN:
            providers[each.provider] = providers.get(each.provider, 0) + each.amount
    largest = sorted(providers, key=lambda name: (-providers[name], name))[:MOST_SLIDERS]
    credits = sorted({each.native_currency for each in spent if each.native_currency.startswith("credit:")})
    first = largest[0] if largest else ""
    form = ShockForm(_given(request), providers=largest, currencies=credits[:MOST_SLIDERS], first=first)
    if not spent:
        return form, None
    return form, what_if.of_month(workspace, month=month, shock=form.shock, now=now)


def _given(request: WorkspaceRequest) -> Mapping[str, str]:
    return {str(name): str(value) for name, value in request.GET.items()}


def _shock_lines(found: WhatIf) -> list[tuple[Any, ...]]:
    lines: list[tuple[Any, ...]] = [
        ("category", "phase", "model", "as_it_was", "dearer", "with_fallbacks", "offered", "why")
    ]
    for line in found.lines:
        amounts = [printed(amount) for amount in line.amounts]
        lines.append(
            (line.place.category, line.place.phase, line.model, *amounts, line.way.model, line.way.why)
        )
    totals = (("spend", found.spend), ("per_acceptable", found.per_acceptable), ("margin", found.margin))
    lines += [
        ("", "", name, *(printed(amount) for amount in three), "", "") for name, three in totals if three
    ]
    return lines


def _outage_lines(past: list[outages.Past]) -> list[tuple[Any, ...]]:
    head = (
        *("model", "since", "until", "seconds", "error_class", "reason", "failed_calls", "charged"),
        *("stopped_steps", "moved_calls", "moved_cash", "moved_to"),
    )
    return [head, *(_outage_line(one) for one in past)]


def _outage_line(one: outages.Past) -> tuple[Any, ...]:
    was, then = one.outage, one.followed
    return (
        *(was.model, _instant(was.since), _instant(was.until), int(one.lasted.total_seconds())),
        *(was.error_class, was.reason, then.failed, printed(then.charged), then.stopped),
        *(then.moved, printed(then.moved_cash), " ".join(then.models)),
    )


def _instant(at: datetime.datetime | None) -> str:
    return at.astimezone(datetime.UTC).isoformat() if at else ""
