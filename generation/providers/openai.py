"""OpenAI's images: one call that blocks until its pictures are there, in the answer itself.

There is nothing to poll, to cancel or to look up. Whoever hangs up may be charged all the same. With pictures
going in, the call is an edit and travels as a form. Of money the answer tells tokens: where the parameter
sheet says `tokens` they are counted in tokens of the answer, what went in at its share of their price.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import httpx

from generation.providers import answers, files, parameters
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

WHO = "OpenAI"
EDITS_ONLY = ("input_fidelity",)
MODERATED = ("moderation_blocked", "content_policy_violation")
OUT_OF_MONEY = ("insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached")
IN_DOUBT = (408, 502, 504)
"""A gateway that gave up says nothing of what goes on behind it; OpenAI's own 500 and 503 say it failed."""

PRICES = {"text": 5, "image": 8, "output": 30}
"""What a million tokens cost in proportion to each other; the sum itself is the price book's."""

sheet = Sheet(__file__)


class OpenAI(Provider):
    name = "openai"
    profile = Profile(
        title=WHO,
        base_urls={"": "https://api.openai.com/v1"},
        key=(Field("key", "API key", "It begins with sk-.", form=r"sk-\S+", looks_like="sk-…"),),
        extra=(
            Field("organization", "Organization", "Where the key serves several.", required=False),
            Field("project", "Project", "Where the key serves several.", required=False),
        ),
    )
    abilities = Abilities(blocking=True, hang_up_charged=None)

    def translate(self, *, model: ModelFacts, request: StepRequest) -> Job:
        made = sheet.translate(model=model, request=request)
        edits = bool(made.files.get("image"))
        if request.kind == "edit" and not edits:
            raise parameters.refuse(f"{model.key} edits a picture, and the request has none for it.")
        left = [] if edits else [name for name in EDITS_ONLY if made.body.pop(name, None) is not None]
        return Job(
            model=model.endpoint,
            kind=request.kind,
            payload=made.payload,
            inputs=tuple(made.inputs),
            dropped=(*made.dropped, *left),
            adjusted=tuple(made.adjusted),
            blocking=True,
        )

    async def submit(self, client: httpx.AsyncClient, *, account: Account, job: Job) -> Submitted:
        """Waits for the pictures; an answer that does not come is ambiguous, since it may be charged."""
        fields = {"model": sheet.model(job.model), **job.payload["body"]}
        edits = bool(job.payload["files"])
        sent = {"data": _texts(fields), "files": await _form(job)} if edits else {"json": fields}
        response = await answers.send(
            client,
            "POST",
            f"{account.base_url.rstrip('/')}/images/{'edits' if edits else 'generations'}",
            who=WHO,
            headers=_headers(account),
            **sent,
        )
        if response.status_code != 200:
            raise _refused(response)
        told = answers.read_object(response)
        if not isinstance(told.get("data"), list):
            raise answers.unreadable(WHO)
        name = response.headers.get("x-request-id") or str(uuid.uuid4())
        return Submitted(name, {"endpoint": job.model}, _status(told, job.model))

    async def test(self, client: httpx.AsyncClient, *, account: Account) -> str:
        """The list of models, which costs nothing."""
        response = await answers.ask(
            client, "GET", f"{account.base_url.rstrip('/')}/models", who=WHO, headers=_headers(account)
        )
        if response.status_code != 200:
            raise _error(response)
        return (
            f"{WHO} accepted the key and lists {len(answers.read_object(response).get('data', []))} models."
        )


provider = OpenAI()


def _headers(account: Account) -> dict[str, str]:
    named = {"OpenAI-Organization": "organization", "OpenAI-Project": "project"}
    extra = {header: account.extra[name] for header, name in named.items() if account.extra.get(name)}
    return {"Authorization": f"Bearer {account.key}", **extra}


def _texts(fields: Mapping[str, Any]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else str(value).lower() for name, value in fields.items()}


async def _form(job: Job) -> list[tuple[str, tuple[str, bytes, str]]]:
    """The pictures as parts of a form, in their order; several share one name."""
    known = {file.sha256: file for file in job.inputs}
    parts = []
    for name, wanted in job.payload["files"].items():
        for sha256 in wanted:
            file = known[sha256]
            suffix = file.media_type.partition("/")[2]
            part = (f"{sha256[:16]}.{suffix}", await files.content(file), file.media_type)
            parts.append((f"{name}[]" if name in job.payload["many"] else name, part))
    return parts


def _status(told: Mapping[str, Any], endpoint: str) -> Status:
    """The pictures of an answer; none that can be read is a failure that was charged."""
    media_type = f"image/{told.get('output_format') or 'png'}"
    outputs = tuple(
        Output(data=data, media_type=media_type) for one in told["data"] if (data := _decoded(one))
    )
    units = _units(told, len(outputs), str(sheet.entry(endpoint).get("bills", "")))
    if outputs:
        return Status(JobState.SUCCEEDED, outputs=outputs, billed_units=units)
    words = f"{WHO} reports success, and no picture can be read."
    error = ProviderError(ErrorClass.MALFORMED_OUTPUT, words, charged=True)
    return Status(JobState.FAILED, error=error, billed_units=units)


def _decoded(one: Any) -> bytes:
    try:
        return base64.b64decode(one["b64_json"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        return b""


def _units(told: Mapping[str, Any], pictures: int, bills: str) -> Decimal | None:
    if bills == "images":
        return Decimal(pictures) if pictures else None
    usage = told.get("usage")
    if bills != "tokens" or not isinstance(usage, Mapping):
        return None
    details = usage.get("input_tokens_details")
    went_in = details if isinstance(details, Mapping) else {"text_tokens": usage.get("input_tokens", 0)}
    cost = (
        int(went_in.get("text_tokens") or 0) * PRICES["text"]
        + int(went_in.get("image_tokens") or 0) * PRICES["image"]
        + int(usage.get("output_tokens") or 0) * PRICES["output"]
    )
    return (Decimal(cost) / PRICES["output"]).quantize(Decimal("0.00000001"))


def _error(response: httpx.Response) -> ProviderError:
    told = answers.read_object(response).get("error")
    told = told if isinstance(told, Mapping) else {}
    code, words = str(told.get("code") or told.get("type") or ""), str(told.get("message") or "")
    error_class = answers.class_of(response.status_code)
    if code in MODERATED:
        error_class = ErrorClass.MODERATED
    elif code in OUT_OF_MONEY or told.get("type") in OUT_OF_MONEY:
        error_class = ErrorClass.INSUFFICIENT_CREDIT
    elif response.status_code == 409:
        error_class = ErrorClass.UNAVAILABLE
    text = (words or code or "no explanation")[: answers.LONGEST_DETAIL]
    return ProviderError(
        error_class,
        f"{WHO} answered {response.status_code}: {text}",
        retry_after_seconds=answers.retry_after(response),
    )


def _refused(response: httpx.Response) -> ProviderError:
    """A refused call. Of one that was blocked after the picture was made, nobody says what it costs."""
    error = answers.refused(_error(response), response, in_doubt=IN_DOUBT)
    details = answers.read_object(response).get("error")
    stage = details.get("moderation_details", {}) if isinstance(details, Mapping) else {}
    if isinstance(stage, Mapping) and stage.get("moderation_stage") == "output":
        error.charged = None
    return error
