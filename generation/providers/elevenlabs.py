"""ElevenLabs: speech, sound effects and music, each one call that blocks until the sound is its answer.

There is nothing to poll, to cancel or to look up, and an answer tells nothing of money. Its webhooks tell of
other things than these calls, so that none is asked for.
"""

from __future__ import annotations

import re
import urllib.parse
import uuid
from collections.abc import Mapping
from typing import Any

import httpx

from generation.providers import answers, bodies
from generation.providers.profile import Abilities, Field, Profile
from generation.providers.protocol import (
    Account,
    ErrorClass,
    Job,
    JobState,
    ModelFacts,
    Output,
    Provider,
    ProviderError,
    Status,
    StepRequest,
    Submitted,
)
from generation.providers.sheets import Sheet

WHO = "ElevenLabs"
MODERATED = re.compile("polic|moderat|prohibit|bad_prompt|unsafe|terms of", re.IGNORECASE)
OUT_OF_MONEY = re.compile("quota|credit|payment", re.IGNORECASE)
NO_PERMISSION = "missing_permissions"
sheet = Sheet(__file__)


class ElevenLabs(Provider):
    name = "elevenlabs"
    profile = Profile(
        title=WHO,
        base_urls={"": "https://api.elevenlabs.io"},
        key=(Field("key", "API key", "With access to the sounds that are to be made."),),
    )
    abilities = Abilities(blocking=True, hang_up_charged=None)

    def translate(self, *, model: ModelFacts, request: StepRequest) -> Job:
        made = sheet.translate(model=model, request=request)
        shaped = bodies.shaped(sheet.specs(model), made)
        voice = str(shaped.get("path", {}).get("voice_id", ""))
        path = "/".join(
            [sheet.entry(model.endpoint)["path"], *([urllib.parse.quote(voice, safe="")] if voice else [])]
        )
        return Job(
            model=model.endpoint,
            kind=request.kind,
            payload={"path": path, "query": shaped["query"], "body": shaped["body"]},
            dropped=made.dropped,
            adjusted=tuple(made.adjusted),
            blocking=True,
        )

    async def submit(self, client: httpx.AsyncClient, *, account: Account, job: Job) -> Submitted:
        """Waits for the sound; an answer that does not come is ambiguous, since it may be charged."""
        response = await answers.send(
            client,
            "POST",
            _address(account, str(job.payload["path"])),
            who=WHO,
            headers=_headers(account),
            params=job.payload["query"],
            json=job.payload["body"],
        )
        if response.status_code != 200:
            raise answers.refused(_error(response), response)
        media_type = response.headers.get("content-type", "").partition(";")[0].strip()
        if not media_type.startswith("audio/"):
            raise answers.unreadable(WHO)
        name = response.headers.get("request-id") or str(uuid.uuid4())
        return Submitted(name, {"endpoint": job.model}, _ended(response.content, media_type))

    async def test(self, client: httpx.AsyncClient, *, account: Account) -> str:
        """Who the key belongs to. A key that may only make sounds may not ask this, and is a good one."""
        response = await answers.ask(
            client, "GET", _address(account, "v1/user"), who=WHO, headers=_headers(account)
        )
        if response.status_code != 200 and _told(response)[0] != NO_PERMISSION:
            raise _error(response)
        return f"{WHO} accepted the key."


provider = ElevenLabs()


def _headers(account: Account) -> dict[str, str]:
    return {"xi-api-key": account.key}


def _address(account: Account, path: str) -> str:
    return f"{account.base_url.rstrip('/')}/{path}"


def _ended(data: bytes, media_type: str) -> Status:
    if data:
        return Status(JobState.SUCCEEDED, outputs=(Output(data=data, media_type=media_type),))
    words = f"{WHO} reports success, and its sound is empty."
    error = ProviderError(ErrorClass.MALFORMED_OUTPUT, words, charged=True)
    return Status(JobState.FAILED, error=error)


def _told(response: httpx.Response) -> tuple[str, str]:
    """The word that names an error, and its text: of one object, or of a list of what is wrong in a body."""
    detail = answers.read_object(response).get("detail")
    if isinstance(detail, list):
        entries = [entry for entry in detail if isinstance(entry, Mapping)]
        return "validation_error", "; ".join(_place(entry) for entry in entries)[: answers.LONGEST_DETAIL]
    if isinstance(detail, Mapping):
        named = str(detail.get("status") or detail.get("code") or "")
        return named, str(detail.get("message") or "no explanation")[: answers.LONGEST_DETAIL]
    return "", str(detail or "no explanation")[: answers.LONGEST_DETAIL]


def _place(entry: Mapping[str, Any]) -> str:
    loc = entry.get("loc")
    name = f"{loc[-1]}: " if isinstance(loc, list) and loc else ""
    return f"{name}{entry.get('msg', '')}"


def _error(response: httpx.Response) -> ProviderError:
    """A refused call. What policy refuses is a 4xx like any other, and told apart by its word."""
    status, (named, words) = response.status_code, _told(response)
    error_class = answers.class_of(status)
    if 400 <= status < 500 and status != 429:
        if OUT_OF_MONEY.search(named):
            error_class = ErrorClass.INSUFFICIENT_CREDIT
        elif MODERATED.search(f"{named} {words}"):
            error_class = ErrorClass.MODERATED
    open_calls = response.headers.get("current-concurrent-requests", "")
    most = response.headers.get("maximum-concurrent-requests", "")
    load = f" ({open_calls} of {most} at once)" if status == 429 and open_calls and most else ""
    return ProviderError(
        error_class,
        f"{WHO} answered {status} {named}: {words}{load}",
        retry_after_seconds=answers.retry_after(response),
    )
