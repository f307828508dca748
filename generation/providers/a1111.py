"""The Stable Diffusion WebUI (AUTOMATIC1111, Forge) on a machine of one's own: a call brings its picture.

It bills nothing and keeps nothing. A call with a picture to work on is img2img, without one txt2img; a model
of the workspace's own may name a checkpoint. One lock serialises all work of a server, and its interrupt
stops whatever runs: it is used only where the server says that this is our job.
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Mapping
from typing import Any

import httpx

from generation.providers import answers, files
from generation.providers.profile import Abilities, Cancels, Field, Profile
from generation.providers.protocol import (
    Account,
    CancelOutcome,
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
)
from generation.providers.sheets import Sheet

WHO = "Stable Diffusion WebUI"
IN_DOUBT = (408, 502, 504)  # its own 500 says that the call failed
TASKS = uuid.UUID("0f1f6f8e-3d0f-5f2a-8c55-4a7e3f0c2b90")
sheet = Sheet(__file__)


class A1111(Provider):
    name = "a1111"
    profile = Profile(
        title=WHO,
        key=(
            Field(
                "key",
                "User and password",
                "As user:password, where the server asks.",
                required=False,
                form=r"[^:]+:.+",
                looks_like="user:password",
            ),
        ),
        note="The server is started with --api. Keep it in a private network, whose host the operator names "
        "in PRIVATE_HOSTS, and allow one job at a time.",
        concurrency=1,
    )
    abilities = Abilities(cancel=Cancels.RUNNING, blocking=True, hang_up_charged=False)

    def translate(self, *, model: ModelFacts, request: StepRequest) -> Job:
        made = sheet.translate(model=model, request=request)
        body = made.body
        checkpoint = body.pop("checkpoint", model.capabilities.get("checkpoint"))
        if checkpoint:
            body["override_settings"] = {
                **body.get("override_settings", {}),
                "sd_model_checkpoint": checkpoint,
            }
        if "mask" in made.files and "init_images" not in made.files:
            alone = made.files.pop("mask")
            made.inputs = [one for one in made.inputs if one.sha256 not in alone]
            made.dropped = (*made.dropped, "mask")
        call = str(sheet.entry(model.endpoint).get("call", ""))
        call = call or ("img2img" if "init_images" in made.files else "txt2img")
        return Job(
            model=model.endpoint,
            kind=request.kind,
            payload={**made.payload, "call": call},
            inputs=tuple(made.inputs),
            dropped=made.dropped,
            adjusted=tuple(made.adjusted),
            blocking=True,
        )

    async def submit(self, client: httpx.AsyncClient, *, account: Account, job: Job) -> Submitted:
        """Makes the pictures. What the server refuses or fails at, it has not charged for."""
        body = {**job.payload["body"], **await files.placed(job, files.in_base64)}
        job_id = _task(job.token)
        if job.payload["call"] != "extra-single-image":
            body["force_task_id"] = job_id
        response = await answers.send(
            client,
            "POST",
            _address(account, job.payload["call"]),
            who=WHO,
            headers=_authorization(account),
            json=body,
        )
        if response.status_code != 200:
            raise answers.refused(_error(response), response, in_doubt=IN_DOUBT)
        told = answers.read_object(response)
        if "images" not in told and "image" not in told:
            raise answers.unreadable(WHO)
        return Submitted(f"{job_id}-{uuid.uuid4().hex[:8]}", {"endpoint": job.model}, _status(told))

    async def cancel(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> CancelOutcome:
        """Interrupts the server where it says that it works on this very job, and never another's."""
        response = await _ask(client, "GET", account, "progress?skip_current_image=true")
        state = answers.read_object(response).get("state")
        running = str(state.get("job", "")) if isinstance(state, Mapping) else ""
        if _task(job_id) not in running and job_id not in running:
            return CancelOutcome.UNSUPPORTED
        await _ask(client, "POST", account, "interrupt")
        return CancelOutcome.REQUESTED

    async def test(self, client: httpx.AsyncClient, *, account: Account) -> str:
        response = await _ask(client, "GET", account, "sd-models")
        models = answers.read_json(response)
        if not isinstance(models, list):
            raise ProviderError(ErrorClass.BAD_REQUEST, f"There is no {WHO} with --api at this address.")
        return f"{WHO} answers, with {len(models)} checkpoint{'' if len(models) == 1 else 's'}."


provider = A1111()


def _task(token: str) -> str:
    """The server's name for a job of ours; it does not tell our token."""
    return f"task({uuid.uuid5(TASKS, token).hex[:15]})"


def _authorization(account: Account) -> dict[str, str]:
    if not account.key:
        return {}
    return {"Authorization": f"Basic {base64.b64encode(account.key.encode()).decode()}"}


def _address(account: Account, path: str) -> str:
    return f"{account.base_url.rstrip('/')}/sdapi/v1/{path}"


async def _ask(client: httpx.AsyncClient, method: str, account: Account, path: str) -> httpx.Response:
    """The answer to a question; raises ProviderError for one that is none."""
    address = _address(account, path)
    response = await answers.ask(client, method, address, who=WHO, headers=_authorization(account))
    if response.status_code != 200:
        raise _error(response)
    return response


def _error(response: httpx.Response) -> ProviderError:
    """`{error, detail, body, errors}`; a 404 about something in the request is a wrong request."""
    told = answers.read_object(response)
    detail, errors = told.get("detail"), str(told.get("errors") or "")
    error_class = answers.class_of(response.status_code)
    if response.status_code == 404 and detail not in (None, "", "Not Found"):
        error_class = ErrorClass.BAD_REQUEST
    words = "; ".join(str(one) for one in (told.get("error"), detail, errors) if one)
    return ProviderError(
        error_class,
        f"{WHO} answered {response.status_code}: {words[: answers.LONGEST_DETAIL] or 'no explanation'}",
        retry_after_seconds=answers.retry_after(response),
    )


def _status(told: Mapping[str, Any]) -> Status:
    """The pictures that were asked for; those that scripts added behind them are left out."""
    info = _info(told.get("info"))
    seeds = info.get("all_seeds")
    given = told.get("images") if "images" in told else [told.get("image")]
    wanted = len(seeds) if isinstance(seeds, list) and seeds else 1
    outputs = [_output(text) for text in (given if isinstance(given, list) else [])[:wanted]]
    found = tuple(one for one in outputs if one is not None)
    if not found:
        words = ProviderError(ErrorClass.MALFORMED_OUTPUT, f"{WHO} sent no picture.", charged=False)
        return Status(JobState.FAILED, error=words)
    seed = info.get("seed")
    return Status(JobState.SUCCEEDED, outputs=found, seed=seed if isinstance(seed, int) else None)


def _info(text: Any) -> Mapping[str, Any]:
    """What was used, which is JSON inside a text."""
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _output(text: Any) -> Output | None:
    try:
        data = base64.b64decode(str(text or "").rpartition(",")[2], validate=True)
    except binascii.Error:
        return None
    kinds = {b"\xff\xd8\xff": "image/jpeg", b"RIF": "image/webp"}
    return Output(data=data, media_type=kinds.get(data[:3], "image/png")) if data else None
