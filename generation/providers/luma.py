"""Luma's agents API: generations that are asked and polled, and nothing else.

It can neither cancel nor list, has no idempotency key and no webhooks that are documented. What a model is
asked for (a picture, an edit, a film, …) and what it takes stands in `luma_parameters.json`; so does a
setting with a price of its own, under a name of its own (`ray-3.2/10s`). Files travel inside the request.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import httpx

from generation.providers import answers, bodies, files, luma_answers
from generation.providers.luma_answers import WHO
from generation.providers.parameters import refuse
from generation.providers.profile import Abilities, Field, Profile
from generation.providers.protocol import (
    Account,
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
)
from generation.providers.sheets import Sheet

sheet = Sheet(__file__)


class Luma(Provider):
    name = "luma"
    profile = Profile(
        title=WHO,
        base_urls={"": "https://agents.lumalabs.ai/v1"},
        key=(
            Field(
                "key",
                "API key",
                "It begins with luma-api-. Keys of Dream Machine do not work here.",
                form=r"luma-api-\S+",
                looks_like="luma-api-…",
            ),
        ),
    )
    abilities = Abilities()

    def translate(self, *, model: ModelFacts, request: StepRequest) -> Job:
        named = bodies.variant(sheet.entry(model.endpoint), request.inputs) or model.endpoint
        facts = dataclasses.replace(model, endpoint=named)
        entry, specs = sheet.entry(named), sheet.specs(facts)
        made = sheet.translate(model=facts, request=request)
        longest = specs["prompt"]["longest"] if "prompt" in specs else None
        if longest and len(request.prompt) > longest:
            raise refuse(f"{model.key}: prompt can have {longest} characters.")
        body = {"model": sheet.model(named), "type": entry["asks"], **bodies.shaped(specs, made)}
        if "key_frames" in entry:
            _as_key_frames(body["video"], entry["key_frames"])
        return Job(
            model=model.endpoint,
            kind=request.kind,
            payload={"body": body},
            inputs=tuple(made.inputs),
            dropped=made.dropped,
            adjusted=tuple(made.adjusted),
        )

    async def submit(self, client: httpx.AsyncClient, *, account: Account, job: Job) -> Submitted:
        body = await bodies.filled(job.payload["body"], job.inputs, _inside)
        response = await answers.send(
            client, "POST", _address(account), who=WHO, headers=_headers(account, job.token), json=body
        )
        if response.status_code not in (200, 201, 202):
            raise answers.refused(_error(response), response)
        told = answers.read_object(response)
        if not isinstance(told.get("id"), str) or not told["id"]:
            raise answers.unreadable(WHO)
        return Submitted(told["id"], {"endpoint": job.model})

    async def poll(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> Status:
        """The generation's state; every answer has addresses that are good for an hour from then on."""
        if not re.fullmatch(r"[A-Za-z0-9_-]+", job_id):
            raise ProviderError(ErrorClass.BAD_REQUEST, f"{job_id!r} is no generation of {WHO}'s.")
        response = await answers.ask(
            client, "GET", f"{_address(account)}/{job_id}", who=WHO, headers=_headers(account)
        )
        if response.status_code == 404:
            return Status(JobState.LOST)
        if response.status_code != 200:
            raise _error(response)
        told = answers.read_object(response)
        if "state" not in told:
            raise ProviderError(ErrorClass.UNAVAILABLE, f"{WHO}'s generation cannot be read.")
        return luma_answers.status(told, failures=sheet.document["failures"])


provider = Luma()


def _address(account: Account) -> str:
    return f"{account.base_url.rstrip('/')}/generations"


def _headers(account: Account, token: str = "") -> dict[str, str]:
    """Our token goes along as the request's id, for Luma's logs: nothing can be found by it."""
    return {"Authorization": f"Bearer {account.key}", **({"X-Request-Id": token} if token else {})}


def _error(response: httpx.Response) -> ProviderError:
    return luma_answers.error(response, failures=sheet.document["failures"])


async def _inside(file: InputFile) -> Any:
    """The file as an object of the request."""
    return {"data": await files.in_base64(file), "media_type": file.media_type}


def _as_key_frames(video: dict[str, Any], places: Mapping[str, int]) -> None:
    """Frames at the ends as key frames by number, which a longer film takes instead."""
    given = {name: video.pop(name) for name in places if name in video}
    if given:
        video["keyframes"] = list(given.values())
        video["keyframe_indexes"] = [places[name] for name in given]
