"""Chats that are told of budgets: addresses go in and are never shown again."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.db.models import Count, Max, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from billing.models import ChatHook, ChatMessage
from generation import chat
from generation.forms.chats import ChatForm
from generation.views.refusals import shows_refusals
from generation.views.saving import saved, status
from generation.views.settings import tabs
from projects.access import Right, WorkspaceRequest, rights_of, workspace_page

SHOWN = 20


@require_safe
@workspace_page(Right.READ)
def chats(request: WorkspaceRequest) -> HttpResponse:
    """Chats with how their last messages went; of an address the host."""
    return _page(request, ChatForm())


@require_POST
@workspace_page(Right.ADMINISTER)
def add(request: WorkspaceRequest) -> HttpResponse:
    form = ChatForm(request.POST)
    if not saved(form, chat.add, by=request.membership):
        return _page(request, form)
    messages.success(request, f"{form.cleaned_data['name']} is told of budgets from now on. Send it a test.")
    return _back(request)


@require_POST
@workspace_page(Right.ADMINISTER)
@shows_refusals
def test(request: WorkspaceRequest, hook_id: uuid.UUID) -> HttpResponse:
    hook = _hook(request, hook_id)
    chat.send_test(hook=hook, by=request.membership)
    messages.success(request, f"{hook.name}: a test is on its way. Reload to see how it went.")
    return _back(request)


@require_POST
@workspace_page(Right.ADMINISTER)
@shows_refusals
def switch(request: WorkspaceRequest, hook_id: uuid.UUID) -> HttpResponse:
    enabled = request.POST.get("enabled") == "1"
    hook = _hook(request, hook_id)
    chat.switch(hook=hook, enabled=enabled, by=request.membership)
    messages.success(request, f"{hook.name} is switched {'on' if enabled else 'off'}.")
    return _back(request)


@require_POST
@workspace_page(Right.ADMINISTER)
@shows_refusals
def again(request: WorkspaceRequest, hook_id: uuid.UUID) -> HttpResponse:
    hook = _hook(request, hook_id)
    count = chat.again(hook=hook, by=request.membership)
    messages.success(request, f"{hook.name}: {count} message{'' if count == 1 else 's'} once more.")
    return _back(request)


@require_POST
@workspace_page(Right.ADMINISTER)
@shows_refusals
def remove(request: WorkspaceRequest, hook_id: uuid.UUID) -> HttpResponse:
    hook = _hook(request, hook_id)
    chat.remove(hook=hook, by=request.membership)
    messages.success(request, f"{hook.name} is removed, and its address forgotten.")
    return _back(request)


def _page(request: WorkspaceRequest, form: ChatForm) -> HttpResponse:
    member = request.membership
    unsent = Q(messages__sent_at__isnull=True)
    hooks = ChatHook.objects.visible_to(member).filter(removed_at__isnull=True)
    rows = ChatMessage.objects.filter(hook__workspace=member.workspace_id).select_related("hook")
    context = {
        "hooks": hooks.annotate(
            last_sent_at=Max("messages__sent_at"),
            waiting=Count("messages", filter=unsent & Q(messages__given_up_at__isnull=True)),
            given_up=Count("messages", filter=unsent & Q(messages__given_up_at__isnull=False)),
        ).order_by("name", "id"),
        "rows": rows.order_by("-id")[:SHOWN],
        "form": form,
        "may_change": Right.ADMINISTER in rights_of(member),
        "tabs": tabs(request),
    }
    return render(request, "generation/settings_chats.html", context, status=status(form))


def _hook(request: WorkspaceRequest, hook_id: uuid.UUID) -> ChatHook:
    rows = ChatHook.objects.visible_to(request.membership).filter(removed_at__isnull=True)
    return get_object_or_404(rows, pk=hook_id)


def _back(request: WorkspaceRequest) -> HttpResponse:
    return redirect("generation:chats", request.membership.workspace.slug)
