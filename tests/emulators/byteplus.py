"""ModelArk's tasks for films and its calls for pictures, from the protocol reference (B 7.2).

The reference names one error code; the others here are examples of their kinds. Left open by it, so that
tests may have it either way: the status of a query for an unknown task (`unknown`), and whether a list shows
whose a task is (`names_owners`). `list_limited` has the list asked at most once a second. Retry-After is not
in the reference.
"""

from __future__ import annotations

import base64
import secrets
from typing import Any

from tests.emulators import parameters
from tests.emulators.emulated import Emulated, not_found
from tests.emulators.jobs import Job, Making
from tests.emulators.wire import Reply, Request, json_reply

TASKS = "api/v3/contents/generations/tasks"
COMMON = (
    "model* content*:list ratio=21:9|16:9|4:3|1:1|3:4|9:16|adaptive duration:int frames:int watermark:bool "
    "return_last_frame:bool service_tier=default|flex callback_url execution_expires_after:int:3600..259200 "
    "priority:int:0..9 safety_identifier "
)
OLDER = "seed:int:-1..2147483647 camera_fixed:bool "
SIZES = {"480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080), "4k": (3840, 2160)}
FILMS = {
    "dreamina-seedance-2-5-260628": (
        COMMON + "generate_audio:bool omni_reference_task_type=auto|reference|edit|extend "
        "resolution=480p|720p|1080p",
        30,
    ),
    "dreamina-seedance-2-0-260128": (COMMON + "generate_audio:bool resolution=480p|720p|1080p|4k", 9),
    "dreamina-seedance-2-0-fast-260128": (COMMON + "generate_audio:bool resolution=480p|720p", 9),
    "dreamina-seedance-2-0-mini-260615": (COMMON + "generate_audio:bool resolution=480p|720p", 9),
    "seedance-1-5-pro-251215": (
        COMMON + OLDER + "generate_audio:bool draft:bool resolution=480p|720p|1080p",
        0,
    ),
    "seedance-1-0-pro-fast-251015": (COMMON + OLDER + "resolution=480p|720p|1080p", 0),
}
PICTURE = (
    "model* prompt* image:any size response_format=url|b64_json output_format=jpeg|png watermark:bool "
    "sequential_image_generation=disabled|auto sequential_image_generation_options:object "
    "optimize_prompt_options:object stream:bool"
)
PICTURES = {  # model → the most references
    "dola-seedream-5-0-pro-260628": 10,
    "seedream-5-0-lite-260128": 14,
    "seedream-4-5-251128": 10,
    "seedream-4-0-250828": 10,
}
TABLES = {
    **{model: parameters.table(text) for model, (text, _) in FILMS.items()},
    **{model: parameters.table(PICTURE) for model in PICTURES},
}
ERRORS = {  # how a task ended badly → code, message
    "policy": ("InputImageSensitiveContentDetected", "The input image may contain sensitive information."),
    "policy_output": ("OutputVideoSensitiveContentDetected", "The output video may be sensitive."),
    "500": ("InternalServiceError", "The service encountered an unexpected error."),
    "constraint": ("InvalidParameter.TaskTypeConstraint", "First-frame tasks need ratio adaptive."),
}
REFUSALS = {
    "400": (400, "InvalidParameter", "A parameter is invalid."),
    "422": (400, "InvalidParameter", "A parameter is invalid."),
    "policy": (400, "InputTextSensitiveContentDetected", "The prompt may contain sensitive information."),
    "401": (401, "AuthenticationError", "The API key is missing or invalid."),
    "403": (403, "AccessDenied", "The account may not do this."),
    "credit": (403, "AccountOverdueError", "The account has an overdue balance."),
    "404": (404, "InvalidEndpointOrModel.NotFound", "The model does not exist."),
    "retired": (404, "ModelNotOpen", "The model is not activated."),
    "429": (429, "RateLimitExceeded.EndpointRPMExceeded", "Too many requests."),
    "quota": (429, "QuotaExceeded", "The quota of tasks is used up."),
    "500": (500, "InternalServiceError", "The service encountered an unexpected error."),
}


class Provider(Emulated):
    name = "byteplus"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.unknown, self.names_owners, self.list_limited, self.listed_at = 404, True, False, 0.0

    def reset(self) -> None:
        super().reset()
        self.unknown, self.names_owners, self.list_limited, self.listed_at = 404, True, False, 0.0

    def new_id(self) -> str:
        return f"cgt-20261001-{secrets.token_hex(4)}"

    def refusal(self, name: str, endpoint: str, retry_after: float) -> Reply:
        if name in ("502", "503", "504"):
            return Reply(int(name), b"<center>nginx</center>", {"content-type": "text/html"})
        status, code, words = REFUSALS[name]
        wait = {"retry_after": f"{retry_after:g}"} if status == 429 else {}
        return fault(status, code, words, **wait)

    async def route(self, request: Request, key: str) -> Reply:
        path, _, job_id = request.path.rpartition("/")
        match request.method, request.path:
            case "POST", "api/v3/contents/generations/tasks":
                return await self.create(request, key, FILMS)
            case "POST", "api/v3/images/generations":
                return await self.create(request, key, PICTURES)
            case "GET", "api/v3/contents/generations/tasks":
                return self.listed(request, key)
            case "GET" | "DELETE", _ if path == TASKS:
                return self.about(request.method, job_id, key)
        return not_found()

    async def create(self, request: Request, key: str, models: dict[str, Any]) -> Reply:
        try:
            body = request.json()
        except ValueError:
            return self.refuse("400", "", 0)
        fields = body if isinstance(body, dict) else {}
        model = str(fields.get("model"))
        told = wrong(fields, models)
        if not told and model not in models:
            return self.refuse("404", model, 0)
        return await self.submit(
            request,
            key=key,
            endpoint=model,
            body=fields,
            making=Making() if told else making(fields, blocking=models is PICTURES),
            prompt=prompt_of(fields),
            token=str(fields.get("safety_identifier") or ""),
            webhook_url=str(fields.get("callback_url") or ""),
            faults=fault(400, "InvalidParameter", told) if told else None,
            blocking=models is PICTURES,
        )

    def accepted(self, job: Job) -> Reply:
        return self._pictures(job) if job.endpoint in PICTURES else json_reply(200, {"id": job.id})

    # -- films --------------------------------------------------------------------------------

    def about(self, method: str, job_id: str, key: str) -> Reply:
        job = self.jobs.get(job_id)
        if job is None or job.key != key or job.endpoint in PICTURES:
            return fault(self.unknown, "ResourceNotFound", "The task does not exist.")
        if method == "DELETE":
            return self.delete(job)
        job.polls += 1
        return self.spoilt(job, "poll") or json_reply(200, self.task(job))

    def delete(self, job: Job) -> Reply:
        """Only a task that waits is cancelled; of one that has ended, the record goes."""
        if (spoilt := self.spoilt(job, "stop")) is not None:
            return spoilt
        match job.phase(self.clock.now()):
            case "running":
                return fault(409, "InvalidAction.RunningTaskDeletion", "The task is being made.")
            case "ended":
                del self.jobs[job.id]
            case _:
                self.stop(job)
        return json_reply(200, {})

    def listed(self, request: Request, key: str) -> Reply:
        if self.list_limited and self.clock.now() < self.listed_at + 1:
            return self.refusal("429", "", 1)
        self.listed_at = self.clock.now()
        model = request.query.get("filter.model")
        known = [job for job in self.jobs.values() if job.key == key and job.endpoint in FILMS]
        known = [job for job in known if model in (None, job.endpoint)][::-1]
        size, page = int(request.query.get("page_size", "10")), int(request.query.get("page_num", "1"))
        items = [self._item(job) for job in known[(page - 1) * size : page * size]]
        return json_reply(200, {"items": items, "total": len(known)})

    def _item(self, job: Job) -> dict[str, Any]:
        owner = {"safety_identifier": job.token} if self.names_owners else {}
        return {**self.task(job), **owner}

    def task(self, job: Job) -> dict[str, Any]:
        now = self.clock.now()
        phase = job.phase(now)
        state = phase if phase != "ended" else self._final(job)
        told: dict[str, Any] = {
            "id": job.id,
            "model": job.endpoint,
            "status": state,
            "resolution": job.body.get("resolution", "720p"),
            "ratio": job.body.get("ratio", "adaptive"),
            "duration": job.making.seconds,
            "framespersecond": 24,
            "created_at": int(job.accepted_at),
            "updated_at": int(min(now, job.ends_at)),
        }
        if "seed" in job.body:
            told["seed"] = self.seed(job)
        if state == "succeeded":
            addresses = self.files.addresses(job)
            told["content"] = {"video_url": addresses[0]} if addresses else {}
            if addresses and job.body.get("return_last_frame"):
                told["content"]["last_frame_url"] = f"{job.base}/files/{job.id}/last.png"
        if state == "succeeded" or (state == "failed" and job.units()):
            told["usage"] = {"completion_tokens": int(job.units()), "total_tokens": int(job.units())}
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

    def message(self, job: Job, kind: str) -> dict[str, Any]:
        return self.task(job)

    # -- pictures -----------------------------------------------------------------------------

    def _pictures(self, job: Job) -> Reply:
        """The answer to the open call; a picture that was held back has an error in its place."""
        if job.behaviour.result == "500":
            return self.refusal("500", job.endpoint, 0)
        if job.failure:
            code, words = ERRORS[job.failure]
            refused = [{"error": {"code": code, "message": words}}]
            return json_reply(200, {"data": refused, "usage": {"generated_images": int(job.units())}})
        size = f"{job.making.width}x{job.making.height}"
        data = [{"url": address, "size": size} for address in self.files.addresses(job)]
        if job.body.get("response_format") == "b64_json":
            picture = base64.b64encode(b"\xff\xd8\xff" + job.seed.encode() * 40).decode()
            data = [{"b64_json": picture, "size": size} for _ in data]
        told = {"data": data, "usage": {"generated_images": len(data)}, "created": int(job.accepted_at)}
        return json_reply(200, told, x_request_id=f"call-{job.id}")


def fault(status: int, code: str, words: str, **headers: str) -> Reply:
    error = {"code": code, "message": words, "param": "", "type": "Error"}
    return json_reply(status, {"error": error}, **headers)


def prompt_of(body: dict[str, Any]) -> str:
    items = body.get("content")
    known = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return str(body.get("prompt") or " ".join(str(item.get("text") or "") for item in known))


def making(body: dict[str, Any], *, blocking: bool) -> Making:
    """What is made; of films the units are tokens: seconds × width × height × 24 ÷ 1024."""
    if blocking:
        across, _, down = str(body.get("size", "1024x1024")).partition("x")
        width, height = (int(across), int(down)) if down.isdigit() else (1024, 1024)
        options = body.get("sequential_image_generation_options") or {}
        count = options.get("max_images", 1) if body.get("sequential_image_generation") == "auto" else 1
        kind = "png" if body.get("output_format") == "png" else "jpeg"
        return Making(kind=kind, width=width, height=height, count=count, units=count)
    width, height = SIZES[body.get("resolution", "720p")]
    seconds = body.get("duration", 5)
    seconds = 5 if seconds == -1 else seconds
    tokens = seconds * width * height * 24 / 1024
    return Making(kind="mp4", width=1280, height=720, seconds=seconds, units=tokens)


def wrong(body: dict[str, Any], models: dict[str, Any]) -> str:
    """What is refused in this body, in words; "" where it is well."""
    model = str(body.get("model"))
    if model not in models:
        return ""
    told = [f"{one.name}: {one.words}" for one in parameters.faults(TABLES[model], body)]
    told += [f"{name}: unknown field" for name in body if name not in TABLES[model]]
    return "; ".join(told + (_images(body) if models is PICTURES else _contents(model, body)))


def _images(body: dict[str, Any]) -> list[str]:
    images = body.get("image", [])
    images = images if isinstance(images, list) else [images]
    told = [] if all(_is_address(one) for one in images) else ["image: no address"]
    return told + ([] if len(images) <= PICTURES[str(body["model"])] else ["image: too many"])


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("https://", "data:image/"))


def _contents(model: str, body: dict[str, Any]) -> list[str]:
    items = body.get("content")
    told, given = [], []
    for item in items if isinstance(items, list) else []:
        kind = item.get("type") if isinstance(item, dict) else None
        if kind == "text":
            told += [] if isinstance(item.get("text"), str) and item["text"] else ["text: empty"]
        elif kind != "image_url" or not _is_address((item.get("image_url") or {}).get("url")):
            told.append(f"content: {kind!r} without an address")
        else:
            given.append(item.get("role"))
    told += [
        f"role: {role!r}" for role in given if role not in ("first_frame", "last_frame", "reference_image")
    ]
    if given.count("reference_image") > FILMS[model][1]:
        told.append("reference_image: too many")
    if "first_frame" in given and "2-5" in model and body.get("ratio") != "adaptive":
        told.append("ratio: a first frame needs adaptive")
    if not -1 <= body.get("duration", 5) <= 30 or body.get("duration") == 0:
        told.append("duration: out of range")
    return told
