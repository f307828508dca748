"""ElevenLabs' calls for speech, sound effects and music, from the protocol reference (B 7.3).

Every one is a blocking call whose answer is the sound. The reference names 422 with a `detail` and 429 with
two headers; the shape of other errors and their words are examples. Retry-After is not in it; a gateway may
send one.
"""

from __future__ import annotations

import json
from typing import Any

from tests.emulators import media, parameters
from tests.emulators.emulated import Emulated, not_found
from tests.emulators.jobs import Job, Making
from tests.emulators.wire import Reply, Request, json_reply

TABLES = {
    "v1/text-to-speech": parameters.table(
        "text* model_id voice_settings:object seed:int:0..4294967295 language_code previous_text next_text"
    ),
    "v1/sound-generation": parameters.table(
        "text* duration_seconds:float:0.5..30 prompt_influence:float:0..1 loop:bool "
        "model_id=eleven_text_to_sound_v2"
    ),
    "v1/music": parameters.table(
        "prompt composition_plan:object music_length_ms:int:3000..600000 model_id=music_v1|music_v2 seed:int "
        "force_instrumental:bool"
    ),
}
VOICE_SETTINGS = ("stability", "similarity_boost", "style", "speed", "use_speaker_boost")
REFUSALS = {
    "400": (400, "invalid_request", "The request is not valid."),
    "401": (401, "invalid_api_key", "Invalid API key"),
    "scope": (401, "missing_permissions", "The API key lacks the permission for this."),
    "credit": (401, "quota_exceeded", "This request exceeds your quota."),
    "402": (402, "payment_required", "A paid plan is needed."),
    "403": (403, "forbidden", "You may not do this."),
    "404": (404, "voice_not_found", "A voice with this id was not found."),
    "retired": (404, "model_not_found", "A model with this id does not exist."),
    "policy": (400, "content_against_policy", "The text is against the usage policy."),
    "bad_prompt": (400, "bad_prompt", "The prompt names an artist; try the suggestion."),
    "429": (429, "too_many_concurrent_requests", "Too many requests at once."),
    "500": (500, "internal_server_error", "Something went wrong."),
}
MOST_PROMPT = 4100
MOST_AT_ONCE = 5


class Provider(Emulated):
    name = "elevenlabs"
    scoped = False  # whether keys may only make sounds

    def reset(self) -> None:
        super().reset()
        self.scoped = False

    def key_of(self, request: Request) -> str:
        return request.headers.get("xi-api-key", "")

    def refusal(self, name: str, endpoint: str, retry_after: float) -> Reply:
        if name in ("502", "503", "504"):
            return Reply(int(name), b"<center>nginx</center>", {"content-type": "text/html"})
        if name == "422":
            return invalid([("text", "Field required", "missing")])
        status, word, message = REFUSALS[name]
        headers: dict[str, str] = {}
        if status == 429:
            headers = {
                "retry_after": f"{retry_after:g}",
                "current_concurrent_requests": str(MOST_AT_ONCE),
                "maximum_concurrent_requests": str(MOST_AT_ONCE),
            }
        return json_reply(status, {"detail": {"status": word, "message": message}}, **headers)

    async def route(self, request: Request, key: str) -> Reply:
        path, _, voice = request.path.rpartition("/")
        if (request.method, request.path) == ("GET", "v1/user"):
            return self.refusal("scope", "", 0) if self.scoped else json_reply(200, {"user_id": "emulated"})
        if request.method == "POST" and request.path in ("v1/sound-generation", "v1/music"):
            return await self.make(request, key, request.path)
        if request.method == "POST" and path == "v1/text-to-speech" and voice:
            return await self.make(request, key, path)
        return not_found()

    async def make(self, request: Request, key: str, path: str) -> Reply:
        try:
            body = request.json()
        except ValueError:
            return self.refuse("422", path, 0)
        fields = body if isinstance(body, dict) else {}
        told = wrong(path, fields)
        return await self.submit(
            request,
            key=key,
            endpoint=path,
            body={**fields, "output_format": request.query.get("output_format", "")},
            making=Making() if told else making(path, fields),
            prompt=str(fields.get("text") or fields.get("prompt") or ""),
            faults=invalid(told) if told else None,
            blocking=True,
        )

    def accepted(self, job: Job) -> Reply:
        """The sound itself, or the error that it came to."""
        if job.failure:
            return self.refusal(job.failure, job.endpoint, 0)
        headers = {"content-type": "audio/mpeg", "request-id": f"call-{job.id}"}
        kind = self.files.kind(job)
        if job.behaviour.result == "no_output":
            return Reply(200, b"", headers)
        if kind == "html":
            return Reply(200, media.HTML, headers)
        whole = media.mp3(seed=job.seed, seconds=job.making.seconds)
        return Reply(200, whole[:40] if kind == "truncated_mp3" else whole, headers)

    def message(self, job: Job, kind: str) -> dict[str, Any]:
        raise NotImplementedError("These calls have no webhooks.")


def invalid(told: list[tuple[str, str, str]]) -> Reply:
    """422: a list of what is wrong, each with its place."""
    entries = [{"loc": ["body", name], "msg": words, "type": kind} for name, words, kind in told]
    return Reply(422, json.dumps({"detail": entries}).encode(), {"content-type": "application/json"})


def wrong(path: str, body: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What is refused in this body: name, words, kind."""
    table = TABLES[path]
    told = [(one.name, one.words, one.kind) for one in parameters.faults(table, body)]
    told += [
        (name, "Extra inputs are not permitted", "extra_forbidden") for name in body if name not in table
    ]
    if path == "v1/music":
        if ("prompt" in body) == ("composition_plan" in body):
            told.append(("prompt", "Either a prompt or a composition plan", "value_error"))
        if len(str(body.get("prompt") or "")) > MOST_PROMPT:
            told.append(("prompt", f"At most {MOST_PROMPT} characters", "string_too_long"))
    settings = body.get("voice_settings") or {}
    told += [(name, "Unknown setting", "extra_forbidden") for name in settings if name not in VOICE_SETTINGS]
    return told


def making(path: str, body: dict[str, Any]) -> Making:
    """How long the sound is; what is billed are seconds, of speech its characters."""
    if path == "v1/text-to-speech":
        return Making(kind="mp3", seconds=2, units=len(body["text"]))
    seconds = float(body.get("duration_seconds") or body.get("music_length_ms", 5000) / 1000)
    return Making(kind="mp3", seconds=max(1, round(seconds)), units=seconds)
