"""Replicate's predictions, files and webhooks, from the protocol reference (Replicate 2.1 to 2.9).

Not in the reference, and assumed: a cancel of a finished prediction answers 200 with it unchanged; an unknown
prediction is 404; `aborted` is only reached by a deadline, which `Cancel-After` sets.
"""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import json
import secrets
from typing import Any

from tests.emulators import parameters
from tests.emulators.emulated import Emulated, not_found
from tests.emulators.hooks import StandardSecret
from tests.emulators.jobs import Job, Making
from tests.emulators.wire import Reply, Request, json_reply

FLUX_RATIOS = "aspect_ratio=1:1|16:9|21:9|3:2|2:3|4:5|5:4|3:4|4:3|9:16|9:21"
FLUX = (
    f"prompt* {FLUX_RATIOS} num_outputs:int:1..4 seed:int megapixels=1|0.25 output_format=webp|jpg|png "
    "output_quality:int:0..100 go_fast:bool disable_safety_checker:bool "
)
VEO = (
    "prompt* image last_frame duration:int=4|6|8 aspect_ratio=16:9|9:16 resolution=720p|1080p "
    "generate_audio:bool negative_prompt seed:int "
)
BANANA = "prompt* image_input:list aspect_ratio output_format=jpg|png "
MODELS = {  # model → (the shape of its output, parameters): 2.9
    "black-forest-labs/flux-schnell": ("list", FLUX + "num_inference_steps:int:1..4"),
    "black-forest-labs/flux-dev": (
        "list",
        FLUX + "image prompt_strength:float guidance:float num_inference_steps:int:1..50",
    ),
    "black-forest-labs/flux-1.1-pro": (
        "single",
        "prompt* image_prompt aspect_ratio width:int:256..1440 height:int:256..1440 seed:int "
        "safety_tolerance:int:1..6 prompt_upsampling:bool output_format output_quality:int",
    ),
    "google/nano-banana": ("single", BANANA),
    "google/nano-banana-pro": ("single", BANANA + "resolution=1K|2K|4K safety_filter_level"),
    "google/veo-3.1": ("single", VEO + "reference_images:list:1..3"),
    "google/veo-3.1-fast": ("single", VEO),
    "kwaivgi/kling-v2.5-turbo-pro": (
        "single",
        "prompt* start_image end_image image duration:int=5|10 aspect_ratio=16:9|9:16|1:1 negative_prompt",
    ),
}
TABLES = {name: parameters.table(text) for name, (_, text) in MODELS.items()}
STATES = {"queued": "starting", "running": "processing"}
ERRORS = {  # results → the text of the prediction's error
    "policy": "The input or output was flagged as sensitive. Please try again with different inputs. (E005)",
    "nsfw": "NSFW content detected. Try running it again, or try a different prompt.",
    "500": "Prediction failed: internal error (E1000)",
    "memory": "CUDA out of memory (E1001)",
    "422": "ValueError: width must be a multiple of 8",
}
REFUSALS: dict[str, tuple[int, str, str]] = {
    "401": (401, "Unauthenticated", "You did not pass a valid authentication token"),
    "402": (402, "Insufficient credit", "You have insufficient credit to run this model."),
    "credit": (402, "Insufficient credit", "You have insufficient credit to run this model."),
    "403": (403, "Forbidden", "You do not have permission to do this."),
    "404": (404, "Not found", "The requested resource could not be found."),
    "retired": (404, "Not found", "The requested resource could not be found."),
    "422": (422, "Invalid input", "input: prompt is required"),
    "500": (500, "Internal server error", "Something went wrong."),
    "502": (502, "Bad gateway", ""),
    "503": (503, "Service unavailable", ""),
    "504": (504, "Gateway timeout", ""),
}
WAIT_SECONDS = 60.0
KEPT_SECONDS = 3600.0  # from completion until input, output, logs and files are deleted


class Provider(Emulated):
    name = "replicate"
    signer: StandardSecret

    def make_signer(self) -> StandardSecret:
        self.uploads: dict[str, tuple[str, bytes]] = {}
        return StandardSecret()

    def new_id(self) -> str:
        return secrets.token_hex(13)

    def reset(self) -> None:
        super().reset()
        self.uploads.clear()

    def refusal(self, name: str, endpoint: str, retry_after: float) -> Reply:
        if name == "429":
            detail = f"Request was throttled. Your rate limit resets in ~{retry_after:g}s."
            return json_reply(429, {"title": "Too many requests", "detail": detail, "status": 429})
        status, title, detail = REFUSALS[name]
        return json_reply(status, {"title": title, "detail": detail, "status": status})

    async def public(self, request: Request) -> Reply | None:
        parts = request.path.split("/")
        if parts[:2] == ["v1", "uploaded"]:
            kind, data = self.uploads.get(parts[2], ("text/plain", b""))
            return Reply(200 if data else 404, data, {"content-type": kind})
        return await self.files.serve(self.jobs, parts[1:]) if parts[0] == "files" else None

    async def route(self, request: Request, key: str) -> Reply:
        parts = request.path.removeprefix("v1/").split("/")
        match (request.method, parts):
            case ("POST", ["predictions"]):
                return await self.create(request, key, "")
            case ("POST", ["models", owner, model, "predictions"]):
                return await self.create(request, key, f"{owner}/{model}")
            case ("GET", ["predictions", job_id]):
                return self.about(job_id, key)
            case ("POST", ["predictions", job_id, "cancel"]):
                return self.cancel(job_id, key)
            case ("GET", ["account"]):
                return json_reply(200, {"type": "user", "username": "emulated", "name": "Emulated"})
            case ("GET", ["webhooks", "default", "secret"]):
                self.signer.asked += 1
                return json_reply(200, {"key": self.signer.secret})
            case ("POST", ["files"]):
                return self.upload(request)
        return not_found()

    # -- predictions --------------------------------------------------------------------------

    async def create(self, request: Request, key: str, model: str) -> Reply:
        try:
            asked = request.json()
            given = asked["input"]
        except (ValueError, KeyError, TypeError):
            return self.refuse("422", model, 0)
        model = model or str(asked.get("version", "")).partition(":")[0]
        table = TABLES.get(model, {})
        faults = parameters.faults(table, given)
        words = "; ".join(f"input.{one.name}: {one.words}" for one in faults)
        wrong = json_reply(422, {"title": "Input validation failed", "detail": words, "status": 422})
        reply = await self.submit(
            request,
            key=key,
            endpoint=model,
            body=given,
            making=making(model, given),
            prompt=str(given.get("prompt", "")),
            webhook_url=str(asked.get("webhook") or ""),
            faults=wrong if faults else None,
            unknown=sorted(set(given) - set(table)) if table else [],
        )
        return await self._waited(request, reply)

    async def _waited(self, request: Request, reply: Reply) -> Reply:
        """With `Prefer: wait` the answer comes when the prediction has ended, or the time is over."""
        prefer, _, seconds = request.headers.get("prefer", "").partition("=")
        if prefer != "wait" or reply.status != 201 or not reply.body.startswith(b"{"):
            return reply
        job = self.jobs[json.loads(reply.body)["id"]]
        patience = asyncio.sleep(min(float(seconds or WAIT_SECONDS), WAIT_SECONDS))
        ended = asyncio.ensure_future(self.clock.sleep_until(lambda: job.ends_at))
        over = asyncio.ensure_future(patience)
        await asyncio.wait({ended, over}, return_when=asyncio.FIRST_COMPLETED)
        for task in (ended, over):
            task.cancel()
        return self.accepted(job)

    def accepted(self, job: Job) -> Reply:
        return json_reply(201, self.prediction(job))

    def prediction(self, job: Job) -> dict[str, Any]:
        """The prediction as it is now (2.3)."""
        now = self.clock.now()
        phase = job.phase(now)
        ended = phase == "ended"
        removed = ended and now > job.ends_at + KEPT_SECONDS
        started = now >= job.starts_at and job.cancelled != "queued"
        address = f"{job.base}/v1/predictions/{job.id}"
        lasted = round(job.ends_at - job.starts_at, 3)
        return {
            "id": job.id,
            "model": job.endpoint,
            "version": "hidden",
            "status": self._final(job) if ended else STATES[phase],
            "input": {} if removed else job.body,
            "output": self._output(job) if ended and not removed else None,
            "error": ERRORS.get(job.failure, job.failure or None) if ended and not job.stopped else None,
            "logs": "",
            "metrics": {"predict_time": lasted, "total_time": lasted} if ended and started else {},
            "created_at": _instant(job.accepted_at),
            "started_at": _instant(job.starts_at) if started else None,
            "completed_at": _instant(job.ends_at) if ended else None,
            "data_removed": removed,
            "source": "api",
            "urls": {"get": address, "cancel": f"{address}/cancel", "web": f"{address}/web"},
        }

    def _final(self, job: Job) -> str:
        if job.stopped:
            return "canceled"
        return "failed" if job.failure else "succeeded"

    def _output(self, job: Job) -> Any:
        if job.failure or job.behaviour.result in ("garbage", "empty", "no_output"):
            return {"garbage": 7, "no_output": []}.get(job.behaviour.result)
        addresses = self.files.addresses(job)
        single = MODELS.get(job.endpoint, ("list", ""))[0] == "single"
        return addresses[0] if single else addresses

    def about(self, job_id: str, key: str) -> Reply:
        job = self.jobs.get(job_id)
        if job is None or job.key != key:
            return self.refusal("404", "", 0)
        job.polls += 1
        return self.spoilt(job, "poll") or json_reply(200, self.prediction(job))

    def cancel(self, job_id: str, key: str) -> Reply:
        job = self.jobs.get(job_id)
        if job is None or job.key != key or job.behaviour.cancel == "gone":
            return self.refusal("404", "", 0)
        if (spoilt := self.spoilt(job, "stop")) is not None:
            return spoilt
        self.stop(job)
        return json_reply(200, self.prediction(job))

    def message(self, job: Job, kind: str) -> dict[str, Any]:
        return self.prediction(job)

    # -- files --------------------------------------------------------------------------------

    def upload(self, request: Request) -> Reply:
        content = next((part for part in request.form() if part.name == "content"), None)
        if content is None:
            return self.refusal("422", "", 0)
        name = secrets.token_hex(13)
        self.uploads[name] = (content.media_type, content.data)
        answer = {
            "id": name,
            "name": content.filename,
            "content_type": content.media_type,
            "size": len(content.data),
            "etag": hashlib.md5(content.data).hexdigest(),
            "checksums": {"sha256": hashlib.sha256(content.data).hexdigest()},
            "metadata": {},
            "created_at": _instant(self.clock.now()),
            "expires_at": _instant(self.clock.now() + 86_400),
            "urls": {"get": f"{request.base}/v1/uploaded/{name}"},
        }
        return json_reply(201, answer)


def making(model: str, given: dict[str, Any]) -> Making:
    """What the input asks for; pixels are about a megapixel in the shape that was asked for."""
    film = any(word in model for word in ("veo", "kling"))
    kind = "mp4" if film else {"jpg": "jpeg"}.get(format := str(given.get("output_format", "webp")), format)
    across, _, down = str(given.get("aspect_ratio", "1:1")).partition(":")
    ratio = int(across) / int(down) if across.isdigit() and down.isdigit() else 1.0
    width = round(1024 * ratio**0.5 / 16) * 16
    return Making(
        kind=kind,
        width=1280 if film else width,
        height=720 if film else round(width / ratio / 16) * 16,
        seconds=int(given.get("duration", 5)) if film else 0,
        count=int(given.get("num_outputs", 1)),
        units=float(given.get("num_outputs", 1)),
    )


def _instant(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()
