"""The files behind results: real media, distinct by job and number, and spoilt on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

from tests.emulators import media
from tests.emulators.clock import Clock
from tests.emulators.jobs import Job
from tests.emulators.wire import Reply, json_reply

TYPES = {  # output kind → extension, the content type that is claimed
    "jpeg": ("jpg", "image/jpeg"),
    "png": ("png", "image/png"),
    "webp": ("webp", "image/webp"),
    "mp4": ("mp4", "video/mp4"),
    "mp3": ("mp3", "audio/mpeg"),
    "wav": ("wav", "audio/wav"),
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
    """`address` is where a job's output lies, `serve` answers there, `content` gives the bytes themselves."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def clear(self) -> None:
        """Forgets what was uploaded; outputs are made when they are asked for."""

    def kind(self, job: Job) -> str:
        return job.behaviour.output or job.making.kind

    def claimed(self, job: Job) -> str:
        """The content type that the provider names."""
        return TYPES[self.kind(job)][1]

    def names(self, job: Job) -> list[str]:
        """The file names of a success; none where the script wants no output."""
        count = 0 if job.behaviour.result == "no_output" else job.making.count
        return [f"{number}.{TYPES[self.kind(job)][0]}" for number in range(count)]

    def addresses(self, job: Job) -> list[str]:
        return [f"{job.base}/files/{job.id}/{name}" for name in self.names(job)]

    async def serve(self, jobs: Mapping[str, Job], parts: list[str]) -> Reply:
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
        width, height = job.making.width, job.making.height
        seed, size, kind = f"{job.seed}:{name}", job.behaviour.output_bytes, self.kind(job)
        if job.behaviour.result == "black":
            return media.black(width, height)
        match kind:
            case "jpeg":
                return media.jpeg(seed=seed, width=width, height=height, size=size)
            case "png":
                return media.png(seed=seed, width=width, height=height)
            case "webp":
                return media.webp(seed=seed, width=width, height=height)
            case "wav":
                return media.wav(seed=seed, seconds=job.making.seconds)
            case "mp3":
                return await asyncio.to_thread(media.mp3, seed=seed, seconds=job.making.seconds)
            case "html":
                return media.HTML
            case "bomb":
                return media.bomb()
        movie = await asyncio.to_thread(
            media.mp4,
            seed=seed,
            width=width // 2,
            height=height // 2,
            seconds=job.making.seconds,
            size=size,
        )
        # The index stands behind the pictures, so a part without it cannot be played.
        return movie if kind == "mp4" else movie[:4096]


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
