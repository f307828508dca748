"""ModelArk: films as tasks that a list finds again, pictures in one open call; unsigned callbacks."""

from __future__ import annotations

from decimal import Decimal

from generation.providers.protocol import CancelOutcome, ErrorClass, JobState
from tests.emulators.server import Running
from tests.generation.providers import kit
from tests.generation.providers.declared import (
    FILM,
    PICTURE,
    Cancelling,
    Declared,
    Failure,
    Made,
    Refusal,
    model,
)

SEEDANCE_2 = model("byteplus", "dreamina-seedance-2-0-260128")
SEEDANCE_15 = model("byteplus", "seedance-1-5-pro-251215")

DECLARED = Declared(
    makes={
        "film": Made(SEEDANCE_2, FILM, media_type="video/mp4", units=Decimal(5)),
        "picture": Made(model("byteplus", "seedream-4-5-251128"), PICTURE, units=Decimal(1)),
    },
    refusals=(
        Refusal("400", ErrorClass.BAD_REQUEST),
        Refusal("401", ErrorClass.AUTH),
        Refusal("403", ErrorClass.AUTH),
        Refusal("credit", ErrorClass.INSUFFICIENT_CREDIT),
        Refusal("404", ErrorClass.RETIRED),
        Refusal("retired", ErrorClass.RETIRED),
        Refusal("422", ErrorClass.BAD_REQUEST),
        Refusal("policy", ErrorClass.MODERATED),
        Refusal("429", ErrorClass.RATE_LIMITED),
        Refusal("quota", ErrorClass.RATE_LIMITED),
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
        Failure("constraint", ErrorClass.BAD_REQUEST, charged=None),
        Failure("expired", ErrorClass.TIMEOUT, charged=None),
        Failure("no_output", ErrorClass.MALFORMED_OUTPUT, charged=True, units=Decimal(5)),
    ),
    moderation=(
        Failure("policy", ErrorClass.MODERATED, charged=None),
        Failure("policy_output", ErrorClass.MODERATED, charged=None),
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
    cancels={
        "queued": Cancelling(CancelOutcome.CANCELLED, JobState.CANCELLED, charged=False),
        "running": Cancelling(CancelOutcome.REQUESTED, JobState.SUCCEEDED, charged=True, units=Decimal(5)),
        "finished": Cancelling(CancelOutcome.TOO_LATE, JobState.SUCCEEDED, charged=True),
    },
    spoilt={"truncated_mp4": "video/mp4", "html": "video/mp4"},
    expires=True,
    webhook_cancelled=True,
    knobs={
        "seed": SEEDANCE_15,
        "references": SEEDANCE_2,
        "first frame": SEEDANCE_2,
        "last frame": SEEDANCE_2,
    },
)


def make(emulator: Running) -> kit.Kit:
    made = kit.kit(emulator, "byteplus", DECLARED, key="ark-key")
    return kit.at(made, f"{made.account.base_url}/api/v3")
