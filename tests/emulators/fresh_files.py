"""Outputs behind addresses that are made anew with each answer, and that live for a while from then on."""

from __future__ import annotations

from collections.abc import Mapping

from tests.emulators.clock import Clock
from tests.emulators.files import Files
from tests.emulators.jobs import Job
from tests.emulators.wire import Reply, json_reply


class FreshFiles(Files):
    """`lifetime` in seconds; a script's `expires` ends every address of a job besides."""

    def __init__(self, clock: Clock, *, lifetime: float) -> None:
        super().__init__(clock)
        self.lifetime = lifetime

    def addresses(self, job: Job) -> list[str]:
        now = self.clock.now()
        return [f"{job.base}/files/{job.id}/{now:.3f}/{name}?signed=1" for name in self.names(job)]

    async def serve(self, jobs: Mapping[str, Job], parts: list[str]) -> Reply:
        if len(parts) != 3 or self.clock.now() > float(parts[1]) + self.lifetime:
            return json_reply(403, {"error": "The address has expired."})
        return await super().serve(jobs, [parts[0], parts[2]])
