"""Replicate: predictions that are asked, polled and told by webhook; a quick one may come with the answer.

Its answers name neither a sum nor units; pictures are counted and machine seconds taken from the metrics,
where the parameter sheet says that a model is billed so (`bills`). `wait_seconds` there lets the submit wait
for a quick model. There is no idempotency key and no way to find a prediction by a name of ours; a webhook
brings back our token.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any

import httpx

from generation.providers import answers, files, replicate_answers, webhooks
from generation.providers.profile import Abilities, Cancels, Field, Profile, SecretFrom, Webhooks
from generation.providers.protocol import (
    Account,
    CancelOutcome,
    Delivery,
    ErrorClass,
    InputFile,
    Job,
    JobState,
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

WHO = "Replicate"
INLINE_BYTES = 256 * 1024
sheet = Sheet(__file__)


class Replicate(Provider):
    name = "replicate"
    profile = Profile(
        title=WHO,
        base_urls={"": "https://api.replicate.com/v1"},
        key=(Field("key", "API token", "It begins with r8_.", form=r"r8_\S+", looks_like="r8_…"),),
        webhook_secret=SecretFrom.FETCHED,
    )
    abilities = Abilities(
        webhooks=Webhooks.SECRET,
        cancel=Cancels.RUNNING,
    )

    def translate(self, *, model: ModelFacts, request: StepRequest) -> Job:
        made = sheet.translate(model=model, request=request)
        return Job(
            model=model.endpoint,
            kind=request.kind,
            payload=made.payload,
            inputs=tuple(made.inputs),
            dropped=made.dropped,
            adjusted=tuple(made.adjusted),
        )

    async def submit(self, client: httpx.AsyncClient, *, account: Account, job: Job) -> Submitted:
        place = functools.partial(_place, client, account)
        body: dict[str, Any] = {
            "version": sheet.model(job.model),
            "input": {**job.payload["body"], **await files.placed(job, place)},
        }
        if job.webhook_url:
            body |= {"webhook": job.webhook_url, "webhook_events_filter": ["completed"]}
        seconds = sheet.entry(job.model).get("wait_seconds")
        headers = {**_authorization(account), **({"Prefer": f"wait={seconds}"} if seconds else {})}
        response = await answers.send(
            client, "POST", _address(account, "predictions"), who=WHO, headers=headers, json=body
        )
        if response.status_code not in (200, 201, 202):
            raise answers.refused(replicate_answers.error(response), response)
        told = answers.read_object(response)
        if not isinstance(told.get("id"), str):
            raise answers.unreadable(WHO)
        return Submitted(told["id"], {"endpoint": job.model}, self._status(told, job.model))

    def _status(self, told: Mapping[str, Any], endpoint: str) -> Status:
        return replicate_answers.status(told, bills=str(sheet.entry(endpoint).get("bills", "")))

    async def poll(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> Status:
        response = await _ask(client, "GET", account, f"predictions/{job_id}")
        if response.status_code == 404:
            return Status(JobState.LOST)
        told = _prediction(response)
        return self._status(told, str(handle.get("endpoint", "")))

    async def cancel(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> CancelOutcome:
        """A prediction that never started costs nothing; of one that did, the next poll tells."""
        response = await _ask(client, "POST", account, f"predictions/{job_id}/cancel")
        if response.status_code == 404:
            return CancelOutcome.REQUESTED
        status = self._status(_prediction(response), str(handle.get("endpoint", "")))
        if status.state in (JobState.QUEUED, JobState.RUNNING):
            return CancelOutcome.REQUESTED
        if status.state is not JobState.CANCELLED:
            return CancelOutcome.TOO_LATE
        charged = status.error is not None and status.error.charged
        return CancelOutcome.REQUESTED if charged else CancelOutcome.CANCELLED

    async def test(self, client: httpx.AsyncClient, *, account: Account) -> str:
        response = await _ask(client, "GET", account, "account")
        told = answers.read_object(response)
        if response.status_code != 200:
            raise replicate_answers.error(response)
        return f"{WHO} knows the token of {told.get('username', 'an account')}."

    async def webhook_secret(self, client: httpx.AsyncClient, *, account: Account) -> str:
        response = await _ask(client, "GET", account, "webhooks/default/secret")
        return str(answers.read_object(response).get("key", ""))

    def parse_webhook(self, delivery: Delivery) -> WebhookEvent:
        """The prediction as a poll tells it; which endpoint it ran on it says itself."""
        webhooks.require_standard(delivery)
        try:
            told = json.loads(delivery.body)
            job_id, endpoint = str(told["id"]), str(told.get("model", ""))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WebhookRejected("The signed message cannot be read.") from error
        return WebhookEvent(job_id, self._status(told, endpoint))


provider = Replicate()


def _authorization(account: Account) -> dict[str, str]:
    return {"Authorization": f"Bearer {account.key}"}


def _address(account: Account, path: str) -> str:
    return f"{account.base_url.rstrip('/')}/{path}"


async def _ask(client: httpx.AsyncClient, method: str, account: Account, path: str) -> httpx.Response:
    if not re.fullmatch(r"[A-Za-z0-9/_.-]+", path):
        raise ProviderError(ErrorClass.BAD_REQUEST, f"{path!r} is no path of {WHO}'s.", charged=False)
    return await answers.ask(
        client, method, _address(account, path), who=WHO, headers=_authorization(account)
    )


def _prediction(response: httpx.Response) -> Mapping[str, Any]:
    """The prediction in an answer; raises ProviderError where only the asking failed."""
    told = answers.read_object(response)
    if response.status_code >= 300:
        raise replicate_answers.error(response)
    if "status" not in told:
        raise ProviderError(ErrorClass.UNAVAILABLE, f"{WHO}'s prediction cannot be read.")
    return told


async def _place(client: httpx.AsyncClient, account: Account, file: InputFile) -> str:
    data = await files.content(file)
    if len(data) <= INLINE_BYTES:
        return await files.data_uri(file)
    response = await answers.ask(
        client,
        "POST",
        _address(account, "files"),
        who=WHO,
        headers=_authorization(account),
        files={"content": (file.sha256[:32], data, file.media_type)},
    )
    address = answers.read_object(response).get("urls", {})
    if response.status_code >= 300 or not isinstance(address.get("get"), str):
        error = replicate_answers.error(response)
        error.charged = False
        raise error
    return str(address["get"])
