"""People of a workspace: members and their roles, invitations, and what an hour of a role is worth."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from generation import departures, invitations
from generation.forms import people as forms
from generation.views.refusals import shows_refusals
from generation.views.saving import saved, status, values
from projects import people as work
from projects.access import ROLE_RIGHTS, Right, WorkspaceRequest, rights_of, workspace_page
from projects.models import Invitation, Membership, Role, RoleRate


@require_safe
@workspace_page(Right.READ)
def people(request: WorkspaceRequest) -> HttpResponse:
    """Members with their roles, waiting invitations, and what each role may."""
    return _page(request)


@require_POST
@workspace_page(Right.ADMINISTER)
def invite(request: WorkspaceRequest) -> HttpResponse:
    form = forms.InviteForm(request.POST)
    if not saved(form, invitations.invite, by=request.membership):
        return _page(request, invite_form=form)
    messages.success(request, f"The invitation is on its way to {form.cleaned_data['email']}.")
    return _back(request)


@require_POST
@workspace_page(Right.ADMINISTER)
@shows_refusals
def withdraw(request: WorkspaceRequest, invitation_id: uuid.UUID) -> HttpResponse:
    invitation = get_object_or_404(Invitation.objects.visible_to(request.membership), pk=invitation_id)
    work.withdraw_invitation(invitation=invitation, by=request.membership)
    messages.success(request, f"The invitation of {invitation.email} works no longer.")
    return _back(request)


@require_POST
@workspace_page(Right.ADMINISTER)
@shows_refusals
def roles(request: WorkspaceRequest, membership_id: uuid.UUID) -> HttpResponse:
    member = _member(request, membership_id)
    said = values(forms.RolesForm(request.POST))
    work.set_roles(membership=member, roles=said["roles"], by=request.membership)
    messages.success(request, f"{member.person}: the roles are changed.")
    return _back(request)


@require_POST
@workspace_page(Right.ADMINISTER)
@shows_refusals
def end(request: WorkspaceRequest, membership_id: uuid.UUID) -> HttpResponse:
    member = _member(request, membership_id)
    paused = departures.end_membership(membership=member, by=request.membership)
    words = f"{member.person} is no longer a member. What was done stays in the books."
    if paused:
        words += f" Batches that ran for them and are paused now: {paused}. A manager decides on the rest."
    messages.success(request, words)
    return redirect("/") if member.pk == request.membership.pk else _back(request)


@require_POST
@workspace_page(Right.KEEP_BOOKS)
def role_rate(request: WorkspaceRequest) -> HttpResponse:
    form = forms.RoleRateForm(request.POST, currency=request.membership.workspace.currency)
    if not saved(form, work.set_role_rate, by=request.membership):
        return _page(request, rate_form=form)
    messages.success(request, "The rate is set; time costs are derived from it.")
    return _back(request)


def _member(request: WorkspaceRequest, membership_id: uuid.UUID) -> Membership:
    rows = Membership.objects.visible_to(request.membership).select_related("person", "workspace")
    return get_object_or_404(rows, pk=membership_id, ended_at__isnull=True)


def _back(request: WorkspaceRequest) -> HttpResponse:
    return redirect("generation:people", request.membership.workspace.slug)


def _page(
    request: WorkspaceRequest,
    *,
    invite_form: forms.InviteForm | None = None,
    rate_form: forms.RoleRateForm | None = None,
) -> HttpResponse:
    member, currency = request.membership, request.membership.workspace.currency
    members = (
        Membership.objects.visible_to(member)
        .filter(ended_at__isnull=True)
        .select_related("person")
        .order_by("person__name", "person__email")
    )
    context: dict[str, Any] = {
        "members": [
            {
                "row": row,
                "form": forms.RolesForm(initial={"roles": row.roles}, prefix="", auto_id=f"r-{row.pk}-%s"),
            }
            for row in members
        ],
        "role_labels": dict(Role.choices),
        "matrix": matrix(),
        "role_names": Role.choices,
        "may_administer": Right.ADMINISTER in rights_of(member),
        "may_set_rates": Right.KEEP_BOOKS in rights_of(member),
        "invite_form": invite_form or forms.InviteForm(auto_id="invite_%s"),
    }
    if context["may_administer"]:
        context["invitations"] = _waiting(member)
    if context["may_set_rates"]:
        context["rates"] = RoleRate.objects.visible_to(member).order_by("role", "-starts_on")
        context["rate_form"] = rate_form or forms.RoleRateForm(currency=currency, auto_id="rate_%s")
    bad = max(status(form) for form in (invite_form, rate_form) if form) if invite_form or rate_form else 200
    return render(request, "generation/people.html", context, status=bad)


def _waiting(member: Membership) -> Any:
    rows = Invitation.objects.visible_to(member).filter(accepted_at__isnull=True, revoked_at__isnull=True)
    return rows.filter(expires_at__gt=timezone.now()).select_related("invited_by").order_by("-invited_at")


def matrix() -> list[tuple[str, list[bool]]]:
    """What each role may: one row a right, one column a role."""
    return [(str(right.label), [right in ROLE_RIGHTS[role] for role in Role.values]) for right in Right]
