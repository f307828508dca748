"""Luma's answers in our words: generations in each state, failures by their codes, errors of any shape.

Luma names no sums, and says nowhere whether a generation that failed is charged.
"""

from __future__ import annotations

import mimetypes
import time
from collections.abc import Mapping
from typing import Any

import httpx

from generation.providers import answers
from generation.providers.protocol import ErrorClass, JobState, Output, ProviderError, Status

WHO = "Luma"
STATES = {
    "queued": JobState.QUEUED,
    "processing": JobState.RUNNING,
    "completed": JobState.SUCCEEDED,
    "failed": JobState.FAILED,
}
A_DATE = 1_000_000_000  # a limit's reset that is larger is an instant, any other is in so many seconds


def error(response: httpx.Response, *, failures: Mapping[str, str]) -> ProviderError:
    """A refused request. How its body looks is not documented: a code and words are looked for."""
    told = answers.read_object(response)
    code, words = _code_and_words(told)
    named = failures.get(code) or ("moderated" if "moderat" in words.lower() else "")
    status = response.status_code
    return ProviderError(
        ErrorClass(named) if named and status in (400, 403, 422) else answers.class_of(status),
        f"{WHO} answered {status}: {words or code or 'no explanation'}"[: answers.LONGEST_DETAIL],
        retry_after_seconds=_wait(response) if status == 429 else answers.retry_after(response),
    )


def _code_and_words(told: Mapping[str, Any]) -> tuple[str, str]:
    """Both out of `{detail}`, `{error}`, `{message}` or an object within one of them."""
    for name in ("error", "detail", "message"):
        found = told.get(name)
        if isinstance(found, Mapping):
            return _code_and_words({**told, name: None, **found})
        if isinstance(found, list):
            entries = [one for one in found if isinstance(one, Mapping)]
            return "", "; ".join(f"{one.get('loc', '')} {one.get('msg', '')}".strip() for one in entries)
        if isinstance(found, str) and found:
            return str(told.get("failure_code") or told.get("code") or ""), found
    return str(told.get("failure_code") or told.get("code") or ""), ""


def _wait(response: httpx.Response) -> float | None:
    named = answers.retry_after(response)
    if named is not None:
        return named
    reset = answers.header_number(response, "x-ratelimit-reset")
    if reset is None:
        return None
    return max(0.0, reset - time.time() if reset > A_DATE else reset)


def status(told: Mapping[str, Any], *, failures: Mapping[str, str]) -> Status:
    """A generation as a poll tells it; raises ProviderError for a state that nobody knows."""
    state = STATES.get(str(told.get("state")))
    if state is None:
        raise ProviderError(
            ErrorClass.UNAVAILABLE, f"{WHO} names a state that is unknown: {told.get('state')!r}"
        )
    if state in (JobState.QUEUED, JobState.RUNNING):
        return Status(state)
    return _delivered(told) if state is JobState.SUCCEEDED else _failed(told, failures)


def _delivered(told: Mapping[str, Any]) -> Status:
    found = told.get("output")
    outputs = tuple(
        Output(url=one["url"], media_type=mimetypes.guess_type(httpx.URL(one["url"]).path)[0] or "")
        for one in (found if isinstance(found, list) else [])
        if isinstance(one, Mapping) and isinstance(one.get("url"), str) and one["url"]
    )
    if outputs:
        return Status(JobState.SUCCEEDED, outputs=outputs)
    words = f"{WHO} reports success and names no picture or video."
    return Status(JobState.FAILED, error=ProviderError(ErrorClass.MALFORMED_OUTPUT, words, charged=True))


def _failed(told: Mapping[str, Any], failures: Mapping[str, str]) -> Status:
    code, reason = str(told.get("failure_code") or ""), str(told.get("failure_reason") or "")
    named = failures.get(code) or ("moderated" if "moderat" in reason.lower() else "unknown")
    error_class = ErrorClass(named)
    words = f"{WHO} failed ({code or 'no code'}): {reason or 'no explanation'}"
    return Status(
        JobState.BLOCKED if error_class is ErrorClass.MODERATED else JobState.FAILED,
        error=ProviderError(error_class, words[: answers.LONGEST_DETAIL]),
    )
