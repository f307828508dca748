"""The adapter against a real ComfyUI, where COMFYUI_URL names one; its graphs need no weights and no GPU.

python main.py --cpu --listen 127.0.0.1 --port 8188 --disable-api-nodes --disable-all-custom-nodes
COMFYUI_URL=http://127.0.0.1:8188 .venv/bin/python -m pytest -q tests/generation/providers -k comfyui_server
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import io
import os
import pathlib
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import httpx
import pytest
from PIL import Image

from generation.providers import clients, comfyui
from generation.providers.protocol import (
    Account,
    CancelOutcome,
    ErrorClass,
    InputFile,
    Job,
    JobState,
    Lost,
    ModelFacts,
    ProviderError,
    Status,
    StepRequest,
    Submitted,
)
from tests.generation.providers import workflows
from tests.generation.providers.kit import input_file

ADDRESS = os.environ.get("COMFYUI_URL", "").rstrip("/")
pytestmark = pytest.mark.skipif(
    not ADDRESS, reason="COMFYUI_URL names no server: nothing here was tested against a real ComfyUI"
)
ACCOUNT = Account(id="account-1", provider="comfyui", key="", base_url=ADDRESS)
REQUEST = StepRequest(kind="image", prompt="", seed=None, width=256, height=144)
Answer = TypeVar("Answer")


@pytest.fixture(autouse=True)
def allowed(settings: Any) -> None:
    settings.PRIVATE_HOSTS = [httpx.URL(ADDRESS).host]


def run(work: Callable[[httpx.AsyncClient], Awaitable[Answer]]) -> Answer:
    async def ask() -> Answer:
        async with clients.opened() as client:
            return await work(client)

    return asyncio.run(ask())


def job(graph: Mapping[str, Any], mapping: Mapping[str, Any], **changes: Any) -> Job:
    capabilities = {"workflow": graph, "mapping": mapping, "frames_per_second": 12}
    facts = ModelFacts("comfyui/test", "test", capabilities)
    made = comfyui.provider.translate(model=facts, request=dataclasses.replace(REQUEST, **changes))
    return dataclasses.replace(made, token=str(uuid.uuid4()))


def submit(asked: Job) -> Submitted:
    return run(lambda client: comfyui.provider.submit(client, account=ACCOUNT, job=asked))


def poll(submitted: Submitted) -> Status:
    return run(
        lambda client: comfyui.provider.poll(
            client, account=ACCOUNT, job_id=submitted.job_id, handle=submitted.handle
        )
    )


def cancel(submitted: Submitted) -> CancelOutcome:
    return run(
        lambda client: comfyui.provider.cancel(client, account=ACCOUNT, job_id=submitted.job_id, handle={})
    )


def waited(submitted: Submitted, *states: JobState) -> Status:
    """The status once it is in one of these states; by default, at its end."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        status = poll(submitted)
        if status.state in (states or (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)):
            return status
        time.sleep(0.2)
    raise AssertionError("the server did not come to an end")


def content(status: Status) -> bytes:
    (output,) = status.outputs
    answer = httpx.get(output.url, trust_env=False)
    assert answer.status_code == 200
    return answer.content


def test_a_still_is_made_in_its_size_and_anew_with_the_same_seed() -> None:
    made = [waited(submit(job(workflows.STILL, workflows.STILL_MAPPING, seed=7))) for _ in range(2)]
    assert [status.state for status in made] == [JobState.SUCCEEDED] * 2
    assert made[0].outputs[0].url != made[1].outputs[0].url
    pictures = [Image.open(io.BytesIO(content(status))) for status in made]
    assert [picture.size for picture in pictures] == [(256, 144)] * 2
    assert made[0].seed == 7
    assert made[0].billed_units is not None


def test_a_picture_that_goes_in_is_uploaded_and_used(tmp_path: pathlib.Path) -> None:
    file: InputFile = input_file(tmp_path / "a.jpg", role="source")
    status = waited(submit(job(workflows.EDIT, workflows.EDIT_MAPPING, kind="edit", inputs=(file,))))
    assert status.state is JobState.SUCCEEDED


def test_a_clip_comes_as_a_film() -> None:
    status = waited(submit(job(workflows.CLIP, workflows.CLIP_MAPPING, kind="video", width=64, height=64)))
    assert status.outputs[0].media_type == "video/mp4"
    assert content(status)[4:8] == b"ftyp"


def test_a_running_job_is_interrupted_and_a_waiting_one_taken_out() -> None:
    mapping = {"seed": ["2", "seed"]}
    running, waiting = [submit(job(workflows.slow(30), mapping, seed=n)) for n in (1, 2)]
    waited(running, JobState.RUNNING)
    assert poll(waiting).state is JobState.QUEUED
    assert cancel(waiting) is CancelOutcome.CANCELLED
    assert cancel(running) is CancelOutcome.REQUESTED
    assert waited(running).state is JobState.CANCELLED
    assert poll(waiting).state is JobState.LOST


def test_a_finished_job_is_too_late_to_cancel_and_found_by_its_token() -> None:
    asked = job(workflows.STILL, workflows.STILL_MAPPING, seed=9)
    submitted = submit(asked)
    waited(submitted)
    assert cancel(submitted) is CancelOutcome.TOO_LATE
    lost = Lost(asked.token, "test", datetime.datetime.now(datetime.UTC))
    found = run(lambda client: comfyui.provider.find(client, account=ACCOUNT, lost=lost))
    assert found is not None
    assert found.job_id == submitted.job_id


def test_a_wrong_value_and_a_missing_node_are_told_apart() -> None:
    with pytest.raises(ProviderError) as caught:
        submit(job(workflows.STILL, workflows.STILL_MAPPING, parameters={"method": "nope"}))
    assert caught.value.error_class is ErrorClass.RETIRED
    graph = {**workflows.STILL, "3": {**workflows.STILL["3"], "class_type": "SomebodysNode"}}
    with pytest.raises(ProviderError) as caught:
        submit(job(graph, workflows.STILL_MAPPING))
    assert caught.value.error_class is ErrorClass.RETIRED


def test_the_connection_test_names_the_version() -> None:
    assert "answers" in run(lambda client: comfyui.provider.test(client, account=ACCOUNT))
