"""Google's answers in our words: operations of Veo, contents of Gemini, and errors of both.

A refusal is a success over HTTP: an operation without samples, or contents that end without a picture.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import httpx

from generation.providers import answers
from generation.providers.protocol import ErrorClass, JobState, Output, ProviderError, Status

WHO = "Google"
CLASS_BY_STATUS = {
    "INVALID_ARGUMENT": ErrorClass.BAD_REQUEST,
    "FAILED_PRECONDITION": ErrorClass.AUTH,  # of the project: its country, or billing that is not switched on
    "OUT_OF_RANGE": ErrorClass.BAD_REQUEST,
    "UNAUTHENTICATED": ErrorClass.AUTH,
    "PERMISSION_DENIED": ErrorClass.AUTH,
    "NOT_FOUND": ErrorClass.RETIRED,
    "RESOURCE_EXHAUSTED": ErrorClass.RATE_LIMITED,
    "DEADLINE_EXCEEDED": ErrorClass.TIMEOUT,
    "INTERNAL": ErrorClass.UNAVAILABLE,
    "UNAVAILABLE": ErrorClass.UNAVAILABLE,
}
NAME_BY_CODE = {  # of an operation's error, which may say its code alone
    3: "INVALID_ARGUMENT",
    4: "DEADLINE_EXCEEDED",
    5: "NOT_FOUND",
    7: "PERMISSION_DENIED",
    8: "RESOURCE_EXHAUSTED",
    9: "FAILED_PRECONDITION",
    11: "OUT_OF_RANGE",
    13: "INTERNAL",
    14: "UNAVAILABLE",
    16: "UNAUTHENTICATED",
}
WRONG_KEY = "API_KEY_INVALID"
MODERATED = re.compile(
    "usage guidelines|responsible ai|safety (?:filter|polic)|prohibited content|sensitive words",
    re.IGNORECASE,
)


def error(response: httpx.Response) -> ProviderError:
    """A refused request, with the wait that its header or its details name."""
    told = answers.read_json(response)
    told = told[0] if isinstance(told, list) and told else told  # some paths wrap it in a list
    named = told.get("error") if isinstance(told, Mapping) else None
    named = named if isinstance(named, Mapping) else {}
    wait = answers.retry_after(response)
    found = _classed(named, f"{WHO} answered {response.status_code}", answers.class_of(response.status_code))
    found.retry_after_seconds = _delay(named) if wait is None else wait
    return found


def _classed(told: Mapping[str, Any], who: str, otherwise: ErrorClass) -> ProviderError:
    words = str(told.get("message") or "no explanation")[: answers.LONGEST_DETAIL]
    code = told.get("code")
    status = str(told.get("status") or NAME_BY_CODE.get(code if isinstance(code, int) else 0, ""))
    error_class = CLASS_BY_STATUS.get(status, otherwise)
    if any(one.get("reason") == WRONG_KEY for one in _details(told)):
        error_class = ErrorClass.AUTH
    elif error_class is ErrorClass.BAD_REQUEST and MODERATED.search(words):
        error_class = ErrorClass.MODERATED
    return ProviderError(error_class, f"{who}: {words}")


def _details(told: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found = told.get("details")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _delay(told: Mapping[str, Any]) -> float | None:
    """Seconds from a detail such as `{"retryDelay": "7s"}`."""
    for one in _details(told):
        if found := re.fullmatch(r"([0-9.]+)s", str(one.get("retryDelay", ""))):
            return float(found[1])
    return None


def failed(error_class: ErrorClass, words: str, *, charged: bool | None) -> Status:
    state = JobState.BLOCKED if error_class is ErrorClass.MODERATED else JobState.FAILED
    detail = f"{WHO}: {words[: answers.LONGEST_DETAIL]}"
    return Status(state, error=ProviderError(error_class, detail, charged=charged))


# -- Veo ------------------------------------------------------------------------------------------


def operation(told: Mapping[str, Any], *, seconds: Any = None) -> Status:
    """An operation as a poll tells it: `seconds` is what was asked for and is billed.

    A film that was blocked is free; of other failures the price is not stated.
    """
    if told.get("done") is not True:
        if "error" in told or "response" in told:
            raise ProviderError(ErrorClass.UNAVAILABLE, f"{WHO}'s operation cannot be read.")
        return Status(JobState.RUNNING)
    named = told.get("error")
    if isinstance(named, Mapping):
        error = _classed(named, WHO, ErrorClass.UNAVAILABLE)
        blocked = error.error_class is ErrorClass.MODERATED
        error.charged = False if blocked else None
        return Status(JobState.BLOCKED if blocked else JobState.FAILED, error=error)
    response = told.get("response")
    made = response.get("generateVideoResponse") if isinstance(response, Mapping) else None
    made = made if isinstance(made, Mapping) else {}
    outputs = _films(made)
    if outputs:
        units = Decimal(str(seconds)) * len(outputs) if seconds else None
        return Status(JobState.SUCCEEDED, outputs=outputs, billed_units=units)
    if made.get("raiMediaFilteredCount"):
        reasons = made.get("raiMediaFilteredReasons")
        words = "; ".join(map(str, reasons)) if isinstance(reasons, list) else ""
        return failed(ErrorClass.MODERATED, words or "the film was filtered", charged=False)
    return failed(ErrorClass.MALFORMED_OUTPUT, "it reports success, and names no film.", charged=None)


def _films(made: Mapping[str, Any]) -> tuple[Output, ...]:
    samples = made.get("generatedSamples")
    videos = (
        [one.get("video") for one in samples if isinstance(one, Mapping)] if isinstance(samples, list) else []
    )
    return tuple(
        Output(url=video["uri"], media_type="video/mp4", authorized=True)
        for video in videos
        if isinstance(video, Mapping) and isinstance(video.get("uri"), str)
    )


# -- Gemini ---------------------------------------------------------------------------------------


def content(told: Mapping[str, Any], *, ends: Mapping[str, str], bills: str) -> Status:
    """What a call for a picture came to; `ends` says what each reason to finish stands for.

    What a call without a picture costs is not stated, so it is left open; its tokens are named.
    """
    feedback = told.get("promptFeedback")
    if isinstance(feedback, Mapping) and feedback.get("blockReason"):
        words = feedback.get("blockReasonMessage") or f"the prompt was blocked ({feedback['blockReason']})"
        return failed(ErrorClass.MODERATED, str(words), charged=None)
    candidates = told.get("candidates")
    first = candidates[0] if isinstance(candidates, list) and candidates else {}
    candidate: Mapping[str, Any] = first if isinstance(first, Mapping) else {}
    reason = str(candidate.get("finishReason") or "STOP")
    end = ends.get(reason)
    parts = _parts(candidate)
    pictures = _pictures(parts)
    if end == "stopped" and pictures:
        units = _tokens(told) if bills == "tokens" else Decimal(len(pictures))
        return Status(JobState.SUCCEEDED, outputs=pictures, billed_units=units)
    said = str(candidate.get("finishMessage") or " ".join(_texts(parts)))
    if end == "blocked":
        return failed(ErrorClass.MODERATED, f"{reason}: {said}", charged=None)
    words = f"no picture came: {said or 'it said nothing'}" if end == "stopped" else f"{reason}: {said}"
    return failed(ErrorClass.MALFORMED_OUTPUT, words, charged=None)


def _parts(candidate: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The parts of the answer itself, without those in which the model thinks."""
    content = candidate.get("content")
    found = content.get("parts") if isinstance(content, Mapping) else None
    parts = found if isinstance(found, list) else []
    return [one for one in parts if isinstance(one, Mapping) and not one.get("thought")]


def _texts(parts: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    return [one["text"] for one in parts if isinstance(one.get("text"), str)]


def _pictures(parts: Sequence[Mapping[str, Any]]) -> tuple[Output, ...]:
    found = []
    for part in parts:
        inline = part.get("inlineData")
        if not isinstance(inline, Mapping):
            continue
        try:
            data = base64.b64decode(str(inline.get("data", "")), validate=True)
        except binascii.Error:
            continue
        if data:
            found.append(Output(data=data, media_type=str(inline.get("mimeType", ""))))
    return tuple(found)


def _tokens(told: Mapping[str, Any]) -> Decimal | None:
    """The tokens of the picture, which is what a model that is billed by tokens counts."""
    usage = told.get("usageMetadata")
    details = usage.get("candidatesTokensDetails") if isinstance(usage, Mapping) else None
    counts = [
        one["tokenCount"]
        for one in (details if isinstance(details, list) else [])
        if isinstance(one, Mapping)
        and one.get("modality") == "IMAGE"
        and isinstance(one.get("tokenCount"), int)
    ]
    return Decimal(sum(counts)) if counts else None
