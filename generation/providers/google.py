"""Google's Gemini API: Veo as operations that are polled, Gemini's pictures as calls that bring them.

There is no idempotency key, no way to find a job by a name of ours, and no documented cancel. The seconds of
a film and the pictures of a call are what is billed; a picture model that is billed by tokens counts them.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

import httpx

from generation.providers import answers, google_answers, google_requests, google_webhooks
from generation.providers.google_answers import WHO
from generation.providers.parameters import Spec
from generation.providers.profile import Abilities, Field, Profile, SecretFrom, Webhooks
from generation.providers.protocol import (
    Account,
    Delivery,
    ErrorClass,
    Job,
    JobState,
    ModelFacts,
    Provider,
    ProviderError,
    Status,
    StepRequest,
    Submitted,
    WebhookEvent,
)
from generation.providers.sheets import Sheet

BLOCKING = "generateContent"
OPERATIONS = "predictLongRunning"
sheet = Sheet(__file__)


class Google(Provider):
    name = "google"
    profile = Profile(
        title=WHO,
        base_urls={"": "https://generativelanguage.googleapis.com/v1beta"},
        key=(Field("key", "API key", "A key of the Gemini API, from Google AI Studio."),),
        webhook_secret=SecretFrom.ENTERED,
        note="A secret is needed only for webhooks that were registered for the whole account.",
    )
    abilities = Abilities(
        webhooks=Webhooks.KEY_SET,
        blocking=True,
    )

    def translate(self, *, model: ModelFacts, request: StepRequest) -> Job:
        made = sheet.translate(model=model, request=request)
        specs = sheet.specs(model)
        entry = sheet.entry(model.endpoint)
        google_requests.settle(made, specs, entry.get("when", ()))
        method = str(model.capabilities.get("method") or entry.get("method", ""))
        if method not in (BLOCKING, OPERATIONS):
            raise ProviderError(
                ErrorClass.BAD_REQUEST,
                f"Nobody has written down how {model.key} is called: give it a method in its capabilities.",
                charged=False,
            )
        placed = {name: _placing(specs[name]) for name in (*made.body, *made.files)}
        return Job(
            model=model.endpoint,
            kind=request.kind,
            payload={**made.payload, "specs": placed, "method": method},
            inputs=tuple(made.inputs),
            dropped=made.dropped,
            adjusted=tuple(made.adjusted),
            blocking=method == BLOCKING,
        )

    async def submit(self, client: httpx.AsyncClient, *, account: Account, job: Job) -> Submitted:
        body = await google_requests.body(job, job.payload["specs"])
        if job.blocking:
            return await self._picture(client, account, job, body)
        if job.webhook_url:
            body["webhookConfig"] = {"uris": [job.webhook_url]}
        told = await self._sent(client, account, job, body)
        name = told.get("name")
        if not isinstance(name, str) or not name:
            raise answers.unreadable(WHO)
        seconds = job.payload["body"].get("durationSeconds")
        return Submitted(name, {"endpoint": job.model, "seconds": seconds})

    async def _picture(
        self, client: httpx.AsyncClient, account: Account, job: Job, body: Mapping[str, Any]
    ) -> Submitted:
        told = await self._sent(client, account, job, body)
        if "candidates" not in told and "promptFeedback" not in told:
            raise answers.unreadable(WHO)
        bills = str(sheet.entry(job.model).get("bills", "images"))
        status = google_answers.content(told, ends=sheet.document["finish"], bills=bills)
        handle = {"endpoint": job.model, "model_version": str(told.get("modelVersion", ""))}
        return Submitted(str(told.get("responseId") or uuid.uuid4()), handle, status)

    async def _sent(
        self, client: httpx.AsyncClient, account: Account, job: Job, body: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        address = _address(account, f"models/{job.model}:{job.payload['method']}")
        headers = dict(self.download_headers(account))
        response = await answers.send(client, "POST", address, who=WHO, headers=headers, json=body)
        if response.status_code != 200:
            raise answers.refused(google_answers.error(response), response)
        return answers.read_object(response)

    async def poll(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> Status:
        response = await self._ask(client, account, job_id)
        if response.status_code == 404:
            return Status(JobState.LOST)
        if response.status_code != 200:
            raise google_answers.error(response)
        told = answers.read_object(response)
        if "name" not in told:
            raise ProviderError(ErrorClass.UNAVAILABLE, f"{WHO}'s operation cannot be read.")
        return google_answers.operation(told, seconds=handle.get("seconds"))

    async def test(self, client: httpx.AsyncClient, *, account: Account) -> str:
        response = await self._ask(client, account, "models", pageSize="1")
        if response.status_code != 200:
            raise google_answers.error(response)
        return f"{WHO} accepted the key."

    async def _ask(
        self, client: httpx.AsyncClient, account: Account, path: str, **query: str
    ) -> httpx.Response:
        if not re.fullmatch(r"[A-Za-z0-9/_.-]+", path):
            raise ProviderError(ErrorClass.BAD_REQUEST, f"{path!r} is no name of {WHO}'s.", charged=False)
        headers = dict(self.download_headers(account))
        return await answers.ask(
            client, "GET", _address(account, path), who=WHO, headers=headers, params=query
        )

    def parse_webhook(self, delivery: Delivery) -> WebhookEvent:
        return google_webhooks.event(delivery)

    def key_set_address(self, account: Account) -> str:
        root = account.base_url.rstrip("/").removesuffix("/v1beta")
        return f"{root}/.well-known/jwks.json"

    def download_headers(self, account: Account) -> Mapping[str, str]:
        return {"x-goog-api-key": account.key}


provider = Google()


def _address(account: Account, path: str) -> str:
    return f"{account.base_url.rstrip('/')}/{path}"


def _placing(spec: Spec) -> dict[str, Any]:
    """What a payload keeps of a description: where the parameter goes and how it is written."""
    return {name: spec[name] for name in ("at", "as", "file", "part") if name in spec}
