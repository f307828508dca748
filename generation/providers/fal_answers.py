"""fal's answers in our words: successes of each shape, and failures in our classes.

Errors come in two shapes; both are read, and neither is trusted to be JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import httpx

from generation.providers import answers
from generation.providers.protocol import ErrorClass, JobState, Output, ProviderError, Status

CLASS_BY_TYPE = {
    "content_policy_violation": ErrorClass.MODERATED,
    "downstream_service_error": ErrorClass.UNAVAILABLE,
    "generation_timeout": ErrorClass.TIMEOUT,
    "request_timeout": ErrorClass.TIMEOUT,
    "startup_timeout": ErrorClass.TIMEOUT,
    "concurrent_requests_limit": ErrorClass.RATE_LIMITED,
    "client_disconnected": ErrorClass.UNKNOWN,
    "client_cancelled": ErrorClass.UNKNOWN,
}
LOCKED_WORDS = ("balance", "credit", "locked")
"""In the text of a 403: the account is out of money. Its exact code is not documented."""

MEDIA = ("images", "image", "videos", "video", "audio")


def billable_units(response: httpx.Response) -> Decimal | None:
    """What fal bills for this request, in the model's unit; None where it does not say."""
    try:
        units = Decimal(response.headers["x-fal-billable-units"])
    except (KeyError, InvalidOperation):
        return None
    return units if units.is_finite() and units >= 0 else None


def types_and_text(body: Any) -> tuple[list[str], str]:
    """The error types named by a body of either shape, and its words for a person."""
    detail = body.get("detail") if isinstance(body, Mapping) else None
    if isinstance(detail, list):
        entries = [entry for entry in detail if isinstance(entry, Mapping)]
        text = "; ".join(f"{_place(entry)}{entry.get('msg', '')}" for entry in entries)
        return [str(entry.get("type", "")) for entry in entries], text[: answers.LONGEST_DETAIL]
    kind = str(body.get("error_type", "")) if isinstance(body, Mapping) else ""
    return [kind], (detail or "")[: answers.LONGEST_DETAIL] if isinstance(detail, str) else ""


def _place(entry: Mapping[str, Any]) -> str:
    loc = entry.get("loc")
    return f"{loc[-1]}: " if isinstance(loc, list) and loc else ""


def from_body(status: int, body: Any, *, units: Decimal | None = None) -> ProviderError:
    """A failed job or refused request, classed by its error type and else by its status."""
    types, text = types_and_text(body)
    named = [CLASS_BY_TYPE[kind] for kind in types if kind in CLASS_BY_TYPE]
    error_class = named[0] if named else _by_status(status, text)
    charged = bool(units) if units is not None else (False if status >= 500 else None)
    words = text or next((kind for kind in types if kind), "no explanation")
    return ProviderError(error_class, f"fal answered {status}: {words}", charged=charged)


def _by_status(status: int, text: str) -> ErrorClass:
    if status == 403 and any(word in text.lower() for word in LOCKED_WORDS):
        return ErrorClass.INSUFFICIENT_CREDIT
    return answers.class_of(status)


def from_response(response: httpx.Response) -> ProviderError:
    """`from_body` for an answer over HTTP, with what its headers add."""
    error = from_body(response.status_code, answers.read_json(response), units=billable_units(response))
    error.retry_after_seconds = answers.retry_after(response)
    return error


def came_from_fal(response: httpx.Response) -> bool:
    """False when only the ingress answered: fal's own servers always name the request."""
    return bool(response.headers.get("x-fal-request-id"))


def failed(error: ProviderError, units: Decimal | None) -> Status:
    blocked = error.error_class is ErrorClass.MODERATED
    return Status(JobState.BLOCKED if blocked else JobState.FAILED, error=error, billed_units=units)


def delivered(body: Any, units: Decimal | None) -> Status:
    """A success as fal calls it: media, a black picture with a flag, or nothing at all.

    fal charges it whatever it is worth, unless it bills no units for it.
    """
    outputs = _outputs(body)
    flags = body.get("has_nsfw_concepts") if isinstance(body, Mapping) else None
    flags = flags if isinstance(flags, list) else []
    kept = tuple(one for number, one in enumerate(outputs) if not any(flags[number : number + 1]))
    if outputs and not kept:
        words = "fal's safety checker blackened the picture."
        return failed(ProviderError(ErrorClass.MODERATED, words, charged=True), units)
    if not kept:
        words = "fal reports success and names no picture or video."
        charged = units is None or bool(units)
        return failed(ProviderError(ErrorClass.MALFORMED_OUTPUT, words, charged=charged), units)
    seed = body.get("seed")
    seed = seed if isinstance(seed, int) and not isinstance(seed, bool) else None
    return Status(JobState.SUCCEEDED, outputs=kept, billed_units=units, seed=seed)


def _outputs(body: Any) -> Sequence[Output]:
    if not isinstance(body, Mapping):
        return ()
    found: list[Any] = []
    for name in MEDIA:
        value = body.get(name)
        found += value if isinstance(value, list) else [value]
    return [
        Output(url=one["url"], media_type=str(one.get("content_type") or ""))
        for one in found
        if isinstance(one, Mapping) and isinstance(one.get("url"), str) and one["url"]
    ]


def webhook_status(told: Mapping[str, Any]) -> Status | None:
    payload = told.get("payload")
    if told.get("status") == "OK":
        return delivered(payload, None) if isinstance(payload, Mapping) else None
    code = str(told.get("error") or "").rpartition(":")[2].strip()
    if not code.isdigit() or not isinstance(payload, Mapping):
        return None
    if code == "499":
        return Status(JobState.CANCELLED)
    return failed(from_body(int(code), payload), None)
