"""Black Forest Labs, from the protocol reference (BFL 4.1 to 4.4).

Open in the reference, and set here: an unknown or expired task is 200 with `Task not found` (`cancel: gone`
gives 404); a moderated result names a cost only when a script says that it is charged; a webhook is signed as
the vendor's own notes have it (4.3). A megapixel is 1024 times 1024.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
from typing import Any

from tests.emulators import parameters
from tests.emulators.emulated import Emulated
from tests.emulators.fresh_files import FreshFiles
from tests.emulators.hooks import Unsigned
from tests.emulators.jobs import Job, Making
from tests.emulators.wire import Reply, Request, json_reply

LIFETIME = 600.0
TAIL = "seed:int output_format=jpeg|png|webp webhook_url webhook_secret "
FOUR = "input_image input_image_2 input_image_3 input_image_4 "
EIGHT = FOUR + "input_image_5 input_image_6 input_image_7 input_image_8 "
SIZE = "width:int:0..4096 height:int:0..4096 "
FLUX_2 = f"prompt* {EIGHT}{SIZE}safety_tolerance:int:0..5 disable_pup:bool {TAIL}"
KLEIN = f"prompt* {FOUR}{SIZE}safety_tolerance:int:0..5 {TAIL}"
KONTEXT = f"prompt* {FOUR}aspect_ratio prompt_upsampling:bool safety_tolerance:int:0..6 {TAIL}"
SIX = "safety_tolerance:int:0..6 prompt_upsampling:bool "
TABLES = {
    name: parameters.table(text)
    for name, text in {
        "flux-2-max": FLUX_2,
        "flux-2-pro": FLUX_2,
        "flux-2-pro-preview": FLUX_2,
        "flux-2-flex": FLUX_2
        + "prompt_upsampling:bool guidance:float:1.5..10 steps:int:1..50 input_image_blob_path",
        "flux-2-klein-9b": KLEIN,
        "flux-2-klein-9b-preview": KLEIN,
        "flux-2-klein-4b": KLEIN,
        "flux-kontext-pro": KONTEXT,
        "flux-kontext-max": KONTEXT,
        "flux-pro-1.1": f"prompt image_prompt width:int:256..1440 height:int:256..1440 {SIX}{TAIL}",
        "flux-pro-1.1-ultra": "prompt aspect_ratio raw:bool image_prompt image_prompt_strength:float:0..1 "
        f"safety_tolerance:int:0..6 {TAIL}",
        "flux-pro-1.0-fill": "image* mask prompt steps:int:15..50 guidance:float:1.5..100 " + SIX + TAIL,
        "flux-pro-1.0-expand": "image* top:int:0..2048 bottom:int:0..2048 left:int:0..2048 right:int:0..2048 "
        "prompt steps:int:15..50 guidance:float:1.5..100 " + SIX + TAIL,
        "flux-dev": "prompt image_prompt width:int:256..1440 height:int:256..1440 steps:int:1..50 "
        f"guidance:float:1.5..5 {SIX}{TAIL}",
        "flux-3-video": "mode=t2v|i2v|v2v|draft_enhance prompt keyframes:list:0..10 start_video draft_cache "
        "duration:any resolution=hd|fhd aspect_ratio=auto|21:9|2:1|16:9|4:3|1:1|3:4|9:16 generate_audio:bool "
        "safety_tolerance:int:0..4 draft:bool version webhook_url webhook_secret",
    }.items()
}
STEPS = {"flux-2": 16, "flux-pro-1.1": 32, "flux-dev": 32}
PICTURES = ("input_image", "image_prompt", "image", "mask", "start_video")
RATES = {  # credits: of the first megapixel, of each further one, of a reference
    "flux-2-klein-4b": (1.4, 0.1, 0),
    "flux-2-klein-9b": (1.5, 0.2, 0),
    "flux-2-pro": (3, 1.5, 1.5),
    "flux-2-max": (7, 3, 3),
    "flux-2-flex": (5, 5, 5),
}
FLAT = {"flux-kontext-pro": 4, "flux-kontext-max": 8, "flux-pro-1.1": 4, "flux-pro-1.1-ultra": 6}
ENDS = {
    "policy": ("Request Moderated", {"Moderation Reasons": ["Derivative Works Filter"]}),
    "policy_output": ("Content Moderated", None),
    "500": ("Error", None),
    "failed": ("Failed", None),
    "strange": ("Archived", None),
}
REFUSALS = {
    "400": (400, "Bad request"),
    "401": (403, "Not authenticated - Invalid Authentication"),
    "403": (403, "Not authenticated - Invalid Authentication"),
    "402": (402, "Insufficient credits"),
    "credit": (402, "Insufficient credits"),
    "404": (404, "Not Found"),
    "retired": (404, "Not Found"),
    "429": (429, "Too many active tasks"),
    "500": (500, "Internal server error"),
    "503": (503, "Service unavailable"),
}


class JobSecrets(Unsigned):
    """Signs with the secret that came with the job, where one came."""

    def __init__(self, jobs: dict[str, Job]) -> None:
        self.jobs = jobs

    def headers(self, *, message_id: str, kind: str, body: bytes, now: float) -> dict[str, str]:
        secret = str(self.jobs[message_id].body.get("webhook_secret") or "")
        if not secret:
            return {}
        key = b"nobody" if kind == "forged" else secret.encode()
        return {"X-BFL-Signature": f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}"}


class Provider(Emulated):
    name = "bfl"

    def make_files(self) -> FreshFiles:
        return FreshFiles(self.clock, lifetime=LIFETIME)

    def make_signer(self) -> JobSecrets:
        return JobSecrets(self.jobs)

    def key_of(self, request: Request) -> str:
        return request.headers.get("x-key", "")

    def refusal(self, name: str, endpoint: str, retry_after: float) -> Reply:
        if name == "422":
            return unprocessable([{"loc": ["body", "prompt"], "msg": "Field required", "type": "missing"}])
        if name not in REFUSALS:
            return Reply(int(name), b"<html>upstream</html>", {"content-type": "text/html"})
        status, words = REFUSALS[name]
        if status == 429:
            return json_reply(429, {"detail": words, "retry_after": retry_after})
        return json_reply(status, {"detail": words})

    async def public(self, request: Request) -> Reply | None:
        parts = request.path.split("/")
        return await self.files.serve(self.jobs, parts[1:]) if parts[0] == "files" else None

    async def route(self, request: Request, key: str) -> Reply:
        match (request.method, request.path.removeprefix("v1/")):
            case ("GET", "credits"):
                return json_reply(200, {"credits": 1234.5})
            case ("GET", "get_result"):
                return self.about(request.query.get("id", ""))
            case ("POST", call) if call in TABLES:
                return await self.create(request, key, call)
        return self.refuse("404", "", 0)

    async def create(self, request: Request, key: str, call: str) -> Reply:
        try:
            body = request.json()
        except ValueError:
            return self.refuse("400", call, 0)
        wrong = faults(call, body)
        return await self.submit(
            request,
            key=key,
            endpoint=call,
            body=body,
            making=Making() if wrong else making(call, body),
            prompt=str(body.get("prompt", "")),
            webhook_url=str(body.get("webhook_url") or ""),
            faults=unprocessable(wrong) if wrong else None,
            unknown=sorted(set(body) - set(TABLES[call])),
        )

    def accepted(self, job: Job) -> Reply:
        told: dict[str, Any] = {"id": job.id, "cost": job.making.units}
        if job.webhook_url:
            told |= {"status": "Pending", "webhook_url": job.webhook_url}
        else:
            told["polling_url"] = f"{job.base}/v1/get_result?id={job.id}"
        return json_reply(200, told)

    def about(self, job_id: str) -> Reply:
        job = self.jobs.get(job_id)
        if job is not None and job.behaviour.cancel == "gone":
            return json_reply(404, {"detail": "Task not found"})
        if job is None or self.clock.now() > job.ends_at + LIFETIME:
            return json_reply(200, {"id": job_id, "status": "Task not found", "result": None})
        job.polls += 1
        return self.spoilt(job, "poll") or json_reply(200, self.result(job))

    def result(self, job: Job) -> dict[str, Any]:
        told: dict[str, Any] = {"id": job.id, "status": "Pending", "result": None, "progress": None}
        if job.phase(self.clock.now()) != "ended":
            return told
        if job.failure:
            told["status"], told["details"] = ENDS[job.failure]
            return {**told, "cost": job.units()} if job.behaviour.charge_refused else told
        addresses = self.files.addresses(job)
        told["result"] = {
            "sample": addresses[0] if addresses else None,
            "prompt": job.body.get("prompt", ""),
            "seed": self.seed(job),
            "start_time": job.starts_at,
            "end_time": job.ends_at,
            "duration": job.ends_at - job.starts_at,
        }
        if job.endpoint == "flux-3-video":
            del told["result"]["seed"]
        return {**told, "status": "Ready"}

    def message(self, job: Job, kind: str) -> dict[str, Any]:
        return {**self.result(job), "timestamp": self.clock.now()}


def unprocessable(detail: list[dict[str, Any]]) -> Reply:
    return json_reply(422, {"detail": detail})


def fault(name: str, words: str) -> dict[str, Any]:
    return {"loc": ["body", name], "msg": words, "type": "value_error"}


def faults(call: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    found = [fault(one.name, one.words) for one in parameters.faults(TABLES[call], body)]
    step = next((step for beginning, step in STEPS.items() if call.startswith(beginning)), 1)
    sides = [body[name] for name in ("width", "height") if body.get(name)]
    if any(side % step or (side < 64) for side in sides):
        found.append(fault("width", f"Sides must be multiples of {step} and at least 64"))
    if len(sides) == 2 and sides[0] * sides[1] > 4 * 1024 * 1024:
        found.append(fault("width", "At most 4 megapixels"))
    if len(str(body.get("webhook_url") or "")) > 2083:
        found.append(fault("webhook_url", "At most 2083 characters"))
    given = [value for name, value in body.items() if name.startswith(PICTURES) and isinstance(value, str)]
    frames = [one[1] if isinstance(one, list) else one for one in body.get("keyframes", [])]
    if not all(is_picture(one) for one in [*given, *frames]):
        found.append(fault("input_image", "Neither base64 nor an address"))
    if call == "flux-3-video":
        found += wrong_film(body)
    return found


def wrong_film(body: dict[str, Any]) -> list[dict[str, Any]]:
    found, duration = [], body.get("duration", 5)
    if duration != "auto" and not (isinstance(duration, int) and 5 <= duration <= 20):
        found.append(fault("duration", "5 to 20, or auto"))
    needed = {"t2v": "prompt", "i2v": "keyframes", "v2v": "start_video", "draft_enhance": "draft_cache"}
    name = needed[str(body.get("mode", "t2v"))]
    if not body.get(name):
        found.append(fault(name, "Field required in this mode"))
    late = [one for one in body.get("keyframes", []) if isinstance(one, list)]
    if any(len(one) != 2 or not 0 <= one[0] <= (duration if duration != "auto" else 20) for one in late):
        found.append(fault("keyframes", "A key frame is an image, or a second and an image"))
    return found


def is_picture(text: Any) -> bool:
    if not isinstance(text, str) or text.startswith("https://"):
        return isinstance(text, str)
    try:
        return len(base64.b64decode(text, validate=True)) > 0
    except (binascii.Error, ValueError):
        return False


def making(call: str, body: dict[str, Any]) -> Making:
    if call == "flux-3-video":
        full = body.get("resolution") == "fhd"
        seconds = body.get("duration", 5)
        seconds = 5 if seconds == "auto" else seconds
        rate = (54 if full else 43) if body.get("mode") == "v2v" else (29 if full else 17)
        height = 1080 if full else 720
        credits = seconds * (6 if body.get("draft") else rate)
        return Making("mp4", height * 16 // 9, height, seconds, 1, float(credits))
    width, height = int(body.get("width") or 1024), int(body.get("height") or 1024)
    first, further, reference = RATES.get(call, (FLAT.get(call, 5), 0, 0))
    megapixels = math.ceil(width * height / (1024 * 1024))
    references = sum(name.startswith("input_image") for name in body)
    credits = first + further * (megapixels - 1) + reference * references
    return Making(str(body.get("output_format", "jpeg")), width, height, 0, 1, float(credits))
