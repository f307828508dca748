"""Settings of a workspace and of oneself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings as site
from django.contrib import messages
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from generation.forms import settings as forms
from generation.views.saving import saved, status
from projects import people, workspaces
from projects.access import Right, WorkspaceRequest, require, rights_of, workspace_page
from projects.models import Category, CategoryTarget, Format

TABS = (
    ("Workspace", "generation:settings"),
    ("Categories and formats", "generation:categories"),
    ("Providers", "generation:providers"),
    ("Prompts and pipelines", "generation:templates"),
    ("API tokens", "generation:tokens"),
    ("Notices", "generation:notice_preferences"),
    ("You", "generation:personal"),
)
ADDING: dict[str, Callable[..., object]] = {
    "category": workspaces.add_category,
    "format": workspaces.add_format,
    "target": workspaces.set_target,
}
YEAR_SECONDS = 365 * 24 * 3600


def tabs(request: WorkspaceRequest) -> list[dict[str, Any]]:
    """The pages of Settings, for `components/tabs.html`."""
    slug = request.membership.workspace.slug
    links = [(label, reverse(name, args=[slug])) for label, name in TABS]
    return [{"label": label, "href": href, "current": href == request.path} for label, href in links]


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page(Right.READ)
def workspace(request: WorkspaceRequest) -> HttpResponse:
    """How the workspace counts and what it may use; admins change it, all others read it."""
    member = request.membership
    form = forms.WorkspaceForm(request.POST or None, initial=forms.initial_of(member.workspace))
    if request.method == "POST":
        require(member, Right.ADMINISTER)
        if saved(form, workspaces.change_settings, by=member):
            messages.success(request, "The settings are saved.")
            return redirect("generation:settings", member.workspace.slug)
    context = {"form": form, "may_change": Right.ADMINISTER in rights_of(member), "tabs": tabs(request)}
    if not context["may_change"]:
        for field in form.fields.values():
            field.disabled = True
    return render(request, "generation/settings.html", context, status=status(form))


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page(Right.READ)
def categories(request: WorkspaceRequest) -> HttpResponse:
    """Categories with their targets, and formats. `what` of a POST says what is added."""
    member = request.membership
    what = request.POST.get("what", "")
    shown = _adding(request, what)
    if what in ADDING and saved(shown[what], ADDING[what], by=member):
        messages.success(request, f"The {what} is there.")
        return redirect("generation:categories", member.workspace.slug)
    context = {
        "categories": _with_targets(member.workspace_id),
        "formats": Format.objects.visible_to(member).order_by("key"),
        "shown": shown,
        "may_change": Right.ADMINISTER in rights_of(member),
        "may_set_targets": Right.SET_BUDGETS in rights_of(member),
        "tabs": tabs(request),
    }
    return render(
        request, "generation/settings_categories.html", context, status=max(map(status, shown.values()))
    )


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page(Right.READ)
def personal(request: WorkspaceRequest) -> HttpResponse:
    """One's own name, theme and keys; theme and keys travel as cookies that the page reads."""
    person = request.membership.person
    kept = {name: getattr(person, name) for name in forms.PersonalForm.base_fields}
    form = forms.PersonalForm(request.POST or None, initial=kept)
    if request.method == "POST" and saved(form, people.change_wishes, person=person):
        messages.success(request, "Saved.")
        response = redirect("generation:personal", request.membership.workspace.slug)
        _remember(response, "theme", "" if person.theme == "system" else person.theme)
        _remember(response, "keys", "on" if person.single_key_shortcuts else "off")
        return response
    context = {"form": form, "tabs": tabs(request)}
    return render(request, "generation/settings_personal.html", context, status=status(form))


def _adding(request: WorkspaceRequest, what: str) -> dict[str, Form]:
    """The forms of the page, the one that was sent filled in."""
    data = {name: request.POST if name == what else None for name in ADDING}
    workspace = request.membership.workspace
    return {
        "category": forms.CategoryForm(data["category"], auto_id="category_%s"),
        "format": forms.FormatForm(data["format"], auto_id="format_%s"),
        "target": forms.TargetForm(data["target"], auto_id="target_%s", workspace=workspace),
    }


def _remember(response: HttpResponse, name: str, value: str) -> None:
    if value:
        response.set_cookie(
            name, value, max_age=YEAR_SECONDS, samesite="Lax", secure=site.SESSION_COOKIE_SECURE
        )
    else:
        response.delete_cookie(name, samesite="Lax")


def _with_targets(workspace: Any) -> list[dict[str, Any]]:
    """Each category with its targets, the newest first."""
    targets: dict[Any, list[CategoryTarget]] = {}
    for target in CategoryTarget.objects.filter(workspace=workspace).order_by("-starts_on"):
        targets.setdefault(target.category_id, []).append(target)
    rows: QuerySet[Category] = Category.objects.filter(workspace=workspace).order_by("name")
    return [{"row": row, "targets": targets.get(row.pk, [])} for row in rows]
