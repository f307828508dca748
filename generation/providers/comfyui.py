"""ComfyUI on a server of one's own: a queue without keys, bills or webhooks, polled by its history.

A model is a workflow (`comfyui_workflows`). The id of a job is ours to choose and follows from our token, so
that a job whose answer was lost is found again. One job runs at a time; the history is in the server's
memory and gone when it starts anew.
"""

from __future__ import annotations

import asyncio
import mimetypes
import re
import uuid
from collections.abc import Mapping
from typing import Any

import httpx

from generation.providers import answers, comfyui_answers, comfyui_workflows, files
from generation.providers.comfyui_answers import WHO
from generation.providers.profile import Abilities, Cancels, Field, Profile
from generation.providers.protocol import (
    Account,
    CancelOutcome,
    ErrorClass,
    InputFile,
    Job,
    JobState,
    Lost,
    ModelFacts,
    Provider,
    ProviderError,
    Status,
    StepRequest,
    Submitted,
)
from generation.providers.sheets import Sheet

FOLDER = "circletake"
OURS = uuid.UUID("6c1d7a0e-6a52-5f0c-9a37-1f6f0f6f4c11")
sheet = Sheet(__file__)


class ComfyUI(Provider):
    name = "comfyui"
    profile = Profile(
        title=WHO,
        key=(
            Field(
                "key",
                "Header value",
                "Only where a proxy before the server asks for one, such as “Bearer …”.",
                required=False,
            ),
        ),
        extra=(
            Field("header", "Header name", "Authorization, where nothing else is entered.", required=False),
        ),
        note="The server has no protection of its own: keep it in a private network, whose host the operator "
        "names in PRIVATE_HOSTS. It makes one picture at a time.",
        concurrency=1,
    )
    abilities = Abilities(cancel=Cancels.RUNNING, look_up=True)

    def translate(self, *, model: ModelFacts, request: StepRequest) -> Job:
        made, payload = comfyui_workflows.translate(model, sheet, request)
        return Job(
            model=model.endpoint,
            kind=request.kind,
            payload=payload,
            inputs=tuple(made.inputs),
            dropped=made.dropped,
            adjusted=tuple(made.adjusted),
        )

    async def submit(self, client: httpx.AsyncClient, *, account: Account, job: Job) -> Submitted:
        """Queues the graph, its files first. One that the server takes in part alone is taken back."""
        job_id = _id_of(job.token)
        uploaded = await _uploaded(client, account, job)
        graph = comfyui_workflows.filled(job.payload, uploaded, f"{FOLDER}/{job_id[:13]}")
        response = await answers.send(
            client,
            "POST",
            _address(account, "prompt"),
            who=WHO,
            headers=dict(self.download_headers(account)),
            json={"prompt": graph, "prompt_id": job_id, "client_id": FOLDER},
        )
        if response.status_code != 200:
            error = comfyui_answers.error(response, absent=sheet.document["absent"])
            raise answers.refused(error, response)
        told = answers.read_object(response)
        named = told.get("prompt_id")
        if not isinstance(named, str) or not named:
            raise answers.unreadable(WHO)
        if told.get("node_errors"):
            await self._take_back(client, account, named, comfyui_answers.node_errors(told)[1])
        handle = {"endpoint": job.model, "outputs": job.payload["outputs"], "seed": job.payload["seed"]}
        return Submitted(named, handle)

    async def _take_back(
        self, client: httpx.AsyncClient, account: Account, job_id: str, words: list[str]
    ) -> None:
        await self.cancel(client, account=account, job_id=job_id, handle={})
        said = "; ".join(words)[: answers.LONGEST_DETAIL]
        raise ProviderError(
            ErrorClass.BAD_REQUEST, f"{WHO} would have left out a part of the workflow: {said}", charged=False
        )

    async def poll(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> Status:
        """The history, the queue, and the history again: for a moment between both a job is in neither."""
        for last in (False, True):
            told = await self._told(client, "GET", account, f"history/{_checked(job_id)}")
            entry = told.get(job_id)
            if isinstance(entry, Mapping):
                return comfyui_answers.ended(
                    entry,
                    base_url=account.base_url.rstrip("/"),
                    nodes=handle.get("outputs") or (),
                    seed=handle.get("seed"),
                    passing=sheet.document["passing"],
                )
            if not last:
                placed = comfyui_answers.place(await self._told(client, "GET", account, "queue"), job_id)
                if placed is not None:
                    return placed
        return Status(JobState.LOST)

    async def cancel(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> CancelOutcome:
        """Takes a waiting job out, and interrupts the running one only where that is this very job."""
        before = await self._at(client, account, job_id)
        if before is JobState.QUEUED:
            await self._told(client, "POST", account, "queue", {"delete": [job_id]})
        now = await self._at(client, account, job_id) if before is JobState.QUEUED else before
        if now is JobState.RUNNING:
            await self._told(client, "POST", account, "interrupt", {"prompt_id": job_id})
            return CancelOutcome.REQUESTED
        if await self._told(client, "GET", account, f"history/{_checked(job_id)}"):
            return CancelOutcome.TOO_LATE
        return (
            CancelOutcome.CANCELLED if before is JobState.QUEUED and now is None else CancelOutcome.REQUESTED
        )

    async def _at(self, client: httpx.AsyncClient, account: Account, job_id: str) -> JobState | None:
        placed = comfyui_answers.place(await self._told(client, "GET", account, "queue"), job_id)
        return placed.state if placed else None

    async def find(self, client: httpx.AsyncClient, *, account: Account, lost: Lost) -> Submitted | None:
        """The job under the id that follows from our token; a server that was started anew has none."""
        job_id = _id_of(lost.token)
        status = await self.poll(client, account=account, job_id=job_id, handle={})
        if status.state is JobState.LOST:
            return None
        return Submitted(job_id, {"endpoint": lost.endpoint})

    async def test(self, client: httpx.AsyncClient, *, account: Account) -> str:
        told = await self._told(client, "GET", account, "system_stats")
        system = told.get("system")
        if not isinstance(system, Mapping):
            raise ProviderError(ErrorClass.BAD_REQUEST, f"There is no {WHO} at this address.")
        devices = [str(one.get("name")) for one in told.get("devices") or () if isinstance(one, Mapping)]
        return f"{WHO} {system.get('comfyui_version', '')} answers, on {', '.join(devices) or 'no device'}."

    async def _told(
        self, client: httpx.AsyncClient, method: str, account: Account, path: str, body: Any = None
    ) -> Mapping[str, Any]:
        """The JSON object that the server answers with; an empty one for an empty body of a POST."""
        response = await answers.ask(
            client,
            method,
            _address(account, path),
            who=WHO,
            headers=dict(self.download_headers(account)),
            json=body,
        )
        if response.status_code != 200:
            raise comfyui_answers.error(response)
        if method == "POST":
            return {}
        found = answers.read_json(response)
        if not isinstance(found, dict):
            raise ProviderError(ErrorClass.UNAVAILABLE, f"{WHO}'s answer cannot be read.")
        return found

    def download_headers(self, account: Account) -> Mapping[str, str]:
        """The header that a proxy before the server asks for, where it does."""
        return {account.extra.get("header") or "Authorization": account.key} if account.key else {}


provider = ComfyUI()


def _id_of(token: str) -> str:
    return str(uuid.uuid5(OURS, token)) if token else str(uuid.uuid4())


def _checked(job_id: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", job_id):
        raise ProviderError(ErrorClass.BAD_REQUEST, f"{job_id!r} is no job of {WHO}'s.", charged=False)
    return job_id


def _address(account: Account, path: str) -> str:
    return f"{account.base_url.rstrip('/')}/{path}"


async def _uploaded(client: httpx.AsyncClient, account: Account, job: Job) -> dict[str, str]:
    """The input files on the server, by SHA-256, each under a name that its content gives it."""
    known = {file.sha256: file for file in job.inputs}
    names = await asyncio.gather(*(_upload(client, account, file) for file in known.values()))
    return dict(zip(known, names, strict=True))


async def _upload(client: httpx.AsyncClient, account: Account, file: InputFile) -> str:
    name = f"{file.sha256[:32]}{mimetypes.guess_extension(file.media_type) or ''}"
    response = await answers.ask(
        client,
        "POST",
        _address(account, "upload/image"),
        who=WHO,
        headers=dict(provider.download_headers(account)),
        data={"type": "input", "subfolder": FOLDER},
        files={"image": (name, await files.content(file), file.media_type)},
    )
    told = answers.read_object(response)
    if response.status_code != 200 or not isinstance(told.get("name"), str):
        error = comfyui_answers.error(response)
        error.charged = False
        raise error
    folder = str(told.get("subfolder", ""))
    return f"{folder}/{told['name']}" if folder else str(told["name"])
