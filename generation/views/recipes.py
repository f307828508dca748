"""Prompt templates, control profiles and pipelines, by version."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from generation import hero_voids, prompts
from generation.forms.recipes import TemplateForm, as_lines
from generation.models import ControlProfile, Pipeline, PromptTemplate
from generation.views.saving import saved, status
from generation.views.settings import tabs
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page


@require_safe
@workspace_page(Right.READ)
def templates(request: WorkspaceRequest) -> HttpResponse:
    """The newest version of each, with its earlier ones; nothing published is ever edited."""
    member = request.membership
    context = {
        "templates": _by_slug(PromptTemplate.objects.visible_to(member).select_related("author")),
        "profiles": _by_slug(ControlProfile.objects.visible_to(member).select_related("author")),
        "pipelines": _by_slug(Pipeline.objects.visible_to(member).select_related("author")),
        "may_publish": Right.MAKE in rights_of(member),
        "tabs": tabs(request),
    }
    return render(request, "generation/settings_templates.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page(Right.MAKE)
def publish(request: WorkspaceRequest) -> HttpResponse:
    """A template's next version; `?from=` fills the form with its newest."""
    member = request.membership
    form = TemplateForm(request.POST or None, initial=_initial(request))
    if request.method == "POST" and saved(form, prompts.publish, by=member):
        hero_voids.void_changed(workspace=member.workspace)
        messages.success(request, "Published. Deliverables that name the bare key use it from now on.")
        return redirect("generation:templates", member.workspace.slug)
    context = {
        "form": form,
        "title": "Publish a prompt template",
        "submit": "Publish",
        "note": "A published version is never edited: takes that it made keep it, a change is a new version.",
        "trail": [{"label": "Settings"}, {"label": "Prompts and pipelines", "href": "../"}],
    }
    return render(request, "generation/form.html", context, status=status(form))


def _initial(request: WorkspaceRequest) -> dict[str, Any]:
    row = prompts.find(request.membership.workspace, request.GET.get("from", ""))
    if row is None:
        return {}
    kept = {name: getattr(row, name) for name in ("slug", "name", "body", "negative")}
    return {**kept, "variables": as_lines(row.variables)}


def _by_slug(rows: Any) -> list[dict[str, Any]]:
    """The versions of each slug, the newest first, as {newest, earlier}."""
    found: dict[str, list[Any]] = {}
    ordered: Iterable[Any] = rows.order_by("slug", "-version")
    for row in ordered:
        found.setdefault(row.slug, []).append(row)
    return [{"newest": versions[0], "earlier": versions[1:]} for versions in found.values()]
