"""The close of a month: checklist, steps, sample, signatures; and the year as closed and as restated."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_POST, require_safe

from billing import closing, closing_checks, exceptions, months, restated, sampling, standing
from billing.models.closing import Settlement
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page
from projects.problems import Invalid, Refused

STEPS = ("begin", "back", "read", "provider", "sample", "sign", "close")


@require_safe
@workspace_page(Right.READ)
def page(request: WorkspaceRequest, month: str) -> HttpResponse:
    """What the month needs before it is closed, and what was said and done so far."""
    return _page(request, month)


@require_POST
@workspace_page(Right.KEEP_BOOKS)
def step(request: WorkspaceRequest, month: str, step: str) -> HttpResponseBase:
    """One step on the way: `begin`, `back`, `read`, `provider`, `sample`, `sign` or `close`."""
    if step not in STEPS:
        raise Http404
    _span(request, month)
    try:
        said = _taken(request, month, step)
    except Refused as refused:
        return _page(request, month, refused=refused)
    messages.success(request, said)
    return redirect("billing:month_close", request.membership.workspace.slug, month)


@require_safe
@workspace_page(Right.READ)
def year(request: WorkspaceRequest, year: int) -> HttpResponse:
    """Each month of a year: as closed beside as restated."""
    workspace = request.membership.workspace
    now = timezone.now().astimezone(months.zone_of(workspace))
    if not 2000 <= year <= now.year + 1:
        raise Http404
    rows = restated.year(workspace, year, now=now)
    context = {
        "year": year,
        "before": year - 1,
        "after": year + 1 if year < now.year else None,
        "rows": rows,
        "workspace": workspace,
        "currency": workspace.currency,
    }
    return render(request, "billing/year.html", context)


def _page(request: WorkspaceRequest, month: str, refused: Refused | None = None) -> HttpResponse:
    member = request.membership
    workspace, span = member.workspace, _span(request, month)
    stands = standing.standing(workspace, month)
    looked = sampling.sample(workspace, month)
    said = closing_checks.settled(stands.steps)
    wrong = sampling.false_accepts(looked)
    context = {
        "month": month,
        "over": timezone.now() >= span.end,
        "standing": stands,
        "checks": closing_checks.all_of(workspace, month, stands),
        "providers": [
            (name, amount, said.get(name))
            for name, amount in closing_checks.providers(workspace, span).items()
        ],
        "settlements": Settlement.choices,
        "exceptions": exceptions.number(workspace=workspace, month=month),
        "sample": looked,
        "false_accepts": wrong,
        "changes": restated.changes(stands.close) if stands.close else [],
        "may_keep": Right.KEEP_BOOKS in rights_of(member),
        "refused": refused,
        "workspace": workspace,
        "currency": workspace.currency,
    }
    return render(request, "billing/month_close.html", context, status=refused.status if refused else 200)


def _taken(request: WorkspaceRequest, month: str, step: str) -> str:
    """Takes the step; answers what to say."""
    of = {"workspace": request.membership.workspace, "month": month, "by": request.membership}
    taken: dict[str, Callable[[WorkspaceRequest, dict[str, Any]], str]] = {
        "begin": _begin,
        "back": _back,
        "read": _read,
        "provider": _provider,
        "sample": _sample,
        "sign": _sign,
        "close": _close,
    }
    return taken[step](request, of)


def _begin(request: WorkspaceRequest, of: dict[str, Any]) -> str:
    closing.begin(**of)
    return "The month is under review."


def _back(request: WorkspaceRequest, of: dict[str, Any]) -> str:
    closing.take_back(**of, note=request.POST.get("note", ""))
    return "The review is taken back: the month is open."


def _read(request: WorkspaceRequest, of: dict[str, Any]) -> str:
    closing.read_exceptions(**of)
    return "The exceptions are read."


def _provider(request: WorkspaceRequest, of: dict[str, Any]) -> str:
    provider = request.POST.get("provider", "")
    closing.settle_provider(
        **of,
        provider=provider,
        settlement=request.POST.get("settlement", ""),
        expected_on=_day(request.POST.get("expected_on", "")),
        note=request.POST.get("note", ""),
    )
    return f"{provider} is settled."


def _sample(request: WorkspaceRequest, of: dict[str, Any]) -> str:
    try:
        take = uuid.UUID(request.POST.get("take", ""))
    except ValueError:
        raise Invalid({"take": ["Choose a take of the sample."]}) from None
    agrees = request.POST.get("agrees")
    if agrees not in ("yes", "no"):
        raise Invalid({"agrees": ["Say whether you would accept it again."]})
    sampling.judge(**of, take_id=take, agrees=agrees == "yes", note=request.POST.get("note", ""))
    return "Your second look is kept."


def _sign(request: WorkspaceRequest, of: dict[str, Any]) -> str:
    closing.sign(**of)
    return "You have signed. A second person closes the month."


def _close(request: WorkspaceRequest, of: dict[str, Any]) -> str:
    closing.close(**of, note=request.POST.get("note", ""))
    return "The month is closed."


def _day(text: str) -> datetime.date | None:
    try:
        return parse_date(text) if text else None
    except ValueError:
        raise Invalid({"expected_on": [f"“{text}” is no day: write it as 2026-11-30."]}) from None


def _span(request: WorkspaceRequest, month: str) -> months.Span:
    try:
        return months.span(request.membership.workspace, month)
    except Invalid as invalid:
        raise Http404(invalid.detail) from None
