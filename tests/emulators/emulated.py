"""What all emulated providers have in common: jobs by the clock, refusals, files, webhooks, the log.

A provider's own module says its wire format: how a key looks, what a request asks for, how an accepted job,
a state, a result and an error are written. Where its reference leaves a point open, the comment says so.
"""

from __future__ import annotations

import asyncio
import collections
import hashlib
import json
import random
import uuid
from typing import Any

from tests.emulators.behaviour import Behaviour, Script
from tests.emulators.clock import Clock
from tests.emulators.files import Files
from tests.emulators.hooks import Hooks, Signer, Unsigned
from tests.emulators.jobs import Job, Making
from tests.emulators.webhooks import Deliveries
from tests.emulators.wire import Reply, Request, json_reply

CANCEL_SECONDS = 0.2  # from the signal until a running job has stopped
GARBAGE = b"<html><body>upstream says <<< no"
ACCEPTED = ("lost", "crash")
"""Ways for a submit to fail in which the job is made all the same."""


class Emulated:
    """Base of the emulated providers; `name` is also the first part of their addresses."""

    name = ""
    files_need_key = False

    def __init__(self, *, clock: Clock, script: Script, deliveries: Deliveries) -> None:
        self.clock, self.script = clock, script
        self.jobs: dict[str, Job] = {}
        self.busy_until: dict[str, list[float]] = {}
        self.refused: collections.Counter[str] = collections.Counter()
        self.refusals: list[dict[str, Any]] = []
        self.files = self.make_files()
        self.signer = self.make_signer()
        self.hooks = Hooks(clock=clock, deliveries=deliveries, signer=self.signer, message=self.message)

    # -- what a provider's module says --------------------------------------------------------

    def make_files(self) -> Files:
        return Files(self.clock)

    def make_signer(self) -> Signer:
        return Unsigned()

    def key_of(self, request: Request) -> str:
        """The key that came with the request, empty where it is absent or misshapen."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        return key if scheme == "Bearer" else ""

    async def public(self, request: Request) -> Reply | None:
        """What is answered without a key, such as a key set; None for anything else."""
        return None

    async def route(self, request: Request, key: str) -> Reply:
        """Everything that needs a key."""
        raise NotImplementedError

    def refusal(self, name: str, endpoint: str, retry_after: float) -> Reply:
        """A request that is not accepted: a status by its number, credit, retired, policy and the like."""
        raise NotImplementedError

    def accepted(self, job: Job) -> Reply:
        """The answer to a submit; a blocking provider answers with the result."""
        raise NotImplementedError

    def crashed(self, job: Job) -> Reply:
        """A submit that was accepted and is answered with an error."""
        return self.refusal("500", job.endpoint, 0)

    def message(self, job: Job, kind: str) -> dict[str, Any]:
        """What a webhook tells of a job."""
        raise NotImplementedError

    def new_id(self) -> str:
        return str(uuid.uuid4())

    # -- the controls -------------------------------------------------------------------------

    def reset(self) -> None:
        self.jobs.clear()
        self.busy_until.clear()
        self.refused.clear()
        self.refusals.clear()
        self.files.clear()

    def log(self, after: int) -> list[dict[str, Any]]:
        now = self.clock.now()
        return [job.entry(now) for job in list(self.jobs.values())[after:]]

    # -- requests -----------------------------------------------------------------------------

    async def answer(self, request: Request) -> Reply:
        found = await self.public(request)
        if found is not None:
            return found
        parts, key = request.path.split("/"), self.key_of(request)
        if parts[0] == "files" and (key or not self.files_need_key):
            return await self.files.serve(self.jobs, parts[1:])
        if not key:
            return self.refuse("401", "", 0)
        return await self.route(request, key)

    def refuse(self, name: str, endpoint: str, retry_after: float) -> Reply:
        """A refusal, counted."""
        self.refused[name] += 1
        return self.refusal(name, endpoint, retry_after)

    async def submit(
        self,
        request: Request,
        *,
        key: str,
        endpoint: str,
        body: dict[str, Any],
        making: Making,
        prompt: str = "",
        token: str = "",
        webhook_url: str = "",
        faults: Reply | None = None,
        unknown: list[str] | None = None,
        blocking: bool = False,
    ) -> Reply:
        """Takes a request through the script: refused, cut, stalled, lost, or accepted as a job.

        `faults` is the answer to a body that is wrong in itself. A blocking provider's answer waits for the
        end of the job by the clock, and a caller that hangs up meanwhile is noted.
        """
        facts = {"provider": self.name, "endpoint": endpoint, "prompt": prompt, "key": key}
        words = json.dumps(body, sort_keys=True, default=str).encode()
        token = token or webhook_url.rstrip("/").rpartition("/")[2]
        behaviour, rng = self.script.choose(facts, words)
        if faults is not None:
            self.refused[str(faults.status)] += 1
            self._not_accepted(token, endpoint, str(faults.status))
            return faults
        if behaviour.fail == "drop":
            self.refused["drop"] += 1
            self._not_accepted(token, endpoint, "drop")
            return Reply(drop=True)
        if behaviour.fail and behaviour.fail not in ACCEPTED:
            self._not_accepted(token, endpoint, behaviour.fail)
            return self.spoilt_reply(behaviour.fail) or self.refuse(
                behaviour.fail, endpoint, behaviour.retry_after
            )
        if self.is_full(request, key):
            self._not_accepted(token, endpoint, "429")
            return self.refuse("429", endpoint, behaviour.retry_after)
        job = self._accept(request, key, endpoint, body, behaviour, rng, making, unknown or [])
        job.body_sha256 = hashlib.sha256(request.body).hexdigest()
        job.token, job.webhook_url = token, webhook_url
        await self.hooks.plan(job)
        await asyncio.sleep(behaviour.stall)
        if behaviour.fail in ACCEPTED:
            job.answered = False
            return Reply(drop=True) if behaviour.fail == "lost" else self.crashed(job)
        if blocking and not await self._held(request, job):
            return Reply(drop=True)
        return self.accepted(job)

    def _not_accepted(self, token: str, endpoint: str, name: str) -> None:
        """Remembers whose submit met what; of this no job tells."""
        self.refusals.append({"token": token, "endpoint": endpoint, "name": name, "at": self.clock.now()})

    def spoilt_reply(self, name: str) -> Reply | None:
        """A success in which nothing can be read."""
        if name not in ("garbage", "empty"):
            return None
        self.refused[name] += 1
        body = GARBAGE if name == "garbage" else b""
        return Reply(200, body, {"content-type": "application/json"})

    def is_full(self, request: Request, key: str) -> bool:
        """Whether an account's queue is too long for one more."""
        return False

    def _accept(
        self,
        request: Request,
        key: str,
        endpoint: str,
        body: dict[str, Any],
        behaviour: Behaviour,
        rng: random.Random,
        making: Making,
        unknown: list[str],
    ) -> Job:
        now = self.clock.now()
        latency = 0.0 if behaviour.webhook == "before" else behaviour.latency_seconds(rng)
        lasts = latency * (1 - behaviour.queue_share)
        ends_at = self._slot(key, behaviour, now + latency * behaviour.queue_share, lasts)
        job = Job(
            provider=self.name,
            id=self.new_id(),
            key=key,
            endpoint=endpoint,
            body=body,
            body_sha256="",
            token="",
            webhook_url="",
            behaviour=behaviour,
            seed=f"{rng.getrandbits(64):016x}",
            base=request.base,
            accepted_at=now,
            starts_at=ends_at - lasts,
            ends_at=ends_at,
            making=making,
            unknown=unknown,
        )
        self.jobs[job.id] = job
        return job

    def _slot(self, key: str, behaviour: Behaviour, starts_at: float, lasts: float) -> float:
        """When the job ends, given how many of an account's jobs may run at once."""
        if not behaviour.concurrency:
            return starts_at + lasts
        slots = self.busy_until.setdefault(key, [0.0] * behaviour.concurrency)
        first = min(range(len(slots)), key=slots.__getitem__)
        slots[first] = max(starts_at, slots[first]) + lasts
        return slots[first]

    async def _held(self, request: Request, job: Job) -> bool:
        """Waits for the end of a blocking job; False when the caller hung up before."""
        ended = asyncio.ensure_future(self.clock.sleep_until(lambda: job.ends_at))
        gone = asyncio.ensure_future(request.hung_up())
        await asyncio.wait({ended, gone}, return_when=asyncio.FIRST_COMPLETED)
        job.hung_up = not ended.done()
        job.answered = not job.hung_up
        for task in (ended, gone):
            task.cancel()
        await asyncio.gather(ended, gone, return_exceptions=True)
        return not job.hung_up

    # -- an accepted job ----------------------------------------------------------------------

    def spoilt(self, job: Job, name: str) -> Reply | None:
        """The bad answer to a `poll` or a `fetch` that the script wants, if it wants one now."""
        failing = getattr(self.script.counted(job.behaviour, name, job.id), name)
        if failing == "drop":
            return Reply(drop=True)
        if failing in ("garbage", "empty"):
            body = GARBAGE if failing == "garbage" else b""
            return Reply(200, body, {"content-type": "application/json"})
        return self.refusal(failing, job.endpoint, job.behaviour.retry_after) if failing else None

    def stop(self, job: Job) -> str:
        """Cancels a job: what it was when the cancel came (queued, running, ended). Its webhook moves."""
        now = self.clock.now()
        phase = job.phase(now)
        if phase == "queued":
            job.cancelled, job.starts_at, job.ends_at = "queued", now, now
            self.hooks.again(job)
        elif phase == "running" and not job.cancelled:
            job.cancelled = "running"
            if job.behaviour.cancel != "ignore":
                job.ends_at = min(job.ends_at, now + CANCEL_SECONDS)
                self.hooks.again(job)
        return phase

    def seed(self, job: Job) -> int:
        """The seed that was used: the one asked for, else one of the provider's own."""
        return int(job.body.get("seed") or int(job.seed[:8], 16) % 2**31)


def not_found() -> Reply:
    return json_reply(404, {"detail": "Not Found"})
