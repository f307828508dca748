"""Chat webhooks: added by an admin, told of budgets, tried again until they answer.

A message is `{"text": …}`, which Slack, Mattermost and Teams take. It is written with what it tells of
(`billing.alerts`) and posted later by a worker, so that a chat that is away loses nothing: it is tried
again after one, two, four … minutes, and what was given up stands on the page to be sent again.
"""

from __future__ import annotations

import datetime
from typing import Any

import httpx
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.models import ChatHook, ChatMessage
from generation import account_checks, keyring, lanes
from generation.providers import clients
from generation.wire import Wire
from projects import access, events
from projects.access import Right
from projects.models import Membership
from projects.problems import Invalid, Refused

ATTEMPTS = 12
LONGEST_WAIT = datetime.timedelta(hours=6)
BATCH = 50
TIMEOUT = httpx.Timeout(10)


class ChatAnswered(Exception):
    """The chat answered, but not that it took the message."""


def add(*, name: str, address: str, by: Membership, now: datetime.datetime | None = None) -> ChatHook:
    """Adds a chat that is told of budgets. Raises Invalid (422) for an address that may not be called."""
    access.require(by, Right.ADMINISTER)
    now, address = now or timezone.now(), address.strip()
    if wrong := account_checks.against_address(address):
        raise Invalid({"address": [wrong]})
    try:
        with transaction.atomic():
            hook = ChatHook.objects.create(
                workspace=by.workspace,
                name=name.strip(),
                host=httpx.URL(address).host,
                encrypted_address=keyring.encrypt(address),
                added_by=by.person,
                added_at=now,
            )
            _record(hook, by, now, "added")
    except IntegrityError:
        raise Invalid({"name": ["Another chat has this name."]}) from None
    return hook


def switch(*, hook: ChatHook, enabled: bool, by: Membership, now: datetime.datetime | None = None) -> None:
    """Switches a chat on or off; while it is off it is told nothing new, and what waits goes on waiting."""
    access.require(by, Right.ADMINISTER)
    with transaction.atomic():
        if not _kept(hook, by).update(enabled=enabled):
            raise _gone()
        _record(hook, by, now or timezone.now(), "enabled" if enabled else "disabled")
    lanes.ring("notify")


def remove(*, hook: ChatHook, by: Membership, now: datetime.datetime | None = None) -> None:
    """Forgets the address; what it was told, and what was not sent, stays listed."""
    access.require(by, Right.ADMINISTER)
    now = now or timezone.now()
    with transaction.atomic():
        if not _kept(hook, by).update(enabled=False, encrypted_address=b"", removed_at=now):
            raise _gone()
        waiting = hook.messages.filter(sent_at__isnull=True, given_up_at__isnull=True)
        waiting.update(given_up_at=now, error="the chat was removed")
        _record(hook, by, now, "removed")


def send_test(*, hook: ChatHook, by: Membership, now: datetime.datetime | None = None) -> ChatMessage:
    """Sends a message that says it is a test, on the same road as any other."""
    access.require(by, Right.ADMINISTER)
    now = now or timezone.now()
    found = _kept(hook, by).filter(enabled=True).first()
    if found is None:
        raise Refused("This chat is switched off.", remedy="Switch it on, then test it.")
    text = f"A test from {by.workspace}, sent by {by.person}: budgets will be told here."
    row = ChatMessage.objects.create(
        hook=found, text=text, dedupe=f"test:{now.isoformat()}", created_at=now, due_at=now
    )
    lanes.ring("notify")
    return row


def again(*, hook: ChatHook, by: Membership, now: datetime.datetime | None = None) -> int:
    """Tries once more what was given up or waits; answers how many messages."""
    access.require(by, Right.ADMINISTER)
    now = now or timezone.now()
    if not _kept(hook, by).exists():
        raise _gone()
    unsent = hook.messages.filter(sent_at__isnull=True)
    count = unsent.update(due_at=now, attempts=0, given_up_at=None)
    lanes.ring("notify")
    return count


def send_due(*, now: datetime.datetime) -> int:
    """Posts the messages that are due; answers how many were taken. Each attempt is counted before it."""
    rows = _claim(now)
    if not rows:
        return 0
    sent = 0
    with Wire() as wire:
        for batch in wire.each({row.pk: _post(row) for row in rows}):
            for key, result in batch.items():
                sent += _ended(key, result, now)
    return sent


def _claim(now: datetime.datetime) -> list[ChatMessage]:
    with transaction.atomic():
        rows = list(
            ChatMessage.objects.filter(
                sent_at__isnull=True, given_up_at__isnull=True, due_at__lte=now, hook__enabled=True
            )
            .select_for_update(of=("self",), skip_locked=True)
            .select_related("hook")
            .order_by("due_at", "id")[:BATCH]
        )
        for row in rows:
            row.attempts += 1
            row.due_at = now + min(datetime.timedelta(minutes=2 ** (row.attempts - 1)), LONGEST_WAIT)
        ChatMessage.objects.bulk_update(rows, ["attempts", "due_at"])
    return rows


def _post(row: ChatMessage) -> Any:
    async def post(client: httpx.AsyncClient) -> None:
        address = keyring.decrypt(row.hook.encrypted_address)
        request = client.build_request("POST", address, json={"text": row.text}, timeout=TIMEOUT)
        answer = await client.send(request, stream=True, follow_redirects=False)
        await answer.aclose()
        if not 200 <= answer.status_code < 300:
            raise ChatAnswered(f"it answered HTTP {answer.status_code}")

    return post


def _ended(key: int, result: Any, now: datetime.datetime) -> bool:
    """Writes how an attempt ended; of an error only what gives nothing of the address away."""
    row = ChatMessage.objects.filter(pk=key, sent_at__isnull=True)
    if not isinstance(result, Exception):
        return bool(row.update(sent_at=now, error="", given_up_at=None))
    if isinstance(result, ChatAnswered | keyring.KeyLost):
        said = str(result)
    elif isinstance(result, TimeoutError) or (
        isinstance(result, httpx.RequestError) and clients.timed_out(result)
    ):
        said = "it did not answer in time"
    else:
        said = "it could not be reached"
    row.update(error=said[:200])
    row.filter(attempts__gte=ATTEMPTS, given_up_at__isnull=True).update(given_up_at=now)
    return False


def _kept(hook: ChatHook, by: Membership) -> Any:
    return ChatHook.objects.visible_to(by).filter(pk=hook.pk, removed_at__isnull=True)


def _gone() -> Refused:
    return Refused("There is no such chat.", status=404, title="No such chat")


def _record(hook: ChatHook, by: Membership, now: datetime.datetime, what: str) -> None:
    events.record(
        workspace=hook.workspace, kind=f"chat.{what}", by=by, at=now, name=hook.name, host=hook.host
    )
