"""The Stable Diffusion WebUI, from the protocol reference (A1111 7.6): one call makes one picture.

Not in the reference, and assumed: the words of its errors; an interrupted call is answered with what there is
of the picture; `state.job` names the task that the caller chose (`names_tasks` turns that off, since whether
it does is not established).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import AsyncIterator
from typing import Any

from tests.emulators import parameters
from tests.emulators.emulated import GARBAGE, Emulated, not_found
from tests.emulators.jobs import Job, Making
from tests.emulators.wire import Reply, Request, json_reply

DRAWING = (
    "prompt negative_prompt seed:int subseed:int subseed_strength:float steps:int:1..150 cfg_scale:float "
    "width:int:8..8192 height:int:8..8192 sampler_name scheduler n_iter:int batch_size:int enable_hr:bool "
    "hr_scale:float hr_upscaler denoising_strength:float:0..1 styles:list override_settings:object "
    "override_settings_restore_afterwards:bool script_name script_args:list alwayson_scripts:object "
    "send_images:bool save_images:bool force_task_id "
)
CALLS = {
    "txt2img": parameters.table(DRAWING),
    "img2img": parameters.table(
        DRAWING + "init_images*:list mask mask_blur:int inpainting_fill:int inpaint_full_res:bool "
        "resize_mode:int include_init_images:bool"
    ),
    "extra-single-image": parameters.table(
        "image* resize_mode:int=0|1 upscaling_resize:float upscaling_resize_w:int upscaling_resize_h:int "
        "upscaling_crop:bool upscaler_1 upscaler_2 extras_upscaler_2_visibility:float "
        "gfpgan_visibility:float codeformer_visibility:float codeformer_weight:float"
    ),
}
UPSCALERS = ("None", "Lanczos", "Nearest", "R-ESRGAN 4x+")
SAMPLERS = ("Euler", "Euler a", "DPM++ 2M")
REFUSALS = {
    "400": (400, "HTTPException", "Sampler not found"),
    "401": (401, "HTTPException", "Incorrect username or password"),
    "404": (404, "HTTPException", "Script 'nobody' not found"),
    "422": (422, "ValidationError", "value is not a valid integer"),
    "memory": (500, "OutOfMemoryError", "CUDA out of memory. Tried to allocate 2.00 GiB."),
    "500": (500, "RuntimeError", "mat1 and mat2 shapes cannot be multiplied"),
}


class Provider(Emulated):
    name = "a1111"
    guarded = True
    names_tasks = True

    def reset(self) -> None:
        super().reset()
        self.guarded = self.names_tasks = True

    def key_of(self, request: Request) -> str:
        """User and password of HTTP Basic, which the server may ask for."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        try:
            key = base64.b64decode(text).decode() if scheme == "Basic" else ""
        except (binascii.Error, UnicodeDecodeError):
            key = ""
        return key if self.guarded else "nobody"

    def refusal(self, name: str, endpoint: str, retry_after: float) -> Reply:
        if name not in REFUSALS:
            return Reply(int(name), b"<center>nginx</center>", {"content-type": "text/html"})
        status, error, detail = REFUSALS[name]
        return json_reply(status, {"error": error, "detail": detail, "body": "", "errors": ""})

    async def route(self, request: Request, key: str) -> Reply:
        call = request.path.removeprefix("sdapi/v1/")
        match (request.method, call):
            case ("POST", "txt2img" | "img2img" | "extra-single-image"):
                return await self.make(request, key, call)
            case ("GET", "progress"):
                return json_reply(200, self.progress())
            case ("POST", "interrupt"):
                for job in list(self.jobs.values()):
                    if job.phase(self.clock.now()) == "running":
                        self.stop(job)
                return json_reply(200, {})
            case ("GET", "sd-models"):
                return json_reply(200, [{"title": "sketch.safetensors", "model_name": "sketch"}])
        return not_found()

    async def make(self, request: Request, key: str, call: str) -> Reply:
        body = request.json()
        wrong = self.fault(call, body)
        return await self.submit(
            request,
            key=key,
            endpoint=call,
            body=body,
            making=making(call, body) if wrong is None else Making(),
            prompt=str(body.get("prompt", "")),
            token=str(body.get("force_task_id", "")),
            faults=wrong,
            unknown=sorted(set(body) - set(CALLS[call])),
            blocking=True,
        )

    def fault(self, call: str, body: dict[str, Any]) -> Reply | None:
        found = parameters.faults(CALLS[call], body)
        if found:
            detail = [{"loc": ["body", one.name], "msg": one.words, "type": one.kind} for one in found]
            return json_reply(422, {"detail": detail})
        if body.get("sampler_name", SAMPLERS[0]) not in SAMPLERS:
            return self.refusal("400", call, 0)
        if body.get("upscaler_1", "None") not in UPSCALERS:
            words = f"Invalid upscaler, needs to be one of these: {', '.join(UPSCALERS)}"
            return json_reply(400, {"error": "HTTPException", "detail": words, "body": "", "errors": ""})
        pictures = [*body.get("init_images", ()), *(body[one] for one in ("mask", "image") if one in body)]
        try:
            for text in pictures:
                base64.b64decode(text.rpartition(",")[2], validate=True)
        except (binascii.Error, AttributeError):
            words = {"error": "HTTPException", "detail": "Invalid encoded image", "body": "", "errors": ""}
            return json_reply(500, words)
        return None

    def progress(self) -> dict[str, Any]:
        now = self.clock.now()
        running = next((job for job in self.jobs.values() if job.phase(now) == "running"), None)
        share = (now - running.starts_at) / (running.ends_at - running.starts_at) if running else 0.0
        named = str(running.body.get("force_task_id")) if running and self.names_tasks else "scripts_txt2img"
        state = {
            "job": named if running else "",
            "job_no": 0,
            "job_count": 1 if running else 0,
            "sampling_step": int(20 * share),
            "sampling_steps": 20,
            "interrupted": bool(running and running.cancelled),
        }
        return {
            "progress": share,
            "eta_relative": 0.0,
            "state": state,
            "current_image": None,
            "textinfo": None,
        }

    def accepted(self, job: Job) -> Reply:
        if job.behaviour.result in ("garbage", "empty"):
            body = GARBAGE if job.behaviour.result == "garbage" else b""
            return Reply(200, body, {"content-type": "application/json"})
        if job.failure and not job.stopped:
            return self.refusal(job.failure, job.endpoint, 0)
        return Reply(200, b"", {"content-type": "application/json"}, chunks=self._result(job))

    async def _result(self, job: Job) -> AsyncIterator[bytes]:
        names = self.files.names(job)
        pictures = [base64.b64encode(await self.files.content(job, name)).decode() for name in names]
        if job.endpoint == "extra-single-image":
            yield json.dumps({"html_info": "", "image": pictures[0] if pictures else ""}).encode()
            return
        seed = self.seed(job)
        info = {"seed": seed, "all_seeds": [seed], "infotexts": ["…"], "prompt": job.body.get("prompt", "")}
        if job.body.get("alwayson_scripts"):
            pictures.append(pictures[0])  # a script's own picture comes behind those that were asked for
        told = {"images": pictures, "parameters": job.body, "info": json.dumps(info)}
        yield json.dumps(told).encode()


def making(call: str, body: dict[str, Any]) -> Making:
    """One picture, free of charge."""
    names = (
        ("width", "height") if call != "extra-single-image" else ("upscaling_resize_w", "upscaling_resize_h")
    )
    width, height = (int(body.get(name, 512)) for name in names)
    return Making(kind="png", width=width, height=height, units=0.0)
