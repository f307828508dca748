"""Provider accounts: keys go in and are never shown again."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.forms import CharField, HiddenInput
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from generation import account_changes, account_checks, accounts, spending
from generation.forms import accounts as forms
from generation.models import ProviderAccount
from generation.providers import registry
from generation.providers.profile import SecretFrom
from generation.views.refusals import shows_refusals
from generation.views.saving import saved, status, values
from generation.views.settings import tabs
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page


@require_safe
@workspace_page(Right.READ)
def providers(request: WorkspaceRequest) -> HttpResponse:
    """Accounts with their limits, the last test and what was spent; of a key its last four characters."""
    member = request.membership
    known = list(ProviderAccount.objects.visible_to(member).order_by("provider", "name"))
    rows = [row for row in known if row.retired_at is None]
    spent = spending.this_month(workspace=member.workspace, now=timezone.now())
    uses = account_changes.uses([row.pk for row in known])
    context = {
        "accounts": [
            {"row": row, "spent": spent.get(row.pk), "use": uses.get(row.pk), **_words(row), **_forms(row)}
            for row in rows
        ],
        "retired": [
            {"row": row, "use": uses.get(row.pk), "title": registry.get(row.provider).profile.title}
            for row in known
            if row.retired_at is not None
        ],
        "may_change": Right.ADMINISTER in rights_of(member),
        "may_propose": Right.PROPOSE_TABLES in rights_of(member),
        "tabs": tabs(request),
    }
    return render(request, "generation/settings_providers.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page(Right.ADMINISTER)
def add(request: WorkspaceRequest) -> HttpResponse:
    """First the provider is chosen, then its form is filled in: what it asks differs between them."""
    asked = request.POST if request.method == "POST" else request.GET
    provider = str(asked.get("provider", ""))
    trail = [{"label": "Settings"}, {"label": "Providers", "href": "../"}]
    if provider not in registry.with_accounts():
        chooses = {"providers": _choices(), "trail": trail}
        return render(request, "generation/account_choose.html", chooses)
    form = forms.AccountForm(request.POST or None, provider=provider)
    if request.method == "POST" and saved(form, accounts.add, by=request.membership):
        _warn_of_key(request, provider, form.cleaned_data["key"])
        messages.success(request, "The account is stored, its key encrypted. Test it before the first take.")
        return _back(request)
    form.fields["provider"] = CharField(initial=provider, widget=HiddenInput)
    profile = registry.get(provider).profile
    context = {
        "form": form,
        "title": f"Add an account: {profile.title}",
        "submit": "Store account",
        "note": profile.note
        or "The key is encrypted before it is stored; only its last four characters are ever shown.",
        "trail": trail,
    }
    return render(request, "generation/form.html", context, status=status(form))


def _choices() -> list[dict[str, Any]]:
    """The providers that accounts can be added at, by the names that people know."""
    known = [(name, registry.get(name).profile) for name in registry.with_accounts()]
    return [
        {"name": name, "title": profile.title, "own": not profile.base_urls, "keyless": not profile.key}
        for name, profile in sorted(known, key=lambda pair: pair[1].title.lower())
    ]


@require_POST
@workspace_page(Right.ADMINISTER)
@shows_refusals
def change_key(request: WorkspaceRequest, account_id: uuid.UUID) -> HttpResponse:
    account = _find(request, account_id)
    form = forms.KeyForm(request.POST, provider=account.provider)
    said = values(form)
    accounts.change_key(account=account, by=request.membership, **said)
    _warn_of_key(request, account.provider, said["key"])
    messages.success(request, f"{account.name}: the new key is in place. Test it.")
    return _back(request)


@require_POST
@workspace_page(Right.ADMINISTER)
@shows_refusals
def change_secret(request: WorkspaceRequest, account_id: uuid.UUID) -> HttpResponse:
    """Replaces the secret that signs the provider's webhooks."""
    account, form = _find(request, account_id), forms.SecretForm(request.POST)
    accounts.change_webhook_secret(account=account, by=request.membership, **values(form))
    messages.success(request, f"{account.name}: the new webhook secret is in place.")
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
def change_place(request: WorkspaceRequest, account_id: uuid.UUID) -> HttpResponse:
    """Gives the account another name, region or address."""
    account = _find(request, account_id)
    said = values(forms.PlaceForm(request.POST, provider=account.provider))
    account_changes.change_place(account=account, by=request.membership, **said)
    messages.success(request, f"{account.name}: name and address are saved.")
    return _back(request)


@require_POST
@workspace_page(Right.ADMINISTER)
@shows_refusals
def remove(request: WorkspaceRequest, account_id: uuid.UUID) -> HttpResponse:
    """Deletes an account without calls, retires any other; `in_flight` is what its question said."""
    account, seen = _find(request, account_id), values(forms.RemoveForm(request.POST))["in_flight"] or 0
    deleted = account_changes.remove(account=account, seen=seen, by=request.membership)
    kept = "" if deleted else " It is kept below, since calls were made under it."
    messages.success(request, f"{account.name} is removed.{kept}")
    return _back(request)


@require_POST
@workspace_page(Right.ADMINISTER)
@shows_refusals
def test(request: WorkspaceRequest, account_id: uuid.UUID) -> HttpResponse:
    works, words = accounts.check_connection(account=_find(request, account_id), by=request.membership)
    (messages.success if works else messages.error)(request, words)
    return _back(request)


def _warn_of_key(request: WorkspaceRequest, provider: str, key: str) -> None:
    if doubts := account_checks.doubts(provider, key):
        messages.warning(request, doubts)


def _forms(row: ProviderAccount) -> dict[str, Any]:
    now = {name: getattr(row, name) for name in forms.LimitsForm.base_fields}
    provider = registry.get(row.provider)
    place = {"name": row.name, "base_url": row.base_url, "region": row.region}
    signed = provider.profile.webhook_secret is SecretFrom.ENTERED
    return {
        "rename": forms.PlaceForm(initial=place, auto_id=f"p-{row.pk}-%s", provider=row.provider),
        "limits": forms.LimitsForm(initial=now, auto_id=f"l-{row.pk}-%s", provider=row.provider),
        "key": forms.KeyForm(auto_id=f"k-{row.pk}-%s", provider=row.provider)
        if provider.profile.key
        else None,
        "secret": forms.SecretForm(auto_id=f"s-{row.pk}-%s") if signed else None,
    }


def _words(row: ProviderAccount) -> dict[str, Any]:
    """What the page says of an account beside its row."""
    provider = registry.get(row.provider)
    overlap = row.old_until is not None and timezone.now() < row.old_until
    return {
        "title": provider.profile.title,
        "place": row.base_url or registry.base_url(row.provider, region=row.region),
        "keyless": not provider.profile.key,
        "hooks": bool(provider.abilities.webhooks),
        "hook_address": f"{settings.PUBLIC_URL}/hooks/{row.provider}/{row.webhook_token}/",
        "old_until": row.old_until if overlap else None,
    }


def _find(request: WorkspaceRequest, account_id: uuid.UUID) -> ProviderAccount:
    rows = ProviderAccount.objects.visible_to(request.membership).filter(retired_at__isnull=True)
    return get_object_or_404(rows, pk=account_id)


def _back(request: WorkspaceRequest) -> HttpResponse:
    return redirect("generation:providers", request.membership.workspace.slug)
