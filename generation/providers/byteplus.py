"""BytePlus ModelArk: Seedance films as tasks, Seedream pictures in the answer to one open call.

Tasks have no idempotency key; our token goes along as their safety identifier, which the list of the last
days shows, so that a lost one is found. A delete cancels a task that waits, and takes away the record of one
that has ended: it is sent only for a task that was just seen waiting. Callbacks are unsigned.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import uuid
from collections.abc import Mapping
from typing import Any

import httpx

from generation.providers import answers, bodies, byteplus_answers, files
from generation.providers.profile import Abilities, Cancels, Field, Profile, Webhooks
from generation.providers.protocol import (
    Account,
    CancelOutcome,
    Delivery,
    ErrorClass,
    Job,
    JobState,
    Lost,
    ModelFacts,
    Provider,
    ProviderError,
    Status,
    StepRequest,
    Submitted,
    WebhookEvent,
    WebhookRejected,
)
from generation.providers.sheets import Sheet

WHO = "ModelArk"
TASKS = "contents/generations/tasks"
NOT_THERE = (400, 404)
"""Statuses of a query by id alone: which one an unknown id has is not stated."""

PAGE, MOST_PAGES = 100, 20
EARLIER = datetime.timedelta(minutes=2)
"""By how much the provider's clock may be behind ours."""

sheet = Sheet(__file__)


class BytePlus(Provider):
    name = "byteplus"
    profile = Profile(
        title="BytePlus ModelArk",
        base_urls={
            "ap-southeast": "https://ark.ap-southeast.bytepluses.com/api/v3",
            "eu-west": "https://ark.eu-west.bytepluses.com/api/v3",
        },
        key=(Field("key", "API key", "An ARK API key of the region."),),
    )
    abilities = Abilities(
        webhooks=Webhooks.UNSIGNED,
        cancel=Cancels.QUEUED,
        look_up=True,
        blocking=True,
    )

    def translate(self, *, model: ModelFacts, request: StepRequest) -> Job:
        described = bodies.variant(sheet.entry(model.endpoint), request.inputs) or model.endpoint
        facts = dataclasses.replace(model, endpoint=described)
        made = sheet.translate(model=facts, request=request)
        entry = sheet.entry(described)
        return Job(
            model=model.endpoint,
            kind=request.kind,
            payload={
                "path": entry["path"],
                "body": {"model": sheet.model(described), **bodies.shaped(sheet.specs(facts), made)},
            },
            inputs=tuple(made.inputs),
            dropped=made.dropped,
            adjusted=tuple(made.adjusted),
            blocking=bool(entry.get("blocking")),
        )

    async def submit(self, client: httpx.AsyncClient, *, account: Account, job: Job) -> Submitted:
        body = await bodies.filled(job.payload["body"], job.inputs, files.data_uri)
        if not job.blocking:
            body |= {"callback_url": job.webhook_url} if job.webhook_url else {}
            body |= {"safety_identifier": job.token} if job.token else {}
        response = await answers.send(
            client,
            "POST",
            _address(account, str(job.payload["path"])),
            who=WHO,
            headers=_authorization(account),
            json=body,
        )
        told = answers.read_object(response)
        if response.status_code >= 300:
            raise answers.refused(byteplus_answers.error(response), response)
        if job.blocking:
            ended = byteplus_answers.pictures(told)
            if ended is None:
                raise answers.unreadable(WHO)
            return Submitted(response.headers.get("x-request-id") or str(uuid.uuid4()), {}, ended)
        if not isinstance(told.get("id"), str) or not told["id"]:
            raise answers.unreadable(WHO)
        factor = sheet.entry(job.model).get("sound_factor", 1) if body.get("generate_audio") else 1
        return Submitted(told["id"], {"endpoint": job.model, "factor": factor})

    async def poll(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> Status:
        response = await _ask(client, "GET", account, f"{TASKS}/{_plain(job_id)}")
        if response.status_code in NOT_THERE:
            return Status(JobState.LOST)
        told = answers.read_object(response)
        if response.status_code >= 300 or "status" not in told:
            raise byteplus_answers.error(response)
        return byteplus_answers.status(told, factor=int(handle.get("factor", 1)))

    async def cancel(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> CancelOutcome:
        """Stops a task that waits, for nothing. One that is being made goes on, and polling tells."""
        if sheet.entry(str(handle.get("endpoint", ""))).get("blocking"):
            return CancelOutcome.UNSUPPORTED  # nothing can stop a call for pictures
        seen = await self.poll(client, account=account, job_id=job_id, handle=handle)
        if seen.state is not JobState.QUEUED:
            under_way = seen.state in (JobState.RUNNING, JobState.LOST)
            return CancelOutcome.REQUESTED if under_way else CancelOutcome.TOO_LATE
        response = await _ask(client, "DELETE", account, f"{TASKS}/{_plain(job_id)}")
        if response.status_code in (401, 403, 429) or response.status_code >= 500:
            raise byteplus_answers.error(response)
        after = await self.poll(client, account=account, job_id=job_id, handle=handle)
        gone = after.state in (JobState.CANCELLED, JobState.LOST)
        return CancelOutcome.CANCELLED if gone else CancelOutcome.REQUESTED

    async def find(self, client: httpx.AsyncClient, *, account: Account, lost: Lost) -> Submitted | None:
        """Looks through the tasks of this model for our token. The list may be asked for once a second."""
        if sheet.entry(lost.endpoint).get("blocking"):
            raise ProviderError(ErrorClass.UNKNOWN, "Calls for pictures cannot be looked up.")
        asked = {"page_size": PAGE, "filter.model": sheet.model(lost.endpoint)}
        for number in range(1, MOST_PAGES + 1):
            response = await _ask(client, "GET", account, TASKS, params={**asked, "page_num": number})
            items = answers.read_object(response).get("items")
            if response.status_code >= 300 or not isinstance(items, list):
                raise byteplus_answers.error(response)
            for item in items:
                if item.get("safety_identifier") == lost.token:
                    return Submitted(str(item["id"]), {"endpoint": lost.endpoint})
                if "safety_identifier" not in item and _is_young(item, lost):
                    words = f"{WHO}'s list has a task that may be ours and does not say whose it is."
                    raise ProviderError(ErrorClass.UNKNOWN, words)
            if len(items) < PAGE:
                return None
        raise ProviderError(ErrorClass.UNKNOWN, f"{WHO}'s list is too long to look through.")

    async def test(self, client: httpx.AsyncClient, *, account: Account) -> str:
        await self.poll(client, account=account, job_id=f"cgt-{uuid.uuid4()}", handle={})
        return f"{self.profile.title} accepted the key."

    def parse_webhook(self, delivery: Delivery) -> WebhookEvent:
        """Which task a message is about. Nothing vouches for what it says."""
        try:
            told = json.loads(delivery.body)
            job_id = str(told.get("id") or "")
        except (ValueError, AttributeError) as error:
            raise WebhookRejected("The message cannot be read.") from error
        if not job_id:
            raise WebhookRejected("The message names no task.")
        return WebhookEvent(job_id, None)


provider = BytePlus()


def _authorization(account: Account) -> dict[str, str]:
    return {"Authorization": f"Bearer {account.key}"}


def _address(account: Account, path: str) -> str:
    return f"{account.base_url.rstrip('/')}/{path}"


def _plain(job_id: str) -> str:
    """The id as a part of an address; raises ProviderError for one that is none."""
    if not job_id.replace("-", "").replace("_", "").isalnum():
        raise ProviderError(ErrorClass.BAD_REQUEST, f"{job_id!r} is no id of {WHO}'s.", charged=False)
    return job_id


async def _ask(
    client: httpx.AsyncClient, method: str, account: Account, path: str, **options: Any
) -> httpx.Response:
    return await answers.ask(
        client, method, _address(account, path), who=WHO, headers=_authorization(account), **options
    )


def _is_young(item: Mapping[str, Any], lost: Lost) -> bool:
    """Whether a task may be the one whose answer was lost, by its time."""
    made_at = item.get("created_at")
    return not isinstance(made_at, int) or made_at >= (lost.sent_at - EARLIER).timestamp()
