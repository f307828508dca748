"""Sending a committed intent: the account is opened, the job addressed, and what came inline is kept.

Nothing here touches a row: it runs on the wire, and who sent it writes the answer.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import httpx
from django.conf import settings

from generation import inline, keyring, wire
from generation.intents import Intent
from generation.models import ProviderAccount
from generation.providers.protocol import ErrorClass, Job, Provider, ProviderError, Submitted


def sending(intent: Intent) -> Callable[[httpx.AsyncClient], Any]:
    """The work of sending an intent, for a wire."""
    return functools.partial(
        _submit, provider=intent.order.provider, row=intent.account, job=addressed(intent)
    )


async def _submit(
    client: httpx.AsyncClient, *, provider: Provider, row: ProviderAccount | None, job: Job
) -> Submitted:
    account = keyring.opened(row, provider=provider.name)
    answer = await provider.submit(client, account=account, job=job)
    if answer.status is None:
        return answer
    return dataclasses.replace(answer, status=await inline.kept(answer.status, ours=provider.abilities.local))


def addressed(intent: Intent) -> Job:
    """The job with its token and, where account and provider know webhooks, the address for them."""
    url = ""
    if intent.account and intent.account.webhooks and intent.order.provider.abilities.webhooks:
        url = f"{settings.PUBLIC_URL}/hooks/{intent.call.provider}/{intent.token}/"
    return dataclasses.replace(intent.order.job, webhook_url=url, token=intent.token)


def as_error(answer: Any) -> ProviderError:
    """What is no error of the provider's own may have reached it: the answer is lost."""
    if isinstance(answer, ProviderError):
        return answer
    named = "" if isinstance(answer, wire.GivenUp) else f"{type(answer).__name__}: "
    words = f"{named}{answer}"[:500]
    return ProviderError(ErrorClass.UNKNOWN, words, ambiguous=True)
