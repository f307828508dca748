"""fal's outputs and uploads: what a result names, and storage (fal 1.9, 1.10)."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

from tests.emulators import fal_models
from tests.emulators.behaviour import Script
from tests.emulators.clock import Clock
from tests.emulators.emulated import GARBAGE
from tests.emulators.files import Files
from tests.emulators.jobs import Job
from tests.emulators.wire import Reply, Request, json_reply


class FalFiles(Files):
    def __init__(self, clock: Clock, script: Script) -> None:
        super().__init__(clock)
        self.script = script
        self.uploads: dict[str, tuple[str, bytes]] = {}
        self.parts: dict[str, dict[int, bytes]] = {}

    def clear(self) -> None:
        self.uploads.clear()
        self.parts.clear()

    async def serve(self, jobs: Mapping[str, Job], parts: list[str]) -> Reply:
        whole = await super().serve(jobs, parts)
        job = jobs.get(parts[0])
        if job is None:
            return whole
        failing = self.script.counted(job.behaviour, "file", job.body_sha256).file
        return _spoilt(failing, whole) if failing else whole

    def describe(self, job: Job, seed: int) -> dict[str, Any]:
        """The result's JSON in the shape of the model's family."""
        words = fal_models.output_of(job.endpoint).split()
        width, height = fal_models.size_of(job.body)
        names = [
            {"url": address, "content_type": self.claimed(job), "file_name": address.rpartition("/")[2]}
            for address in self.addresses(job)
        ]
        if words[0] == "video":
            return {"video": names[0]} if names else {}
        if words[0] == "upscaled":
            return {"image": names[0], "seed": seed} if names else {"seed": seed}
        data: dict[str, Any] = {"images": [{**name, "width": width, "height": height} for name in names]}
        if "nsfw" in words:
            flagged = job.behaviour.result == "black"
            data |= {"seed": seed, "prompt": job.body.get("prompt", ""), "timings": {}}
            data["has_nsfw_concepts"] = [flagged] * len(names)
        elif "nano-banana" in job.endpoint:
            data["description"] = ""
        return data

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

    def uploaded(self, name: str) -> Reply:
        kind, data = self.uploads.get(name, ("", b""))
        return Reply(200 if data else 404, data, {"content-type": kind or "text/plain"})


def _spoilt(name: str, whole: Reply) -> Reply:
    """A bad answer in the place of a file."""
    match name:
        case "drop":
            return Reply(drop=True)
        case "garbage":
            return Reply(200, GARBAGE, whole.headers)
        case "broken":
            length = {"content-length": str(len(whole.body))}
            return Reply(200, headers={**whole.headers, **length}, chunks=_half(whole.body))
    return Reply(int(name))


async def _half(body: bytes) -> AsyncIterator[bytes]:
    yield body[: len(body) // 2]
