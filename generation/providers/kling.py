"""Kling: tasks that are made, asked for and told by callback, in a newer and an older dialect.

The newer routes name the model in their path and take contents, settings and options; the older ones take
one flat body that names it. Which of them an endpoint speaks, the parameter sheet says. Our token is the
task's external id, by which it is found after a lost answer. Files go in as bare base64; nothing can be
cancelled.
"""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from generation.providers import answers, bodies, files, kling_answers, kling_keys, webhooks
from generation.providers.profile import Abilities, Field, Profile, SecretFrom, Webhooks
from generation.providers.protocol import (
    Account,
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

WHO = "Kling"
OLDER = "/v1/"
sheet = Sheet(__file__)


class Kling(Provider):
    name = "kling"
    profile = Profile(
        title=WHO,
        base_urls={
            "international": "https://api-singapore.klingai.com",
            "china": "https://api-beijing.klingai.com",
        },
        key=(
            Field("api_key", "API key", "Needed for Kling 3.0 and later.", required=False),
            Field("access_key", "Access key", "With its secret, for the older models.", required=False),
            Field("secret_key", "Secret key", required=False),
        ),
        webhook_secret=SecretFrom.ENTERED,
        note="Without a webhook secret, callbacks are unsigned and only bring a poll forward.",
    )
    abilities = Abilities(webhooks=Webhooks.SECRET, look_up=True)

    def translate(self, *, model: ModelFacts, request: StepRequest) -> Job:
        described = bodies.variant(sheet.entry(model.endpoint), request.inputs) or model.endpoint
        facts = dataclasses.replace(model, endpoint=described)
        made = sheet.translate(model=facts, request=request)
        entry = sheet.entry(described)
        named = {"model_name": entry["model"]} if "model" in entry else {}
        body = {**named, **bodies.shaped(sheet.specs(facts), made)}
        return Job(
            model=model.endpoint,
            kind=request.kind,
            payload={"path": entry["path"], "body": body},
            inputs=tuple(made.inputs),
            dropped=made.dropped,
            adjusted=tuple(made.adjusted),
        )

    async def submit(self, client: httpx.AsyncClient, *, account: Account, job: Job) -> Submitted:
        """Sends the task under our token. Whatever is not surely refused may have been accepted."""
        path = str(job.payload["path"])
        body = await bodies.filled(job.payload["body"], job.inputs, files.in_base64)
        options = body if path.startswith(OLDER) else body.setdefault("options", {})
        if job.token:
            options["external_task_id"] = job.token
        if job.webhook_url:
            options["callback_url"] = job.webhook_url
        response = await answers.send(
            client, "POST", _address(account, path), who=WHO, headers=_authorization(account, path), json=body
        )
        try:
            found = kling_answers.tasks(kling_answers.opened(response))
        except ProviderError as error:
            raise kling_answers.refused(response) from error
        if not found:
            raise answers.unreadable(WHO)
        return Submitted(kling_answers.id_of(found[0]), {"endpoint": job.model, "path": path})

    async def poll(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> Status:
        task = await _task(client, account, _paths(handle), "task_ids", job_id)
        return Status(JobState.LOST) if task is None else kling_answers.status(task)

    async def find(self, client: httpx.AsyncClient, *, account: Account, lost: Lost) -> Submitted | None:
        """By external id, which is unique in an account; whether a second task may have it is not stated."""
        paths = _paths({"endpoint": lost.endpoint})
        task = await _task(client, account, paths, "external_task_ids", lost.token)
        if task is None:
            return None
        return Submitted(kling_answers.id_of(task), {"endpoint": lost.endpoint})

    async def test(self, client: httpx.AsyncClient, *, account: Account) -> str:
        """Asks for a task that does not exist, where the account's kind of key may ask."""
        path = "/tasks" if account.part("api_key") else "/v1/images/generations"
        await _task(client, account, [path], "task_ids", str(uuid.uuid4()))
        return f"{WHO} accepted the key."

    def parse_webhook(self, delivery: Delivery) -> WebhookEvent:
        """The task as a poll tells it. Without a secret nothing vouches for it, and only a poll is due."""
        if delivery.secrets:
            webhooks.require_standard(delivery)
        try:
            told = json.loads(delivery.body)
            job_id = kling_answers.id_of(told)
            status = kling_answers.status(told) if delivery.secrets else None
        except (ValueError, AttributeError, ProviderError) as error:
            raise WebhookRejected("The message cannot be read.") from error
        if not job_id:
            raise WebhookRejected("The message names no task.")
        return WebhookEvent(job_id, status)


provider = Kling()


def _authorization(account: Account, path: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {kling_keys.bearer(account, older_route=path.startswith(OLDER))}"}


def _address(account: Account, path: str) -> str:
    return account.base_url.rstrip("/") + path


def _paths(handle: Mapping[str, Any]) -> list[str]:
    """Where a task may be asked for: the older routes each know their own tasks alone."""
    entry = sheet.entry(str(handle.get("endpoint", "")))
    described = [entry, *(sheet.entry(one["use"]) for one in entry.get("with", ()))]
    known = [handle["path"]] if handle.get("path") else [one["path"] for one in described if "path" in one]
    older = [str(path) for path in known if str(path).startswith(OLDER)]
    return older or ["/tasks"]


async def _task(
    client: httpx.AsyncClient, account: Account, paths: Sequence[str], named_by: str, name: str
) -> Mapping[str, Any] | None:
    """The task of this id or external id; None where every route says that it has none."""
    for path in paths:
        address = httpx.URL(_address(account, path))
        if path.startswith(OLDER):
            if not name.replace("-", "").replace("_", "").isalnum():
                raise ProviderError(ErrorClass.BAD_REQUEST, f"{name!r} is no id of {WHO}'s.", charged=False)
            address = address.copy_with(path=f"{address.path}/{name}")
        else:
            address = address.copy_merge_params({named_by: name})
        response = await answers.ask(
            client, "GET", str(address), who=WHO, headers=_authorization(account, path)
        )
        if kling_answers.code_of(response) == kling_answers.NOT_FOUND:
            continue
        found = kling_answers.tasks(kling_answers.opened(response))
        if found:
            return found[0]
    return None
