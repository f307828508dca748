"""Black Forest Labs: FLUX, asked by a call of each model's own, polled at the address that the submit gave.

A submit that names a webhook is answered without that address, so the general one is asked. The signature of
webhooks is not documented for certain: each job brings a secret of its own, a signature that comes is
checked, and whatever a message says, only a poll tells the state.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import httpx

from generation.providers import answers, bfl_answers, bodies, files, webhooks
from generation.providers.bfl_answers import WHO
from generation.providers.profile import Abilities, Field, Profile, Webhooks
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
    WebhookRejected,
)
from generation.providers.sheets import Sheet

OWN_HOSTS = ".bfl.ai"
"""Jobs may live on another of BFL's clusters than the one that was asked; the key goes to these alone."""

SIGNATURE = "x-bfl-signature"
sheet = Sheet(__file__)


class Bfl(Provider):
    name = "bfl"
    profile = Profile(
        title="Black Forest Labs",
        base_urls={"": "https://api.bfl.ai", "eu": "https://api.eu.bfl.ai", "us": "https://api.us.bfl.ai"},
        key=(Field("key", "API key", "As the dashboard shows it."),),
    )
    abilities = Abilities(webhooks=Webhooks.UNSIGNED)

    def translate(self, *, model: ModelFacts, request: StepRequest) -> Job:
        named = bodies.variant(sheet.entry(model.endpoint), request.inputs) or model.endpoint
        facts = dataclasses.replace(model, endpoint=named)
        made = sheet.translate(model=facts, request=request)
        body = bodies.shaped(sheet.specs(facts), made)
        if "last" in body:  # a key frame at the film's end, which is known only now
            body.setdefault("keyframes", []).append([body["duration"], body.pop("last")])
        return Job(
            model=model.endpoint,
            kind=request.kind,
            payload={"call": sheet.model(named), "body": body},
            inputs=tuple(made.inputs),
            dropped=made.dropped,
            adjusted=tuple(made.adjusted),
        )

    async def submit(self, client: httpx.AsyncClient, *, account: Account, job: Job) -> Submitted:
        body = await bodies.filled(job.payload["body"], job.inputs, files.in_base64)
        if job.webhook_url:
            body |= {"webhook_url": job.webhook_url, "webhook_secret": _secret(job.webhook_url)}
        response = await answers.send(
            client,
            "POST",
            _address(account, job.payload["call"]),
            who=WHO,
            headers=_headers(account),
            json=body,
        )
        if response.status_code != 200:
            raise answers.refused(bfl_answers.error(response), response)
        told = answers.read_object(response)
        if not isinstance(told.get("id"), str) or not told["id"]:
            raise answers.unreadable(WHO)
        handle = {
            "endpoint": job.model,
            "polling_url": told.get("polling_url"),
            "cost": bfl_answers.credits(told),
        }
        return Submitted(told["id"], {name: value for name, value in handle.items() if value is not None})

    async def poll(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> Status:
        """The result's state. One that has expired is as unknown as one that never was."""
        address, query = _polling(account, job_id, handle)
        response = await answers.ask(client, "GET", address, who=WHO, headers=_headers(account), params=query)
        told = answers.read_object(response)
        if response.status_code == 404:
            return Status(JobState.LOST)
        if response.status_code != 200:
            raise bfl_answers.error(response)
        if "status" not in told:
            raise ProviderError(ErrorClass.UNAVAILABLE, f"{WHO}'s result cannot be read.")
        return bfl_answers.status(told, states=sheet.document["states"], cost=handle.get("cost"))

    async def test(self, client: httpx.AsyncClient, *, account: Account) -> str:
        left = await self.balance(client, account=account)
        return f"{self.profile.title} accepted the key; {answers.left(left)} credits left."

    async def balance(self, client: httpx.AsyncClient, *, account: Account) -> Decimal | None:
        response = await answers.ask(
            client, "GET", _address(account, "credits"), who=WHO, headers=_headers(account)
        )
        if response.status_code != 200:
            raise bfl_answers.error(response)
        return answers.amount(answers.read_object(response).get("credits"))

    def parse_webhook(self, delivery: Delivery) -> WebhookEvent:
        """Which job has changed. A signature is checked where one comes, with the job's own secret."""
        signature = delivery.headers.get(SIGNATURE, "")
        if signature:
            webhooks.require_hmac(
                delivery.body, signature.removeprefix("sha256="), secrets=(delivery.token, *delivery.secrets)
            )
        try:
            told = json.loads(delivery.body)
            return WebhookEvent(str(told["id"]), None)
        except (ValueError, KeyError, TypeError) as error:
            raise WebhookRejected("The message cannot be read.") from error


provider = Bfl()


def _headers(account: Account) -> dict[str, str]:
    return {"x-key": account.key}


def _address(account: Account, call: str) -> str:
    return f"{account.base_url.rstrip('/')}/v1/{call}"


def _secret(webhook_url: str) -> str:
    """The job's own secret: the token that its address ends with, which a delivery brings back."""
    return webhook_url.rstrip("/").rpartition("/")[2]


def _polling(
    account: Account, job_id: str, handle: Mapping[str, Any]
) -> tuple[str, Mapping[str, str] | None]:
    """The address that BFL gave, if it is one of its own or the account's; else the general one."""
    try:
        given = httpx.URL(str(handle.get("polling_url") or ""))
    except httpx.InvalidURL:
        given = httpx.URL("")
    own = httpx.URL(account.base_url)
    same = (given.scheme, given.host, given.port) == (own.scheme, own.host, own.port)
    if same or (given.scheme == "https" and given.host.endswith(OWN_HOSTS)):
        return str(given), None
    return _address(account, "get_result"), {"id": job_id}
