"""MiniMax: films with their seconds, cancelled while they wait; unsigned callbacks; no seeds, no look-up."""

from __future__ import annotations

from decimal import Decimal

from generation.providers.protocol import CancelOutcome, ErrorClass, JobState
from tests.emulators.server import Running
from tests.generation.providers import kit
from tests.generation.providers.declared import FILM, Cancelling, Declared, Failure, Made, Refusal, model

H3 = model("minimax", "MiniMax-H3")

DECLARED = Declared(
    makes={
        "film": Made(H3, FILM, media_type="video/mp4", units=Decimal(5)),
        "film of the older version": Made(
            model("minimax", "MiniMax-Hailuo-2.3"), FILM, media_type="video/mp4"
        ),
    },
    refusals=(
        Refusal("400", ErrorClass.BAD_REQUEST),
        Refusal("401", ErrorClass.AUTH),
        Refusal("402", ErrorClass.INSUFFICIENT_CREDIT),
        Refusal("404", ErrorClass.RETIRED),
        Refusal("422", ErrorClass.BAD_REQUEST),
        Refusal("policy", ErrorClass.MODERATED),
        Refusal("429", ErrorClass.RATE_LIMITED),
        Refusal("503", ErrorClass.UNAVAILABLE),
        Refusal("500", ErrorClass.UNAVAILABLE, ambiguous=True),
        Refusal("502", ErrorClass.UNAVAILABLE, ambiguous=True),
        Refusal("504", ErrorClass.TIMEOUT, ambiguous=True),
        Refusal("garbage", ErrorClass.UNKNOWN, ambiguous=True),
        Refusal("empty", ErrorClass.UNKNOWN, ambiguous=True),
        Refusal("drop", ErrorClass.UNKNOWN, ambiguous=True),
    ),
    failures=(
        Failure("500", ErrorClass.UNAVAILABLE, charged=None),
        Failure("500 charge_refused:1", ErrorClass.UNAVAILABLE, charged=True, units=Decimal(5)),
        Failure("422", ErrorClass.BAD_REQUEST, charged=None),
        Failure("expired", ErrorClass.TIMEOUT, charged=None),
        Failure("no_output", ErrorClass.MALFORMED_OUTPUT, charged=True),
    ),
    moderation=(
        Failure("policy", ErrorClass.MODERATED, charged=None),
        Failure("policy_output", ErrorClass.MODERATED, charged=None),
        Failure("policy_words", ErrorClass.MODERATED, charged=None),
        Failure("policy_output charge_refused:1", ErrorClass.MODERATED, charged=True, units=Decimal(5)),
    ),
    polls=(
        Refusal("401", ErrorClass.AUTH),
        Refusal("429", ErrorClass.RATE_LIMITED),
        Refusal("500", ErrorClass.UNAVAILABLE),
        Refusal("502", ErrorClass.UNAVAILABLE),
        Refusal("garbage", ErrorClass.UNAVAILABLE),
        Refusal("empty", ErrorClass.UNAVAILABLE),
    ),
    token_travels=True,
    cancels={
        "queued": Cancelling(CancelOutcome.CANCELLED, JobState.CANCELLED, charged=False),
        "running": Cancelling(CancelOutcome.REQUESTED, JobState.SUCCEEDED, charged=True, units=Decimal(5)),
        "finished": Cancelling(CancelOutcome.TOO_LATE, JobState.SUCCEEDED, charged=True),
    },
    spoilt={"truncated_mp4": "video/mp4", "html": "video/mp4"},
    expires=True,
    webhook_cancelled=True,
    knobs={
        "references": H3,
        "first frame": H3,
        "last frame": H3,
    },
)


def make(emulator: Running) -> kit.Kit:
    return kit.kit(emulator, "minimax", DECLARED, key="minimax-key")
