"""Runway's answers in our words: tasks in each state, and failures by their codes.

A finished task says what it cost, failures included: that word counts, wherever Runway's pages on refunds
disagree. One credit is one cent of a dollar.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import httpx

from generation.providers import answers
from generation.providers.protocol import ErrorClass, JobState, Output, ProviderError, Status

WHO = "Runway"
CREDIT, CURRENCY = Decimal("0.01"), "USD"
STATES = {
    "PENDING": JobState.QUEUED,
    "THROTTLED": JobState.QUEUED,
    "RUNNING": JobState.RUNNING,
    "SUCCEEDED": JobState.SUCCEEDED,
    "FAILED": JobState.FAILED,
    "CANCELLED": JobState.CANCELLED,
    "CANCELED": JobState.CANCELLED,
}
DAILY_CAP_SECONDS = 900.0
"""A 429 means that the day's generations are used up: without a time of its own it waits this long."""


def error(response: httpx.Response) -> ProviderError:
    """A refused request: one text, and what was wrong with which parameter."""
    told = answers.read_object(response)
    listed = told.get("issues")
    issues = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    words = "; ".join([str(told.get("error") or "no explanation"), *map(_issue, issues)])
    status, wait = response.status_code, answers.retry_after(response)
    return ProviderError(
        _class_of(status, words, issues),
        f"{WHO} answered {status}: {words}"[: answers.LONGEST_DETAIL],
        retry_after_seconds=DAILY_CAP_SECONDS if status == 429 and wait is None else wait,
    )


def _issue(issue: Mapping[str, Any]) -> str:
    path = issue.get("path")
    place = ".".join(map(str, path)) if isinstance(path, list) else str(path or "")
    return f"{place}: {issue.get('message', '')}"


def _class_of(status: int, words: str, issues: list[Mapping[str, Any]]) -> ErrorClass:
    if status == 400 and any(one.get("path") == ["model"] for one in issues):
        return ErrorClass.RETIRED
    if status == 400 and "credits" in words.lower():  # how it says so is not documented
        return ErrorClass.INSUFFICIENT_CREDIT
    return answers.class_of(status)


def status(told: Mapping[str, Any], *, failures: Mapping[str, str], costly: list[str]) -> Status:
    """A task as a poll tells it; `failures` are classes by the beginning of a failure's code.

    Raises ProviderError for a state that nobody knows: it is never taken for a success.
    """
    state = STATES.get(str(told.get("status")))
    if state is None:
        raise ProviderError(
            ErrorClass.UNAVAILABLE, f"{WHO} names a state that is unknown: {told.get('status')!r}"
        )
    if state is JobState.QUEUED:
        return Status(state)
    if state is JobState.RUNNING:
        return Status(state, progress=_progress(told.get("progress")))
    charge = _credits(told.get("cost"))
    if state is JobState.SUCCEEDED:
        return _delivered(told, charge)
    if state is JobState.CANCELLED:
        return Status(state, charge=charge, charge_currency=CURRENCY if charge is not None else "")
    return failed(told, charge, failures, costly)


def _progress(value: Any) -> Decimal | None:
    """From 0 to 1; Runway has been seen to count to a hundred."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    share = Decimal(str(value))
    return min(max(share / 100 if share > 1 else share, Decimal(0)), Decimal(1))


def _credits(cost: Any) -> Decimal | None:
    """The sum in dollars; None where the task does not say."""
    value = cost.get("credits") if isinstance(cost, Mapping) else None
    known = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return Decimal(str(value)) * CREDIT if known else None


def _delivered(told: Mapping[str, Any], charge: Decimal | None) -> Status:
    currency = CURRENCY if charge is not None else ""
    found = told.get("output")
    outputs = tuple(
        Output(url=one, media_type=mimetypes.guess_type(httpx.URL(one).path)[0] or "")
        for one in (found if isinstance(found, list) else [])
        if isinstance(one, str) and one
    )
    if outputs:
        return Status(JobState.SUCCEEDED, outputs=outputs, charge=charge, charge_currency=currency)
    words = f"{WHO} reports success and names no picture or video."
    charged = bool(charge) if charge is not None else True
    spoilt = ProviderError(ErrorClass.MALFORMED_OUTPUT, words, charged=charged)
    return Status(JobState.FAILED, error=spoilt, charge=charge, charge_currency=currency)


def failed(
    told: Mapping[str, Any], charge: Decimal | None, failures: Mapping[str, str], costly: list[str]
) -> Status:
    """A failed task. Without a cost its code tells: what was asked against the rules is not given back."""
    code = str(told.get("failureCode") or "INTERNAL")
    named = [failures[beginning] for beginning in failures if code.startswith(beginning)]
    error_class = ErrorClass(named[0]) if named else ErrorClass.UNKNOWN
    charged = bool(charge) if charge is not None else any(code.startswith(one) for one in costly)
    words = f"{WHO} failed ({code}): {told.get('failure') or 'no explanation'}"
    problem = ProviderError(error_class, words[: answers.LONGEST_DETAIL], charged=charged)
    return Status(
        JobState.BLOCKED if error_class is ErrorClass.MODERATED else JobState.FAILED,
        error=problem,
        charge=charge,
        charge_currency=CURRENCY if charge is not None else "",
    )
