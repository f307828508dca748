"""fal's outputs and uploads: what a result names, the files behind it, and storage (fal 1.9, 1.10)."""

from __future__ import annotations

import asyncio
import hashlib
import re
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from tests.emulators import fal_models, media
from tests.emulators.clock import Clock
from tests.emulators.wire import Reply, Request, json_reply

if TYPE_CHECKING:
    from tests.emulators.fal_jobs import Job

TYPES = {  # output kind → extension, the content type that is claimed
    "jpeg": ("jpg", "image/jpeg"),
    "png": ("png", "image/png"),
    "mp4": ("mp4", "video/mp4"),
    "truncated_mp4": ("mp4", "video/mp4"),
    "html": ("png", "image/png"),
    "huge": ("jpg", "image/jpeg"),
    "endless": ("jpg", "image/jpeg"),
    "drip": ("jpg", "image/jpeg"),
    "bomb": ("png", "image/png"),
    "missing": ("jpg", "image/jpeg"),
}
HUGE_BYTES = 4 * 1024**3
CHUNK = 256 * 1024


class Files:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.uploads: dict[str, tuple[str, bytes]] = {}
        self.parts: dict[str, dict[int, bytes]] = {}

    def clear(self) -> None:
        self.uploads.clear()
        self.parts.clear()

    # -- outputs ------------------------------------------------------------------------------

    def kind(self, job: Job) -> str:
        if job.behaviour.output:
            return job.behaviour.output
        if fal_models.output_of(job.endpoint).startswith("video"):
            return "mp4"
        return "png" if job.body.get("output_format") == "png" else "jpeg"

    def describe(self, job: Job) -> dict[str, Any]:
        """The result's JSON in the shape of the model's family."""
        words = fal_models.output_of(job.endpoint).split()
        width, height = fal_models.size_of(job.body)
        count = int(job.body.get("num_images", 1))
        names = [self._file(job, number) for number in range(count)]
        if job.behaviour.result == "no_output":
            names = []
        if words[0] == "video":
            return {"video": names[0]} if names else {}
        if words[0] == "upscaled":
            return {"image": names[0], "seed": self.seed(job)} if names else {"seed": self.seed(job)}
        data: dict[str, Any] = {"images": [{**name, "width": width, "height": height} for name in names]}
        if "nsfw" in words:
            flagged = job.behaviour.result == "black"
            data |= {"seed": self.seed(job), "prompt": job.body.get("prompt", ""), "timings": {}}
            data["has_nsfw_concepts"] = [flagged] * len(names)
        elif "nano-banana" in job.endpoint:
            data["description"] = ""
        return data

    def seed(self, job: Job) -> int:
        return int(job.body.get("seed") or int(job.seed[:8], 16) % 2**31)

    def _file(self, job: Job, number: int) -> dict[str, Any]:
        extension, claimed = TYPES[self.kind(job)]
        name = f"{number}.{extension}"
        return {
            "url": f"{job.base}/files/{job.id}/{name}",
            "content_type": claimed,
            "file_name": name,
        }

    async def serve(self, jobs: Mapping[str, Job], parts: list[str]) -> Reply:
        if parts[0] == "uploaded":
            kind, data = self.uploads.get(parts[1], ("", b""))
            return Reply(200 if data else 404, data, {"content-type": kind or "text/plain"})
        job = jobs.get(parts[0])
        if job is None or self.gone(job):
            return json_reply(404, {"detail": "File not found"})
        kind = self.kind(job)
        headers = {"content-type": TYPES[kind][1]}
        if kind in ("huge", "endless", "drip"):
            if kind == "huge":
                headers["content-length"] = str(HUGE_BYTES)
            return Reply(200, b"", headers, chunks=_flood(job, slowly=kind == "drip"))
        return Reply(200, await self.content(job, parts[1]), headers)

    def gone(self, job: Job) -> bool:
        expires = job.behaviour.expires
        return self.kind(job) == "missing" or bool(expires and self.clock.now() > job.ends_at + expires)

    async def content(self, job: Job, name: str) -> bytes:
        """The bytes of an output: distinct by the job's seed and the file's number, never by time."""
        width, height = fal_models.size_of(job.body)
        seed, size, kind = f"{job.seed}:{name}", job.behaviour.output_bytes, self.kind(job)
        if job.behaviour.result == "black":
            return media.black(width, height)
        if fal_models.output_of(job.endpoint).startswith("upscaled"):
            factor = float(job.body.get("upscale_factor", job.body.get("scale", 2)))
            width, height = round(width * factor), round(height * factor)
        if kind == "jpeg":
            return media.jpeg(seed=seed, width=width, height=height, size=size)
        if kind == "png":
            return media.png(seed=seed, width=width, height=height)
        if kind == "html":
            return media.HTML
        if kind == "bomb":
            return media.bomb()
        seconds = fal_models.seconds_of(job.endpoint, job.body)
        movie = await asyncio.to_thread(
            media.mp4, seed=seed, width=width // 2, height=height // 2, seconds=seconds, size=size
        )
        # The index stands behind the pictures, so a part without it cannot be played.
        return movie if kind == "mp4" else movie[:4096]

    # -- uploads (way A of the reference) -----------------------------------------------------

    def initiate(self, request: Request) -> Reply:
        asked = request.json()
        if not asked.get("file_name") or not asked.get("content_type"):
            return json_reply(422, {"detail": "file_name and content_type are required"})
        name = f"{uuid.uuid4().hex}-{re.sub(r'[^A-Za-z0-9.]', '_', asked['file_name'])}"
        self.uploads[name] = (asked["content_type"], b"")
        return json_reply(
            200,
            {
                "upload_url": f"{request.base}/storage/put/{name}?signed=1",
                "file_url": f"{request.base}/files/uploaded/{name}",
            },
        )

    def receive(self, request: Request, parts: list[str]) -> Reply:
        """The bytes of an upload: whole, or a numbered part, or the list that completes the parts."""
        name, part = parts[0], parts[1] if len(parts) > 1 else ""
        if name not in self.uploads or request.query.get("signed") != "1":
            return json_reply(403, {"detail": "The address is not signed."})
        kind = self.uploads[name][0]
        if request.method == "PUT" and not part:
            self.uploads[name] = (kind, request.body)
            return Reply(200, headers={"etag": hashlib.md5(request.body).hexdigest()})
        if request.method == "PUT":
            self.parts.setdefault(name, {})[int(part)] = request.body
            return Reply(200, headers={"etag": hashlib.md5(request.body).hexdigest()})
        received = self.parts.pop(name, {})
        listed = {item["partNumber"]: item["etag"] for item in request.json()["parts"]}
        if listed != {n: hashlib.md5(data).hexdigest() for n, data in received.items()}:
            return json_reply(400, {"detail": "The parts differ from what was received."})
        self.uploads[name] = (kind, b"".join(received[n] for n in sorted(received)))
        return json_reply(200, {})


async def _flood(job: Job, *, slowly: bool) -> AsyncIterator[bytes]:
    first = await asyncio.to_thread(media.jpeg, seed=job.seed, width=64, height=64, size=4096)
    yield first
    sent = len(first)
    while sent < HUGE_BYTES:
        size = 16 if slowly else min(CHUNK, HUGE_BYTES - sent)
        yield b"\x00" * size
        sent += size
        if slowly:
            await asyncio.sleep(0.5)
