"""Provider accounts: keys go in and are never shown again."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from generation import accounts
from generation.forms import settings as forms
from generation.models import ProviderAccount
from generation.views.refusals import shows_refusals
from generation.views.saving import saved, status, values
from generation.views.settings import tabs
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page


@require_safe
@workspace_page(Right.READ)
def providers(request: WorkspaceRequest) -> HttpResponse:
    """Accounts with their limits and the last test; of a key its last four characters."""
    member = request.membership
    rows = ProviderAccount.objects.visible_to(member).order_by("provider", "name")
    context = {
        "accounts": [{"row": row, **_forms(row)} for row in rows],
        "may_change": Right.ADMINISTER in rights_of(member),
        "may_propose": Right.PROPOSE_TABLES in rights_of(member),
        "tabs": tabs(request),
    }
    return render(request, "generation/settings_providers.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page(Right.ADMINISTER)
def add(request: WorkspaceRequest) -> HttpResponse:
    form = forms.AccountForm(request.POST or None)
    if request.method == "POST" and saved(form, accounts.add, by=request.membership):
        messages.success(request, "The account is stored, its key encrypted. Test it before the first take.")
        return _back(request)
    context = {
        "form": form,
        "title": "Add a provider account",
        "submit": "Store account",
        "note": "The key is encrypted before it is stored; only its last four characters are ever shown.",
        "trail": [{"label": "Settings"}, {"label": "Providers", "href": "../"}],
    }
    return render(request, "generation/form.html", context, status=status(form))


@require_POST
@workspace_page(Right.ADMINISTER)
@shows_refusals
def change_key(request: WorkspaceRequest, account_id: uuid.UUID) -> HttpResponse:
    account = _find(request, account_id)
    accounts.change_key(account=account, by=request.membership, **values(forms.KeyForm(request.POST)))
    messages.success(request, f"{account.name}: the new key is in place. Test it.")
    return _back(request)


@require_POST
@workspace_page(Right.ADMINISTER)
@shows_refusals
def limits(request: WorkspaceRequest, account_id: uuid.UUID) -> HttpResponse:
    account = _find(request, account_id)
    accounts.set_limits(account=account, by=request.membership, **values(forms.LimitsForm(request.POST)))
    messages.success(request, f"{account.name}: the limits are set.")
    return _back(request)


@require_POST
@workspace_page(Right.ADMINISTER)
@shows_refusals
def switch(request: WorkspaceRequest, account_id: uuid.UUID) -> HttpResponse:
    """Switches the account as `enabled` says: 1 on, else off."""
    account, enabled = _find(request, account_id), request.POST.get("enabled") == "1"
    accounts.set_enabled(account=account, enabled=enabled, by=request.membership)
    messages.success(request, f"{account.name} is {'on' if enabled else 'off: it takes no new jobs'}.")
    return _back(request)


@require_POST
@workspace_page(Right.ADMINISTER)
@shows_refusals
def test(request: WorkspaceRequest, account_id: uuid.UUID) -> HttpResponse:
    works, words = accounts.check_connection(account=_find(request, account_id), by=request.membership)
    (messages.success if works else messages.error)(request, words)
    return _back(request)


def _forms(row: ProviderAccount) -> dict[str, Any]:
    now = {name: getattr(row, name) for name in forms.LimitsForm.base_fields}
    return {
        "limits": forms.LimitsForm(initial=now, auto_id=f"l-{row.pk}-%s"),
        "key": forms.KeyForm(auto_id=f"k-{row.pk}-%s"),
    }


def _find(request: WorkspaceRequest, account_id: uuid.UUID) -> ProviderAccount:
    return get_object_or_404(ProviderAccount.objects.visible_to(request.membership), pk=account_id)


def _back(request: WorkspaceRequest) -> HttpResponse:
    return redirect("generation:providers", request.membership.workspace.slug)
