"""MiniMax's two versions of making films, from the protocol reference (B 7.1).

Left open by the reference, so that tests may have it either way: the status of a query for an unknown task
(`unknown`); whether a failed task has a usage (here: when it was charged). `challenges` has every callback
address asked to echo a challenge first. Retry-After is not in the reference; a gateway may send one.
"""

from __future__ import annotations

import json
import random
from typing import Any

from tests.emulators import parameters
from tests.emulators.emulated import Emulated, not_found
from tests.emulators.jobs import Job, Making
from tests.emulators.webhooks import Delivery
from tests.emulators.wire import Reply, Request, json_reply

V2, V1 = "v2/video_generation", "v1/video_generation"
COMMON = "content*:list ratio=adaptive|21:9|16:9|4:3|1:1|3:4|9:16 aigc_watermark:bool callback_url model*"
V2_MODELS = {
    "MiniMax-H3": parameters.table(f"{COMMON} resolution*=768P|2K duration*:int:4..15"),
    "MiniMax-H3-Max": parameters.table(f"{COMMON} resolution*=480P|768P duration*:int:5..15"),
}
V1_COMMON = (
    "model* prompt first_frame_image subject_reference:list duration:int prompt_optimizer:bool "
    "fast_pretreatment:bool callback_url "
)
V1_MODELS = {
    "MiniMax-Hailuo-2.3": parameters.table(f"{V1_COMMON} resolution=768P|1080P"),
    "MiniMax-Hailuo-2.3-Fast": parameters.table(
        f"{V1_COMMON} resolution=768P|1080P".replace("first_frame_image", "first_frame_image*")
    ),
    "MiniMax-Hailuo-02": parameters.table(f"{V1_COMMON} last_frame_image resolution=512P|768P|1080P"),
}
ROLES = {
    "image_url": ("first_frame", "last_frame", "reference_image"),
    "video_url": ("reference_video",),
    "audio_url": ("reference_audio",),
}
MOST = {"first_frame": 1, "last_frame": 1, "reference_image": 9, "reference_video": 3, "reference_audio": 3}
V1_STATES = {"queued": "Queueing", "running": "Processing"}
ERRORS: dict[str, tuple[Any, str]] = {  # how a task ended badly → code, message
    "policy": (1026, "the input contains sensitive content"),
    "policy_output": (1027, "the generated video contains sensitive content"),
    "policy_words": ("output_blocked", "the result was held back by content moderation"),
    "500": ("internal_error", "something went wrong"),
    "422": ("bad_input", "unsupported image format"),
}
CODES = {  # refusals of the older version: 200 with a code
    "timeout": (1001, "timeout"),
    "429": (1002, "rate limit"),
    "401": (1004, "not authorized"),
    "402": (1008, "insufficient balance"),
    "credit": (1008, "insufficient balance"),
    "policy": (1026, "input sensitive"),
    "policy_output": (1027, "output sensitive"),
    "422": (2013, "invalid params"),
    "key": (2049, "invalid api key"),
    "limit": (2056, "usage limit exceeded"),
    "500": (1000, "unknown error"),
}
REFUSALS = {  # of the newer version
    "400": (400, "bad_request_error", "invalid request"),
    "401": (401, "authorized_error", "invalid api key"),
    "402": (402, "insufficient_balance_error", "insufficient balance"),
    "credit": (402, "insufficient_balance_error", "insufficient balance"),
    "404": (404, "not_found_error", "no such model"),
    "422": (422, "invalid_params_error", "invalid params"),
    "policy": (422, "invalid_params_error", "the prompt contains sensitive content"),
    "429": (429, "rate_limit_error", "rate limit exceeded"),
    "500": (500, "server_error", "unknown error"),
}


class Provider(Emulated):
    name = "minimax"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.unknown, self.challenges = 404, False

    def reset(self) -> None:
        super().reset()
        self.unknown, self.challenges = 404, False

    def new_id(self) -> str:
        return str(random.SystemRandom().randrange(10**14, 10**15))

    def refusal(self, name: str, endpoint: str, retry_after: float) -> Reply:
        if name in ("502", "503", "504"):
            return Reply(int(name), b"<center>nginx</center>", {"content-type": "text/html"})
        if endpoint in V1_MODELS:
            return coded(*CODES[name])
        status, kind, words = REFUSALS[name]
        wait = {"retry_after": f"{retry_after:g}"} if status == 429 else {}
        error = {"type": kind, "message": words, "http_code": str(status)}
        return json_reply(status, {"type": "error", "error": error, "request_id": "emulated"}, **wait)

    # -- requests -----------------------------------------------------------------------------

    async def route(self, request: Request, key: str) -> Reply:
        path, _, job_id = request.path.rpartition("/")
        match request.method, request.path:
            case "POST", "v2/video_generation" | "v1/video_generation":
                return await self.create(request, key)
            case "GET", "v1/query/video_generation":
                return self.query(request.query.get("task_id", ""), key)
            case "GET", "v1/files/retrieve":
                return self.retrieve(request.query.get("file_id", ""), key)
            case "GET", _ if path == "v2/query/video_generation":
                return self.about(job_id, key)
            case "DELETE", _ if path == V2:
                return self.delete(job_id, key)
        return not_found()

    async def create(self, request: Request, key: str) -> Reply:
        try:
            body = request.json()
        except ValueError:
            return self.refuse("400", "", 0)
        fields = body if isinstance(body, dict) else {}
        model = str(fields.get("model"))
        told = wrong(request.path, fields)
        fault = None
        if told:
            named = {"type": "invalid_params_error", "message": told, "http_code": "422"}
            newer = json_reply(422, {"type": "error", "error": named, "request_id": "emulated"})
            fault = newer if request.path == V2 else coded(2013, told)
        reply = await self.submit(
            request,
            key=key,
            endpoint=model,
            body=fields,
            making=Making() if told else making(fields),
            prompt=prompt_of(fields),
            webhook_url=str(fields.get("callback_url") or ""),
            faults=fault,
        )
        if self.challenges and fields.get("callback_url"):
            await self._challenge(str(fields["callback_url"]))
        return reply

    async def _challenge(self, address: str) -> None:
        """The first message to a callback address, which has to echo it within three seconds."""
        body = json.dumps({"challenge": "echo-me"}).encode()
        letter = Delivery(address, lambda: body, lambda _, __: {}, lambda *_: None, retry=False)
        await self.hooks.deliveries.send(letter)

    def accepted(self, job: Job) -> Reply:
        told: dict[str, Any] = {"task_id": job.id}
        if job.endpoint in V1_MODELS:
            told["base_resp"] = {"status_code": 0, "status_msg": "success"}
        return json_reply(200, told)

    # -- tasks of the newer version -----------------------------------------------------------

    def about(self, job_id: str, key: str) -> Reply:
        job = self.jobs.get(job_id)
        if job is None or job.key != key or job.endpoint not in V2_MODELS:
            error = {
                "type": "invalid_params_error",
                "message": "no such task",
                "http_code": str(self.unknown),
            }
            return json_reply(self.unknown, {"type": "error", "error": error, "request_id": "emulated"})
        job.polls += 1
        return self.spoilt(job, "poll") or json_reply(200, {"task": self.task(job)})

    def task(self, job: Job) -> dict[str, Any]:
        now = self.clock.now()
        phase = job.phase(now)
        state = phase if phase != "ended" else self._final(job)
        told: dict[str, Any] = {
            "id": job.id,
            "model": job.endpoint,
            "status": state,
            "resolution": job.body.get("resolution"),
            "duration": job.body.get("duration"),
            "ratio": job.body.get("ratio", "adaptive"),
            "created_at": int(job.accepted_at),
            "updated_at": int(min(now, job.ends_at)),
        }
        if state == "succeeded":
            addresses = self.files.addresses(job)
            told["content"] = {"url": addresses[0]} if addresses else {}
        if state in ("succeeded", "failed") and (job.units() or state == "succeeded"):
            seconds = int(job.units())
            told["usage"] = {"total_seconds": seconds, "input_seconds": 0, "output_seconds": seconds}
        if state == "failed":
            code, words = ERRORS.get(job.failure, (job.failure, job.failure))
            told["error"] = {"code": code, "message": words}
        return told

    def _final(self, job: Job) -> str:
        if job.stopped:
            return "cancelled"
        if job.failure:
            return "expired" if job.failure == "expired" else "failed"
        return "succeeded"

    def delete(self, job_id: str, key: str) -> Reply:
        """Waiting: cancelled, free. Ended: its record goes. Under way or cancelled: an error."""
        job = self.jobs.get(job_id)
        if job is None or job.key != key:
            return self.refusal("404", "", 0)
        if (spoilt := self.spoilt(job, "stop")) is not None:
            return spoilt
        phase = job.phase(self.clock.now())
        if phase == "running" or job.cancelled:
            return self.refusal("400", "", 0)
        if phase == "ended":
            del self.jobs[job_id]
        else:
            self.stop(job)
        return json_reply(200, {"task_id": job_id})

    # -- tasks of the older version -----------------------------------------------------------

    def query(self, job_id: str, key: str) -> Reply:
        job = self.jobs.get(job_id)
        if job is None or job.key != key or job.endpoint not in V1_MODELS:
            return coded(2013, "invalid params, task_id")
        job.polls += 1
        return self.spoilt(job, "poll") or json_reply(200, self.older(job))

    def older(self, job: Job) -> dict[str, Any]:
        phase = job.phase(self.clock.now())
        told: dict[str, Any] = {"task_id": job.id, "base_resp": {"status_code": 0, "status_msg": "success"}}
        if phase != "ended":
            return {**told, "status": V1_STATES[phase]}
        if job.failure:
            code, words = ERRORS.get(job.failure, (0, job.failure))
            known = code if isinstance(code, int) else 0
            return {**told, "status": "Fail", "base_resp": {"status_code": known, "status_msg": words}}
        return {**told, "status": "Success", "file_id": f"file-{job.id}"}

    def retrieve(self, file_id: str, key: str) -> Reply:
        job = self.jobs.get(file_id.removeprefix("file-"))
        if job is None or job.key != key:
            return coded(2013, "invalid params, file_id")
        if (spoilt := self.spoilt(job, "fetch")) is not None:
            return spoilt
        file: dict[str, Any] = {"file_id": file_id, "filename": "output.mp4", "purpose": "video_generation"}
        for address in self.files.addresses(job):
            file["download_url"] = address
        return json_reply(200, {"file": file, "base_resp": {"status_code": 0, "status_msg": "success"}})

    def message(self, job: Job, kind: str) -> dict[str, Any]:
        return self.older(job) if job.endpoint in V1_MODELS else self.task(job)


def coded(code: int, words: str) -> Reply:
    return json_reply(200, {"base_resp": {"status_code": code, "status_msg": words}})


def prompt_of(body: dict[str, Any]) -> str:
    items = body.get("content")
    known = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return str(body.get("prompt") or " ".join(str(item.get("text") or "") for item in known))


def making(body: dict[str, Any]) -> Making:
    seconds = int(body.get("duration", 6))
    return Making(kind="mp4", width=1280, height=720, seconds=seconds, units=float(seconds))


def wrong(path: str, body: dict[str, Any]) -> str:
    """What is refused in this body, in words; "" where it is well."""
    table = (V2_MODELS if path == V2 else V1_MODELS).get(str(body.get("model")))
    if table is None:
        return "model: unknown"
    told = [f"{one.name}: {one.words}" for one in parameters.faults(table, body)]
    told += [f"{name}: unknown field" for name in body if name not in table]
    if path == V1:
        if body.get("duration", 6) not in (6, 10):
            told.append("duration: 6 or 10")
        if len(body.get("prompt") or "") > 2000:
            told.append("prompt: at most 2000 characters")
        return "; ".join(told)
    return "; ".join(told + _contents(body))


def _contents(body: dict[str, Any]) -> list[str]:
    items = body.get("content")
    items = items if isinstance(items, list) else []
    told, given = [], []
    for item in items:
        kind = item.get("type") if isinstance(item, dict) else None
        if kind == "text":
            told += [] if isinstance(item.get("text"), str) and item["text"] else ["text: empty"]
        elif kind not in ROLES or item.get("role") not in ROLES[kind]:
            told.append(f"content: {kind!r} in the role {item.get('role')!r}")
        else:
            given.append(item["role"])
            address = item.get(kind, {}).get("url") if isinstance(item.get(kind), dict) else None
            if not str(address).startswith(("https://", "data:", "mm_file://")):
                told.append(f"{kind}: no address")
    told += [f"{role}: at most {most}" for role, most in MOST.items() if given.count(role) > most]
    frames = [role for role in given if role.endswith("_frame")]
    if frames and len(frames) < len(given):
        told.append("content: frames and references exclude each other")
    if "last_frame" in given and "first_frame" not in given:
        told.append("last_frame: a first frame is needed")
    if not given and body.get("ratio") == "adaptive":
        told.append("ratio: adaptive needs a picture")
    return told
