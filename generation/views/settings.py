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
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from generation.forms import settings as forms
from generation.views.saving import saved, status
from projects import people, workspaces
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page
from projects.models import Category, CategoryTarget, Format

TABS = (
    ("Workspace", "generation:settings"),
    ("Categories and formats", "generation:categories"),
    ("Providers", "generation:providers"),
    ("Prompts and pipelines", "generation:templates"),
    ("API tokens", "generation:tokens"),
    ("Notices", "generation:notice_preferences"),
    ("Chats", "generation:chats"),
    ("You", "generation:personal"),
)
YEAR_SECONDS = 365 * 24 * 3600


def tabs(request: WorkspaceRequest) -> list[dict[str, Any]]:
    """The pages of Settings, for `components/tabs.html`."""
    slug = request.membership.workspace.slug
    links = [(label, reverse(name, args=[slug])) for label, name in TABS]
    return [
        {
            "label": label,
            "href": href,
            "current": request.path.startswith(href) and (href != links[0][1] or request.path == href),
        }
        for label, href in links
    ]


@require_safe
@workspace_page(Right.READ)
def workspace(request: WorkspaceRequest) -> HttpResponse:
    """How the workspace counts and what it may use; admins change it, all others read it."""
    return _workspace_page(request, None)


@require_POST
@workspace_page(Right.ADMINISTER)
def save_workspace(request: WorkspaceRequest) -> HttpResponse:
    form = forms.WorkspaceForm(request.POST)
    was_builtin_only = request.membership.workspace.builtin_only
    if not saved(form, workspaces.change_settings, by=request.membership):
        return _workspace_page(request, form)
    messages.success(request, _saved_words(was_builtin_only, form.cleaned_data["builtin_only"]))
    return redirect("generation:settings", request.membership.workspace.slug)


@require_safe
@workspace_page(Right.READ)
def categories(request: WorkspaceRequest) -> HttpResponse:
    """Categories with their targets, and formats."""
    return _categories_page(request, {})


@require_POST
@workspace_page(Right.ADMINISTER)
def add_category(request: WorkspaceRequest) -> HttpResponse:
    form = forms.CategoryForm(request.POST, auto_id="category_%s")
    return _added(request, "category", form, workspaces.add_category)


@require_POST
@workspace_page(Right.ADMINISTER)
def add_format(request: WorkspaceRequest) -> HttpResponse:
    form = forms.FormatForm(request.POST, auto_id="format_%s")
    return _added(request, "format", form, workspaces.add_format)


@require_POST
@workspace_page(Right.SET_BUDGETS)
def set_target(request: WorkspaceRequest) -> HttpResponse:
    workspace = request.membership.workspace
    form = forms.TargetForm(request.POST, auto_id="target_%s", workspace=workspace)
    return _added(request, "target", form, workspaces.set_target)


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


def _workspace_page(request: WorkspaceRequest, form: forms.WorkspaceForm | None) -> HttpResponse:
    member = request.membership
    shown = form or forms.WorkspaceForm(initial=forms.initial_of(member.workspace))
    may_change = Right.ADMINISTER in rights_of(member)
    for field in shown.fields.values():
        field.disabled = field.disabled or not may_change
    context = {"form": shown, "may_change": may_change, "tabs": tabs(request)}
    return render(request, "generation/settings.html", context, status=status(shown))


def _saved_words(was_builtin_only: bool, builtin_only: bool) -> str:
    if was_builtin_only and not builtin_only:
        return (
            "The settings are saved. From now on takes may cost money at providers, as soon as an account "
            "is on and the routing table names its models."
        )
    return "The settings are saved."


def _added(request: WorkspaceRequest, what: str, form: Form, action: Callable[..., object]) -> HttpResponse:
    """Back to the list with the new row, or the page with the form saying what does not fit."""
    if not saved(form, action, by=request.membership):
        return _categories_page(request, {what: form})
    messages.success(request, f"The {what} is there.")
    return redirect("generation:categories", request.membership.workspace.slug)


def _categories_page(request: WorkspaceRequest, sent: dict[str, Form]) -> HttpResponse:
    member = request.membership
    shown: dict[str, Form] = {
        "category": forms.CategoryForm(auto_id="category_%s"),
        "format": forms.FormatForm(auto_id="format_%s"),
        "target": forms.TargetForm(auto_id="target_%s", workspace=member.workspace),
        **sent,
    }
    context = {
        "categories": _with_targets(member.workspace_id),
        "formats": Format.objects.visible_to(member).order_by("key"),
        "shown": shown,
        "may_change": Right.ADMINISTER in rights_of(member),
        "may_set_targets": Right.SET_BUDGETS in rights_of(member),
        "tabs": tabs(request),
    }
    code = max(map(status, shown.values()))
    return render(request, "generation/settings_categories.html", context, status=code)


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
