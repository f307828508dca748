"""A chat server as OpenAI's interface has it, with the errors of the protocol reference (OpenAI 3.4).

The reference has no section on chat: the shapes are those that the official client reads and writes. How
other servers word their errors (`flat`, `bare`) is assumed from what is known of vLLM and Ollama.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from tests.emulators import parameters
from tests.emulators.emulated import GARBAGE, Emulated, not_found
from tests.emulators.jobs import Job, Making
from tests.emulators.wire import Reply, Request, json_reply

TABLE = parameters.table(
    "model* messages*:list seed:int temperature:float:0..2 top_p:float:0..1 max_tokens:int "
    "max_completion_tokens:int reasoning_effort response_format:object n:int:1..1 stream:bool user"
)
MODELS = {"house-writer": False, "house-eyes": True}  # whether it looks at pictures
REFUSALS: dict[str, tuple[int, str, str, str]] = {  # status, type, code, message
    "400": (400, "invalid_request_error", "", "Invalid value."),
    "401": (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    "403": (403, "invalid_request_error", "", "Your organization must be verified to use this model."),
    "404": (404, "invalid_request_error", "model_not_found", "The model does not exist."),
    "retired": (404, "invalid_request_error", "model_not_found", "The model does not exist."),
    "long": (400, "invalid_request_error", "context_length_exceeded", "Please reduce the messages."),
    "policy": (400, "invalid_request_error", "content_policy_violation", "The prompt was filtered."),
    "429": (429, "requests", "rate_limit_exceeded", "Rate limit reached."),
    "credit": (429, "insufficient_quota", "credit_balance_exhausted", "You exceeded your quota."),
    "budget": (400, "budget_exceeded", "400", "Budget has been exceeded! Current cost: 5.1, Max budget: 5"),
    "500": (500, "server_error", "", "The server had an error while processing your request."),
    "503": (503, "server_error", "server_is_overloaded", "The server is overloaded."),
}
SCORE = {"value": 0.8, "words": "clear and well lit"}
SAYS = "A lighthouse on a cliff, low wide shot, first light, calm and warm, fine grain."


class Provider(Emulated):
    name = "chat"
    guarded = True

    def reset(self) -> None:
        super().reset()
        self.guarded = True
        self.cost = ""  # what a gateway says that each call cost

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self.reset()

    def key_of(self, request: Request) -> str:
        return super().key_of(request) if self.guarded else "nobody"

    def new_id(self) -> str:
        return f"chatcmpl-{secrets.token_hex(12)}"

    def refusal(self, name: str, endpoint: str, retry_after: float) -> Reply:
        match name:
            case "502" | "504":
                return Reply(int(name), b"<center>nginx</center>", {"content-type": "text/html"})
            case "flat":
                told = {"object": "error", "message": "The model is not there.", "type": "NotFoundError"}
                return json_reply(404, {**told, "param": None, "code": 404})
            case "bare":
                return json_reply(404, {"error": 'model "house-writer" not found, try pulling it first'})
        status, kind, code, message = REFUSALS[name]
        named = {"message": message, "type": kind, "param": None, "code": code or None}
        headers = {"retry_after": f"{retry_after:g}"} if name == "429" else {}
        return json_reply(status, {"error": named}, **headers)

    async def route(self, request: Request, key: str) -> Reply:
        match (request.method, request.path):
            case ("POST", "v1/chat/completions"):
                return await self.complete(request, key)
            case ("GET", "v1/models"):
                data = [{"id": name, "object": "model", "created": 0, "owned_by": "house"} for name in MODELS]
                return json_reply(200, {"object": "list", "data": data})
        return not_found()

    async def complete(self, request: Request, key: str) -> Reply:
        body = request.json()
        words = fault(body)
        wrong = None
        if body.get("model") not in MODELS:
            wrong = self.refusal("retired", "", 0)
        elif words:
            named = {"message": words, "type": "invalid_request_error", "param": None, "code": None}
            wrong = json_reply(400, {"error": named})
        return await self.submit(
            request,
            key=key,
            endpoint=str(body.get("model", "")),
            body=body,
            making=Making(units=float(usage(body)["total_tokens"])) if wrong is None else Making(),
            prompt=asked(body) if wrong is None else "",
            faults=wrong,
            unknown=sorted(set(body) - set(TABLE)),
            blocking=True,
        )

    def accepted(self, job: Job) -> Reply:
        result = job.behaviour.result
        if result in ("garbage", "empty"):
            body = GARBAGE if result == "garbage" else b""
            return Reply(200, body, {"content-type": "application/json"})
        if result in REFUSALS and result != "policy":
            return self.refusal(result, job.endpoint, 0)
        content, reason, refusal = said(job.body, result)
        message = {"role": "assistant", "content": content, "refusal": refusal}
        told = {
            "id": job.id,
            "object": "chat.completion",
            "created": int(job.accepted_at),
            "model": f"{job.endpoint}-2026-09",
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
            "usage": usage(job.body),
        }
        headers = {"x_litellm_response_cost": self.cost} if self.cost else {}
        return json_reply(200, told, **headers)


def fault(body: dict[str, Any]) -> str:
    """What is wrong with a request; a name that is unknown is refused, as OpenAI does."""
    if unknown := sorted(set(body) - set(TABLE)):
        return f"Unrecognized request argument supplied: {unknown[0]}"
    if faults := parameters.faults(TABLE, body):
        return f"Invalid type for '{faults[0].name}': {faults[0].words}"
    for message in body["messages"]:
        if message.get("role") not in ("system", "user", "assistant"):
            return f"Invalid value: {message.get('role')!r}."
        for part in message["content"] if isinstance(message.get("content"), list) else ():
            if part.get("type") == "image_url" and not MODELS.get(body.get("model", ""), False):
                return "This model does not support image input."
            if part.get("type") == "image_url" and not part["image_url"]["url"].startswith("data:image/"):
                return "Invalid image data."
    form = body.get("response_format", {"type": "text"})
    if form["type"] == "json_object" and "JSON" not in json.dumps(body["messages"]):
        return "'messages' must contain the word 'json' in some form, to use 'response_format'."
    return ""


def asked(body: dict[str, Any]) -> str:
    """The user's words."""
    content = [one["content"] for one in body["messages"] if one["role"] == "user"][-1]
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in content if part["type"] == "text")


def usage(body: dict[str, Any]) -> dict[str, int]:
    given = len(asked(body)) // 4 if isinstance(body.get("messages"), list) else 0
    return {"prompt_tokens": given + 100, "completion_tokens": 20, "total_tokens": given + 120}


def said(body: dict[str, Any], result: str) -> tuple[str | None, str, str | None]:
    """The answer, why it ended, and a refusal in words."""
    system = next((one["content"] for one in body["messages"] if one["role"] == "system"), "")
    names = [line[2:].partition(":")[0] for line in system.splitlines() if line.startswith("- ")]
    text = json.dumps(dict.fromkeys(names, SCORE)) if names else SAYS
    match result:
        case "policy":
            return None, "content_filter", None
        case "policy_refusal":
            return None, "stop", "I can't help with that."
        case "cut":
            return text[:20], "length", None
        case "no_output":
            return "", "stop", None
        case "unheard_of":
            return text, "something_new", None
        case "thinking":
            return f"<think>\nThe light matters. {{}}\n</think>\n\n{text}", "stop", None
        case "fenced":
            return f"Here you are:\n```json\n{text}\n```", "stop", None
        case "prose":
            return "A fine picture, eight out of ten.", "stop", None
        case "ten":
            return json.dumps({name: {"value": 8, "words": "of ten"} for name in names}), "stop", None
    return text, "stop", None
