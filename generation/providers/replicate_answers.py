"""Replicate's answers in our words. A prediction that was moderated says so in its text alone."""

from __future__ import annotations

import datetime
import mimetypes
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import httpx

from generation.providers import answers
from generation.providers.protocol import ErrorClass, JobState, Output, ProviderError, Status

WHO = "Replicate"
STATES = {
    "starting": JobState.QUEUED,
    "processing": JobState.RUNNING,
    "succeeded": JobState.SUCCEEDED,
    "failed": JobState.FAILED,
    "canceled": JobState.CANCELLED,
    "aborted": JobState.CANCELLED,  # its deadline passed before it started
}
MODERATED = re.compile(
    "flagged as sensitive|nsfw content|content moderation|prohibited|safety|\\(E005\\)", re.IGNORECASE
)
PASSING = re.compile("\\(E1001\\)|out of memory|interrupted|please retry", re.IGNORECASE)
WAIT = re.compile(r"resets in ~?([0-9.]+)\s*s")


def error(response: httpx.Response) -> ProviderError:
    """A refused request: problem JSON with a title and words."""
    told = answers.read_object(response)
    words = str(told.get("detail") or told.get("title") or "no explanation")[: answers.LONGEST_DETAIL]
    wait = answers.retry_after(response)
    if wait is None and (found := WAIT.search(words)):
        wait = float(found[1])
    return ProviderError(
        answers.class_of(response.status_code),
        f"{WHO} answered {response.status_code}: {words}",
        retry_after_seconds=wait,
    )


def status(told: Mapping[str, Any], *, bills: str = "") -> Status:
    """A prediction as a poll tells it; `bills` says what is counted of it: outputs, or machine seconds.

    Raises ProviderError for a state that nobody knows: it is never taken for a success.
    """
    state = STATES.get(str(told.get("status")))
    if state is None:
        raise ProviderError(
            ErrorClass.UNAVAILABLE, f"{WHO} names a state that is unknown: {told['status']!r}"
        )
    if state in (JobState.QUEUED, JobState.RUNNING):
        return Status(state)
    ended_at = _instant(told.get("completed_at"))
    if state is JobState.CANCELLED:
        charged = told.get("status") == "canceled" and bool(told.get("started_at"))
        words = ProviderError(ErrorClass.UNKNOWN, "the prediction was cancelled", charged=charged)
        return Status(state, error=words, ended_at=ended_at)
    if state is JobState.FAILED:
        return _failed(str(told.get("error") or "no explanation"), ended_at)
    outputs = _outputs(told.get("output"))
    units = _units(told, outputs, bills)
    if not outputs:
        gone = "its result was deleted" if told.get("data_removed") else "it names no result"
        words = ProviderError(
            ErrorClass.MALFORMED_OUTPUT, f"{WHO} reports success, and {gone}.", charged=True
        )
        return Status(JobState.FAILED, error=words, billed_units=units, ended_at=ended_at)
    asked = told.get("input")
    seed = asked.get("seed") if isinstance(asked, Mapping) else None
    seed = seed if isinstance(seed, int) and not isinstance(seed, bool) else None
    return Status(state, outputs=outputs, billed_units=units, seed=seed, ended_at=ended_at)


def _failed(words: str, ended_at: datetime.datetime | None) -> Status:
    """What a failed run costs is not stated: `charged` says that nobody said."""
    blocked = bool(MODERATED.search(words))
    error_class = ErrorClass.MODERATED if blocked else ErrorClass.UNAVAILABLE
    if not blocked and not PASSING.search(words) and re.search("invalid|must be|required", words, re.I):
        error_class = ErrorClass.BAD_REQUEST
    detail = f"{WHO}: {words[: answers.LONGEST_DETAIL]}"
    state = JobState.BLOCKED if blocked else JobState.FAILED
    return Status(state, error=ProviderError(error_class, detail), ended_at=ended_at)


def _outputs(output: Any) -> tuple[Output, ...]:
    """Addresses in any of the shapes that models answer with; strings that are none are one text."""
    found = list(_strings(output))
    addresses = [one for one in found if one.startswith(("https://", "http://"))]
    if addresses:
        return tuple(Output(url=one, media_type=_type(one)) for one in addresses)
    text = "".join(found)
    return (Output(text=text),) if text else ()


def _strings(output: Any) -> Sequence[str]:
    if isinstance(output, str):
        return [output]
    if isinstance(output, Mapping):
        output = list(output.values())
    return [text for one in output for text in _strings(one)] if isinstance(output, list) else []


def _type(address: str) -> str:
    return mimetypes.guess_type(httpx.URL(address).path)[0] or ""


def _units(told: Mapping[str, Any], outputs: Sequence[Output], bills: str) -> Decimal | None:
    if bills == "outputs":
        return Decimal(len(outputs)) if outputs else None
    metrics = told.get("metrics")
    seconds = metrics.get("predict_time") if bills == "seconds" and isinstance(metrics, Mapping) else None
    return Decimal(str(seconds)) if isinstance(seconds, int | float) else None


def _instant(text: Any) -> datetime.datetime | None:
    try:
        found = datetime.datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None
