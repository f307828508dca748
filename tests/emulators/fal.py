"""fal's queue, storage and key set, from the protocol reference (fal 1.2 to 1.10, section 6).

A job's state is worked out from the clock when somebody asks: nothing runs per job. Where the reference
leaves a point open (an answer asked for too early, an unknown job) the comment says so.
"""

from __future__ import annotations

import asyncio
import collections
import hashlib
import json
import math
import random
import uuid
from typing import Any

from tests.emulators import fal_errors, fal_models
from tests.emulators.behaviour import Behaviour, Script
from tests.emulators.clock import Clock
from tests.emulators.fal_files import Files
from tests.emulators.fal_hooks import Hooks
from tests.emulators.fal_jobs import Job
from tests.emulators.webhooks import Deliveries
from tests.emulators.wire import Reply, Request, json_reply

CANCEL_SECONDS = 0.2  # from the signal until a running job has stopped


class Fal:
    def __init__(self, *, clock: Clock, script: Script, deliveries: Deliveries) -> None:
        self.clock, self.script = clock, script
        self.jobs: dict[str, Job] = {}
        self.busy_until: dict[str, list[float]] = {}
        self.refused: collections.Counter[str] = collections.Counter()
        self.files = Files(clock)
        self.hooks = Hooks(clock=clock, deliveries=deliveries, outcome=self.outcome)

    def reset(self) -> None:
        self.jobs.clear()
        self.busy_until.clear()
        self.refused.clear()
        self.files.clear()

    def rotate_key(self, *, keep: bool) -> None:
        self.hooks.rotate(keep=keep)

    async def answer(self, request: Request) -> Reply:
        parts = request.path.split("/")
        if request.path == ".well-known/jwks.json":
            return json_reply(200, self.hooks.key_set())
        if parts[0] == "files":
            return await self.files.serve(self.jobs, parts[1:])
        if parts[0] == "storage" and parts[1:2] == ["put"]:
            return self.files.receive(request, parts[2:])
        key = _key(request)
        if not key:
            self.refused["401"] += 1
            return fal_errors.refusal("401", "", 0)
        if parts[0] == "storage":
            return self.files.initiate(request)
        if "requests" in parts:
            at = parts.index("requests")
            return self.about(request, key, "/".join(parts[:at]), parts[at + 1 :])
        if request.method == "POST":
            return await self.submit(request, key, request.path)
        return json_reply(404, {"detail": "Not Found"})

    # -- submit -------------------------------------------------------------------------------

    async def submit(self, request: Request, key: str, endpoint: str) -> Reply:
        try:
            body = request.json()
        except ValueError:
            return self._refuse("bad_request", endpoint, 0)
        faults, unknown = fal_models.check(endpoint, body)
        prompt = str(body.get("prompt", "")) if isinstance(body, dict) else ""
        facts = {"provider": "fal", "endpoint": endpoint, "prompt": prompt, "key": key}
        behaviour, rng = self.script.choose(facts, request.body)
        if faults:
            self.refused["422"] += 1
            return json_reply(422, {"detail": faults}, x_fal_billable_units="0")
        if behaviour.fail == "drop":
            self.refused["drop"] += 1
            return Reply(drop=True)
        if behaviour.fail and behaviour.fail not in ("lost", "crash"):
            return self._refuse(behaviour.fail, endpoint, behaviour.retry_after)
        if self._queue_is_long(request, key):
            return self._refuse("429", endpoint, behaviour.retry_after)
        job = self._accept(request, key, endpoint, behaviour, rng, unknown)
        await self.hooks.plan(job)
        await asyncio.sleep(behaviour.stall)
        if behaviour.fail == "lost":
            job.answered = False
            return Reply(drop=True)
        if behaviour.fail == "crash":
            job.answered = False
            return fal_errors.failure("internal_error", None, job.id, 0)[2]
        answer = {"status": "IN_QUEUE", "request_id": job.id, "queue_position": 0, **job.addresses}
        return json_reply(200, answer, x_fal_request_id=job.id)

    def _refuse(self, name: str, endpoint: str, retry_after: float) -> Reply:
        self.refused[name] += 1
        return fal_errors.refusal(name, endpoint, retry_after)

    def _queue_is_long(self, request: Request, key: str) -> bool:
        longest = request.query.get("fal_max_queue_length")
        if longest is None:
            return False
        now = self.clock.now()
        waiting = sum(j.key == key and j.status(now) == "IN_QUEUE" for j in self.jobs.values())
        return waiting > int(longest)

    def _accept(
        self,
        request: Request,
        key: str,
        endpoint: str,
        behaviour: Behaviour,
        rng: random.Random,
        unknown: list[str],
    ) -> Job:
        now = self.clock.now()
        latency = 0.0 if behaviour.webhook == "before" else behaviour.latency_seconds(rng)
        starts_at = now + latency * behaviour.queue_share
        ends_at = self._slot(key, behaviour, starts_at, latency * (1 - behaviour.queue_share))
        webhook_url = request.query.get("fal_webhook", "")
        token = request.headers.get("x-client-request-id", "")
        job = Job(
            id=str(uuid.uuid4()),
            key=key,
            endpoint=endpoint,
            body=request.json(),
            body_sha256=hashlib.sha256(request.body).hexdigest(),
            token=token or webhook_url.rstrip("/").rpartition("/")[2],
            webhook_url=webhook_url,
            behaviour=behaviour,
            seed=f"{rng.getrandbits(64):016x}",
            base=request.base,
            accepted_at=now,
            starts_at=ends_at - latency * (1 - behaviour.queue_share),
            ends_at=ends_at,
            unknown=unknown,
        )
        self.jobs[job.id] = job
        return job

    def _slot(self, key: str, behaviour: Behaviour, starts_at: float, lasts: float) -> float:
        """When the job ends, given how many of an account's jobs may run at once (fal 1.8)."""
        if not behaviour.concurrency:
            return starts_at + lasts
        slots = self.busy_until.setdefault(key, [0.0] * behaviour.concurrency)
        first = min(range(len(slots)), key=slots.__getitem__)
        slots[first] = max(starts_at, slots[first]) + lasts
        return slots[first]

    # -- an accepted job ----------------------------------------------------------------------

    def about(self, request: Request, key: str, app: str, rest: list[str]) -> Reply:
        job = self.jobs.get(rest[0])
        if job is None or job.key != key or job.app != app:
            # The reference names NOT_FOUND for a cancel only; the other two are assumed alike.
            return json_reply(404, {"status": "NOT_FOUND", "detail": "Request not found"})
        match (request.method, "/".join(rest[1:])):
            case ("GET", "status"):
                return self.poll(request, job)
            case ("GET", "status/stream"):
                return self.stream(request, job)
            case ("GET", "" | "response"):
                return self.result(job)
            case ("PUT", "cancel"):
                return self.cancel(job)
        return json_reply(405, {"detail": "Method Not Allowed"})

    def poll(self, request: Request, job: Job) -> Reply:
        job.polls += 1
        spoilt = self.spoilt(job, "poll")
        if spoilt is not None:
            return spoilt
        data = self.status_of(job, logs=request.query.get("logs", "0").lower() in ("1", "true"))
        status = 200 if data["status"] == "COMPLETED" else 202
        return json_reply(status, data, x_fal_request_id=job.id)

    def spoilt(self, job: Job, name: str) -> Reply | None:
        """The bad answer to a poll or fetch that the script wants, if it wants one now."""
        failing = getattr(self.script.counted(job.behaviour, name, job.id), name)
        if failing == "drop":
            return Reply(drop=True)
        if failing:
            return fal_errors.refusal(failing, job.endpoint, job.behaviour.retry_after)
        return None

    def status_of(self, job: Job, *, logs: bool) -> dict[str, Any]:
        now = self.clock.now()
        state = job.status(now)
        data: dict[str, Any] = {"status": state, "request_id": job.id, **job.addresses, "logs": None}
        if state == "IN_QUEUE":
            left = (job.starts_at - now) / max(job.starts_at - job.accepted_at, 0.001)
            data["queue_position"] = math.floor(left * 2)
        elif logs:
            data["logs"] = [{"message": "Working", "level": "INFO", "source": "USER", "timestamp": str(now)}]
        if state == "COMPLETED":
            data["metrics"] = {"inference_time": round(job.ends_at - job.starts_at, 3)}
            if job.failure:
                data["error_type"] = fal_errors.kind_of(job.failure)
                data["error"] = f"The request failed: {data['error_type']}"
        return data

    def stream(self, request: Request, job: Job) -> Reply:
        """The present status as one server-sent event; a stream that ends early is resumed by clients."""
        event = f"data: {json.dumps(self.status_of(job, logs='logs' in request.query))}\n\n"
        return Reply(200, event.encode(), {"content-type": "text/event-stream"})

    def result(self, job: Job) -> Reply:
        if job.status(self.clock.now()) != "COMPLETED":
            # Not in the reference: an answer asked for too early.
            return json_reply(400, {"detail": "Request is still in progress"}, x_fal_request_id=job.id)
        job.fetched += 1
        spoilt = self.spoilt(job, "fetch")
        if spoilt is not None:
            return spoilt
        return self.outcome(job)[2]

    def outcome(self, job: Job) -> tuple[int, Any, Reply]:
        """HTTP status, JSON and reply of a finished job, the same for a fetch and for a webhook."""
        if job.failure:
            return fal_errors.failure(job.failure, job.body, job.id, job.units())
        headers = {"x_fal_request_id": job.id, "x_fal_billable_units": f"{job.units():g}"}
        if job.behaviour.result in ("garbage", "empty"):
            body = fal_errors.GARBAGE if job.behaviour.result == "garbage" else b""
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return 200, None, Reply(200, body, {"content-type": "application/json", **named})
        data = self.files.describe(job)
        return 200, data, json_reply(200, data, **headers)

    def cancel(self, job: Job) -> Reply:
        now = self.clock.now()
        if job.behaviour.cancel == "gone":
            return json_reply(404, {"status": "NOT_FOUND"})
        match job.status(now):
            case "COMPLETED":
                return json_reply(400, {"status": "ALREADY_COMPLETED"})
            case "IN_QUEUE":
                job.cancelled, job.starts_at, job.ends_at = "queued", now, now
                self.hooks.again(job)
                return json_reply(200, {"status": "OK"})
        if not job.cancelled:
            job.cancelled = "running"
            if job.behaviour.cancel != "ignore":
                job.ends_at = min(job.ends_at, now + CANCEL_SECONDS)
                self.hooks.again(job)
        return json_reply(202, {"status": "CANCELLATION_REQUESTED"})

    def log(self, after: int) -> list[dict[str, Any]]:
        now = self.clock.now()
        return [job.entry(now) for job in list(self.jobs.values())[after:]]


def _key(request: Request) -> str:
    """The key of `Authorization: Key <id>:<secret>`, empty where it is absent or misshapen."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key if scheme == "Key" and ":" in key else ""
