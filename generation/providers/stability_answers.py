"""Stability's answers in our words: a picture with its end in the headers, and errors with a list of texts.

A filtered picture comes as a success and blurred; it is taken for charged, as nothing says that it is not.
"""

from __future__ import annotations

import re

import httpx

from generation.providers import answers
from generation.providers.protocol import ErrorClass, JobState, Output, ProviderError, Status

WHO = "Stability AI"
LOCK_OUT_SECONDS = 60.0
"""How long an account is locked out that asked too often."""

MODERATED = re.compile("moderat|polic(y|ies)|flagged|public figure", re.IGNORECASE)
DELIVERED, FILTERED = "SUCCESS", "CONTENT_FILTERED"


def error(response: httpx.Response) -> ProviderError:
    """A refused request, or a generation that failed: Stability says of all of them that they are free."""
    told = answers.read_object(response)
    listed = told.get("errors")
    texts = [str(one) for one in listed] if isinstance(listed, list) else []
    name, status = str(told.get("name") or ""), response.status_code
    words = "; ".join(texts) or name or "no explanation"
    moderated = status in (403, 422) and MODERATED.search(f"{name} {words}")
    wait = answers.retry_after(response)
    return ProviderError(
        ErrorClass.MODERATED if moderated else answers.class_of(status),
        f"{WHO} answered {status} ({told.get('id') or 'no id'}): {words}"[: answers.LONGEST_DETAIL],
        retry_after_seconds=LOCK_OUT_SECONDS if status == 429 and wait is None else wait,
    )


def is_picture(response: httpx.Response) -> bool:
    """Whether a success can be read as what was asked for."""
    kind = response.headers.get("content-type", "")
    return kind.partition("/")[0] in ("image", "audio", "video") and bool(response.content)


def delivered(response: httpx.Response) -> Status:
    """A finished picture; an end that nobody knows is never taken for a success."""
    ended = response.headers.get("finish-reason", "")
    if ended == FILTERED:
        words = f"{WHO} blurred the picture: its content was filtered."
        return Status(JobState.BLOCKED, error=ProviderError(ErrorClass.MODERATED, words, charged=True))
    if ended != DELIVERED:
        words = f"{WHO} says that the picture ended as {ended or 'nothing'!r}."
        return Status(JobState.FAILED, error=ProviderError(ErrorClass.MALFORMED_OUTPUT, words, charged=True))
    seed = response.headers.get("seed", "")
    kind = response.headers["content-type"].partition(";")[0].strip()
    return Status(
        JobState.SUCCEEDED,
        outputs=(Output(data=response.content, media_type=kind),),
        seed=int(seed) if seed.isascii() and seed.isdigit() else None,
    )
