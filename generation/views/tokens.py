"""API tokens: one's own, and for an admin those of the others."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from generation.forms.settings import TokenForm
from generation.views.refusals import shows_refusals
from generation.views.saving import status
from generation.views.settings import tabs
from projects import tokens as work
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page
from projects.models import ApiToken

SHOWN_DIGITS = 24


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page(Right.READ)
def tokens(request: WorkspaceRequest) -> HttpResponse:
    """Tokens by label; a new one is shown in this answer and never again."""
    member, form = request.membership, TokenForm(request.POST or None)
    context: dict[str, Any] = {"tabs": tabs(request)}
    if request.method == "POST" and form.is_valid():
        context["secret"] = work.issue(membership=member, label=form.cleaned_data["label"])
        form = TokenForm()
    rows = _tokens(request)
    context["form"] = form
    context["own"] = [row for row in rows if row.membership_id == member.pk]
    context["others"] = [row for row in rows if row.membership_id != member.pk]
    context["now"] = timezone.now()
    return render(request, "generation/settings_tokens.html", context, status=status(form))


@require_POST
@workspace_page(Right.READ)
@shows_refusals
def revoke(request: WorkspaceRequest, digest: str) -> HttpResponse:
    """The address names a token by the beginning of its hash, which opens nothing."""
    rows = ApiToken.objects.filter(membership__workspace=request.membership.workspace_id)
    if len(digest) != SHOWN_DIGITS:
        raise Http404("There is no such token.")
    token = get_object_or_404(rows, digest__startswith=digest)
    work.revoke(token=token, by=request.membership)
    messages.success(request, f"The token “{token.label}” works no longer.")
    return redirect("generation:tokens", request.membership.workspace.slug)


def _tokens(request: WorkspaceRequest) -> list[ApiToken]:
    member = request.membership
    rows = ApiToken.objects.filter(membership__workspace=member.workspace_id)
    if Right.ADMINISTER not in rights_of(member):
        rows = rows.filter(membership=member)
    return list(rows.select_related("membership__person").order_by("-created"))
