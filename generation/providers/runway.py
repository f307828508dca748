"""Runway: tasks that are asked and polled; it sends no webhooks and knows no names of ours.

Which call a model is asked by (from text, from frames) follows from the pictures that go in, by
`runway_parameters.json`. A finished task says what it cost. Deleting a task stops it while it is unfinished,
and destroys its output afterwards: so its state is asked for before.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import httpx

from generation.providers import answers, bodies, files, runway_answers
from generation.providers.parameters import Translation, refuse
from generation.providers.profile import Abilities, Cancels, Field, Profile
from generation.providers.protocol import (
    Account,
    CancelOutcome,
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
from generation.providers.runway_answers import WHO
from generation.providers.sheets import Sheet

VERSION = "2024-11-06"
INLINE_BYTES = {"image": 3_500_000, "video": 11_500_000}
"""What still fits into a request once it is written out: 5 MB of a picture, 16 MB of a film."""

ENDED = (JobState.SUCCEEDED, JobState.FAILED, JobState.BLOCKED, JobState.CANCELLED)
sheet = Sheet(__file__)


class Runway(Provider):
    name = "runway"
    profile = Profile(
        title=WHO,
        base_urls={"": "https://api.dev.runwayml.com"},
        key=(
            Field(
                "key",
                "API key",
                "It begins with key_. Keys of the app do not work here.",
                form=r"key_\S+",
                looks_like="key_…",
            ),
        ),
        note="Runway's terms ask for a notice “Powered by Runway” wherever its results are made.",
    )
    abilities = Abilities(cancel=Cancels.RUNNING, progress=True)

    def translate(self, *, model: ModelFacts, request: StepRequest) -> Job:
        """The request in the words of the call that its pictures lead to."""
        named = bodies.variant(sheet.entry(model.endpoint), request.inputs) or model.endpoint
        facts = dataclasses.replace(model, endpoint=named)
        made = sheet.translate(model=facts, request=request)
        _require_length(facts, made)
        body = {"model": sheet.model(named), **bodies.shaped(sheet.specs(facts), made)}
        return Job(
            model=model.endpoint,
            kind=request.kind,
            payload={"path": sheet.entry(named)["path"], "body": body},
            inputs=tuple(made.inputs),
            dropped=made.dropped,
            adjusted=tuple(made.adjusted),
        )

    async def submit(self, client: httpx.AsyncClient, *, account: Account, job: Job) -> Submitted:
        place = functools.partial(_place, client, account)
        body = await bodies.filled(job.payload["body"], job.inputs, place)
        response = await answers.send(
            client,
            "POST",
            _address(account, f"v1/{job.payload['path']}"),
            who=WHO,
            headers=_headers(account),
            json=body,
        )
        if response.status_code != 200:
            raise answers.refused(runway_answers.error(response), response)
        task_id = answers.read_object(response).get("id")
        if not isinstance(task_id, str) or not task_id:
            raise answers.unreadable(WHO)
        return Submitted(task_id, {"endpoint": job.model})

    async def poll(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> Status:
        """The task's state. A task that was deleted, or aborted, is not known any more."""
        response = await _ask(client, "GET", account, f"v1/tasks/{_plain(job_id)}")
        if response.status_code == 404:
            return Status(JobState.LOST)
        told = answers.read_object(response)
        if response.status_code != 200:
            raise runway_answers.error(response)
        if "status" not in told:
            raise ProviderError(ErrorClass.UNAVAILABLE, f"{WHO}'s task cannot be read.")
        document = sheet.document
        return runway_answers.status(
            told, failures=document["failures"], costly=document["failures_that_cost"]
        )

    async def cancel(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> CancelOutcome:
        """Deletes an unfinished task; one that waited and is free or gone afterwards is stopped for sure."""
        before = await self.poll(client, account=account, job_id=job_id, handle=handle)
        if before.state in ENDED:
            return CancelOutcome.TOO_LATE
        if before.state is JobState.LOST:
            return CancelOutcome.REQUESTED
        response = await _ask(client, "DELETE", account, f"v1/tasks/{_plain(job_id)}")
        if response.status_code not in (200, 202, 204, 404):
            raise runway_answers.error(response)
        after = await self.poll(client, account=account, job_id=job_id, handle=handle)
        if after.state is JobState.CANCELLED and after.charge == 0:
            return CancelOutcome.CANCELLED
        waited = before.state is JobState.QUEUED and after.state is JobState.LOST
        return CancelOutcome.CANCELLED if waited else CancelOutcome.REQUESTED

    async def test(self, client: httpx.AsyncClient, *, account: Account) -> str:
        left = await self.balance(client, account=account)
        return f"{WHO} accepted the key; {answers.left(left)} credits left."

    async def balance(self, client: httpx.AsyncClient, *, account: Account) -> Decimal | None:
        response = await _ask(client, "GET", account, "v1/organization")
        if response.status_code != 200:
            raise runway_answers.error(response)
        return answers.amount(answers.read_object(response).get("creditBalance"))


provider = Runway()


def _headers(account: Account) -> dict[str, str]:
    return {"Authorization": f"Bearer {account.key}", "X-Runway-Version": VERSION}


def _address(account: Account, path: str) -> str:
    return f"{account.base_url.rstrip('/')}/{path}"


async def _ask(
    client: httpx.AsyncClient, method: str, account: Account, path: str, **options: Any
) -> httpx.Response:
    return await answers.ask(
        client, method, _address(account, path), who=WHO, headers=_headers(account), **options
    )


def _plain(job_id: str) -> str:
    """The id as part of an address; raises ProviderError where it would be another address."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", job_id):
        raise ProviderError(ErrorClass.BAD_REQUEST, f"{job_id!r} is no task of {WHO}'s.", charged=False)
    return job_id


def _require_length(model: ModelFacts, made: Translation) -> None:
    for name, spec in sheet.specs(model).items():
        longest = spec.get("longest")
        if longest is not None and len(str(made.body.get(name, ""))) > longest:
            raise refuse(f"{model.key}: {name} can have {longest} characters.")


async def _place(client: httpx.AsyncClient, account: Account, file: InputFile) -> str:
    """The file inside the request, or the name of an upload that lasts a day."""
    data = await files.content(file)
    if len(data) <= INLINE_BYTES.get(file.media_type.partition("/")[0], 0):
        return await files.data_uri(file)
    name = f"{file.sha256[:16]}.{file.media_type.partition('/')[2]}"
    response = await _ask(client, "POST", account, "v1/uploads", json={"filename": name, "type": "ephemeral"})
    told = answers.read_object(response)
    if response.status_code != 200 or not {"uploadUrl", "fields", "runwayUri"} <= told.keys():
        raise _not_placed(response)
    sent = await answers.ask(
        client,
        "POST",
        str(told["uploadUrl"]),
        who=f"{WHO}'s storage",
        data=dict(told["fields"]),
        files={"file": (name, data, file.media_type)},
    )
    if sent.status_code >= 300:
        raise _not_placed(sent)
    return str(told["runwayUri"])


def _not_placed(response: httpx.Response) -> ProviderError:
    """Nothing was asked for yet: never ambiguous, and free."""
    error = runway_answers.error(response)
    error.charged = False
    return error
