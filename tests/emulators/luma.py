"""Luma's agents API, from the protocol reference (Luma 3.2) and the types of its official client.

Not in the reference, and assumed: how an error's body looks (`detail`), the words for what excludes each
other, and that a failed generation costs nothing in this program.
"""

from __future__ import annotations

import base64
import binascii
import datetime
from typing import Any

from tests.emulators import parameters
from tests.emulators.emulated import Emulated
from tests.emulators.fresh_files import FreshFiles
from tests.emulators.jobs import Job, Making
from tests.emulators.wire import Reply, Request, json_reply

TYPES = {
    "uni-1": ("image", "image_edit"),
    "uni-1-max": ("image", "image_edit"),
    "ray-3.2": ("video", "video_edit", "video_reframe"),
}
PICTURE_RATIOS = "3:1|2:1|21:9|16:9|4:3|3:2|1:1|3:4|2:3|9:16|1:2|1:3"
FILM_RATIOS = "9:16|3:4|1:1|4:3|16:9|21:9"
PICTURE = (
    f"model* type prompt* aspect_ratio={PICTURE_RATIOS} output_format=png|jpeg style=auto|manga "
    "web_search:bool user_id "
)
FILM = f"model* type* prompt* aspect_ratio={FILM_RATIOS} video:object user_id "
TABLES = {
    "image": parameters.table(PICTURE + "image_ref:list:0..9"),
    "image_edit": parameters.table(PICTURE + "image_ref:list:0..8 source*:object"),
    "video": parameters.table(FILM),
    "video_edit": parameters.table(FILM + "source*:object"),
    "video_reframe": parameters.table(FILM + "source*:object"),
}
COMMON = "resolution=360p|540p|720p|1080p "
OPTIONS = {
    "video": parameters.table(
        COMMON + "duration=5s|10s start_frame:object end_frame:object keyframes:list:1..64 "
        "keyframe_indexes:list:1..64 loop:bool hdr:bool exr_export:bool"
    ),
    "video_edit": parameters.table(
        COMMON + "edit:object start_frame:object hdr:bool exr_export:bool duration=5s|10s"
    ),
    "video_reframe": parameters.table(COMMON + "source_position:object duration=5s|10s"),
}
EDIT = parameters.table(
    "auto_controls:bool controls:object keyframes:list keyframe_indexes:list "
    "strength=adhere_1|adhere_2|adhere_3|flex_1|flex_2|flex_3|reimagine_1|reimagine_2|reimagine_3"
)
STATES = {"queued": "queued", "running": "processing"}
FAILURES = {  # results → failure_code, failure_reason
    "policy": ("content_moderated", "The content was moderated."),
    "policy_words": ("", "Content moderation refused this prompt."),
    "500": ("generation_failed", "The generation failed."),
    "credit": ("budget_exhausted", "The budget is used up."),
    "not_found": ("output_not_found", "The output of the generation was not found."),
    "too_large": ("image_too_large", "The image is too large."),
    "format": ("unsupported_format", "The format is not supported."),
    "corrupt": ("corrupt_input", "The input cannot be read."),
    "422": ("invalid_request", "The request is not valid."),
    "429": ("rate_limited", "Too many generations."),
    "strange": ("new_code", "Something new."),
}
REFUSALS = {
    "400": (400, "The request is not valid."),
    "401": (401, "Not authenticated"),
    "403": (403, "This key may not do this."),
    "404": (404, "Not found"),
    "retired": (404, "The model was not found"),
    "422": (422, "prompt: Field required"),
    "policy": (422, "The prompt was rejected by content moderation."),
    "429": (429, "Too many requests."),
    "500": (500, "Internal server error"),
}


class Provider(Emulated):
    name = "luma"

    def make_files(self) -> FreshFiles:
        return FreshFiles(self.clock, lifetime=3600)

    def refusal(self, name: str, endpoint: str, retry_after: float) -> Reply:
        if name not in REFUSALS:
            return Reply(int(name), b"<html>upstream</html>", {"content-type": "text/html"})
        status, words = REFUSALS[name]
        headers = {"x_request_id": "emulated", "x_api_version": "1"}
        if status == 429:
            headers |= {"x_ratelimit_limit": "10", "x_ratelimit_remaining": "0"}
            headers |= {"retry_after": f"{retry_after:g}"}
        return json_reply(status, {"detail": words}, **headers)

    async def public(self, request: Request) -> Reply | None:
        parts = request.path.split("/")
        return await self.files.serve(self.jobs, parts[1:]) if parts[0] == "files" else None

    async def route(self, request: Request, key: str) -> Reply:
        match (request.method, request.path.removeprefix("v1/").split("/")):
            case ("POST", ["generations"]):
                return await self.create(request, key)
            case ("GET", ["generations", job_id]):
                return self.about(job_id, key)
        return self.refuse("404", "", 0)

    async def create(self, request: Request, key: str) -> Reply:
        try:
            body = request.json()
        except ValueError:
            return self.refuse("400", "", 0)
        if not isinstance(body, dict):
            return self.refuse("422", "", 0)
        wrong = faults(body)
        return await self.submit(
            request,
            key=key,
            endpoint=f"{body.get('model')}/{body.get('type', 'image')}",
            body=body,
            making=Making() if wrong else making(body),
            prompt=str(body.get("prompt", "")),
            token=request.headers.get("x-request-id", ""),
            faults=json_reply(422, {"detail": wrong}) if wrong else None,
        )

    def accepted(self, job: Job) -> Reply:
        return json_reply(201, self.generation(job))

    def about(self, job_id: str, key: str) -> Reply:
        job = self.jobs.get(job_id)
        if job is None or job.key != key:
            return self.refusal("404", "", 0)
        job.polls += 1
        return self.spoilt(job, "poll") or json_reply(200, self.generation(job))

    def generation(self, job: Job) -> dict[str, Any]:
        phase = job.phase(self.clock.now())
        told: dict[str, Any] = {
            "id": job.id,
            "type": job.body.get("type", "image"),
            "state": STATES.get(phase, "failed" if job.failure else "completed"),
            "model": job.body.get("model", "uni-1"),
            "created_at": datetime.datetime.fromtimestamp(job.accepted_at, datetime.UTC).isoformat(),
            "output": None,
            "failure_reason": None,
            "failure_code": None,
        }
        if phase == "ended" and job.failure:
            code, reason = FAILURES[job.failure]
            told |= {"failure_reason": reason, "failure_code": code or None}
        elif phase == "ended":
            media = "video" if job.making.kind == "mp4" else "image"
            told["output"] = [{"type": media, "url": one} for one in self.files.addresses(job)]
        return told


def fault(place: list[str], words: str) -> dict[str, Any]:
    return {"loc": ["body", *place], "msg": words, "type": "value_error"}


def faults(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything that Luma would not take: names, types, values, references, and what excludes each other."""
    model, kind = str(body.get("model")), str(body.get("type", "image"))
    if kind not in TYPES.get(model, ()):
        return [fault(["type"], f"{model} cannot make {kind}")]
    found = checked(TABLES[kind], body, [])
    if not 1 <= len(str(body.get("prompt", ""))) <= 6000:
        found.append(fault(["prompt"], "1 to 6000 characters"))
    video = body.get("video") or {}
    if kind in OPTIONS:
        found += checked(OPTIONS[kind], video, ["video"])
        found += checked(EDIT, video.get("edit") or {}, ["video", "edit"])
        found += [fault(["video"], words) for words in excluded(video)]
    frames = [video[name] for name in ("start_frame", "end_frame") if name in video]
    pictures = [*body.get("image_ref", []), *frames, *video.get("keyframes", [])]
    sources = [body["source"]] if "source" in body else []
    film = "video/" if kind in ("video_edit", "video_reframe") else "image/"
    found += [fault(["image_ref"], words) for one in pictures for words in wrong_reference(one, "image/")]
    return found + [fault(["source"], words) for one in sources for words in wrong_reference(one, film)]


def checked(
    table: dict[str, parameters.Parameter], body: dict[str, Any], place: list[str]
) -> list[dict[str, Any]]:
    found = [fault([*place, one.name], one.words) for one in parameters.faults(table, body)]
    return found + [
        fault([*place, name], "Extra inputs are not permitted") for name in sorted(set(body) - set(table))
    ]


def excluded(video: dict[str, Any]) -> list[str]:
    """What cannot be had together."""
    found = []
    long, hdr = video.get("duration") == "10s", bool(video.get("hdr"))
    ends = {"start_frame", "end_frame"} & set(video)
    if long and ends:
        found.append("10s is not supported with start_frame or end_frame")
    if "keyframes" in video:
        indexes, last = video.get("keyframe_indexes", []), 240 if long else 120
        if ends or video.get("loop"):
            found.append("keyframes exclude start_frame, end_frame and loop")
        if len(indexes) != len(video["keyframes"]) or not all(0 <= one <= last for one in indexes):
            found.append("keyframe_indexes must match keyframes and lie within the film")
    if video.get("loop") and (long or hdr):
        found.append("loop is not supported with 10s or hdr")
    if hdr and (long or video.get("resolution", "720p") in ("360p", "540p")):
        found.append("hdr needs 720p or more and 5s")
    if video.get("exr_export") and not hdr:
        found.append("exr_export requires hdr")
    return found


def wrong_reference(one: Any, media: str) -> list[str]:
    """A reference is exactly one of url, data, generation_id and file_id; data names its type."""
    if not isinstance(one, dict) or len({"url", "data", "generation_id", "file_id"} & set(one)) != 1:
        return ["Provide exactly one of url, data, generation_id, or file_id"]
    if "data" not in one:
        return []
    if not str(one.get("media_type", "")).startswith(media):
        return [f"media_type must be {media}*"]
    try:
        base64.b64decode(one["data"], validate=True)
    except (binascii.Error, ValueError):
        return ["data is not base64"]
    return []


def making(body: dict[str, Any]) -> Making:
    across, _, down = str(body.get("aspect_ratio") or "16:9").partition(":")
    ratio = int(across) / int(down)
    if body.get("type", "image") in ("image", "image_edit"):
        kind = "png" if body.get("output_format") == "png" else "jpeg"
        return Making(kind=kind, width=round(1024 * ratio**0.5), height=round(1024 / ratio**0.5))
    video = body.get("video") or {}
    short = int(str(video.get("resolution") or "720p").rstrip("p"))
    width = round(short * max(ratio, 1) / 2) * 2
    height = round(short / min(ratio, 1) / 2) * 2
    seconds = int(str(video.get("duration") or "5s").rstrip("s"))
    return Making(kind="mp4", width=width, height=height, seconds=seconds)
