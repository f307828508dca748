"""ComfyUI's answers in our words: its queue, its history, and the errors of nodes.

Nothing is billed. What a job cost is its seconds of computing, as the history's messages time them. The
traceback of a node that failed is left out: it names paths of the server.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import httpx

from generation.providers import answers
from generation.providers.protocol import ErrorClass, JobState, Output, ProviderError, Status

WHO = "ComfyUI"
FILES = ("images", "videos", "gifs", "audio")


def error(response: httpx.Response, *, absent: Collection[str] = ()) -> ProviderError:
    """A refused request; `absent` are the kinds of error by which the server lacks a node or model."""
    told = answers.read_object(response)
    named = told.get("error")
    kinds, words = node_errors(told)
    if isinstance(named, Mapping):
        kinds = [str(named.get("type", "")), *kinds]
        words = [str(named.get("message", "")), str(named.get("details", "")), *words]
    text = "; ".join(word for word in words if word)[: answers.LONGEST_DETAIL] or "no explanation"
    error_class = answers.class_of(response.status_code)
    if response.status_code == 400 and any(kind in absent for kind in kinds):
        error_class = ErrorClass.RETIRED
    return ProviderError(
        error_class,
        f"{WHO} answered {response.status_code}: {text}",
        retry_after_seconds=answers.retry_after(response),
    )


def node_errors(told: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The kinds of error of all nodes, and each in words."""
    found = told.get("node_errors")
    kinds: list[str] = []
    words: list[str] = []
    for name, node in found.items() if isinstance(found, Mapping) else ():
        errors = node.get("errors") if isinstance(node, Mapping) else None
        for one in errors if isinstance(errors, list) else ():
            kinds.append(str(one.get("type", "")))
            about = one.get("details") or one.get("message", "")
            words.append(f"{node.get('class_type', 'node')} ({name}): {about}")
    return kinds, words


def place(queue: Mapping[str, Any], job_id: str) -> Status | None:
    """Where a job stands in the queue; None where it is not in it. The place counts the jobs before it."""
    running, pending = (queue.get(name) for name in ("queue_running", "queue_pending"))
    if not isinstance(running, list) or not isinstance(pending, list):
        raise ProviderError(ErrorClass.UNAVAILABLE, f"{WHO}'s queue cannot be read.")
    if any(_is(item, job_id) for item in running):
        return Status(JobState.RUNNING)
    waiting = sorted((item for item in pending if isinstance(item, list)), key=lambda item: item[0])
    ahead = next((number for number, item in enumerate(waiting) if _is(item, job_id)), None)
    return None if ahead is None else Status(JobState.QUEUED, queue_position=len(running) + ahead)


def _is(item: Any, job_id: str) -> bool:
    return isinstance(item, list) and len(item) > 1 and item[1] == job_id


def ended(
    entry: Mapping[str, Any], *, base_url: str, nodes: Sequence[str], seed: Any, passing: Collection[str]
) -> Status:
    """A job of the history; raises ProviderError for an end that nobody knows."""
    status = entry.get("status")
    status = status if isinstance(status, Mapping) else {}
    messages = {
        one[0]: one[1]
        for one in status.get("messages") or ()
        if isinstance(one, list) and len(one) > 1 and isinstance(one[1], Mapping)
    }
    match (status.get("status_str"), status.get("completed")):
        case ("success", True):
            return _succeeded(entry, messages, base_url, nodes, seed)
        case ("error", _) if "execution_interrupted" in messages:
            words = ProviderError(ErrorClass.UNKNOWN, "the job was interrupted", charged=False)
            return Status(JobState.CANCELLED, error=words)
        case ("error", _):
            return _failed(messages.get("execution_error", {}), passing)
    raise ProviderError(
        ErrorClass.UNAVAILABLE, f"{WHO} names an end that is unknown: {status.get('status_str')!r}"
    )


def _failed(told: Mapping[str, Any], passing: Collection[str]) -> Status:
    kind, message = str(told.get("exception_type", "")), str(told.get("exception_message", "")).strip()
    detail = f"{told.get('node_type', 'a node')} ({told.get('node_id', '?')}) failed: {message or kind}"
    may_pass = any(word in f"{kind} {message}" for word in passing)
    error_class = ErrorClass.UNAVAILABLE if may_pass else ErrorClass.BAD_REQUEST
    return Status(
        JobState.FAILED,
        error=ProviderError(error_class, f"{WHO}: {detail[: answers.LONGEST_DETAIL]}", charged=False),
    )


def _succeeded(
    entry: Mapping[str, Any],
    messages: Mapping[str, Mapping[str, Any]],
    base_url: str,
    nodes: Sequence[str],
    seed: Any,
) -> Status:
    outputs = tuple(_outputs(entry.get("outputs"), base_url, nodes))
    if not outputs:
        words = ProviderError(
            ErrorClass.MALFORMED_OUTPUT, f"{WHO} reports success, and saved no file.", charged=False
        )
        return Status(JobState.FAILED, error=words)
    return Status(
        JobState.SUCCEEDED,
        outputs=outputs,
        billed_units=_seconds(messages),
        seed=seed if isinstance(seed, int) else None,
    )


def _seconds(messages: Mapping[str, Mapping[str, Any]]) -> Decimal | None:
    begun, done = (
        messages.get(name, {}).get("timestamp") for name in ("execution_start", "execution_success")
    )
    if not isinstance(begun, int | float) or not isinstance(done, int | float):
        return None
    return max(Decimal(0), Decimal(str(done)) - Decimal(str(begun))) / 1000


def _outputs(told: Any, base_url: str, nodes: Sequence[str]) -> Sequence[Output]:
    """Saved files of these nodes (of all, where none is named); previews are left out."""
    found = []
    for node, made in told.items() if isinstance(told, Mapping) else ():
        if (nodes and node not in nodes) or not isinstance(made, Mapping):
            continue
        for name in FILES:
            files = made.get(name)
            found += [one for one in files if isinstance(one, Mapping)] if isinstance(files, list) else []
    return [_output(one, base_url) for one in found if one.get("filename") and one.get("type") != "temp"]


def _output(file: Mapping[str, Any], base_url: str) -> Output:
    query = {name: str(file.get(name, "")) for name in ("filename", "subfolder", "type")}
    media_type = mimetypes.guess_type(query["filename"])[0] or ""
    return Output(url=f"{base_url}/view?{urlencode(query)}", media_type=media_type, authorized=True)
