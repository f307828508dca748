"""Kling's tasks, keys and callbacks, from the protocol reference (B 5.1 to 5.6).

Left open by the reference, so that tests may have it either way: whether a query answers a list or an object
with a `result` (`shape`), and whether an unknown task is an empty list or an error (`unknown`). Retry-After
is not in it; a gateway may send one. Moderation of a task is told in its message; the texts are examples.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from typing import Any

from tests.emulators import kling_models
from tests.emulators.emulated import Emulated, not_found
from tests.emulators.hooks import StandardSecret
from tests.emulators.jobs import Job
from tests.emulators.wire import Reply, Request, json_reply

SECRETS = {"access-1": "secret-1"}  # of access keys; any other text is an API key
NEW_STATES = {"queued": "submitted", "running": "processing"}
MESSAGES = {  # how a task ended badly → its message
    "policy": "Failure to pass the risk control system",
    "policy_output": "The generated content contains sensitive information",
    "500": "Internal error, please try again",
    "422": "The image format is unsupported",
}
REFUSALS: dict[str, tuple[int, int]] = {  # 5.5: HTTP status, code
    "401": (401, 1000),
    "1002": (401, 1002),
    "1003": (401, 1003),
    "1004": (401, 1004),
    "account": (429, 1100),
    "credit": (429, 1101),
    "402": (429, 1102),
    "403": (403, 1103),
    "400": (400, 1200),
    "422": (400, 1201),
    "404": (404, 1202),
    "retired": (404, 1203),
    "policy": (400, 1301),
    "platform_policy": (400, 1300),
    "429": (429, 1302),
    "full": (429, 1303),
    "ip": (429, 1304),
    "500": (500, 5000),
    "503": (503, 5001),
    "504": (504, 5002),
}


class Provider(Emulated):
    name = "kling"
    signer: StandardSecret

    def make_signer(self) -> StandardSecret:
        self.shape, self.unknown = "list", "empty"
        return StandardSecret()

    def reset(self) -> None:
        super().reset()
        self.shape, self.unknown = "list", "empty"

    def new_id(self) -> str:
        return str(random.SystemRandom().randrange(10**17, 10**18))

    def refusal(self, name: str, endpoint: str, retry_after: float) -> Reply:
        if name == "502":
            return Reply(502, b"<center>nginx</center>", {"content-type": "text/html"})
        status, code = REFUSALS[name]
        wait = {"retry_after": f"{retry_after:g}"} if status == 429 and code >= 1302 else {}
        return envelope(None, status=status, code=code, message=f"refused ({name})", **wait)

    # -- requests -----------------------------------------------------------------------------

    async def route(self, request: Request, key: str) -> Reply:
        if key.count(".") == 2:
            key, fault = self._opened(key)
            if fault:
                return self.refuse(fault, request.path, 0)
            if not request.path.startswith("v1/"):
                return self.refuse("401", request.path, 0)  # 5.1: the newer routes need an API key
        path, _, job_id = request.path.rpartition("/")
        match request.method:
            case "POST" if request.path in kling_models.ROUTES or request.path in kling_models.V1:
                return await self.create(request, key)
            case "GET" if request.path == "tasks":
                return self.query(request, key)
            case "GET" if path in kling_models.V1:
                return self.about(path, job_id, key)
        return not_found()

    def _opened(self, token: str) -> tuple[str, str]:
        """The access key of a JSON Web Token, and the code of what is wrong with it (5.1)."""
        try:
            head, claims, signature = token.split(".")
            named, told = json.loads(_bytes(head)), json.loads(_bytes(claims))
            secret = SECRETS[told["iss"]]
        except (ValueError, KeyError):
            return "", "1002"
        made = hmac.new(secret.encode(), f"{head}.{claims}".encode(), hashlib.sha256).digest()
        if named != {"alg": "HS256", "typ": "JWT"} or "iat" in told or _bytes(signature) != made:
            return "", "1002"
        if told["nbf"] > self.clock_of_tokens():
            return "", "1003"
        return told["iss"], "1004" if told["exp"] < self.clock_of_tokens() else ""

    def clock_of_tokens(self) -> float:
        """The machine's own time: tests put the jobs' clock forward, and a token is made by the machine's."""
        return self.clock.now() - self.clock.ahead

    async def create(self, request: Request, key: str) -> Reply:
        try:
            body = request.json()
        except ValueError:
            return self.refuse("400", request.path, 0)
        told = kling_models.wrong(request.path, body)
        fields = body if isinstance(body, dict) else {}
        options = fields if request.path in kling_models.V1 else fields.get("options") or {}
        return await self.submit(
            request,
            key=key,
            endpoint=request.path,
            body=fields,
            making=kling_models.making(request.path, {} if told else fields),
            prompt=prompt_of(fields),
            token=str(options.get("external_task_id") or ""),
            webhook_url=str(options.get("callback_url") or ""),
            faults=envelope(None, status=400, code=1201, message=told) if told else None,
        )

    def accepted(self, job: Job) -> Reply:
        now = self.clock.now()
        if job.endpoint in kling_models.V1:
            told = {"task_id": job.id, "task_status": "submitted", "task_info": _info(job)}
            return envelope({**told, **_older_times(job, now)})
        told = {"id": job.id, "status": "submitted", "external_id": job.token, **_times(job, now)}
        return envelope(told)

    # -- tasks --------------------------------------------------------------------------------

    def query(self, request: Request, key: str) -> Reply:
        ids, names = (request.query.get(name, "") for name in ("task_ids", "external_task_ids"))
        if bool(ids) == bool(names):
            return self.refuse("422", "tasks", 0)
        wanted = (ids or names).split(",")
        known = [job for job in self.jobs.values() if job.key == key and job.endpoint not in kling_models.V1]
        found = [job for job in known if (job.id if ids else job.token) in wanted]
        if not found and self.unknown == "error":
            return self.refusal("retired", "tasks", 0)
        for job in found:
            job.polls += 1
            if (spoilt := self.spoilt(job, "poll")) is not None:
                return spoilt
        told = [self.task(job) for job in found]
        return envelope(told if self.shape == "list" else {"result": told, "count": len(told)})

    def about(self, path: str, name: str, key: str) -> Reply:
        """5.3: by the task's id, or by its external id."""
        known = [job for job in self.jobs.values() if job.key == key and job.endpoint == path]
        job = next((job for job in known if name in (job.id, job.token)), None)
        if job is None:
            return self.refusal("retired", path, 0)
        job.polls += 1
        return self.spoilt(job, "poll") or envelope(self.older(job))

    def task(self, job: Job) -> dict[str, Any]:
        """A task of the newer dialect as a query and a callback show it (5.2)."""
        now = self.clock.now()
        state = self._state(job, "succeeded")
        told = {"id": job.id, "status": state, "message": _message(job, state), "external_id": job.token}
        told |= _times(job, now)
        if state == "succeeded":
            told["outputs"] = [
                {"type": "video", "id": f"{job.id}-{n}", "url": url, "duration": f"{job.making.seconds}.0"}
                for n, url in enumerate(self.files.addresses(job))
            ]
        if state in ("succeeded", "failed"):
            told["billing"] = _billing(job)
        return told

    def older(self, job: Job) -> dict[str, Any]:
        """A task of the older dialect, which spells its success otherwise (5.3)."""
        state = self._state(job, "succeed")
        told = {"task_id": job.id, "task_status": state, "task_status_msg": _message(job, state)}
        told |= {"task_info": _info(job), **_older_times(job, self.clock.now())}
        if state == "succeed":
            kind = "images" if job.endpoint.startswith("v1/images/") else "videos"
            urls = enumerate(self.files.addresses(job))
            told["task_result"] = {kind: [{"id": str(n), "index": n, "url": url} for n, url in urls]}
            told["final_unit_deduction"] = f"{job.units() / 0.14:.2f}"
        return told

    def _state(self, job: Job, done: str) -> str:
        phase = job.phase(self.clock.now())
        if phase != "ended":
            return NEW_STATES[phase]
        return "failed" if job.failure else done

    def message(self, job: Job, kind: str) -> dict[str, Any]:
        """5.4: the same object as a query shows; the older dialect adds what was deducted."""
        if job.endpoint in kling_models.V1:
            return {**self.older(job), "final_balance_deduction": f"{job.units():.3f}"}
        return self.task(job)


def envelope(
    data: Any, *, status: int = 200, code: int = 0, message: str = "SUCCEED", **headers: str
) -> Reply:
    told: dict[str, Any] = {"code": code, "message": message, "request_id": "emulated"}
    return json_reply(status, told if data is None else {**told, "data": data}, **headers)


def prompt_of(body: dict[str, Any]) -> str:
    items = body.get("contents")
    items = items if isinstance(items, list) else []
    known = [item for item in items if isinstance(item, dict)]
    texts = [str(item.get("text")) for item in known if item.get("type") == "prompt"]
    return str(body.get("prompt") or " ".join(texts))


def _message(job: Job, state: str) -> str:
    return MESSAGES.get(job.failure, job.failure) if state == "failed" else ""


def _billing(job: Job) -> list[dict[str, str]]:
    """5.2: amounts are decimal texts; a task that failed is said to have no deduction."""
    if not job.units():
        return []
    amount = f"{job.units():.4f}"
    line = {"charge_type": "cash", "cash_type": "balance", "amount": amount, "currency": "USD"}
    return [{**line, "package_type": "video", "list_price": amount}]


def _info(job: Job) -> dict[str, str]:
    return {"external_task_id": job.token}


def _times(job: Job, now: float) -> dict[str, int]:
    return {"create_time": int(job.accepted_at * 1000), "update_time": int(min(now, job.ends_at) * 1000)}


def _older_times(job: Job, now: float) -> dict[str, int]:
    return {"created_at": int(job.accepted_at * 1000), "updated_at": int(min(now, job.ends_at) * 1000)}


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
