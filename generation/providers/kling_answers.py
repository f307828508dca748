"""Kling's answers in our words: one envelope around everything, and tasks in a newer and an older dialect.

A request has succeeded only with HTTP 200 and code 0. What a task cost stands in its `billing`; deductions
from a prepaid package are units and no sums, so the price row counts them.
"""

from __future__ import annotations

import datetime
import mimetypes
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import httpx

from generation.providers import answers
from generation.providers.protocol import ErrorClass, JobState, Output, ProviderError, Status

WHO = "Kling"
STATES = {
    "submitted": JobState.QUEUED,
    "processing": JobState.RUNNING,
    "succeeded": JobState.SUCCEEDED,
    "succeed": JobState.SUCCEEDED,  # the older dialect's spelling
    "failed": JobState.FAILED,
}
CLASS_BY_CODE = {
    **dict.fromkeys((1000, 1001, 1002, 1003, 1004, 1100, 1103), ErrorClass.AUTH),
    **dict.fromkeys((1101, 1102), ErrorClass.INSUFFICIENT_CREDIT),
    **dict.fromkeys((1200, 1201), ErrorClass.BAD_REQUEST),
    **dict.fromkeys((1202, 1203), ErrorClass.RETIRED),
    **dict.fromkeys((1300, 1301), ErrorClass.MODERATED),
    **dict.fromkeys((1302, 1303, 1304), ErrorClass.RATE_LIMITED),
    **dict.fromkeys((5000, 5001), ErrorClass.UNAVAILABLE),
    5002: ErrorClass.TIMEOUT,
}
NOT_FOUND = 1203
IN_DOUBT_CODES = (5000, 5001, 5002)
IN_DOUBT = (*answers.IN_DOUBT, 503)
"""Kling says of all its own troubles that a task may have been made."""

MODERATED = re.compile(
    "risk control|sensitive|content (safety|security|policy)|polic|violat|prohibit", re.IGNORECASE
)
WRONG = re.compile("invalid|unsupported|too (large|small|long|short)|format|must be", re.IGNORECASE)
TYPES = {"video": "video/mp4", "image": "image/png", "audio": "audio/mpeg"}


def opened(response: httpx.Response) -> Any:
    """The data of a success; raises ProviderError for anything else."""
    envelope = answers.read_object(response)
    if response.status_code == 200 and envelope.get("code") == 0 and "data" in envelope:
        return envelope["data"]
    raise error(response)


def code_of(response: httpx.Response) -> int | None:
    code = answers.read_object(response).get("code")
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def error(response: httpx.Response) -> ProviderError:
    """A request that was not a success, by its code and else by its status."""
    envelope, code = answers.read_object(response), code_of(response)
    status = response.status_code
    by_status = ErrorClass.UNAVAILABLE if status < 300 else answers.class_of(status)
    words = str(envelope.get("message") or "no explanation")[: answers.LONGEST_DETAIL]
    named = f"{status}" if code is None else f"{status}, code {code}"
    return ProviderError(
        CLASS_BY_CODE.get(code or 0, by_status),
        f"{WHO} answered {named}: {words}",
        retry_after_seconds=answers.retry_after(response),
    )


def refused(response: httpx.Response) -> ProviderError:
    """A submit that was not a success: unreadable ones and Kling's own troubles are in doubt."""
    code = code_of(response)
    if response.status_code < 300 and not code:
        return answers.unreadable(WHO)
    found = answers.refused(error(response), response, in_doubt=IN_DOUBT)
    if code in IN_DOUBT_CODES:
        found.ambiguous, found.charged = True, None
    return found


def tasks(data: Any) -> Sequence[Mapping[str, Any]]:
    """The tasks of an answer: one, a list of them, or a list under `result`."""
    if isinstance(data, Mapping):
        data = data["result"] if isinstance(data.get("result"), list) else [data]
    found = [one for one in data if isinstance(one, Mapping)] if isinstance(data, list) else []
    return [one for one in found if id_of(one)]


def id_of(task: Mapping[str, Any]) -> str:
    found = task.get("id") or task.get("task_id")
    return str(found) if isinstance(found, str | int) else ""


def status(task: Mapping[str, Any]) -> Status:
    """A task as a poll or a callback tells it; raises ProviderError for a state that nobody knows."""
    named = task.get("status") or task.get("task_status")
    state = STATES.get(str(named))
    if state is None:
        raise ProviderError(ErrorClass.UNAVAILABLE, f"{WHO} names a state that is unknown: {named!r}")
    if state in (JobState.QUEUED, JobState.RUNNING):
        return Status(state)
    paid = _paid(task.get("billing"))
    money: dict[str, Any] = {"charge": paid[0], "charge_currency": paid[1]} if paid else {}
    charged = _charged(task.get("billing"))
    ended_at = _instant(task.get("update_time") or task.get("updated_at"))
    if state is JobState.FAILED:
        found = _failed(str(task.get("message") or task.get("task_status_msg") or "no explanation"), charged)
        blocked = found.error_class is ErrorClass.MODERATED
        return Status(JobState.BLOCKED if blocked else state, error=found, ended_at=ended_at, **money)
    outputs = _outputs(task)
    if not outputs:
        words = f"{WHO} reports success and names no result."
        found = ProviderError(ErrorClass.MALFORMED_OUTPUT, words, charged=charged is not False)
        return Status(JobState.FAILED, error=found, ended_at=ended_at, **money)
    return Status(state, outputs=outputs, ended_at=ended_at, **money)


def _failed(words: str, charged: bool | None) -> ProviderError:
    error_class = ErrorClass.UNAVAILABLE
    if MODERATED.search(words):
        error_class = ErrorClass.MODERATED
    elif WRONG.search(words):
        error_class = ErrorClass.BAD_REQUEST
    return ProviderError(error_class, f"{WHO}: {words[: answers.LONGEST_DETAIL]}", charged=charged)


def _outputs(task: Mapping[str, Any]) -> tuple[Output, ...]:
    found: list[tuple[str, Any]] = [
        (str(one.get("type")), one.get("url"))
        for one in task.get("outputs") or ()
        if isinstance(one, Mapping) and one.get("type") in TYPES
    ]
    older = task.get("task_result")
    if isinstance(older, Mapping):
        for kind in ("video", "image"):
            found += [
                (kind, one.get("url")) for one in older.get(f"{kind}s") or () if isinstance(one, Mapping)
            ]
    return tuple(Output(url=url, media_type=_type(kind, url)) for kind, url in found if _is_address(url))


def _is_address(url: Any) -> bool:
    return isinstance(url, str) and url.startswith(("https://", "http://"))


def _type(kind: str, url: str) -> str:
    guessed = mimetypes.guess_type(httpx.URL(url).path)[0] or ""
    return guessed if guessed.startswith(f"{kind}/") else TYPES[kind]


def _charged(billing: Any) -> bool | None:
    """Whether anything was deducted; None where nothing is said."""
    amounts = [_amount(line) for line in _lines(billing)]
    return any(amounts) if isinstance(billing, list) and None not in amounts else None


def _paid(billing: Any) -> tuple[Decimal, str] | None:
    """The sum that was deducted, with its currency; None where nothing is said, or units alone."""
    lines = _lines(billing)
    amounts = [_amount(line) for line in lines if line.get("charge_type") == "cash"]
    known = [amount for amount in amounts if amount is not None]
    currencies = {str(line.get("currency") or "") for line in lines}
    if not lines or len(known) < len(lines) or len(currencies) > 1 or "" in currencies:
        return None
    return sum(known, Decimal(0)), currencies.pop()


def _lines(billing: Any) -> list[Mapping[str, Any]]:
    return [line for line in billing if isinstance(line, Mapping)] if isinstance(billing, list) else []


def _amount(line: Mapping[str, Any]) -> Decimal | None:
    try:
        amount = Decimal(str(line["amount"]))
    except (KeyError, InvalidOperation):
        return None
    return amount if amount.is_finite() and amount >= 0 else None


def _instant(milliseconds: Any) -> datetime.datetime | None:
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool):
        return None
    return datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC)
