"""Stability AI's forms and results, from the protocol reference (Stability 6.1 to 6.3).

Open in the reference, and set here: a moderation 403 is named `content_moderation` (`policy_words` names it
in its text alone); a filtered picture is charged; a 429 names no time. Bodies must be multipart, as it says.
"""

from __future__ import annotations

import secrets
from typing import Any

from tests.emulators import media, parameters
from tests.emulators.emulated import GARBAGE, Emulated
from tests.emulators.files import TYPES
from tests.emulators.jobs import Job, Making
from tests.emulators.wire import Part, Reply, Request, json_reply

DAY = 24 * 3600.0
MOST_BYTES = 10 * 1024 * 1024
PRESETS = (
    "enhance|anime|photographic|digital-art|comic-book|fantasy-art|line-art|analog-film|neon-punk|isometric|"
    "low-poly|origami|modeling-compound|cinematic|3d-model|pixel-art|tile-texture"
)
SEED = "seed:int:0..4294967294 output_format=png|jpeg|webp "
SHAPE = "aspect_ratio=21:9|16:9|3:2|5:4|1:1|4:5|2:3|9:16|9:21 "
STYLE = f"style_preset={PRESETS} negative_prompt "
CONTROL = f"image* prompt* control_strength:float:0..1 {SEED}{STYLE}"
CALLS: dict[str, tuple[float, str]] = {  # path → credits, parameters
    "generate/ultra": (8, f"prompt* image strength:float:0..1 {SHAPE}{SEED}{STYLE}"),
    "generate/core": (3, f"prompt* {SHAPE}{SEED}{STYLE}"),
    "generate/sd3": (
        6.5,
        "prompt* model=sd3.5-large|sd3.5-large-turbo|sd3.5-medium|sd3.5-flash "
        "mode=text-to-image|image-to-image image strength:float:0..1 cfg_scale:float:1..10 "
        f"negative_prompt {SHAPE}{SEED}",
    ),
    "edit/erase": (5, f"image* mask grow_mask:float:0..20 {SEED}"),
    "edit/inpaint": (5, f"image* prompt* mask grow_mask:float:0..100 {SEED}{STYLE}"),
    "edit/outpaint": (
        4,
        "image* left:int:0..2000 right:int:0..2000 up:int:0..2000 down:int:0..2000 prompt "
        f"creativity:float:0..1 style_preset={PRESETS} {SEED}",
    ),
    "edit/search-and-replace": (5, f"image* prompt* search_prompt* grow_mask:float:0..20 {SEED}{STYLE}"),
    "edit/search-and-recolor": (5, f"image* prompt* select_prompt* grow_mask:float:0..20 {SEED}{STYLE}"),
    "edit/remove-background": (5, "image* output_format=png|webp"),
    "edit/replace-background-and-relight": (
        8,
        "subject_image* background_prompt background_reference foreground_prompt negative_prompt "
        "preserve_original_subject:float:0..1 original_background_depth:float:0..1 "
        "keep_original_background:bool light_source_direction light_reference "
        f"light_source_strength:float:0..1 {SEED}",
    ),
    "control/sketch": (5, CONTROL),
    "control/structure": (5, CONTROL),
    "control/style": (5, f"image* prompt* fidelity:float:0..1 {SHAPE}{SEED}{STYLE}"),
    "control/style-transfer": (
        8,
        "init_image* style_image* prompt negative_prompt style_strength:float:0..1 "
        f"composition_fidelity:float:0..1 change_strength:float:0.1..1 {SEED}",
    ),
    "upscale/fast": (2, "image* output_format=png|jpeg|webp"),
    "upscale/conservative": (40, f"image* prompt* creativity:float:0.2..0.5 negative_prompt {SEED}"),
    "upscale/creative": (60, f"image* prompt* creativity:float:0.1..0.5 {STYLE}{SEED}"),
}
TABLES = {path: parameters.table(text) for path, (_, text) in CALLS.items()}
SD3 = {"sd3.5-large": 6.5, "sd3.5-large-turbo": 4, "sd3.5-medium": 3.5, "sd3.5-flash": 2.5}
LATER = ("upscale/creative", "edit/replace-background-and-relight")
FILES = (
    "image",
    "mask",
    "subject_image",
    "background_reference",
    "light_reference",
    "init_image",
    "style_image",
)
REFUSALS = {
    "400": (400, "bad_request", "prompt: cannot be blank"),
    "401": (401, "unauthorized", "missing or invalid authorization header"),
    "402": (402, "payment_required", "You lack sufficient credits."),
    "credit": (402, "payment_required", "You lack sufficient credits."),
    "403": (403, "forbidden", "You lack the permission to make this request."),
    "404": (404, "not_found", "The specified resource was not found."),
    "retired": (404, "not_found", "The specified resource was not found."),
    "413": (413, "payload_too_large", "The request is larger than 10 MiB."),
    "422": (422, "unprocessable_entity", "The prompt must be in English."),
    "figure": (422, "unprocessable_entity", "The request shows a public figure."),
    "policy": (403, "content_moderation", "Your request was flagged by our content moderation system."),
    "policy_words": (403, "forbidden", "This is not allowed by our policies."),
    "429": (429, "rate_limit_exceeded", "You have made more than 150 requests within 10 seconds."),
    "500": (500, "internal_error", "An unexpected server error has occurred."),
}


class Provider(Emulated):
    name = "stability"

    def new_id(self) -> str:
        return secrets.token_hex(32)

    def refusal(self, name: str, endpoint: str, retry_after: float) -> Reply:
        if name not in REFUSALS:
            return Reply(int(name), b"<html>upstream</html>", {"content-type": "text/html"})
        status, kind, words = REFUSALS[name]
        return json_reply(status, {"id": secrets.token_hex(16), "name": kind, "errors": [words]})

    async def answer(self, request: Request) -> Reply:
        """The bytes of a picture are made here, where they can be awaited."""
        reply = await super().answer(request)
        job = self.jobs.get(reply.headers.get("x-request-id", ""))
        return reply if job is None or reply.body or reply.drop else await self.picture(job, request)

    async def route(self, request: Request, key: str) -> Reply:
        if (request.method, request.path) == ("GET", "v1/user/balance"):
            return json_reply(200, {"credits": 321.5})
        path = request.path.removeprefix("v2beta/")
        if request.method == "GET" and path.startswith("results/"):
            return self.about(path.removeprefix("results/"), key)
        call = path.removeprefix("stable-image/")
        if request.method == "POST" and call in CALLS:
            return await self.create(request, key, call)
        return self.refuse("404", "", 0)

    async def create(self, request: Request, key: str, call: str) -> Reply:
        parts = request.form()
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            return self.refuse("400", call, 0)
        if request.headers.get("accept", "") not in ("image/*", "application/json"):
            return self.refuse("400", call, 0)
        if len(request.body) > MOST_BYTES:
            return self.refuse("413", call, 0)
        fields, wrong = typed(TABLES[call], parts)
        faults = wrong + [f"{one.name}: {one.words}" for one in parameters.faults(TABLES[call], fields)]
        faults += missing(call, fields)
        return await self.submit(
            request,
            key=key,
            endpoint=call,
            body=fields,
            making=Making() if faults else making(call, fields),
            prompt=str(fields.get("prompt", fields.get("background_prompt", ""))),
            faults=json_reply(400, {"id": "x", "name": "bad_request", "errors": faults}) if faults else None,
            unknown=sorted(set(fields) - set(TABLES[call])),
            blocking=call not in LATER,
        )

    def accepted(self, job: Job) -> Reply:
        """An id for what comes later; else how the call ends, a picture left empty for `picture`."""
        return json_reply(200, {"id": job.id}) if job.endpoint in LATER else self.ended(job)

    def ended(self, job: Job) -> Reply:
        if job.failure and job.failure != "strange":
            return self.refusal(job.failure, job.endpoint, 0)
        return Reply(200, b"", {"x-request-id": job.id})

    async def picture(self, job: Job, request: Request) -> Reply:
        names, kind = self.files.names(job), self.files.kind(job)
        headers = {"x-request-id": job.id, "content-type": TYPES[kind][1]}
        if job.behaviour.result in ("garbage", "empty") or not names:
            body = GARBAGE if job.behaviour.result == "garbage" else b""
            return Reply(200, body, {**headers, "content-type": "application/json"})
        headers["finish-reason"] = "CONTENT_FILTERED" if job.behaviour.result == "black" else "SUCCESS"
        if job.behaviour.result == "strange":
            headers["finish-reason"] = "PARTIAL"
        if "seed" in TABLES[job.endpoint]:
            headers["seed"] = str(self.seed(job))
        content = media.HTML if kind == "html" else await self.files.content(job, names[0])
        return Reply(200, content, headers)

    def about(self, job_id: str, key: str) -> Reply:
        job = self.jobs.get(job_id)
        known = job is not None and job.key == key and job.endpoint in LATER
        if job is None or not known or self.clock.now() > job.ends_at + DAY:
            return self.refusal("404", "", 0)
        job.polls += 1
        if job.phase(self.clock.now()) != "ended":
            return self.spoilt(job, "poll") or json_reply(202, {"id": job.id, "status": "in-progress"})
        return self.spoilt(job, "poll") or self.ended(job)


def typed(table: dict[str, parameters.Parameter], parts: list[Part]) -> tuple[dict[str, Any], list[str]]:
    """The form's fields with their types, and what is not of its type."""
    fields: dict[str, Any] = {}
    wrong = []
    for part in parts:
        text, one = part.data.decode("utf-8", "replace"), table.get(part.name)
        if part.name in FILES:
            fields[part.name] = f"{part.media_type}, {len(part.data)} bytes"
            if not part.filename or not part.media_type.startswith("image/"):
                wrong.append(f"{part.name}: must be a picture")
            continue
        try:
            kind = one.kind if one else "str"
            fields[part.name] = {"int": int, "float": float}.get(kind, str)(text)
            if kind == "bool":
                fields[part.name] = {"true": True, "false": False}[text]
        except (ValueError, KeyError):
            wrong.append(f"{part.name}: must be of type {kind}")
    return fields, wrong


def missing(call: str, fields: dict[str, Any]) -> list[str]:
    """What is needed beside the parameters that are always required."""
    found = []
    if not 1 <= len(str(fields.get("prompt", "x"))) <= 10_000:
        found.append("prompt: 1 to 10000 characters")
    if fields.get("mode") == "image-to-image" and not {"image", "strength"} <= fields.keys():
        found.append("image and strength are needed for image-to-image")
    if call == "edit/outpaint" and not any(fields.get(side) for side in ("left", "right", "up", "down")):
        found.append("one of left, right, up, down is needed")
    if call == LATER[1] and not {"background_prompt", "background_reference"} & fields.keys():
        found.append("background_prompt or background_reference is needed")
    return found


def making(call: str, fields: dict[str, Any]) -> Making:
    across, _, down = str(fields.get("aspect_ratio", "1:1")).partition(":")
    ratio = int(across) / int(down)
    credits = SD3[str(fields.get("model", "sd3.5-large"))] if call == "generate/sd3" else CALLS[call][0]
    kind = str(fields.get("output_format", "png"))
    return Making(kind, round(1024 * ratio**0.5), round(1024 / ratio**0.5), 0, 1, float(credits))
