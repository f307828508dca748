"""Runway's tasks and uploads, from the protocol reference (Runway 2.1 to 2.7).

Not in the reference, and assumed: a request without enough credits is a 400 that says so; whether a deleted
task can still be read (2.1 lists CANCELLED among the states and 404 for what was aborted): it can, with its
cost, and `cancel: gone` gives the other form.
"""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from tests.emulators import parameters, runway_models
from tests.emulators.emulated import Emulated
from tests.emulators.fresh_files import FreshFiles
from tests.emulators.jobs import Job, Making
from tests.emulators.wire import Reply, Request, json_reply

VERSION = "2024-11-06"
DAY = 24 * 3600.0
STATES = {"queued": "PENDING", "running": "RUNNING"}
FAILURES = {  # results → failureCode, text (2.3)
    "policy": ("SAFETY.OUTPUT.VIDEO", "The output was not allowed."),
    "policy_input": ("SAFETY.INPUT.TEXT", "The prompt was not allowed."),
    "policy_picture": ("SAFETY.INPUT.IMAGE", "The picture was not allowed."),
    "policy_preprocess": ("INPUT_PREPROCESSING.SAFETY.TEXT", "The prompt was not allowed."),
    "preprocess": ("INPUT_PREPROCESSING.INTERNAL", "The input could not be prepared."),
    "bad_output": ("INTERNAL.BAD_OUTPUT.CODE01", "What was made was not good enough."),
    "asset": ("ASSET.INVALID", "The asset cannot be used."),
    "third_party": ("THIRD_PARTY.UNAVAILABLE", "The model is not available now."),
    "500": ("INTERNAL", "Something went wrong."),
    "null": ("", "Something went wrong."),
}
NOT_REFUNDED = ("policy_input", "policy_picture")
REFUSALS = {
    "401": (401, "The API key is not valid."),
    "403": (403, "The API key may not do this."),
    "404": (404, "Not found."),
    "405": (405, "Method not allowed."),
    "credit": (400, "You do not have enough credits to run this task."),
    "400": (400, "Validation of body failed"),
    "422": (400, "Validation of body failed"),
    "429": (429, "You have reached the daily limit of generations."),
    "500": (500, "Internal server error"),
    "502": (502, "Bad gateway"),
    "503": (503, "Service unavailable"),
    "504": (504, "Gateway timeout"),
}


class Provider(Emulated):
    name = "runway"

    def make_files(self) -> FreshFiles:
        self.uploads: dict[str, bytes] = {}
        self.deleted: set[str] = set()
        return FreshFiles(self.clock, lifetime=DAY)

    def reset(self) -> None:
        super().reset()
        self.uploads.clear()
        self.deleted.clear()

    def refusal(self, name: str, endpoint: str, retry_after: float) -> Reply:
        """`{error}`, and `issues` with a 400 (2.2); a 429 names no time. Gateways answer no JSON."""
        if name == "retired":
            return invalid([issue(["model"], "invalid_union_discriminator", "Invalid discriminator value")])
        status, words = REFUSALS[name]
        if status in (502, 503, 504):
            return Reply(status, b"<html>upstream</html>", {"content-type": "text/html"})
        return json_reply(status, {"error": words, "docUrl": "https://docs.dev.runwayml.com/errors"})

    async def public(self, request: Request) -> Reply | None:
        """The storage behind an upload address: a form with every field of the session, and the file."""
        parts = request.path.split("/")
        if parts[0] != "storage" or request.method != "POST":
            return await self.files.serve(self.jobs, parts[1:]) if parts[0] == "files" else None
        form = {part.name: part.data for part in request.form()}
        if parts[1] not in self.uploads or form.get("policy") != b"signed" or "file" not in form:
            return Reply(403)
        if not 512 <= len(form["file"]) <= 200 * 1024 * 1024:
            return Reply(400)
        self.uploads[parts[1]] = form["file"]
        return Reply(204)

    async def route(self, request: Request, key: str) -> Reply:
        if request.headers.get("x-runway-version") != VERSION:
            return self.refuse("400", "", 0)
        match (request.method, request.path.removeprefix("v1/").split("/")):
            case ("GET", ["organization"]):
                models: dict[str, Any] = {}
                limits = {"maxMonthlyCreditSpend": 10_000, "models": models}
                return json_reply(200, {"creditBalance": 5000, "tier": limits, "usage": {"models": models}})
            case ("POST", ["uploads"]):
                return self.open_upload(request)
            case ("GET", ["tasks", task_id]):
                return self.about(task_id, key)
            case ("DELETE", ["tasks", task_id]):
                return self.delete(task_id, key)
            case ("POST", [path]) if path in runway_models.CALLS:
                return await self.create(request, key, path)
        return self.refuse("404", "", 0)

    # -- tasks --------------------------------------------------------------------------------

    async def create(self, request: Request, key: str, path: str) -> Reply:
        try:
            body = request.json()
        except ValueError:
            return self.refuse("400", path, 0)
        model = str(body.get("model", "")) if isinstance(body, dict) else ""
        known = runway_models.TABLES[path]
        if model not in known:
            return self.refuse("retired", path, 0)
        wrong = faults(known[model], model, body, self.uploads)
        return await self.submit(
            request,
            key=key,
            endpoint=f"{path}/{model}",
            body=body,
            making=Making() if wrong else making(path, body),
            prompt=str(body.get("promptText", "")),
            faults=invalid(wrong) if wrong else None,
        )

    def accepted(self, job: Job) -> Reply:
        if job.behaviour.result in NOT_REFUNDED:
            job.behaviour = job.behaviour.changed({"charge_refused": True})
        return json_reply(200, {"id": job.id, "estimatedCost": {"credits": job.making.units}})

    def about(self, task_id: str, key: str) -> Reply:
        job = self.jobs.get(task_id)
        if job is None or job.key != key or task_id in self.deleted:
            return self.refusal("404", "", 0)
        job.polls += 1
        return self.spoilt(job, "poll") or json_reply(200, self.task(job))

    def task(self, job: Job) -> dict[str, Any]:
        """The task as it is now (2.1)."""
        now = self.clock.now()
        phase = job.phase(now)
        task: dict[str, Any] = {"id": job.id, "createdAt": instant(job.accepted_at)}
        if phase != "ended":
            task |= {"status": STATES[phase], "estimatedCost": {"credits": job.making.units}}
            if phase == "running":
                task["progress"] = round((now - job.starts_at) / (job.ends_at - job.starts_at), 3)
            elif job.behaviour.concurrency:
                task["status"] = "THROTTLED"
            return task
        task["cost"] = {"credits": int(job.units())}
        if job.stopped:
            return {**task, "status": "CANCELLED"}
        if not job.failure:
            return {**task, "status": "SUCCEEDED", "output": self.files.addresses(job)}
        code, words = FAILURES[job.failure]
        named = {"failureCode": code} if code else {}
        return {**task, "status": "FAILED", "failure": words, **named}

    def delete(self, task_id: str, key: str) -> Reply:
        """Stops an unfinished task; a finished one is removed with its output (2.1)."""
        job = self.jobs.get(task_id)
        if job is None or job.key != key or task_id in self.deleted:
            return self.refusal("404", "", 0)
        if (spoilt := self.spoilt(job, "stop")) is not None:
            return spoilt
        if self.stop(job) == "ended" or job.behaviour.cancel == "gone":
            self.deleted.add(task_id)
        return Reply(204)

    # -- uploads (2.4) ------------------------------------------------------------------------

    def open_upload(self, request: Request) -> Reply:
        asked = request.json()
        if not asked.get("filename") or asked.get("type") != "ephemeral":
            return self.refuse("400", "", 0)
        name = str(uuid.uuid4())
        self.uploads[name] = b""
        return json_reply(
            200,
            {
                "uploadUrl": f"{request.base}/storage/{name}",
                "fields": {"key": name, "policy": "signed"},
                "runwayUri": f"runway://{name}",
            },
        )


def instant(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()


def issue(path: list[Any], code: str, words: str) -> dict[str, Any]:
    return {"code": code, "path": path, "message": words}


def invalid(issues: list[dict[str, Any]]) -> Reply:
    return json_reply(400, {"error": "Validation of body failed", "issues": issues})


def faults(
    table: dict[str, parameters.Parameter], model: str, body: dict[str, Any], uploads: dict[str, bytes]
) -> list[dict[str, Any]]:
    """Everything that Runway would not take in this body, unknown names included."""
    found = [issue([one.name], one.kind, one.words) for one in parameters.faults(table, body)]
    found += [
        issue([name], "unrecognized_keys", "Unrecognized key") for name in sorted(set(body) - set(table))
    ]
    if len(str(body.get("promptText", ""))) > runway_models.LONGEST_PROMPT.get(model, 32_000):
        found.append(issue(["promptText"], "too_big", "The text is too long"))
    return found + [issue(["uri"], "invalid_asset", words) for words in wrong_assets(body, uploads)]


def wrong_assets(value: Any, uploads: dict[str, bytes]) -> list[str]:
    """Addresses of files that Runway cannot use (2.4): neither https, nor a full upload, nor small enough."""
    if isinstance(value, dict):
        return [words for one in value.values() for words in wrong_assets(one, uploads)]
    if isinstance(value, list):
        return [words for one in value for words in wrong_assets(one, uploads)]
    if not isinstance(value, str):
        return []
    if value.startswith("runway://"):
        return [] if uploads.get(value.removeprefix("runway://")) else ["The upload is not known"]
    if value.startswith("data:"):
        most = (5 if value.startswith("data:image/") else 16) * 1024 * 1024
        return ["The data URI is too large"] if len(value) > most else []
    return ["Only https addresses are fetched"] if value.startswith("http://") else []


def making(path: str, body: dict[str, Any]) -> Making:
    width, height = runway_models.size_of(body)
    picture = runway_models.is_picture(path)
    return Making(
        kind="png" if picture else "mp4",
        width=width,
        height=height,
        seconds=0 if picture else runway_models.seconds_of(body),
        count=int(body.get("outputCount", 1)),
        units=runway_models.credits_of(path, body),
    )
