"""Whether a provider knows a job by its id: asked before a person's word on a lost answer moves any money."""

from __future__ import annotations

import asyncio
import dataclasses

from generation import keyring
from generation.models import Call
from generation.providers import clients, registry
from generation.providers.protocol import Account, JobState, Provider, ProviderError, Status
from projects.plain import made_plain

PATIENCE_SECONDS = 20.0
"""Somebody waits for the answer, and a process of the web server with them."""

WORDS = {
    JobState.QUEUED: "it waits for its turn there",
    JobState.RUNNING: "it is being made",
    JobState.SUCCEEDED: "it succeeded",
    JobState.FAILED: "it failed",
    JobState.BLOCKED: "it was blocked by moderation",
    JobState.CANCELLED: "it was cancelled",
}


@dataclasses.dataclass(frozen=True)
class Looked:
    """What the look-up found: `known` is None where it could not be asked; `words` say it in one sentence."""

    known: bool | None
    words: str


def look(*, call: Call, job_id: str) -> Looked:
    """Asks the provider for the job by its id, which costs and changes nothing. Never in a transaction."""
    provider = registry.get(call.provider)
    title = provider.profile.title
    if provider.abilities.local or type(provider).poll is Provider.poll:
        return Looked(None, f"The job’s id could not be checked: {title} cannot be asked for a job.")
    try:
        account = keyring.opened(call.account, provider=call.provider, begun_at=call.intended_at)
        told = asyncio.run(_ask(provider, account, call, job_id))
    except TimeoutError:
        return Looked(None, f"The job’s id could not be checked: {title} did not answer in time.")
    except ProviderError as error:
        words = made_plain(error.detail)[:100]
        return Looked(None, f"The job’s id could not be checked at {title}: {words}")
    if told.state == JobState.LOST:
        return Looked(False, f"{title} knows no job {job_id} under this account.")
    return Looked(True, f"{title} knows this job: {WORDS[told.state]}.")


async def _ask(provider: Provider, account: Account, call: Call, job_id: str) -> Status:
    handle = {"endpoint": call.model.partition("/")[2]}
    async with clients.opened() as client, asyncio.timeout(PATIENCE_SECONDS):
        return await provider.poll(client, account=account, job_id=job_id, handle=handle)
