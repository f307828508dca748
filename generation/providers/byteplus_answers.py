"""ModelArk's answers in our words: tasks that make films, and pictures that come with the answer.

Films are billed by the tokens of their pixels: seconds × width × height × frames a second ÷ 1024. Price rows
count seconds of 16:9, and so many of these the tokens make that a task reports.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import httpx

from generation.providers import answers
from generation.providers.protocol import ErrorClass, JobState, Output, ProviderError, Status

WHO = "ModelArk"
STATES = {
    "queued": JobState.QUEUED,
    "running": JobState.RUNNING,
    "succeeded": JobState.SUCCEEDED,
    "failed": JobState.FAILED,
    "expired": JobState.FAILED,
    "cancelled": JobState.CANCELLED,
}
FRAMES_A_SECOND = 24
TOKENS_A_SECOND = {
    name: Decimal(width * height * FRAMES_A_SECOND) / 1024
    for name, (width, height) in {
        "480p": (854, 480),
        "720p": (1280, 720),
        "1080p": (1920, 1080),
        "4k": (3840, 2160),
    }.items()
}
"""Of a picture of 16:9, as the price rows are worked out."""

MODERATED = re.compile("sensitive|risk|policy|moderat", re.IGNORECASE)
IN_ARREARS = re.compile("overdue|balance|arrear|insufficient", re.IGNORECASE)
WRONG = re.compile("^invalid|missingparameter", re.IGNORECASE)
MEDIA_TYPES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PN": "image/png", b"RIF": "image/webp"}


def code_and_words(told: Mapping[str, Any]) -> tuple[str, str]:
    named = told.get("error")
    if not isinstance(named, Mapping):
        return "", "no explanation"
    words = str(named.get("message") or "no explanation")[: answers.LONGEST_DETAIL]
    return str(named.get("code") or ""), words


def error(response: httpx.Response) -> ProviderError:
    """A refused request: by its code where that says more than the status does."""
    status, (code, words) = response.status_code, code_and_words(answers.read_object(response))
    error_class = ErrorClass.UNAVAILABLE if status < 300 else answers.class_of(status)
    if status in (400, 403) and MODERATED.search(code):
        error_class = ErrorClass.MODERATED
    elif status in (400, 403) and IN_ARREARS.search(code):
        error_class = ErrorClass.INSUFFICIENT_CREDIT
    named = f"{status} {code}".strip()
    return ProviderError(
        error_class,
        f"{WHO} answered {named}: {words}",
        retry_after_seconds=answers.retry_after(response),
    )


# -- films ----------------------------------------------------------------------------------------


def status(told: Mapping[str, Any], *, factor: int = 1) -> Status:
    """A task as a query tells it; raises ProviderError for a state that nobody knows.

    `factor` is how many times the price of silence the task's sound costs.
    """
    state = STATES.get(str(told.get("status")))
    if state is None:
        named = told.get("status")
        raise ProviderError(ErrorClass.UNAVAILABLE, f"{WHO} names a state that is unknown: {named!r}")
    if state in (JobState.QUEUED, JobState.RUNNING):
        return Status(state)
    ended_at = _instant(told.get("updated_at"))
    if state is JobState.CANCELLED:
        stopped = ProviderError(ErrorClass.UNKNOWN, "the task was cancelled before it began", charged=False)
        return Status(state, error=stopped, ended_at=ended_at)
    units = _seconds(told, factor)
    if state is JobState.FAILED:
        found = _failed(told, None if units is None else units > 0)
        blocked = found.error_class is ErrorClass.MODERATED
        end = JobState.BLOCKED if blocked else state
        return Status(end, error=found, billed_units=units, ended_at=ended_at)
    outputs = _films(told.get("content"))
    if not outputs:
        words = f"{WHO} reports success and names no film."
        found = ProviderError(ErrorClass.MALFORMED_OUTPUT, words, charged=units is None or units > 0)
        return Status(JobState.FAILED, error=found, billed_units=units, ended_at=ended_at)
    return Status(
        state, outputs=outputs, billed_units=units, seed=_whole(told.get("seed")), ended_at=ended_at
    )


def _failed(told: Mapping[str, Any], charged: bool | None) -> ProviderError:
    """Whether a failed task is charged is not stated; tokens in its usage say that it was."""
    code, words = code_and_words(told)
    if told.get("status") == "expired":
        error_class = ErrorClass.TIMEOUT
    elif MODERATED.search(code):
        error_class = ErrorClass.MODERATED
    else:
        error_class = ErrorClass.BAD_REQUEST if WRONG.search(code) else ErrorClass.UNAVAILABLE
    return ProviderError(error_class, f"{WHO}: {code or told.get('status')}: {words}", charged=charged)


def _films(content: Any) -> tuple[Output, ...]:
    """The film, and its last frame where that was asked for."""
    named = content if isinstance(content, Mapping) else {}
    film, frame = named.get("video_url"), named.get("last_frame_url")
    if not isinstance(film, str) or not film:
        return ()
    last = (Output(url=frame, media_type="image/png"),) if isinstance(frame, str) and frame else ()
    return (Output(url=film, media_type="video/mp4"), *last)


def _seconds(told: Mapping[str, Any], factor: int) -> Decimal | None:
    usage, each = told.get("usage"), TOKENS_A_SECOND.get(str(told.get("resolution")))
    tokens = _whole(usage.get("completion_tokens")) if isinstance(usage, Mapping) else None
    if tokens is None or tokens < 0 or each is None:
        return None
    return (tokens * factor / each).quantize(Decimal("0.000001"))


# -- pictures -------------------------------------------------------------------------------------


def pictures(told: Mapping[str, Any]) -> Status | None:
    """The end of a call for pictures; None where nothing of it can be read. Only successes are billed."""
    data, usage = told.get("data"), told.get("usage")
    if not isinstance(data, list) or not all(isinstance(one, Mapping) for one in data):
        return None
    counted = _whole(usage.get("generated_images")) if isinstance(usage, Mapping) else None
    units = None if counted is None else Decimal(counted)
    outputs = tuple(found for one in data if (found := _picture(one)) is not None)
    if outputs:
        return Status(JobState.SUCCEEDED, outputs=outputs, billed_units=units)
    refused = next((one for one in data if isinstance(one.get("error"), Mapping)), None)
    if refused is None:
        words = f"{WHO} reports success and names no picture."
        lost = ProviderError(ErrorClass.MALFORMED_OUTPUT, words, charged=units is None or units > 0)
        return Status(JobState.FAILED, error=lost, billed_units=units)
    failed = _failed(refused, bool(units))
    blocked = failed.error_class is ErrorClass.MODERATED
    return Status(JobState.BLOCKED if blocked else JobState.FAILED, error=failed, billed_units=units)


def _picture(one: Mapping[str, Any]) -> Output | None:
    url, text = one.get("url"), one.get("b64_json")
    if isinstance(url, str) and url:
        kind = "image/png" if httpx.URL(url).path.endswith(".png") else "image/jpeg"
        return Output(url=url, media_type=kind)
    try:
        data = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except binascii.Error:
        return None
    return Output(data=data, media_type=MEDIA_TYPES.get(data[:3], "")) if data else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _instant(seconds: Any) -> datetime.datetime | None:
    found = _whole(seconds)
    return None if found is None else datetime.datetime.fromtimestamp(found, datetime.UTC)
