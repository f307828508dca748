"""BFL's answers in our words: results in each state, sums in credits of one cent, and errors.

The submit names the cost, a result may; whether a request that was moderated is charged is not documented, so
only a cost in its result says so.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import httpx

from generation.providers import answers
from generation.providers.protocol import ErrorClass, JobState, Output, ProviderError, Status

WHO = "BFL"
CREDIT, CURRENCY = Decimal("0.01"), "USD"


def error(response: httpx.Response) -> ProviderError:
    """A refused request; how long to wait stands in a header, or in the body."""
    told = answers.read_object(response)
    status, wait = response.status_code, answers.retry_after(response)
    named = told.get("retry_after")
    if wait is None and isinstance(named, int | float) and not isinstance(named, bool):
        wait = max(0.0, float(named))
    return ProviderError(
        answers.class_of(status),
        f"{WHO} answered {status}: {_words(told.get('detail'))}"[: answers.LONGEST_DETAIL],
        retry_after_seconds=wait,
    )


def _words(detail: Any) -> str:
    if isinstance(detail, list):
        entries = [one for one in detail if isinstance(one, Mapping)]
        return "; ".join(f"{_place(one)}{one.get('msg', '')}" for one in entries)
    return str(detail or "no explanation")


def _place(entry: Mapping[str, Any]) -> str:
    loc = entry.get("loc")
    return f"{loc[-1]}: " if isinstance(loc, list) and loc else ""


def credits(told: Mapping[str, Any]) -> float | None:
    """The cost that an answer names; None where it names none."""
    cost = told.get("cost")
    known = isinstance(cost, int | float) and not isinstance(cost, bool) and cost >= 0
    return cost if known else None


def status(told: Mapping[str, Any], *, states: Mapping[str, str], cost: float | None) -> Status:
    """A result as a poll tells it; `cost` is what the submit named, good for a success.

    Raises ProviderError for a state that nobody knows: it is never taken for a success.
    """
    name = str(told.get("status"))
    if name not in states:
        raise ProviderError(ErrorClass.UNAVAILABLE, f"{WHO} names a state that is unknown: {name!r}")
    state = JobState(states[name])
    if state is JobState.RUNNING:
        return Status(state, progress=_progress(told.get("progress")))
    if state is JobState.LOST:
        return Status(state)
    own = credits(told)
    if state is JobState.SUCCEEDED:
        return _delivered(told, own if own is not None else cost)
    error_class = ErrorClass.MODERATED if state is JobState.BLOCKED else ErrorClass.UNAVAILABLE
    details = told.get("details")
    words = f"{WHO}: {name} ({details})" if details else f"{WHO}: {name}"
    problem = ProviderError(
        error_class, words[: answers.LONGEST_DETAIL], charged=None if own is None else own > 0
    )
    return Status(state, error=problem, **_money(own))


def _money(cost: float | None) -> dict[str, Any]:
    if cost is None:
        return {}
    return {"charge": Decimal(str(cost)) * CREDIT, "charge_currency": CURRENCY}


def _progress(value: Any) -> Decimal | None:
    """From 0 to 1, whichever way it is counted."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    share = Decimal(str(value))
    return min(max(share / 100 if share > 1 else share, Decimal(0)), Decimal(1))


def _delivered(told: Mapping[str, Any], cost: float | None) -> Status:
    result = told.get("result")
    result = result if isinstance(result, Mapping) else {}
    address, seed = result.get("sample"), result.get("seed")
    if not isinstance(address, str) or not address:
        words = f"{WHO} reports success and names no picture or video."
        spoilt = ProviderError(ErrorClass.MALFORMED_OUTPUT, words, charged=cost is None or cost > 0)
        return Status(JobState.FAILED, error=spoilt, **_money(cost))
    kind = mimetypes.guess_type(httpx.URL(address).path)[0] or ""
    return Status(
        JobState.SUCCEEDED,
        outputs=(Output(url=address, media_type=kind),),
        seed=seed if isinstance(seed, int) and not isinstance(seed, bool) else None,
        **_money(cost),
    )
