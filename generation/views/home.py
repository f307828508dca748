"""Home: the work that waits for this person."""

from __future__ import annotations

from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing import budgets
from billing.models import Budget
from generation import cards
from generation.models import ProviderAccount
from projects import access
from projects.access import Right, WorkspaceRequest, policy, workspace_page
from projects.models import Campaign, CapRequest, HeroRequest, Membership, Notice
from projects.models.work import BoardColumn

MINE_FIRST = (
    BoardColumn.CHOOSING,
    BoardColumn.MAKING,
    BoardColumn.BRIEF,
    BoardColumn.APPROVAL,
    BoardColumn.REVIEW,
)
CARDS_A_COLUMN = 4
WAITING_SHOWN = 6
BUDGETS_SHOWN = 4
CAMPAIGNS_SHOWN = 8


@require_safe
@policy("signed_in")
def entrance(request: Any) -> HttpResponseRedirect | HttpResponse:
    """The site's first address: to one's workspace, to sign-in, or to what to do without either."""
    if not request.user.is_authenticated:
        return redirect("account_login")
    first = (
        Membership.objects.filter(person=request.user, ended_at__isnull=True)
        .select_related("workspace")
        .order_by("-joined_at")
        .first()
    )
    if first is None:
        return render(request, "generation/no_workspace.html")
    return redirect("generation:home", first.workspace.slug)


@require_safe
@workspace_page(Right.READ)
def home(request: WorkspaceRequest) -> HttpResponse:
    """My deliverables by what they wait for, what waits for my approval, my budgets, my notices."""
    member, rights = request.membership, access.rights_of(request.membership)
    context: dict[str, Any] = {
        "mine": _columns(member),
        "notices": Notice.objects.filter(membership=member, read_at=None, in_page=True).order_by(
            "-created_at"
        )[:5],
    }
    if Right.APPROVE in rights:
        context |= _approvals(member)
    if {Right.SET_BUDGETS, Right.KEEP_BOOKS} & rights:
        context["budgets"] = _budgets(member)
    if Right.KEEP_BOOKS in rights:
        context["month"] = timezone.localdate()
    if Right.ADMINISTER in rights:
        context["steps"] = _steps(member)
    if not {Right.MAKE, Right.APPROVE} & rights:
        context["campaigns"] = (
            Campaign.objects.visible_to(member)
            .filter(ended_at=None)
            .select_related("project")
            .order_by("-created_at", "-pk")[:CAMPAIGNS_SHOWN]
        )
    return render(request, "generation/home.html", context)


def _columns(member: Membership) -> list[dict[str, Any]]:
    """What waits for me, column by column: exact counts and the next few by due date."""
    found = cards.mine(member, columns=MINE_FIRST, each=CARDS_A_COLUMN)
    shown = [pk for _, _, first in found for pk in first]
    made = cards.of(shown, workspace=member.workspace, today=timezone.localdate())
    return [
        {
            "key": key,
            "label": BoardColumn(key).label,
            "count": number,
            "cards": [card for card in made if card.column == key],
        }
        for key, number, _ in found
    ]


def _approvals(member: Membership) -> dict[str, Any]:
    heroes = (
        HeroRequest.objects.visible_to(member)
        .filter(state="waiting")
        .select_related("deliverable__campaign", "requested_by", "take__poster")
        .order_by("requested_at")
    )
    caps = (
        CapRequest.objects.visible_to(member)
        .filter(state="waiting")
        .select_related("deliverable__campaign", "requested_by")
        .order_by("requested_at")
    )
    return {
        "heroes": heroes[:WAITING_SHOWN],
        "caps": caps[:WAITING_SHOWN],
        "approves": True,
    }


def _steps(member: Membership) -> list[dict[str, Any]]:
    """What sets a workspace up, and whether it is done; empty once all of it is."""
    workspace = member.workspace
    there = Membership.objects.filter(workspace=workspace, ended_at=None).exclude(pk=member.pk)
    steps = [
        {
            "done": there.exists(),
            "label": "Invite the team",
            "text": "Producers make, managers approve, finance keeps the books.",
            "href": reverse("generation:people", args=[workspace.slug]),
        },
        {
            "done": ProviderAccount.objects.filter(workspace=workspace, retired_at__isnull=True).exists(),
            "label": "Connect a provider",
            "text": "Until then the built-in renderer sketches every take.",
            "href": reverse("generation:providers", args=[workspace.slug]),
        },
        {
            "done": Budget.objects.filter(workspace=workspace, ended_at=None).exists(),
            "label": "Have a budget set",
            "text": "Managers and finance set it; money is held before a provider is asked.",
            "href": reverse("billing:budgets", args=[workspace.slug]),
        },
        {
            "done": is_mfa_enabled(member.person),
            "label": "Protect your own sign-in",
            "text": "A second factor, because you hold the keys of the providers.",
            "href": reverse("mfa_index"),
        },
    ]
    return [] if all(step["done"] for step in steps) else steps


def _budgets(member: Membership) -> list[budgets.BudgetLeft]:
    rows = (
        Budget.objects.visible_to(member)
        .filter(ended_at=None, deliverable=None)
        .select_related(*budgets.NAMED)
        .order_by("set_at")[:20]
    )
    found = budgets.in_window(rows, timezone.now())
    return sorted(found, key=lambda row: row.left / row.limit if row.limit else 0)[:BUDGETS_SHOWN]
