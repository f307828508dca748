"""The one narrow protocol between the engine and every provider.

An adapter translates; it keeps no state, opens no transaction and decides nothing. The engine hands
it an open client and an account, commits before the call and after it, and alone knows about takes,
holds and retries. Whatever goes wrong is a `ProviderError` with one of the error classes below.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Protocol

import httpx


class ErrorClass(enum.StrEnum):
    """Why a provider did not deliver; a route says what each class leads to."""

    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    BAD_REQUEST = "bad_request"
    MODERATED = "moderated"
    INSUFFICIENT_CREDIT = "insufficient_credit"
    AUTH = "auth"
    RETIRED = "retired"
    MALFORMED_OUTPUT = "malformed_output"
    UNKNOWN = "unknown"


class JobState(enum.StrEnum):
    """A provider's job, in our words."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"
    LOST = "lost"  # the provider does not know this job


class ProviderError(Exception):
    """A classed failure of a provider.

    `ambiguous` is true when the request may have been accepted although no answer came: the engine
    then marks the run `unknown` and never resubmits silently. `charged` is what the provider said
    about money: true, false, or None where it said nothing.
    """

    def __init__(
        self,
        error_class: ErrorClass,
        detail: str,
        *,
        retry_after_seconds: float | None = None,
        ambiguous: bool = False,
        charged: bool | None = None,
    ) -> None:
        super().__init__(detail)
        self.error_class = error_class
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds
        self.ambiguous = ambiguous
        self.charged = charged


@dataclasses.dataclass(frozen=True)
class Account:
    """A provider account as an adapter needs it; the key is in the clear and never logged."""

    id: str
    provider: str
    key: str
    base_url: str

    def __repr__(self) -> str:
        return f"Account({self.provider}, {self.id})"


@dataclasses.dataclass(frozen=True)
class InputFile:
    """A picture or video that goes into a step: its role, bytes on disk and type."""

    role: str  # "source", "reference", "first_frame", "last_frame", "mask"
    path: str
    media_type: str
    sha256: str


@dataclasses.dataclass(frozen=True)
class StepRequest:
    """What one step asks of one model, in our words; knobs are None where nobody set them."""

    kind: str  # text, image, edit, image-to-video, video, upscale, overlay, judge
    prompt: str
    seed: int | None
    width: int | None
    height: int | None
    duration_seconds: Decimal | None = None
    guidance: Decimal | None = None
    motion: Decimal | None = None
    inputs: tuple[InputFile, ...] = ()
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ModelFacts:
    """The part of a catalogue row that an adapter reads: data instead of `if` chains."""

    key: str  # provider/endpoint
    endpoint: str
    capabilities: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Job:
    """A translated request, ready to send.

    `dropped` names the knobs that the model does not have, `adjusted` says in words which values it could
    only come near to ("duration: 7 becomes 10").
    """

    model: str
    kind: str
    payload: Mapping[str, Any]
    inputs: tuple[InputFile, ...] = ()
    dropped: tuple[str, ...] = ()
    adjusted: tuple[str, ...] = ()
    webhook_url: str = ""
    token: str = ""  # our run token, echoed by webhooks; the idempotency key where one exists


@dataclasses.dataclass(frozen=True)
class Submitted:
    """The provider accepted the job. `handle` is JSON that later calls need (addresses and so on)."""

    job_id: str
    handle: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Output:
    """One result: either an address to download, or text."""

    url: str = ""
    text: str = ""
    media_type: str = ""
    role: str = "output"


@dataclasses.dataclass(frozen=True)
class Status:
    """What a poll or a webhook told. Money is native, before any exchange."""

    state: JobState
    progress: Decimal | None = None  # 0 to 1
    queue_position: int | None = None
    outputs: tuple[Output, ...] = ()
    error: ProviderError | None = None
    charge: Decimal | None = None  # what the provider says it charged, in charge_currency
    charge_currency: str = ""
    billed_units: Decimal | None = None
    seed: int | None = None
    ended_at: datetime.datetime | None = None


@dataclasses.dataclass(frozen=True)
class WebhookEvent:
    """A verified webhook: which job, and what it said. `status` is None when only a poll can tell.

    `other_id` is a second name under which the provider may have told us of the job.
    """

    job_id: str
    status: Status | None
    other_id: str = ""


class CancelOutcome(enum.StrEnum):
    CANCELLED = "cancelled"  # will not run and costs nothing
    REQUESTED = "requested"  # asked; polling tells what came of it
    TOO_LATE = "too_late"  # already finished
    UNSUPPORTED = "unsupported"


class WebhookRejected(Exception):
    """The signature is missing, wrong or too old; the caller answers 401 and changes nothing."""


@dataclasses.dataclass(frozen=True)
class Abilities:
    """What a provider's protocol can do, apart from what each of its models can."""

    webhooks: bool = False
    cancel: bool = False
    look_up: bool = False  # a job can be found by our token after its answer was lost
    idempotency: bool = False
    local: bool = False  # answers at once from the database, without the network


class Provider(Protocol):
    """One module a provider; `generation.providers.registry.get(name)` finds it."""

    name: str
    abilities: Abilities

    def translate(self, *, model: ModelFacts, request: StepRequest) -> Job:
        """The request in the provider's words; raises ProviderError(BAD_REQUEST) when impossible."""
        ...

    async def submit(self, client: httpx.AsyncClient, *, account: Account, job: Job) -> Submitted: ...

    async def poll(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> Status: ...

    async def cancel(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> CancelOutcome: ...

    def parse_webhook(
        self,
        *,
        headers: Mapping[str, str],
        body: bytes,
        keys: Mapping[str, Any],
        now: datetime.datetime,
    ) -> WebhookEvent:
        """Verifies over the raw bytes, then parses; raises WebhookRejected."""
        ...
