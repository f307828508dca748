"""Tells those who keep budgets that one has reached a chosen share, once per window and share.

In the page and by mail, as each of them wishes, and in the workspace's chats.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from decimal import Decimal

from django.conf import settings

from billing import money, scopes, windows
from billing.models import Budget, BudgetWindow, ChatHook, ChatMessage
from projects import events, notices
from projects.access import ROLE_RIGHTS, Right
from projects.models import Membership, Workspace
from projects.models.notices import NoticeKind


def level(use: Decimal, limit: Decimal, shares: Sequence[int]) -> int:
    """The highest of these shares (in percent) that has been reached; 0 where none was."""
    if limit <= 0:
        return 0
    return max((percent for percent in shares if use * 100 >= limit * percent), default=0)


def after(uses: Iterable[windows.Use], now: datetime.datetime) -> None:
    """Tells of each window that has newly reached a share, in the transaction that counted."""
    for use in uses:
        reached = level(use.used, use.limit, use.alert_shares)
        if reached > use.alerted_percent:
            BudgetWindow.objects.filter(pk=use.window_id).update(alerted_percent=reached)
            _tell(use, reached, now)


def keepers(workspace: Workspace) -> list[Membership]:
    """Current members who may set budgets, by name."""
    roles = [role for role, rights in ROLE_RIGHTS.items() if Right.SET_BUDGETS in rights]
    rows = Membership.objects.filter(workspace=workspace, roles__overlap=roles, ended_at__isnull=True)
    return list(rows.select_related("person").order_by("person__name", "person__email"))


def _tell(use: windows.Use, reached: int, now: datetime.datetime) -> None:
    budget = Budget.objects.select_related(*scopes.NAMED).get(pk=use.budget_id)
    name, workspace = scopes.name_of(budget), budget.workspace
    events.record(
        workspace=workspace,
        kind="budget.reached",
        at=now,
        budget=str(budget.pk),
        name=name,
        percent=reached,
        used=money.exact(use.used),
        limit=money.exact(use.limit),
    )
    title = f"{name} is used up" if reached == 100 else f"{name} has reached {reached} %"
    used, limit = (money.shown(amount, workspace.currency) for amount in (use.used, use.limit))
    body, url = f"{used} of {limit} are spent or held.", f"/w/{workspace.slug}/budgets/{budget.pk}/"
    dedupe = f"{use.window_id}:{reached}:{money.exact(use.limit)}"
    notices.notify(
        members=keepers(workspace),
        kind=NoticeKind.BUDGET_100 if reached >= 100 else NoticeKind.BUDGET_80,
        title=title,
        body=body,
        url=url,
        dedupe=dedupe,
        now=now,
    )
    _tell_chats(workspace, f"{title}. {body} {settings.PUBLIC_URL}{url}", dedupe, now)


def _tell_chats(workspace: Workspace, text: str, dedupe: str, now: datetime.datetime) -> None:
    """Writes what each chat is to be told; a worker sends it."""
    hooks = ChatHook.objects.filter(workspace=workspace, enabled=True)
    ChatMessage.objects.bulk_create(
        (
            ChatMessage(hook=hook, text=text, dedupe=f"budget:{dedupe}", created_at=now, due_at=now)
            for hook in hooks
        ),
        ignore_conflicts=True,
    )
