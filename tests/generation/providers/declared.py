"""What a kit declares of its provider: which behaviours its protocol can express, and what each must come to.

The contract suite tests exactly what is declared and what follows from the provider's abilities, and
`docs/providers.md` shows it. Directives are those of `tests.emulators.behaviour`. What a provider has and
nobody tests is named in `untested`, by the row of the matrix, with the reason.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from decimal import Decimal

from generation.providers.protocol import CancelOutcome, ErrorClass, JobState, ModelFacts, StepRequest

PICTURE = StepRequest(kind="image", prompt="A lighthouse", seed=7, width=1024, height=1024)
FILM = StepRequest(
    kind="video",
    prompt="A lighthouse",
    seed=None,
    width=1280,
    height=720,
    duration_seconds=Decimal(5),
)


@dataclasses.dataclass(frozen=True)
class Made:
    """A model with a request for it, and what its success says: type, seed, and money in either way."""

    model: ModelFacts
    request: StepRequest
    media_type: str = "image/jpeg"
    seed: int | None = None
    units: Decimal | None = None
    charge: Decimal | None = None
    currency: str = ""
    text: str = ""  # of a text; media_type is "" then


@dataclasses.dataclass(frozen=True)
class Refusal:
    """A submit that is refused, or an asking that fails."""

    fail: str
    error_class: ErrorClass
    ambiguous: bool = False


@dataclasses.dataclass(frozen=True)
class Failure:
    """An accepted job that ends badly: what the engine is told of it, and of money."""

    result: str  # `[[result:…]]`, with further directives after a blank
    error_class: ErrorClass
    charged: bool | None
    units: Decimal | None = None


@dataclasses.dataclass(frozen=True)
class Cancelling:
    """A cancel in one state of a job, what came of it by the next polls, and whether it was charged."""

    outcome: CancelOutcome
    state: JobState
    charged: bool
    directive: str = ""
    units: Decimal | None = None


@dataclasses.dataclass(frozen=True)
class Declared:
    """All that a kit says. Tuples that are empty and names that are None do not apply to the provider."""

    makes: Mapping[str, Made]  # picture, film, sound, text, vision; the first one serves where any will do
    refusals: tuple[Refusal, ...]
    failures: tuple[Failure, ...] = ()
    moderation: tuple[Failure, ...] = ()
    polls: tuple[Refusal, ...] = ()  # a poll that fails and says nothing of the job
    fetches: tuple[Refusal, ...] = ()  # where a result is fetched apart from the state
    crash: Refusal | None = Refusal("crash", ErrorClass.UNAVAILABLE, ambiguous=True)
    retry_after: bool = True  # a rate limit says how long to wait
    first_state: JobState = JobState.QUEUED  # what a poll tells of a job that waits
    middle_state: JobState = JobState.RUNNING  # and of one that is being made
    position: bool = False  # a poll tells the place in the queue
    unknown_job: JobState | None = JobState.LOST  # what a poll says of a job that does not exist
    found_by_id: bool = True  # the id and the endpoint are enough to ask for a job
    token_travels: bool = True  # our token arrives at the provider with the submit
    cancels: Mapping[str, Cancelling] = dataclasses.field(default_factory=dict)  # queued, running, …
    spoilt: Mapping[str, str] = dataclasses.field(default_factory=dict)  # `output` → the claimed type
    guarded: bool = False  # outputs are fetched with the account's key
    expires: bool = False  # an output's address ends at its time
    webhook_tells: bool = False  # a webhook carries what a poll would have told
    webhook_failures: tuple[Failure, ...] = ()
    webhook_unreadable: bool = False  # one can come that cannot say what happened
    webhook_other_name: bool = False  # one can name the job otherwise
    webhook_cancelled: bool = False  # a cancelled job tells of it
    webhook_covers_body: bool = True  # the signature is over the body too, not only over whom it is for
    knobs: Mapping[str, ModelFacts] = dataclasses.field(default_factory=dict)
    untested: Mapping[str, str] = dataclasses.field(default_factory=dict)


def model(provider: str, endpoint: str, **capabilities: object) -> ModelFacts:
    return ModelFacts(f"{provider}/{endpoint}", endpoint, capabilities)
