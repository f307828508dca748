"""Webhooks of providers: verified over the raw bytes, then they bring forward what a poll would have found.

A forged, stale or unsigned message is 401. A valid one is 200, also when it comes twice, late or before the
answer to the submit; then it changes nothing that a poll would not.
"""

from __future__ import annotations

import asyncio
import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from generation import keyring, lanes, moves, tokens, unknown
from generation.models import Call, ProviderAccount, Run
from generation.models.runs import CallState, Lane, RunState
from generation.providers import clients, registry, webhooks
from generation.providers.protocol import Delivery, Provider, Submitted, WebhookEvent, WebhookRejected
from projects import access
from projects.plain import is_plain

LARGEST = 2 * 1024 * 1024
OF_CALL = ("state", "model", "provider", "run", "workspace")
OF_ACCOUNT = (
    *("provider", "encrypted_key", "encrypted_webhook_secret", "key_changed_at"),
    *("old_encrypted_key", "old_encrypted_webhook_secret", "old_until", "base_url", "region", "extra"),
)
"""What a message needs to be verified and acted upon; anything else is fetched where it is asked for."""


@csrf_exempt
@require_POST
@access.policy("signature")
def webhook(request: HttpRequest, provider: str, token: str) -> HttpResponse:
    """One delivery for the call (or the account) whose token stands in the address."""
    if provider not in registry.names() or not is_plain(token):
        return HttpResponseNotFound()
    adapter = registry.get(provider)
    call = _call(provider, token)
    account = call.account if call else ProviderAccount.objects.filter(webhook_token=token).first()
    if account is None or account.provider != provider:
        return HttpResponseNotFound()
    if int(request.headers.get("Content-Length") or 0) > LARGEST:
        return HttpResponse("The message is too large.", status=413)
    now = timezone.now()
    try:
        event = _verified(adapter, account, request, token, now)
    except WebhookRejected as rejected:
        return HttpResponse(str(rejected), status=401, content_type="text/plain; charset=utf-8")
    except keyring.KeyLost as lost:
        return HttpResponse(lost.detail, status=503, content_type="text/plain; charset=utf-8")
    if event.job_id and (call := call or _call_of(provider, account, event)) is not None:
        take_up(call=call, event=event, now=now)
    if event.reply is not None:
        return JsonResponse(dict(event.reply))
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


def _verified(
    adapter: Provider, account: ProviderAccount, request: HttpRequest, token: str, now: datetime.datetime
) -> WebhookEvent:
    async def receive() -> WebhookEvent:
        async with clients.opened() as client:
            return await webhooks.receive(
                client,
                provider=adapter,
                account=keyring.opened(account, provider=account.provider, now=now),
                delivery=Delivery(dict(request.headers), request.body, now, token=token),
            )

    return asyncio.run(receive())


def _call(provider: str, token: str) -> Call | None:
    found = Call.objects.filter(provider=provider, token_hash=tokens.token_hash(token))
    needed = (*OF_CALL, *(f"account__{name}" for name in OF_ACCOUNT))
    return next(iter(found.select_related("account").only(*needed).order_by()[:1]), None)


def _call_of(provider: str, account: ProviderAccount, event: WebhookEvent) -> Call | None:
    found = Call.objects.filter(provider=provider, account=account)
    return found.filter(provider_job_id=event.job_id).first()


def take_up(*, call: Call, event: WebhookEvent, now: datetime.datetime) -> None:
    """Lets the job be polled at once. Before the submit's answer, the message itself says the job's id."""
    if call.state in (CallState.INTENDED, CallState.UNKNOWN):
        endpoint = call.model.partition("/")[2]
        answer = Submitted(event.job_id, {"endpoint": endpoint})
        unknown.follow(call=call, answer=answer, now=now)
        return
    if call.state != CallState.ACCEPTED:
        return
    soon = moves.same([call.run_id], due_at=now)
    if moves.alter(Run, soon, states=[RunState.RENDERING, RunState.CANCELLED]):
        lanes.ring(Lane.POLL)
