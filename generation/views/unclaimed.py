"""Charges that belong to no take, and giving them to a campaign, a deliverable or a take."""

from __future__ import annotations

import datetime
import uuid
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Sum
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from billing import months
from billing.invoices import unclaimed
from billing.models import Assignment
from billing.models.ledger import Stage
from generation.forms.unclaimed import FilterForm
from generation.views.refusals import shows_refusals
from generation.views.saving import values
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page
from projects.models import Campaign, Deliverable, Membership, Take
from projects.problems import Invalid

PAGE_SIZE = 100
WAYS = "Write client/campaign, client/campaign/deliverable, or that and the number of the take after a slash."


@require_safe
@workspace_page(Right.READ)
def page(request: WorkspaceRequest) -> HttpResponse:
    """The unclaimed charges that fit the filter, with what they sum up to."""
    member = request.membership
    form = FilterForm(request.GET)
    wanted = _wanted(form, member)
    rows = unclaimed.listed(member, wanted)
    context = {
        "form": form,
        "page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")),
        "query": urlencode(
            {name: value for name, value in form.data.items() if name in form.fields and value}
        ),
        "total": rows.order_by().aggregate(total=Sum("amount"))["total"],
        "filtered": wanted != unclaimed.Filter(),
        "stages": Stage.choices,
        "ways": WAYS,
        "may_keep": Right.KEEP_BOOKS in rights_of(member),
    }
    return render(request, "generation/unclaimed.html", context)


@require_POST
@workspace_page(Right.KEEP_BOOKS)
@shows_refusals
def assign(request: WorkspaceRequest) -> HttpResponse:
    """Gives the charges that are ticked, or all that fit the filter, to what is named."""
    form = FilterForm(request.POST)
    values(form)
    given = _assign(request, _wanted(form, request.membership))
    messages.success(request, f"{given:,} charges assigned.")
    return redirect("generation:unclaimed", request.membership.workspace.slug)


def _wanted(form: FilterForm, member: Membership) -> unclaimed.Filter:
    """The filter that was asked for; days are those of the workspace, the last one included."""
    if not form.is_valid():
        return unclaimed.Filter()
    said: dict[str, Any] = dict(form.cleaned_data)
    zone = months.zone_of(member.workspace)
    since, until = said.pop("since"), said.pop("until")
    return unclaimed.Filter(
        **said,
        since=months.first_instant(since, zone) if since else None,
        until=months.first_instant(until + datetime.timedelta(days=1), zone) if until else None,
    )


def _assign(request: WorkspaceRequest, wanted: unclaimed.Filter) -> int:
    member, target = request.membership, _target(request)
    stage = request.POST.get("stage") or Stage.GENERATION
    if request.POST.get("all"):
        rule = unclaimed.assign_by_rule(wanted=wanted, target=target, by=member, stage=stage)
        return Assignment.objects.filter(rule=rule).count()
    try:
        ids = [uuid.UUID(each) for each in request.POST.getlist("entry")]
    except ValueError:
        raise Invalid({"entry": ["Choose charges from the list."]}) from None
    return len(unclaimed.assign(ids=ids, target=target, by=member, stage=stage))


def _target(request: WorkspaceRequest) -> Campaign | Deliverable | Take:
    """What `client/campaign/deliverable/take` names, as deep as it goes."""
    said = request.POST.get("target", "").strip().strip("/").split("/")
    keys = dict(zip(("project", "campaign", "deliverable", "take"), said, strict=False))
    found: Campaign | Deliverable | Take | None = None
    if "campaign" in keys and len(said) <= 4:
        campaigns = Campaign.objects.visible_to(request.membership)
        found = campaigns.filter(key=keys["campaign"], project__key=keys["project"]).first()
    if found and "deliverable" in keys:
        found = Deliverable.objects.filter(campaign=found.pk, key=keys["deliverable"]).first()
    if found and "take" in keys:
        number = int(keys["take"]) if keys["take"].isdecimal() and len(keys["take"]) < 8 else 0
        found = Take.objects.filter(deliverable=found.pk, number=number).first()
    if found is None:
        raise Invalid({"target": [f"There is no “{'/'.join(said)[:120]}”."]}, remedy=WAYS)
    return found
