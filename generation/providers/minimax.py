"""MiniMax: the H3 models by its newer version, the Hailuo ones by the older, which keeps results as files.

Neither has an idempotency key or a way to find a task by a name of ours. A delete cancels a task that waits;
of one that has ended it takes away the record, so it is sent only for a task that was just seen waiting.
Callbacks are unsigned: they bring a poll forward. The first message to an address wants its challenge echoed.
"""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Mapping
from typing import Any

import httpx

from generation.providers import answers, bodies, files, minimax_answers
from generation.providers.profile import Abilities, Cancels, Field, Profile, Webhooks
from generation.providers.protocol import (
    Account,
    CancelOutcome,
    Delivery,
    ErrorClass,
    Job,
    JobState,
    ModelFacts,
    Output,
    Provider,
    ProviderError,
    Status,
    StepRequest,
    Submitted,
    WebhookEvent,
    WebhookRejected,
)
from generation.providers.sheets import Sheet

WHO = "MiniMax"
OLDER = "/v1/"
NOT_THERE = (400, 404, 422)
"""Statuses of a query by id alone: which one an unknown id has is not stated."""

WRONG_ID = 2013
sheet = Sheet(__file__)


class MiniMax(Provider):
    name = "minimax"
    profile = Profile(
        title=WHO,
        base_urls={"": "https://api.minimax.io"},
        key=(Field("key", "API key", "From the platform's account page."),),
    )
    abilities = Abilities(webhooks=Webhooks.UNSIGNED, cancel=Cancels.QUEUED)

    def translate(self, *, model: ModelFacts, request: StepRequest) -> Job:
        described = bodies.variant(sheet.entry(model.endpoint), request.inputs) or model.endpoint
        facts = dataclasses.replace(model, endpoint=described)
        made = sheet.translate(model=facts, request=request)
        body = {"model": sheet.model(described), **bodies.shaped(sheet.specs(facts), made)}
        return Job(
            model=model.endpoint,
            kind=request.kind,
            payload={"path": sheet.entry(described)["path"], "body": body},
            inputs=tuple(made.inputs),
            dropped=made.dropped,
            adjusted=tuple(made.adjusted),
        )

    async def submit(self, client: httpx.AsyncClient, *, account: Account, job: Job) -> Submitted:
        body = await bodies.filled(job.payload["body"], job.inputs, files.data_uri)
        if job.webhook_url:
            body["callback_url"] = job.webhook_url
        response = await answers.send(
            client,
            "POST",
            _address(account, str(job.payload["path"])),
            who=WHO,
            headers=_authorization(account),
            json=body,
        )
        told = answers.read_object(response)
        task_id = told.get("task_id")
        if response.status_code >= 300 or minimax_answers.code_of(told) or not task_id:
            raise minimax_answers.refused(response)
        return Submitted(str(task_id), {"endpoint": job.model})

    async def poll(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> Status:
        if _is_older(handle):
            return await _older(client, account, job_id)
        response = await _ask(client, "GET", account, f"/v2/query/video_generation/{_plain(job_id)}")
        if response.status_code in NOT_THERE:
            return Status(JobState.LOST)
        return minimax_answers.status(minimax_answers.task(response))

    async def cancel(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> CancelOutcome:
        """Stops a task that waits, for nothing. One that is being made goes on, and polling tells."""
        if _is_older(handle):
            return CancelOutcome.UNSUPPORTED
        seen = await self.poll(client, account=account, job_id=job_id, handle=handle)
        if seen.state is not JobState.QUEUED:
            under_way = seen.state in (JobState.RUNNING, JobState.LOST)
            return CancelOutcome.REQUESTED if under_way else CancelOutcome.TOO_LATE
        response = await _ask(client, "DELETE", account, f"/v2/video_generation/{_plain(job_id)}")
        if response.status_code in (401, 429) or response.status_code >= 500:
            raise minimax_answers.error(response)
        after = await self.poll(client, account=account, job_id=job_id, handle=handle)
        gone = after.state in (JobState.CANCELLED, JobState.LOST)
        return CancelOutcome.CANCELLED if gone else CancelOutcome.REQUESTED

    async def test(self, client: httpx.AsyncClient, *, account: Account) -> str:
        await self.poll(client, account=account, job_id=str(uuid.uuid4()), handle={})
        return f"{WHO} accepted the key."

    def parse_webhook(self, delivery: Delivery) -> WebhookEvent:
        """Which task a message is about, or the challenge that is wanted back. Nothing vouches for it."""
        try:
            told = json.loads(delivery.body)
            if isinstance(told.get("challenge"), str):
                return WebhookEvent("", None, reply={"challenge": told["challenge"]})
            inner = told.get("task") if isinstance(told.get("task"), Mapping) else told
            job_id = str(inner.get("id") or inner.get("task_id") or "")
        except (ValueError, AttributeError) as error:
            raise WebhookRejected("The message cannot be read.") from error
        if not job_id:
            raise WebhookRejected("The message names no task.")
        return WebhookEvent(job_id, None)


provider = MiniMax()


def _authorization(account: Account) -> dict[str, str]:
    return {"Authorization": f"Bearer {account.key}"}


def _address(account: Account, path: str) -> str:
    return account.base_url.rstrip("/") + path


def _is_older(handle: Mapping[str, Any]) -> bool:
    path = sheet.entry(str(handle.get("endpoint", ""))).get("path", "")
    return str(path).startswith(OLDER)


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


async def _older(client: httpx.AsyncClient, account: Account, job_id: str) -> Status:
    """A task of the older version; the address of its result is asked for apart."""
    response = await _ask(client, "GET", account, "/v1/query/video_generation", params={"task_id": job_id})
    told = answers.read_object(response)
    code = minimax_answers.code_of(told)
    if not told.get("status"):
        if code == WRONG_ID:
            return Status(JobState.LOST)
        found = minimax_answers.error(response)
        if found.error_class is ErrorClass.MODERATED:
            return Status(JobState.BLOCKED, error=found)
        raise found
    task = minimax_answers.task(response)
    if task["status"] != "Success":
        return minimax_answers.status(task)
    response = await _ask(
        client, "GET", account, "/v1/files/retrieve", params={"file_id": str(task.get("file_id") or "")}
    )
    file = answers.read_object(response).get("file")
    if response.status_code >= 300 or minimax_answers.code_of(answers.read_object(response)):
        raise minimax_answers.error(response)
    url = file.get("download_url") if isinstance(file, Mapping) else None
    if not isinstance(url, str) or not url:
        return minimax_answers.without_result()
    return Status(JobState.SUCCEEDED, outputs=(Output(url=url, media_type="video/mp4"),))
