"""A ComfyUI server, from the protocol reference (ComfyUI 4.2 to 4.4): one job at a time, a history in memory.

The key is that of a proxy before the server, which itself has none (`guarded` turns it off). Not in the
reference, and assumed: which answer a proxy gives without it, and that an unknown input is ignored.
"""

from __future__ import annotations

import itertools
import json
from typing import Any

from tests.emulators import comfyui_nodes
from tests.emulators.emulated import Emulated
from tests.emulators.files import TYPES
from tests.emulators.jobs import Job, Making
from tests.emulators.wire import Reply, Request, json_reply

EMPTY = Reply(200)
FAILURES = {
    "500": ("RuntimeError", "The size of tensor a must match the size of tensor b"),
    "memory": ("torch.OutOfMemoryError", "CUDA out of memory. Tried to allocate 2.00 GiB."),
}


class Provider(Emulated):
    name = "comfyui"
    guarded = True

    def reset(self) -> None:
        super().reset()
        self.guarded = True
        self.uploads: dict[str, bytes] = {}
        self.saved: dict[tuple[str, str], tuple[str, str]] = {}  # subfolder, name → job, its file
        self.made: dict[str, dict[str, Any]] = {}  # graph → outputs, of which the cache knows
        self.forgotten: set[str] = set()
        self.gaps: set[str] = set()  # ids whose history comes a moment late
        self.numbers = itertools.count()
        self.outputs: dict[str, dict[str, Any]] = {}
        self.asked_id = ""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self.reset()

    def key_of(self, request: Request) -> str:
        key = request.headers.get("x-proxy-key", "") or super().key_of(request)
        return key if self.guarded else "nobody"

    def new_id(self) -> str:
        """The id that the client chose, else one of the server's own."""
        chosen, self.asked_id = self.asked_id, ""
        return chosen or super().new_id()

    def restart(self) -> None:
        """The history is in memory: the server knows none of its jobs any more."""
        self.forgotten.update(self.jobs)

    def refusal(self, name: str, endpoint: str, retry_after: float) -> Reply:
        match name:
            case "401" | "403" | "404" | "413":
                return Reply(int(name), f"{name}: of the proxy".encode(), {"content-type": "text/plain"})
            case "400":
                wrong = comfyui_nodes.fault("3", "KSampler", "value_bigger_than_max", "steps: 99999")
                return json_reply(400, comfyui_nodes.failed({"3": wrong}))
            case "retired":
                details = "ckpt_name: 'gone.safetensors' not in []"
                wrong = comfyui_nodes.fault("4", "CheckpointLoaderSimple", "value_not_in_list", details)
                return json_reply(400, comfyui_nodes.failed({"4": wrong}))
        return Reply(int(name), b"Server got itself in trouble", {"content-type": "text/plain"})

    async def route(self, request: Request, key: str) -> Reply:
        parts = request.path.removeprefix("api/").split("/")
        match (request.method, parts):
            case ("POST", ["prompt"]):
                return await self.prompt(request, key)
            case ("GET", ["prompt"]):
                return json_reply(200, {"exec_info": {"queue_remaining": len(self.listed("queued"))}})
            case ("GET", ["queue"]):
                both = {"queue_running": self.listed("running"), "queue_pending": self.listed("queued")}
                return json_reply(200, both)
            case ("POST", ["queue"]):
                return self.delete(request)
            case ("POST", ["interrupt"]):
                return self.interrupt(request)
            case ("GET", ["history", job_id]):
                return self.history(job_id)
            case ("GET", ["view"]):
                return await self.view(request)
            case ("POST", ["upload", "image"]):
                return self.upload(request)
            case ("GET", ["system_stats"]):
                system = {"os": "posix", "comfyui_version": "0.3.64", "argv": ["main.py", "--cpu"]}
                return json_reply(200, {"system": system, "devices": [{"name": "cpu", "type": "cpu"}]})
        return Reply(404, b"404: Not Found", {"content-type": "text/plain"})

    # -- the queue ----------------------------------------------------------------------------

    async def prompt(self, request: Request, key: str) -> Reply:
        try:
            body = request.json()
        except ValueError:
            return self.refuse("500", "", 0)  # not JSON: 500 in plain text
        graph = body.get("prompt")
        checked = comfyui_nodes.check(graph, self.uploads)
        refused = json_reply(400, checked.refusal) if checked.refusal else None
        self.asked_id = str(body.get("prompt_id") or "") if refused is None else ""
        return await self.submit(
            request,
            key=key,
            endpoint="",
            body=graph if isinstance(graph, dict) else {},
            making=checked.making if refused is None else Making(),
            prompt=checked.words,
            faults=refused,
            unknown=checked.unknown,
        )

    def accepted(self, job: Job) -> Reply:
        wrong = comfyui_nodes.check(job.body, self.uploads).node_errors
        answer = {"prompt_id": job.id, "number": next(self.numbers), "node_errors": wrong}
        return json_reply(200, answer)

    def listed(self, phase: str) -> list[list[Any]]:
        """What waits or runs: number, id, graph, extra, output nodes, and what later versions add."""
        now = self.clock.now()
        return [
            [number, job.id, job.body, {"client_id": "app"}, comfyui_nodes.savers(job.body), {}]
            for number, job in enumerate(self.jobs.values())
            if job.phase(now) == phase and job.id not in self.forgotten
        ]

    def delete(self, request: Request) -> Reply:
        for job_id in request.json().get("delete", ()):
            job = self.jobs.get(job_id)
            if job is not None and job.phase(self.clock.now()) == "queued":
                self.stop(job)
        return EMPTY

    def interrupt(self, request: Request) -> Reply:
        """Whatever runs, or the named job alone; 200 in any case, and nothing that waits is touched."""
        wanted = (request.json() or {}).get("prompt_id")
        for job in list(self.jobs.values()):
            if job.phase(self.clock.now()) == "running" and wanted in (None, job.id):
                self.stop(job)
        return EMPTY

    # -- the history --------------------------------------------------------------------------

    def history(self, job_id: str) -> Reply:
        """{} while a job waits, runs, is unknown or was deleted."""
        job = self.jobs.get(job_id)
        if job is None or job_id in self.forgotten:
            return json_reply(200, {})
        job.polls += 1
        spoilt = self.spoilt(job, "poll")
        if spoilt is not None:
            return spoilt
        if job.phase(self.clock.now()) != "ended" or job.cancelled == "queued":
            return json_reply(200, {})
        if job_id in self.gaps:
            self.gaps.discard(job_id)
            return json_reply(200, {})
        if job.behaviour.result in ("garbage", "empty"):
            told: Any = {"garbage": {"status": {"status_str": "<<<", "completed": True}}, "empty": {}}
            return json_reply(200, {job_id: told[job.behaviour.result]})
        return json_reply(200, {job_id: self.entry(job)})

    def entry(self, job: Job) -> dict[str, Any]:
        at = {name: int(seconds * 1000) for name, seconds in (("start", job.starts_at), ("end", job.ends_at))}
        messages: list[Any] = [["execution_start", {"prompt_id": job.id, "timestamp": at["start"]}]]
        node, kind = "3", "KSampler"
        if job.stopped or job.behaviour.result == "interrupted":
            told = {"prompt_id": job.id, "node_id": node, "node_type": kind, "executed": []}
            messages.append(["execution_interrupted", told])
        elif job.failure in FAILURES:
            exception, words = FAILURES[job.failure]
            told = {
                "prompt_id": job.id,
                "node_id": node,
                "node_type": kind,
                "executed": [],
                "exception_type": exception,
                "exception_message": words,
                "traceback": ['File "/srv/comfyui/execution.py", line 1'],
                "current_inputs": {},
            }
            messages.append(["execution_error", {**told, "current_outputs": [], "timestamp": at["end"]}])
        else:
            cached = list(job.body) if json.dumps(job.body) in self.made else []
            messages.append(["execution_cached", {"nodes": cached, "prompt_id": job.id}])
            messages.append(["execution_success", {"prompt_id": job.id, "timestamp": at["end"]}])
        failed = messages[-1][0] != "execution_success"
        return {
            "prompt": [0, job.id, job.body, {"client_id": "app"}, comfyui_nodes.savers(job.body)],
            "outputs": {} if failed else self.results(job),
            "status": {
                "status_str": "error" if failed else "success",
                "completed": not failed,
                "messages": messages,
            },
            "meta": {},
        }

    def results(self, job: Job) -> dict[str, Any]:
        """By node, what was saved. A graph that was made before names its old files (the cache trap, 4.3)."""
        known = self.made.get(json.dumps(job.body))
        if known is not None and job.id not in self.outputs:
            return known
        if job.id not in self.outputs:
            self.outputs[job.id] = self._saved(job)
            self.made[json.dumps(job.body)] = self.outputs[job.id]
        return self.outputs[job.id]

    def _saved(self, job: Job) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for node in comfyui_nodes.savers(job.body):
            preview = job.body[node]["class_type"] == "PreviewImage"
            prefix = str(job.body[node]["inputs"].get("filename_prefix", "ComfyUI"))
            folder, _, stem = prefix.rpartition("/")
            files = []
            for number, name in enumerate(self.files.names(job), start=1):
                ending = TYPES[self.files.kind(job)][0]
                filename = f"{stem}_{number:05}_.{ending}"
                self.saved[(folder, filename)] = (job.id, name)
                kind = "temp" if preview or job.behaviour.result == "black" else "output"
                files.append({"filename": filename, "subfolder": folder, "type": kind})
            found[node] = {"images": files}
            if job.making.kind == "mp4":
                found[node]["animated"] = [True]
        return found

    # -- files --------------------------------------------------------------------------------

    async def view(self, request: Request) -> Reply:
        name, folder = request.query.get("filename", ""), request.query.get("subfolder", "")
        if ".." in name or name.startswith("/"):
            return Reply(400)
        if ".." in folder:
            return Reply(403)
        job_id, file = self.saved.get((folder, name), ("", ""))
        return await self.files.serve(self.jobs, [job_id, file]) if job_id else Reply(404)

    def upload(self, request: Request) -> Reply:
        """The same name and content again is the same file; other content gets another name."""
        parts = {part.name: part for part in request.form()}
        if "image" not in parts:
            return Reply(400)
        folder = parts["subfolder"].data.decode() if "subfolder" in parts else ""
        stem, _, ending = parts["image"].filename.rpartition(".")
        name, number = parts["image"].filename, 0
        while self.uploads.get(f"{folder}/{name}".lstrip("/"), parts["image"].data) != parts["image"].data:
            number += 1
            name = f"{stem} ({number}).{ending}"
        self.uploads[f"{folder}/{name}".lstrip("/")] = parts["image"].data
        return json_reply(200, {"name": name, "subfolder": folder, "type": "input"})
