"""fal: a queue that is asked, polled and told by webhook. What differs between its models is data.

The descriptions of the models' parameters stand in `fal_parameters.json`; a catalogue row's capabilities may
correct them under the key `parameters` (a null takes a parameter away). fal names no sum in its answers,
only billable units, and it has neither an idempotency key nor a way to find a job by a name of ours.
"""

from __future__ import annotations

import functools
import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

import httpx

from generation.providers import answers, fal_answers, fal_storage, files, webhooks
from generation.providers.profile import Abilities, Cancels, Field, Profile, Webhooks
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

KEEP_OUTPUTS = '{"expiration_duration_seconds": 604800}'
"""fal forgets outputs after a week; ours are stored as soon as a job is done."""

NAMESPACES = ("workflows", "comfy")
SIGNED = ("request-id", "user-id", "timestamp", "signature")
STATES = {"IN_QUEUE": JobState.QUEUED, "IN_PROGRESS": JobState.RUNNING}
UNTOLD = (401, 403, 408, 429)
"""Answers to a fetch that, as those from 500 on, say nothing about a cancelled job and its money."""

CANCELS = {
    "OK": CancelOutcome.CANCELLED,
    "CANCELLATION_REQUESTED": CancelOutcome.REQUESTED,
    "ALREADY_COMPLETED": CancelOutcome.TOO_LATE,
    "NOT_FOUND": CancelOutcome.REQUESTED,  # a poll tells that the job is lost
}


sheet = Sheet(__file__)


class Fal(Provider):
    name = "fal"
    profile = Profile(
        title="fal",
        base_urls={"": "https://queue.fal.run"},
        key=(
            Field(
                "key",
                "Key",
                "As fal shows it: the key's id, a colon, its secret.",
                form=r"[^:\s]+:[^:\s]+",
                looks_like="id:secret",
            ),
        ),
    )
    abilities = Abilities(webhooks=Webhooks.KEY_SET, cancel=Cancels.RUNNING)

    def translate(self, *, model: ModelFacts, request: StepRequest) -> Job:
        """The request in fal's words; raises ProviderError(BAD_REQUEST) when impossible."""
        made = sheet.translate(model=model, request=request)
        return Job(
            model=model.endpoint,
            kind=request.kind,
            payload=made.payload,
            inputs=tuple(made.inputs),
            dropped=made.dropped,
            adjusted=tuple(made.adjusted),
        )

    async def test(self, client: httpx.AsyncClient, *, account: Account) -> str:
        """A poll for a job that does not exist, under an app that does not either."""
        await self.poll(
            client, account=account, job_id=str(uuid.uuid4()), handle={"endpoint": "circletake/test"}
        )
        return "fal accepted the key."

    async def submit(self, client: httpx.AsyncClient, *, account: Account, job: Job) -> Submitted:
        """Sends the job, its files first. An answer that is lost or unreadable is ambiguous."""
        place = functools.partial(_place, client, account)
        body = {**job.payload["body"], **await files.placed(job, place)}
        headers = {
            **_authorization(account),
            "X-Client-Request-Id": job.token,
            "X-Fal-Object-Lifecycle-Preference": KEEP_OUTPUTS,
        }
        response = await answers.send(
            client,
            "POST",
            f"{account.base_url.rstrip('/')}/{job.model}",
            who="fal",
            params={"fal_webhook": job.webhook_url} if job.webhook_url else None,
            headers=headers,
            json=body,
        )
        if response.status_code != 200:
            raise _refused(response)
        answer = answers.read_json(response)
        if not isinstance(answer, Mapping) or not isinstance(answer.get("request_id"), str):
            raise ProviderError(
                ErrorClass.UNKNOWN, "fal's answer to the submit cannot be read.", ambiguous=True
            )
        names = ("status_url", "response_url", "cancel_url")
        addresses = {name: answer[name] for name in names if isinstance(answer.get(name), str)}
        return Submitted(answer["request_id"], {"endpoint": job.model, **addresses})

    async def poll(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> Status:
        """The job's state, with its outputs when it is done; raises ProviderError when only asking failed."""
        response = await _call(client, "GET", account, _address(account, job_id, handle, "status"))
        if response.status_code == 404:
            return Status(JobState.LOST)
        if response.status_code >= 300:
            raise fal_answers.from_response(response)
        told = answers.read_json(response)
        if not isinstance(told, Mapping):
            raise ProviderError(ErrorClass.UNAVAILABLE, "fal's status cannot be read.")
        if told.get("status") != "COMPLETED":
            position = told.get("queue_position")
            return Status(
                STATES.get(str(told.get("status")), JobState.RUNNING),
                queue_position=position if isinstance(position, int) else None,
            )
        response = await _call(client, "GET", account, _address(account, job_id, handle, "response"))
        return self._finished(response, told)

    def _finished(self, response: httpx.Response, told: Mapping[str, Any]) -> Status:
        status, units = response.status_code, fal_answers.billable_units(response)
        if status == 404:
            return Status(JobState.LOST)
        if status == 499:
            return Status(JobState.CANCELLED, billed_units=units)
        if told.get("error_type") == "client_cancelled":
            if status >= 500 or status in UNTOLD:
                raise fal_answers.from_response(response)  # what it cost is not told yet
            return Status(JobState.CANCELLED, billed_units=units)
        body = answers.read_json(response)
        if status == 200:
            if not isinstance(body, Mapping) and not fal_answers.came_from_fal(response):
                raise ProviderError(ErrorClass.UNAVAILABLE, "fal's result cannot be read.")
            return fal_answers.delivered(body, units)
        if not told.get("error") and not fal_answers.came_from_fal(response):
            raise fal_answers.from_response(response)  # the fetch failed, not the job
        return fal_answers.failed(fal_answers.from_response(response), units)

    async def cancel(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> CancelOutcome:
        """Asks fal to drop the job; after REQUESTED it may still finish, and polling tells."""
        response = await _call(client, "PUT", account, _address(account, job_id, handle, "cancel"))
        answer = answers.read_json(response)
        said = answer.get("status") if isinstance(answer, Mapping) else None
        if said in CANCELS:
            return CANCELS[str(said)]
        if response.status_code >= 300:
            raise fal_answers.from_response(response)
        return CancelOutcome.REQUESTED  # an answer that cannot be read says nothing of the job

    def parse_webhook(self, delivery: Delivery) -> WebhookEvent:
        """What a signed message says. It names no billable units: a poll does."""
        _verify(delivery)
        try:
            told = json.loads(delivery.body)
            job_id = str(told["request_id"])
        except (ValueError, KeyError, TypeError) as error:
            raise WebhookRejected("The signed message cannot be read.") from error
        return WebhookEvent(
            job_id, fal_answers.webhook_status(told), str(told.get("gateway_request_id") or "")
        )

    def key_set_address(self, account: Account) -> str:
        return f"{fal_storage.store_url(account.base_url)}/.well-known/jwks.json"


provider = Fal()


async def _place(client: httpx.AsyncClient, account: Account, file: InputFile) -> str:
    return await fal_storage.place(client, account=account, file=file)


def _authorization(account: Account) -> dict[str, str]:
    return {"Authorization": f"Key {account.key}"}


def _address(account: Account, job_id: str, handle: Mapping[str, Any], what: str) -> str:
    """The address that fal gave, if it is the account's own host: the key goes nowhere else."""
    given = httpx.URL(str(handle.get(f"{what}_url", "")))
    own = httpx.URL(account.base_url)
    if (given.scheme, given.host, given.port) == (own.scheme, own.host, own.port):
        return str(given)
    parts = str(handle["endpoint"]).split("/")
    app = "/".join(parts[: 3 if parts[0] in NAMESPACES else 2])
    tail = "" if what == "response" else f"/{what}"
    return f"{account.base_url.rstrip('/')}/{app}/requests/{job_id}{tail}"


async def _call(client: httpx.AsyncClient, method: str, account: Account, address: str) -> httpx.Response:
    return await answers.ask(client, method, address, who="fal", headers=_authorization(account))


def _refused(response: httpx.Response) -> ProviderError:
    """A submit that was answered with an error; a gateway's time-out may hide an accepted job."""
    error = fal_answers.from_response(response)
    status = response.status_code
    error.ambiguous = status in (408, 504) or (status >= 500 and fal_answers.came_from_fal(response))
    if error.ambiguous:
        error.charged = None
    elif error.charged is None:
        error.charged = False
    return error


def _verify(delivery: Delivery) -> None:
    """Request id, user id, time and the SHA-256 of the raw body, joined by line feeds and signed."""
    values = [delivery.headers.get(f"x-fal-webhook-{name}", "") for name in SIGNED]
    if not all(values):
        raise WebhookRejected("A signature header is missing.")
    *named, timestamp, signature = values
    webhooks.require_recent(timestamp, now=delivery.now)
    digest = hashlib.sha256(delivery.body).hexdigest()
    message = "\n".join([*named, timestamp, digest]).encode()
    webhooks.require_ed25519(message, signature, keys=delivery.keys)
