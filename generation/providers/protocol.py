"""The one narrow protocol between the engine and every provider.

An adapter translates; it keeps no state, opens no transaction and decides nothing. The engine hands
it an open client and an account, commits before the call and after it, and alone knows about takes,
holds and retries. Whatever goes wrong is a `ProviderError` with one of the error classes below.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Protocol

import httpx

from generation.providers.believable import Believable
from generation.providers.profile import Abilities, Profile
from projects.plain import made_plain


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
        self.detail = made_plain(detail)
        super().__init__(self.detail)
        self.error_class = error_class
        self.retry_after_seconds = retry_after_seconds
        self.ambiguous = ambiguous
        self.charged = charged


@dataclasses.dataclass(frozen=True)
class Account:
    """A provider account as an adapter needs it; keys and secrets are in the clear and never logged.

    `key` is what was entered; where the provider's profile names several parts, `part` gives each of them.
    `webhook_secrets` are those that hold now: the account's own, and the one before it while both do.
    """

    id: str
    provider: str
    key: str
    base_url: str
    region: str = ""
    extra: Mapping[str, str] = dataclasses.field(default_factory=dict)
    webhook_secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Account({self.provider}, {self.id})"

    def part(self, name: str) -> str:
        """One of several values that make up the key, such as an access key and its secret; "" for none."""
        try:
            parts = json.loads(self.key)
        except ValueError:
            return ""
        return str(parts.get(name, "")) if isinstance(parts, dict) else ""


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
    only come near to ("duration: 7 becomes 10"). A `blocking` job is one whose submit is answered with its
    result: the engine keeps that call open in a process of its own.
    """

    model: str
    kind: str
    payload: Mapping[str, Any]
    inputs: tuple[InputFile, ...] = ()
    dropped: tuple[str, ...] = ()
    adjusted: tuple[str, ...] = ()
    webhook_url: str = ""
    token: str = ""  # our run token, echoed by webhooks; the idempotency key where one exists
    blocking: bool = False


@dataclasses.dataclass(frozen=True)
class Output(Believable):
    """One result: an address to download, bytes that came with the answer, or text.

    Bytes never reach a row: the engine stores them at once and keeps their address. An `authorized` address
    is fetched with the provider's `download_headers`, and these go to the account's own host alone.
    """

    url: str = ""
    text: str = ""
    media_type: str = ""
    role: str = "output"
    data: bytes = dataclasses.field(default=b"", repr=False)
    authorized: bool = False


@dataclasses.dataclass(frozen=True)
class Status(Believable):
    """What a poll or a webhook told. Money is native, before any exchange."""

    state: JobState
    progress: Decimal | None = None  # 0 to 1
    queue_position: int | None = None
    outputs: tuple[Output, ...] = ()
    error: ProviderError | None = None
    charge: Decimal | None = None  # what the provider says it charged, in charge_currency
    charge_currency: str = ""
    billed_units: Decimal | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    seed: int | None = None
    ended_at: datetime.datetime | None = None


@dataclasses.dataclass(frozen=True)
class Submitted(Believable):
    """The provider accepted the job. `handle` is JSON that later calls need (addresses and so on).

    `status` is what the answer told beyond that; one that says the end is taken for the end, without a poll.
    """

    job_id: str
    handle: Mapping[str, Any]
    status: Status | None = None


@dataclasses.dataclass(frozen=True)
class Lost:
    """A call whose answer was lost, as `find` is asked for it."""

    token: str
    endpoint: str
    sent_at: datetime.datetime


@dataclasses.dataclass(frozen=True)
class Delivery:
    """A webhook as it came in: raw bytes, header names in lower case, and what can vouch for it.

    `keys` is the provider's key set, `secrets` are those of the account. `token` stood in the address:
    it is the call's (or the account's) own, and nobody else was given it.
    """

    headers: Mapping[str, str]
    body: bytes
    now: datetime.datetime
    token: str = ""
    keys: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    secrets: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class WebhookEvent(Believable):
    """A verified webhook: which job, and what it said. `status` is None when only a poll can tell.

    `other_id` is a second name under which the provider may have told us of the job. Without a `job_id` it
    is no message about a job; `reply` is JSON that the provider wants back, such as an echoed challenge.
    """

    job_id: str
    status: Status | None
    other_id: str = ""
    reply: Mapping[str, Any] | None = None


class CancelOutcome(enum.StrEnum):
    CANCELLED = "cancelled"  # will not run and costs nothing
    REQUESTED = "requested"  # asked; polling tells what came of it
    TOO_LATE = "too_late"  # already finished
    UNSUPPORTED = "unsupported"


class WebhookRejected(Exception):
    """The signature is missing, wrong or too old; the caller answers 401 and changes nothing."""


class Provider(Protocol):
    """One module a provider, its object a subclass of this; `registry.get(name)` finds it.

    What stands here with a body is what a provider has that says nothing else.
    """

    name: str
    profile: Profile
    abilities: Abilities

    def translate(self, *, model: ModelFacts, request: StepRequest) -> Job:
        """The request in the provider's words; raises ProviderError(BAD_REQUEST) when impossible."""
        ...

    async def submit(self, client: httpx.AsyncClient, *, account: Account, job: Job) -> Submitted:
        """Sends the job; raises ProviderError, `ambiguous` where the provider may have taken it."""
        ...

    async def poll(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> Status:
        """What became of a job. A blocking job has no poll: it is lost, as nothing knows of it."""
        return Status(JobState.LOST)

    async def cancel(
        self, client: httpx.AsyncClient, *, account: Account, job_id: str, handle: Mapping[str, Any]
    ) -> CancelOutcome:
        """Asks for a job's end. A blocking job that is under way is named by our token."""
        return CancelOutcome.UNSUPPORTED

    async def find(self, client: httpx.AsyncClient, *, account: Account, lost: Lost) -> Submitted | None:
        """With the ability `look_up`: the job, or None where the provider surely has none.

        The engine sends a job again that is not there. Whoever cannot be sure raises ProviderError.
        """
        raise ProviderError(ErrorClass.UNKNOWN, "This provider cannot look a job up.")

    async def test(self, client: httpx.AsyncClient, *, account: Account) -> str:
        """Asks something that costs nothing and needs the key; says what it found, or raises ProviderError.

        Without one of its own: a poll for a job that does not exist.
        """
        await self.poll(client, account=account, job_id=str(uuid.uuid4()), handle={})
        return f"{self.profile.title} accepted the key."

    async def balance(self, client: httpx.AsyncClient, *, account: Account) -> Decimal | None:
        """The credits that the account has left; None where the provider has no way to ask."""
        return None

    def parse_webhook(self, delivery: Delivery) -> WebhookEvent:
        """Verifies over the raw bytes, then parses; raises WebhookRejected."""
        raise WebhookRejected("This provider sends no webhooks.")

    def key_set_address(self, account: Account) -> str:
        """Where the keys are that sign webhooks, for Webhooks.KEY_SET."""
        return ""

    async def webhook_secret(self, client: httpx.AsyncClient, *, account: Account) -> str:
        """The secret that signs the account's webhooks, where the profile says that it is fetched."""
        return ""

    def download_headers(self, account: Account) -> Mapping[str, str]:
        """What an `authorized` output's address wants to see."""
        return {}
