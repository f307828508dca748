"""MiniMax's answers in our words: tasks of the newer version, and of the older one with its codes.

The older version answers 200 to everything and says in `base_resp` what it was. What a task of the newer one
cost are the seconds of its `usage`; the older one says nothing of money.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import httpx

from generation.providers import answers
from generation.providers.protocol import ErrorClass, JobState, Output, ProviderError, Status

WHO = "MiniMax"
STATES = {
    "queued": JobState.QUEUED,
    "running": JobState.RUNNING,
    "succeeded": JobState.SUCCEEDED,
    "failed": JobState.FAILED,
    "expired": JobState.FAILED,
    "cancelled": JobState.CANCELLED,
    "Preparing": JobState.QUEUED,
    "Queueing": JobState.QUEUED,
    "Processing": JobState.RUNNING,
    "Success": JobState.SUCCEEDED,
    "Fail": JobState.FAILED,
}
CLASS_BY_CODE = {
    1001: ErrorClass.TIMEOUT,
    1002: ErrorClass.RATE_LIMITED,
    1004: ErrorClass.AUTH,
    1008: ErrorClass.INSUFFICIENT_CREDIT,
    1026: ErrorClass.MODERATED,  # what went in
    1027: ErrorClass.MODERATED,  # what came out
    2013: ErrorClass.BAD_REQUEST,
    2049: ErrorClass.AUTH,
    2056: ErrorClass.RATE_LIMITED,
}
SURE_CODES = frozenset(CLASS_BY_CODE) - {1001}
"""Codes after which surely nothing was begun; any other of a submit is in doubt."""

MODERATED = re.compile("sensitive|moderat|polic|prohibit", re.IGNORECASE)
WRONG = re.compile("invalid|unsupported|too (large|small|long|short)|format|must be", re.IGNORECASE)


def code_of(told: Mapping[str, Any]) -> int:
    """The older version's code; 0 for a success, and where there is none."""
    base = told.get("base_resp")
    code = base.get("status_code") if isinstance(base, Mapping) else 0
    return code if isinstance(code, int) and not isinstance(code, bool) else 0


def error(response: httpx.Response) -> ProviderError:
    """An answer that is no success: by the older version's code, by its words, else by its status."""
    told, status = answers.read_object(response), response.status_code
    code, words = code_of(told), _words(told)
    if code:
        error_class = CLASS_BY_CODE.get(code, ErrorClass.UNKNOWN)
    elif status in (400, 403, 422) and MODERATED.search(words):
        error_class = ErrorClass.MODERATED
    else:
        error_class = ErrorClass.UNAVAILABLE if status < 300 else answers.class_of(status)
    return ProviderError(
        error_class,
        f"{WHO} answered {code or status}: {words}",
        retry_after_seconds=answers.retry_after(response),
    )


def _words(told: Mapping[str, Any]) -> str:
    base, newer = told.get("base_resp"), told.get("error")
    found = base.get("status_msg") if isinstance(base, Mapping) else None
    found = newer.get("message") if isinstance(newer, Mapping) else found
    return str(found or "no explanation")[: answers.LONGEST_DETAIL]


def refused(response: httpx.Response) -> ProviderError:
    """A submit that was not a success, and whether a task may have come of it."""
    code = code_of(answers.read_object(response))
    if response.status_code < 300 and not code:
        return answers.unreadable(WHO)
    found = answers.refused(error(response), response)
    if code and code not in SURE_CODES:
        found.ambiguous, found.charged = True, None
    return found


def task(response: httpx.Response) -> Mapping[str, Any]:
    """The task in an answer to a query; raises ProviderError where only the asking failed."""
    told = answers.read_object(response)
    inner = told.get("task")
    found: Mapping[str, Any] = inner if isinstance(inner, Mapping) else told
    if response.status_code >= 300 or not isinstance(found.get("status"), str):
        raise error(response)
    return found


def status(told: Mapping[str, Any]) -> Status:
    """A task as a query tells it; raises ProviderError for a state that nobody knows."""
    state = STATES.get(str(told.get("status")))
    if state is None:
        raise ProviderError(
            ErrorClass.UNAVAILABLE, f"{WHO} names a state that is unknown: {told['status']!r}"
        )
    if state in (JobState.QUEUED, JobState.RUNNING):
        return Status(state)
    units, ended_at = _seconds(told.get("usage")), _instant(told.get("updated_at"))
    if state is JobState.CANCELLED:
        words = ProviderError(ErrorClass.UNKNOWN, "the task was cancelled before it began", charged=False)
        return Status(state, error=words, ended_at=ended_at)
    charged = None if units is None else units > 0
    if state is JobState.FAILED:
        found = _failed(told, charged)
        blocked = found.error_class is ErrorClass.MODERATED
        state = JobState.BLOCKED if blocked else state
        return Status(state, error=found, billed_units=units, ended_at=ended_at)
    content = told.get("content")
    url = content.get("url") if isinstance(content, Mapping) else None
    if not isinstance(url, str) or not url:
        return without_result(units=units, ended_at=ended_at)
    output = Output(url=url, media_type="video/mp4")
    return Status(state, outputs=(output,), billed_units=units, ended_at=ended_at)


def without_result(*, units: Decimal | None = None, ended_at: datetime.datetime | None = None) -> Status:
    words = f"{WHO} reports success and names no result."
    found = ProviderError(ErrorClass.MALFORMED_OUTPUT, words, charged=units is None or units > 0)
    return Status(JobState.FAILED, error=found, billed_units=units, ended_at=ended_at)


def _failed(told: Mapping[str, Any], charged: bool | None) -> ProviderError:
    """Whether a failed task is charged is not stated; seconds in its usage say that it was."""
    if told.get("status") == "expired":
        return ProviderError(
            ErrorClass.TIMEOUT, f"{WHO}: the task expired before it was made.", charged=charged
        )
    named, words = told.get("error"), _words(told)
    code = str(named.get("code", "")) if isinstance(named, Mapping) else str(code_of(told))
    known = CLASS_BY_CODE.get(int(code)) if code.isdigit() else None
    if known is None:
        by_words = ErrorClass.BAD_REQUEST if WRONG.search(words) else ErrorClass.UNAVAILABLE
        known = ErrorClass.MODERATED if MODERATED.search(f"{code} {words}") else by_words
    return ProviderError(known, f"{WHO}: {words}", charged=charged)


def _seconds(usage: Any) -> Decimal | None:
    found = usage.get("total_seconds", usage.get("output_seconds")) if isinstance(usage, Mapping) else None
    if isinstance(found, bool) or not isinstance(found, int | float) or found < 0:
        return None
    return Decimal(str(found))


def _instant(seconds: Any) -> datetime.datetime | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
