"""Stability AI: forms that are answered with the picture itself; a few are answered with an id to poll.

Which of them, and which call a model is asked by, stands in `stability_parameters.json` (`path`, `later`).
There are no webhooks, no cancel and no idempotency key; Stability says that a generation that failed is free.
"""

from __future__ import annotations

import asyncio
import dataclasses
import pathlib
import re
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import httpx

from generation.providers import answers, bodies, files, stability_answers
from generation.providers.parameters import refuse
from generation.providers.profile import Abilities, Field, Profile
from generation.providers.protocol import (
    Account,
    ErrorClass,
    Job,
    JobState,
    ModelFacts,
    Provider,
    ProviderError,
    Status,
    StepRequest,
    Submitted,
)
from generation.providers.sheets import Sheet
from generation.providers.stability_answers import WHO

IN_DOUBT = (408, 502, 504)
"""A 500 of its own says that the generation failed; a gateway's answer says nothing of it."""

MOST_BYTES = 10 * 1024 * 1024
sheet = Sheet(__file__)


class Stability(Provider):
    name = "stability"
    profile = Profile(
        title=WHO,
        base_urls={"": "https://api.stability.ai"},
        key=(Field("key", "API key", "It begins with sk-.", form=r"sk-\S+", looks_like="sk-…"),),
    )
    abilities = Abilities(blocking=True, hang_up_charged=None)

    def translate(self, *, model: ModelFacts, request: StepRequest) -> Job:
        named = bodies.variant(sheet.entry(model.endpoint), request.inputs) or model.endpoint
        facts = dataclasses.replace(model, endpoint=named)
        entry = sheet.entry(named)
        made = sheet.translate(model=facts, request=request)
        for name, spec in sheet.specs(facts).items():
            if "longest" in spec and len(made.body.get(name, "")) > spec["longest"]:
                raise refuse(f"{model.key}: {name} can have {spec['longest']} characters.")
        return Job(
            model=model.endpoint,
            kind=request.kind,
            payload={**made.payload, "path": entry.get("path", named)},
            inputs=tuple(made.inputs),
            dropped=made.dropped,
            adjusted=tuple(made.adjusted),
            blocking=not entry.get("later", False),
        )

    async def submit(self, client: httpx.AsyncClient, *, account: Account, job: Job) -> Submitted:
        """Sends the form; the answer is the picture, or the id of one that is being made."""
        response = await answers.send(
            client,
            "POST",
            _address(account, f"stable-image/{job.payload['path']}"),
            who=WHO,
            headers=_headers(account),
            files=await _form(job),
        )
        if response.status_code not in (200, 202):
            raise answers.refused(stability_answers.error(response), response, in_doubt=IN_DOUBT)
        handle = {"endpoint": job.model}
        if job.blocking:
            if not stability_answers.is_picture(response):
                raise answers.unreadable(WHO)
            name = response.headers.get("x-request-id") or str(uuid.uuid4())
            return Submitted(name, handle, stability_answers.delivered(response))
        told = answers.read_object(response)
        if not isinstance(told.get("id"), str) or not told["id"]:
            raise answers.unreadable(WHO)
        return Submitted(told["id"], handle)

    async def poll(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> Status:
        """What became of a picture that was not answered at once; after a day it is not known any more."""
        if not re.fullmatch(r"[A-Za-z0-9_-]+", job_id):
            raise ProviderError(ErrorClass.BAD_REQUEST, f"{job_id!r} is no result of {WHO}'s.")
        response = await answers.ask(
            client, "GET", _address(account, f"results/{job_id}"), who=WHO, headers=_headers(account)
        )
        if response.status_code == 404:
            return Status(JobState.LOST)
        if response.status_code == 202:
            return Status(JobState.RUNNING)
        if response.status_code != 200:
            return _ended_or_unasked(stability_answers.error(response))
        if not stability_answers.is_picture(response):
            raise ProviderError(ErrorClass.UNAVAILABLE, f"{WHO}'s result cannot be read.")
        return stability_answers.delivered(response)

    async def test(self, client: httpx.AsyncClient, *, account: Account) -> str:
        left = await self.balance(client, account=account)
        return f"{WHO} accepted the key; {answers.left(left)} credits left."

    async def balance(self, client: httpx.AsyncClient, *, account: Account) -> Decimal | None:
        address = f"{account.base_url.rstrip('/')}/v1/user/balance"
        headers = {**_headers(account), "Accept": "application/json"}
        response = await answers.ask(client, "GET", address, who=WHO, headers=headers)
        if response.status_code != 200:
            raise stability_answers.error(response)
        return answers.amount(answers.read_object(response).get("credits"))


provider = Stability()


def _headers(account: Account) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {account.key}",
        "Accept": "image/*",
        "stability-client-id": "circletake",
    }


def _address(account: Account, path: str) -> str:
    return f"{account.base_url.rstrip('/')}/v2beta/{path}"


def _ended_or_unasked(error: ProviderError) -> Status:
    """A refused result says how the picture ended; anything else only that the asking failed."""
    if error.error_class is not ErrorClass.MODERATED:
        raise error
    error.charged = False
    return Status(JobState.BLOCKED, error=error)


async def _form(job: Job) -> dict[str, tuple[str | None, bytes] | tuple[str | None, bytes, str]]:
    """The request as parts of a form, even where there is no file among them."""
    known = {file.sha256: file for file in job.inputs}
    sizes = await asyncio.gather(*(asyncio.to_thread(_size, file.path) for file in known.values()))
    if sum(sizes) > MOST_BYTES:
        raise refuse(f"{WHO} takes 10 MiB in all, and these pictures have {sum(sizes) / 1024**2:.1f}.")
    parts: dict[str, Any] = {name: (None, _text(value)) for name, value in job.payload["body"].items()}
    for name, wanted in job.payload["files"].items():
        file = known[wanted[0]]
        extension = file.media_type.partition("/")[2]
        parts[name] = (f"{name}.{extension}", await files.content(file), file.media_type)
    return parts


def _size(path: str) -> int:
    """The file's size; one that is gone is told by whoever reads it."""
    found = pathlib.Path(path)
    return found.stat().st_size if found.exists() else 0


def _text(value: Any) -> bytes:
    return (str(value).lower() if isinstance(value, bool) else str(value)).encode()
