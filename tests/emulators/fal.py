"""fal's queue, storage and key set, from the protocol reference (fal 1.2 to 1.10, section 6).

A job's state is worked out from the clock when somebody asks: nothing runs per job. Where the reference
leaves a point open (an answer asked for too early, an unknown job) the comment says so.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

from tests.emulators import fal_errors, fal_models, fal_prices
from tests.emulators.emulated import GARBAGE, Emulated, not_found
from tests.emulators.fal_files import FalFiles
from tests.emulators.hooks import Ed25519Keys
from tests.emulators.jobs import Job, Making
from tests.emulators.wire import Reply, Request, json_reply

NAMESPACES = ("workflows", "comfy")
STATES = {"queued": "IN_QUEUE", "running": "IN_PROGRESS", "ended": "COMPLETED"}
USER = "emulated-user"
GATEWAY = "retried-"


class Keys(Ed25519Keys):
    """fal's way to join what is signed (fal 1.7)."""

    def headers(self, *, message_id: str, kind: str, body: bytes, now: float) -> dict[str, str]:
        stamp = str(int(now) - (self.stale_seconds if kind == "stale" else 0))
        message = "\n".join([message_id, USER, stamp, hashlib.sha256(body).hexdigest()]).encode()
        return {
            "X-Fal-Webhook-Request-Id": message_id,
            "X-Fal-Webhook-User-Id": USER,
            "X-Fal-Webhook-Timestamp": stamp,
            "X-Fal-Webhook-Signature": self.sign(message, kind),
        }


class Provider(Emulated):
    name = "fal"
    files: FalFiles
    signer: Keys

    def make_files(self) -> FalFiles:
        return FalFiles(self.clock, self.script)

    def make_signer(self) -> Keys:
        return Keys()

    def key_of(self, request: Request) -> str:
        """The key of `Authorization: Key <id>:<secret>`."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        return key if scheme == "Key" and ":" in key else ""

    def refusal(self, name: str, endpoint: str, retry_after: float) -> Reply:
        return fal_errors.refusal(name, endpoint, retry_after)

    async def public(self, request: Request) -> Reply | None:
        parts = request.path.split("/")
        if request.path == ".well-known/jwks.json":
            return json_reply(200, self.signer.key_set())
        if parts[:2] == ["files", "uploaded"]:
            return self.files.uploaded(parts[2])
        if parts[:2] == ["storage", "put"]:
            return self.files.receive(request, parts[2:])
        return await self.files.serve(self.jobs, parts[1:]) if parts[0] == "files" else None

    async def route(self, request: Request, key: str) -> Reply:
        parts = request.path.split("/")
        if parts[0] == "storage":
            return self.files.initiate(request)
        if request.path == "v1/models/pricing" and request.method == "GET":
            return fal_prices.answer(request)
        if "requests" in parts:
            at = parts.index("requests")
            return self.about(request, key, "/".join(parts[:at]), parts[at + 1 :])
        if request.method == "POST":
            return await self.take(request, key, request.path)
        return not_found()

    # -- submit -------------------------------------------------------------------------------

    async def take(self, request: Request, key: str, endpoint: str) -> Reply:
        try:
            body = request.json()
        except ValueError:
            return self.refuse("bad_request", endpoint, 0)
        faults, unknown = fal_models.check(endpoint, body)
        fields = body if isinstance(body, dict) else {}
        wrong = json_reply(422, {"detail": faults}, x_fal_billable_units="0") if faults else None
        return await self.submit(
            request,
            key=key,
            endpoint=endpoint,
            body=fields,
            making=Making() if wrong else making(endpoint, fields),
            prompt=str(fields.get("prompt", "")),
            token=request.headers.get("x-client-request-id", ""),
            webhook_url=request.query.get("fal_webhook", ""),
            faults=wrong,
            unknown=unknown,
        )

    def accepted(self, job: Job) -> Reply:
        spoilt = self.spoilt(job, "answer")
        if spoilt is not None:
            job.answered = False
            return spoilt
        answer = {"status": "IN_QUEUE", "request_id": job.id, "queue_position": 0, **addresses(job)}
        return json_reply(200, answer, x_fal_request_id=job.id)

    def crashed(self, job: Job) -> Reply:
        return fal_errors.failure("internal_error", None, job.id, 0)[2]

    def is_full(self, request: Request, key: str) -> bool:
        longest = request.query.get("fal_max_queue_length")
        if longest is None:
            return False
        now = self.clock.now()
        waiting = sum(j.key == key and j.phase(now) == "queued" for j in self.jobs.values())
        return waiting > int(longest)

    # -- an accepted job ----------------------------------------------------------------------

    def about(self, request: Request, key: str, app: str, rest: list[str]) -> Reply:
        job = self.jobs.get(rest[0])
        if job is None or job.key != key or app_of(job) != app:
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

    def status_of(self, job: Job, *, logs: bool) -> dict[str, Any]:
        now = self.clock.now()
        state = STATES[job.phase(now)]
        data: dict[str, Any] = {"status": state, "request_id": job.id, **addresses(job), "logs": None}
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
        if job.phase(self.clock.now()) != "ended":
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
            body = GARBAGE if job.behaviour.result == "garbage" else b""
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return 200, None, Reply(200, body, {"content-type": "application/json", **named})
        data = self.files.describe(job, self.seed(job))
        return 200, data, json_reply(200, data, **headers)

    def cancel(self, job: Job) -> Reply:
        before = self.spoilt(job, "stop")
        if before is not None:
            return before
        plain = self.stopping(job)
        return self.spoilt(job, "stopped") or plain

    def stopping(self, job: Job) -> Reply:
        if job.behaviour.cancel == "gone":
            return json_reply(404, {"status": "NOT_FOUND"})
        match self.stop(job):
            case "ended":
                return json_reply(400, {"status": "ALREADY_COMPLETED"})
            case "queued":
                return json_reply(200, {"status": "OK"})
        return json_reply(202, {"status": "CANCELLATION_REQUESTED"})

    # -- webhooks (fal 1.7) -------------------------------------------------------------------

    def message(self, job: Job, kind: str) -> dict[str, Any]:
        status, data, _ = self.outcome(job)
        message: dict[str, Any] = {
            "request_id": f"{GATEWAY}{job.id}" if kind == "gateway" else job.id,
            "gateway_request_id": job.id,
            "status": "OK" if status == 200 else "ERROR",
            "payload": data,
            "error": None if status == 200 else f"Invalid status code: {status}",
        }
        if data is None or kind == "unserialised":
            message.update(payload=None, payload_error="The payload could not be serialised")
        return message


def making(endpoint: str, body: dict[str, Any]) -> Making:
    """What the request asks for, by the endpoint's family."""
    kind = "png" if body.get("output_format") == "png" else "jpeg"
    if fal_models.output_of(endpoint).startswith("video"):
        kind = "mp4"
    width, height = fal_models.size_of(body)
    if fal_models.output_of(endpoint).startswith("upscaled"):
        factor = float(body.get("upscale_factor", body.get("scale", 2)))
        width, height = round(width * factor), round(height * factor)
    return Making(
        kind=kind,
        width=width,
        height=height,
        seconds=fal_models.seconds_of(endpoint, body) if kind == "mp4" else 0,
        count=int(body.get("num_images", 1)),
        units=fal_models.units_of(endpoint, body),
    )


def app_of(job: Job) -> str:
    """The address of the app: the sub-path is dropped, a namespace is kept."""
    parts = job.endpoint.split("/")
    return "/".join(parts[: 3 if parts[0] in NAMESPACES else 2])


def addresses(job: Job) -> dict[str, str]:
    address = f"{job.base}/{app_of(job)}/requests/{job.id}"
    return {
        "response_url": address,
        "status_url": f"{address}/status",
        "cancel_url": f"{address}/cancel",
    }
