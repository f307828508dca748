"""The Stable Diffusion WebUI: which call is made, checkpoints, and an interrupt for one job alone."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import pathlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from generation.providers import a1111
from generation.providers.protocol import (
    CancelOutcome,
    ErrorClass,
    InputFile,
    Job,
    JobState,
    ProviderError,
    StepRequest,
    Submitted,
)
from tests.emulators import a1111 as emulated
from tests.emulators.server import Running
from tests.generation.providers.declared import model
from tests.generation.providers.kit import Kit, input_file
from tests.generation.providers.kits import a1111 as a1111_kit

REQUEST = StepRequest(
    kind="image", prompt="A lighthouse", seed=7, width=1000, height=576, guidance=Decimal(5)
)
MakeFile = Callable[..., InputFile]


@pytest.fixture
def kit(emulator: Running) -> Kit:
    return a1111_kit.make(emulator)


@pytest.fixture
def make_file(tmp_path: pathlib.Path) -> MakeFile:
    def make(role: str, **options: Any) -> InputFile:
        return input_file(tmp_path / f"{role}.bin", role=role, size=4000, **options)

    return make


def server(kit: Kit) -> emulated.Provider:
    served = kit.served
    assert isinstance(served, emulated.Provider)
    return served


def translate(endpoint: str = "txt2img", able: dict[str, Any] | None = None, **changes: Any) -> Job:
    request = dataclasses.replace(REQUEST, **changes)
    made = a1111.provider.translate(model=model("a1111", endpoint, **(able or {})), request=request)
    return dataclasses.replace(made, token="run-1")


def taken(kit: Kit, job: Job) -> tuple[str, dict[str, Any]]:
    """The call that was made, and its body."""
    kit.submit(job)
    (made,) = kit.served.jobs.values()
    return made.endpoint, made.body


def test_a_picture_from_words_alone_is_txt2img(kit: Kit) -> None:
    job = translate(parameters={"steps": 30, "sampler_name": "DPM++ 2M", "negative_prompt": "fog"})
    call, body = taken(kit, job)
    assert call == "txt2img"
    task = body.pop("force_task_id")
    assert body == {
        "prompt": "A lighthouse",
        "negative_prompt": "fog",
        "seed": 7,
        "width": 1000,
        "height": 576,
        "cfg_scale": 5.0,
        "steps": 30,
        "sampler_name": "DPM++ 2M",
    }
    assert "run-1" not in task


def test_a_picture_to_work_on_makes_it_img2img_with_its_mask(kit: Kit, make_file: MakeFile) -> None:
    source, mask = make_file("source"), make_file("mask")
    job = translate(kind="edit", inputs=(source, mask), parameters={"denoising_strength": 0.4})
    call, body = taken(kit, job)
    assert (call, body["denoising_strength"], job.dropped) == ("img2img", 0.4, ())
    data = pathlib.Path(source.path).read_bytes()
    assert [base64.b64decode(text) for text in body["init_images"]] == [data]
    assert base64.b64decode(body["mask"]) == pathlib.Path(mask.path).read_bytes()


def test_a_mask_alone_is_left_out_and_said(make_file: MakeFile) -> None:
    job = translate(inputs=(make_file("mask"),))
    assert (job.payload["call"], job.inputs, job.dropped) == ("txt2img", (), ("mask",))


def test_a_model_of_ones_own_names_its_checkpoint_for_this_call_alone(kit: Kit) -> None:
    job = translate("house-style", {"checkpoint": "house.safetensors"}, width=1001)
    _, body = taken(kit, job)
    assert body["override_settings"] == {"sd_model_checkpoint": "house.safetensors"}
    assert job.adjusted == ("width: 1001 becomes 1000",)


def test_an_upscale_asks_for_the_size(kit: Kit, make_file: MakeFile) -> None:
    job = translate(
        "extra-single-image",
        kind="upscale",
        prompt="",
        seed=None,
        guidance=None,
        width=2048,
        height=1152,
        inputs=(make_file("source"),),
        parameters={"upscaler_1": "R-ESRGAN 4x+"},
    )
    submitted = kit.submit(job)
    (made,) = kit.served.jobs.values()
    picture = made.body.pop("image")
    assert base64.b64decode(picture) == pathlib.Path(job.inputs[0].path).read_bytes()
    assert made.body == {
        "resize_mode": 1,
        "upscaling_resize_w": 2048,
        "upscaling_resize_h": 1152,
        "upscaler_1": "R-ESRGAN 4x+",
    }
    assert submitted.status is not None
    assert submitted.status.outputs[0].media_type == "image/png"


def test_an_upscale_without_a_picture_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ProviderError, match="needs image"):
        translate("extra-single-image", kind="upscale")


def test_pictures_that_scripts_add_are_left_out(kit: Kit) -> None:
    status = kit.submit(translate(parameters={"alwayson_scripts": {"controlnet": {"args": []}}})).status
    assert status is not None
    assert (len(status.outputs), status.seed) == (1, 7)


def test_what_the_server_does_not_have_is_named(kit: Kit) -> None:
    with pytest.raises(ProviderError, match="Sampler not found") as caught:
        kit.submit(translate(parameters={"sampler_name": "Nobody's"}))
    assert (caught.value.error_class, caught.value.charged) == (ErrorClass.BAD_REQUEST, False)


def test_memory_that_runs_out_lets_another_model_try(kit: Kit) -> None:
    with pytest.raises(ProviderError, match="CUDA out of memory") as caught:
        kit.submit(translate(prompt="A lighthouse [[result:memory]]"))
    assert (caught.value.error_class, caught.value.ambiguous) == (ErrorClass.UNAVAILABLE, False)


# -- cancel: the call is open while it is asked for ------------------------------------------------


def cancelled(kit: Kit, *tokens: str, cancel: str) -> CancelOutcome:
    """What a cancel of one token says while these jobs are made, one after the other."""

    async def work(client: httpx.AsyncClient) -> CancelOutcome:
        calls: list[asyncio.Future[Submitted]] = []
        for number, token in enumerate(tokens):
            job = dataclasses.replace(translate(seed=number), token=token)
            call = kit.provider.submit(client, account=kit.account, job=job)
            calls.append(asyncio.ensure_future(call))
            while len(kit.served.jobs) < len(calls):
                await asyncio.sleep(0.02)
        await asyncio.to_thread(kit.emulator.advance, 20)
        came = await kit.provider.cancel(client, account=kit.account, job_id=cancel, handle={})
        await asyncio.to_thread(kit.emulator.advance, 3600)
        await asyncio.gather(*calls)
        return came

    return kit.run(work)


def test_the_job_that_runs_is_interrupted(kit: Kit) -> None:
    kit.emulator.script(concurrency=1, queue_share=0.01)
    assert cancelled(kit, "run-1", "run-2", cancel="run-1") is CancelOutcome.REQUESTED
    assert [entry["state"] for entry in kit.log()] == ["cancelled", "succeeded"]


def test_a_job_that_waits_is_not_interrupted_in_the_place_of_the_one_that_runs(kit: Kit) -> None:
    kit.emulator.script(concurrency=1, queue_share=0.01)
    assert cancelled(kit, "run-1", "run-2", cancel="run-2") is CancelOutcome.UNSUPPORTED
    assert [entry["state"] for entry in kit.log()] == ["succeeded", "succeeded"]


def test_a_server_that_does_not_name_its_task_is_never_interrupted(kit: Kit) -> None:
    kit.emulator.script(queue_share=0.01)
    server(kit).names_tasks = False
    assert cancelled(kit, "run-1", cancel="run-1") is CancelOutcome.UNSUPPORTED
    assert [entry["state"] for entry in kit.log()] == ["succeeded"]


# -- accounts -------------------------------------------------------------------------------------


def test_a_server_that_asks_for_nothing_needs_no_key(kit: Kit) -> None:
    server(kit).guarded = False
    kit.account = dataclasses.replace(kit.account, key="")
    status = kit.submit(translate()).status
    assert status is not None
    assert status.state is JobState.SUCCEEDED
    assert kit.test() == "Stable Diffusion WebUI answers, with 1 checkpoint."


def test_a_server_without_its_api_is_told_by_the_connection_test(kit: Kit) -> None:
    kit.account = dataclasses.replace(kit.account, base_url=f"{kit.account.base_url}/nowhere")
    with pytest.raises(ProviderError):
        kit.test()
