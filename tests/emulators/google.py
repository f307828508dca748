"""Google's Gemini API, from the protocol reference (Google 1.1 to 1.8): Veo's operations, Gemini's pictures.

Not in the reference, and assumed: an unknown operation is 404 NOT_FOUND; a key that is wrong in itself is 400
with the reason API_KEY_INVALID; how long to wait stands in a detail of a 429; `video.generated` is told of
films that failed as well, without a file; the issuer of a webhook's token.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

from tests.emulators import google_bodies
from tests.emulators.emulated import GARBAGE, Emulated
from tests.emulators.google_keys import GoogleKeys
from tests.emulators.jobs import Job
from tests.emulators.wire import Reply, Request, json_reply

REFUSALS: dict[str, tuple[int, str, str]] = {  # 1.1; the words are invented
    "401": (401, "UNAUTHENTICATED", "Request is missing required authentication credential."),
    "403": (403, "PERMISSION_DENIED", "The caller does not have permission."),
    "404": (404, "NOT_FOUND", "Requested entity was not found."),
    "retired": (404, "NOT_FOUND", "models/gone is not found for API version v1beta."),
    "400": (400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    "422": (400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    "key": (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
    "billing": (400, "FAILED_PRECONDITION", "Please enable billing for this project."),
    "policy": (400, "INVALID_ARGUMENT", "The prompt violates our usage guidelines."),
    "429": (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota."),
    "500": (500, "INTERNAL", "An internal error has occurred."),
    "503": (503, "UNAVAILABLE", "The model is overloaded."),
    "504": (504, "DEADLINE_EXCEEDED", "The deadline expired."),
}
CODES = {"400": (3, "INVALID_ARGUMENT"), "429": (8, "RESOURCE_EXHAUSTED"), "503": (14, "UNAVAILABLE")}


class Provider(Emulated):
    name = "google"
    files_need_key = True
    signer: GoogleKeys

    def make_signer(self) -> GoogleKeys:
        return GoogleKeys(self.jobs)

    def new_id(self) -> str:
        return secrets.token_hex(6)

    def key_of(self, request: Request) -> str:
        return request.headers.get("x-goog-api-key", "")

    def refusal(self, name: str, endpoint: str, retry_after: float) -> Reply:
        if name == "502":
            return Reply(502, b"<html>502</html>", {"content-type": "text/html"})
        code, status, words = REFUSALS[name]
        error: dict[str, Any] = {"code": code, "message": words, "status": status, "details": []}
        if name == "key":
            error["details"] = [
                {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
            ]
        if name == "429":
            kind = "type.googleapis.com/google.rpc.RetryInfo"
            error["details"] = [{"@type": kind, "retryDelay": f"{retry_after:g}s"}]
        return json_reply(code, {"error": error})

    def invalid(self, words: str) -> Reply:
        return json_reply(400, {"error": {"code": 400, "message": words, "status": "INVALID_ARGUMENT"}})

    async def public(self, request: Request) -> Reply | None:
        if request.path == ".well-known/jwks.json":
            return json_reply(200, self.signer.key_set())
        return None

    async def route(self, request: Request, key: str) -> Reply:
        version, _, rest = request.path.partition("/")
        what, _, verb = rest.rpartition(":") if ":" in rest else (rest, "", "")
        parts = what.split("/")
        if version == "v1beta":
            match (request.method, parts, verb):
                case ("POST", ["models", model], "predictLongRunning"):
                    return await self.film(request, key, model)
                case ("POST", ["models", model], "generateContent"):
                    return await self.picture(request, key, model)
                case ("GET", ["models", _, "operations", job_id], ""):
                    return self.about(job_id, key)
                case ("GET", ["files", name], "download") if request.query.get("alt") == "media":
                    return await self.files.serve(self.jobs, [name, "0.mp4"])
                case ("GET", ["models"], ""):
                    models = [{"name": f"models/{name}"} for name in google_bodies.MODELS]
                    return json_reply(200, {"models": models})
        return self.refusal("404", "", 0)

    async def taken(
        self, request: Request, key: str, model: str, method: str, **options: Any
    ) -> tuple[Reply, google_bodies.Checked]:
        try:
            body = request.json()
        except ValueError:
            body = None
        checked = google_bodies.check(model, method, body if isinstance(body, dict) else {})
        if model not in google_bodies.MODELS:
            wrong: Reply | None = self.refusal("retired", model, 0)
        else:
            wrong = self.invalid(checked.fault) if checked.fault else None
        reply = await self.submit(
            request,
            key=key,
            endpoint=model,
            body=body if isinstance(body, dict) else {},
            making=checked.making,
            prompt=checked.prompt,
            faults=wrong,
            webhook_url=checked.webhook_url,
            **options,
        )
        return reply, checked

    async def film(self, request: Request, key: str, model: str) -> Reply:
        return (await self.taken(request, key, model, "predictLongRunning"))[0]

    async def picture(self, request: Request, key: str, model: str) -> Reply:
        return (await self.taken(request, key, model, "generateContent", blocking=True))[0]

    def accepted(self, job: Job) -> Reply:
        if job.making.kind != "mp4":
            return Reply(200, b"", {"content-type": "application/json"}, chunks=self._contents(job))
        return json_reply(200, {"name": self.operation(job)})

    def operation(self, job: Job) -> str:
        return f"models/{job.endpoint}/operations/{job.id}"

    # -- Veo (1.5) ----------------------------------------------------------------------------

    def about(self, job_id: str, key: str) -> Reply:
        job = self.jobs.get(job_id)
        if job is None or job.key != key:
            return self.refusal("404", "", 0)
        job.polls += 1
        return self.spoilt(job, "poll") or json_reply(200, self.told(job))

    def told(self, job: Job) -> dict[str, Any]:
        found: dict[str, Any] = {"name": self.operation(job)}
        if job.phase(self.clock.now()) != "ended":
            return found
        found["done"] = True
        result = job.behaviour.result
        if result in ("garbage", "empty"):
            return {**found, "response": "<<<"} if result == "garbage" else found
        if result == "policy":
            reasons = ["We encountered an issue with the prompt; it may violate our usage guidelines."]
            filtered = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": reasons}
            return {**found, "response": {"generateVideoResponse": filtered}}
        if result == "policy_error":
            words = "The prompt could not be submitted: it violates our usage guidelines."
            return {**found, "error": {"code": 3, "message": words}}
        if job.failure:
            code, status = CODES.get(job.failure, (13, "INTERNAL"))
            named = {"status": status} if job.failure != "503" else {}  # the name may be absent
            return {**found, "error": {"code": code, "message": "The film could not be made.", **named}}
        samples = [{"video": {"uri": self.address(job)}} for _ in self.files.names(job)]
        return {**found, "response": {"generateVideoResponse": {"generatedSamples": samples}}}

    def address(self, job: Job) -> str:
        return f"{job.base}/v1beta/files/{job.id}:download?alt=media"

    def message(self, job: Job, kind: str) -> dict[str, Any]:
        """Thin, as 1.8 says: which operation, and where its file is."""
        data = {"id": self.operation(job)}
        if not job.failure:
            data["output_file_uri"] = self.address(job)
        if kind == "unserialised":
            data.pop("id")
        return {"type": "video.generated", "data": data}

    # -- Gemini (1.2, 1.3) --------------------------------------------------------------------

    async def _contents(self, job: Job) -> AsyncIterator[bytes]:
        if job.behaviour.result in ("garbage", "empty"):
            yield GARBAGE if job.behaviour.result == "garbage" else b""
            return
        yield json.dumps(await google_bodies.contents(self, job)).encode()
