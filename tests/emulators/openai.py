"""OpenAI's images, from the protocol reference (OpenAI 3.1 to 3.4, 3.7): one blocking call, no job.

The reference leaves open how a removed model is refused (404 model_not_found is assumed) and what a refusal
costs; the log says what the script wants. Whoever hangs up is charged unless the script says otherwise.
"""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any

from tests.emulators import parameters
from tests.emulators.emulated import GARBAGE, Emulated, not_found
from tests.emulators.files import TYPES
from tests.emulators.jobs import Job, Making
from tests.emulators.wire import Reply, Request, json_reply

COMMON = (
    "prompt* model* n:int:1..10 size background=auto|opaque|transparent output_format=png|jpeg|webp "
    "output_compression:int:0..100 moderation=auto|low stream:bool partial_images:int:0..3 user "
)
MODELS = {  # what is taken beside the common parameters: 3.1, 3.3
    "gpt-image-1-mini": "quality=auto|low|medium|high",
    "gpt-image-1.5": "quality=auto|low|medium|high input_fidelity=high|low",
    "gpt-image-2": "quality=auto|low|medium|high",
    "gpt-image-2.5-flare": "quality=auto|low|medium|high|xhigh|max",
    "gpt-image-2.5-sunburst": "quality=auto|low|medium|high|xhigh|max",
    "gpt-image-2.6-flare": "quality=auto|low|medium|high|xhigh|max complexity=low|medium|high",
    "gpt-image-2.6-sunburst": "quality=auto|low|medium|high|xhigh|max complexity=low|medium|high",
}
SHUT_DOWN = {"gpt-image-1-mini": "2026-12-01", "gpt-image-1.5": "2026-12-01"}
TABLES = {name: parameters.table(COMMON + text) for name, text in MODELS.items()}
NUMBERS = ("n", "output_compression", "partial_images")
TOKENS = {"low": 272, "medium": 1056, "high": 4160, "xhigh": 6240, "max": 8320, "auto": 1056}
REFUSALS: dict[str, tuple[int, str, str, str]] = {  # status, type, code, message
    "400": (400, "invalid_request_error", "invalid_value", "Invalid value."),
    "401": (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    "403": (403, "invalid_request_error", "", "Your organization must be verified to use this model."),
    "404": (404, "invalid_request_error", "model_not_found", "The model does not exist."),
    "retired": (404, "invalid_request_error", "model_not_found", "The model does not exist."),
    "409": (409, "conflict", "", "Conflict."),
    "429": (429, "requests", "rate_limit_exceeded", "Rate limit reached."),
    "credit": (429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota."),
    "500": (500, "server_error", "", "The server had an error while processing your request."),
    "503": (503, "server_error", "server_is_overloaded", "The server is overloaded."),
}


class Provider(Emulated):
    name = "openai"

    def new_id(self) -> str:
        return f"req_{secrets.token_hex(16)}"

    def refusal(self, name: str, endpoint: str, retry_after: float) -> Reply:
        if name in ("502", "504"):
            return Reply(int(name), b"<center>cloudflare</center>", {"content-type": "text/html"})
        if name == "policy":
            return blocked("input")
        status, kind, code, message = REFUSALS[name]
        headers = {"retry_after_ms": f"{retry_after * 1000:g}"} if name == "429" else {}
        return error(status, kind, code, message, **headers)

    async def route(self, request: Request, key: str) -> Reply:
        match (request.method, request.path):
            case ("POST", "v1/images/generations"):
                return await self.make(request, key, _json(request), [])
            case ("POST", "v1/images/edits"):
                parts = request.form()
                fields = {part.name: _field(part.name, part.data) for part in parts if not part.filename}
                pictures = [part.name for part in parts if part.filename]
                return await self.make(request, key, fields, pictures)
            case ("GET", "v1/models"):
                data = [
                    {"id": name, "object": "model", "shutdown_date": SHUT_DOWN.get(name)} for name in MODELS
                ]
                return json_reply(200, {"object": "list", "data": data})
        return not_found()

    async def make(
        self, request: Request, key: str, fields: dict[str, Any] | None, pictures: list[str]
    ) -> Reply:
        if fields is None:
            return self.refuse("400", "", 0)
        model = str(fields.get("model", ""))
        table = TABLES.get(model)
        if table is None:
            return self.refuse("404", model, 0)
        faults = parameters.faults(table, fields) + _size_faults(fields)
        if request.path.endswith("edits") and not pictures:
            faults.append(parameters.Fault("image", "missing", "Missing required parameter: 'image'."))
        words = "; ".join(f"{one.name}: {one.words}" for one in faults)
        wrong = error(400, "invalid_request_error", "invalid_value", words) if faults else None
        return await self.submit(
            request,
            key=key,
            endpoint=model,
            body={**fields, **({"pictures": pictures} if pictures else {})},
            making=Making() if wrong else making(fields),
            prompt=str(fields.get("prompt", "")),
            faults=wrong,
            unknown=sorted(set(fields) - set(table)),
            blocking=True,
        )

    async def answer(self, request: Request) -> Reply:
        """The bytes of pictures are made here, where they can be awaited."""
        reply = await super().answer(request)
        name = reply.headers.get("x-request-id", "")
        if reply.status == 200 and name in self.jobs and not reply.body:
            return await self.delivered(self.jobs[name])
        return reply

    def accepted(self, job: Job) -> Reply:
        """How the call ends; a success is left empty for `delivered`."""
        headers = {"x-request-id": job.id, "openai-processing-ms": "1000"}
        if job.failure.startswith("policy"):
            reply = blocked("output")
        elif job.failure:
            reply = self.refusal(job.failure, job.endpoint, 0)
        else:
            reply = Reply(200)
        reply.headers |= headers
        return reply

    async def delivered(self, job: Job) -> Reply:
        headers = {"x_request_id": job.id}
        if job.behaviour.result in ("garbage", "empty"):
            body = GARBAGE if job.behaviour.result == "garbage" else b""
            return Reply(200, body, {"content-type": "application/json", "x-request-id": job.id})
        data = [
            {
                "b64_json": base64.b64encode(await self.files.content(job, name)).decode(),
                "revised_prompt": None,
            }
            for name in self.files.names(job)
        ]
        quality = str(job.body.get("quality", "auto"))
        output = TOKENS[quality] * job.making.count
        pictures = 320 * len(job.body.get("pictures", []))
        answer = {
            "created": int(job.ends_at),
            "background": job.body.get("background", "opaque"),
            "output_format": TYPES[self.files.kind(job)][1].rpartition("/")[2],
            "quality": quality,
            "size": job.body.get("size", "1024x1024"),
            "data": data,
            "usage": {
                "input_tokens": 12 + pictures,
                "input_tokens_details": {"text_tokens": 12, "image_tokens": pictures},
                "output_tokens": output,
                "output_tokens_details": {"image_tokens": output, "text_tokens": 0},
                "total_tokens": 12 + pictures + output,
            },
        }
        return json_reply(200, answer, **headers)


def error(status: int, kind: str, code: str, message: str, **headers: str) -> Reply:
    body = {"error": {"message": message, "type": kind, "param": None, "code": code or None}}
    return json_reply(status, body, **headers)


def blocked(stage: str) -> Reply:
    """A picture that moderation refuses, before it is made or after."""
    message = "Your request was rejected by the safety system."
    details = {"moderation_stage": stage, "categories": ["violence"]}
    told = {"message": message, "type": "image_generation_user_error", "param": None}
    return json_reply(400, {"error": {**told, "code": "moderation_blocked", "moderation_details": details}})


def making(fields: dict[str, Any]) -> Making:
    across, _, down = str(fields.get("size", "1024x1024")).partition("x")
    known = across.isdigit() and down.isdigit()
    return Making(
        kind=str(fields.get("output_format", "png")),
        width=int(across) if known else 1024,
        height=int(down) if known else 1024,
        count=int(fields.get("n", 1)),
        units=float(fields.get("n", 1)),
    )


def _json(request: Request) -> dict[str, Any] | None:
    try:
        found = request.json()
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _field(name: str, data: bytes) -> Any:
    text = data.decode()
    return int(text) if name in NUMBERS and text.isdigit() else text


def _size_faults(fields: dict[str, Any]) -> list[parameters.Fault]:
    """From gpt-image-2 on: multiples of 16, at most three to one, the longest edge 3840 (3.3)."""
    across, _, down = str(fields.get("size", "auto")).partition("x")
    if not (across.isdigit() and down.isdigit()):
        return []
    sides = sorted((int(across), int(down)))
    right = sides[0] > 0 and not (sides[0] % 16 or sides[1] % 16) and sides[1] <= min(3840, 3 * sides[0])
    return [] if right else [parameters.Fault("size", "one_of", "Invalid size.")]
