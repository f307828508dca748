"""Replicate: predictions with webhooks signed by a secret that is fetched; outputs that last an hour."""

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

FLUX = model("replicate", "black-forest-labs/flux-dev")
VEO = model("replicate", "google/veo-3.1")

DECLARED = Declared(
    makes={
        "picture": Made(FLUX, PICTURE, media_type="image/png", seed=7, units=Decimal(1)),
        "film": Made(VEO, FILM, media_type="video/mp4"),
    },
    refusals=(
        Refusal("401", ErrorClass.AUTH),
        Refusal("403", ErrorClass.AUTH),
        Refusal("402", ErrorClass.INSUFFICIENT_CREDIT),
        Refusal("retired", ErrorClass.RETIRED),
        Refusal("422", ErrorClass.BAD_REQUEST),
        Refusal("429", ErrorClass.RATE_LIMITED),
        Refusal("500", ErrorClass.UNAVAILABLE, ambiguous=True),
        Refusal("502", ErrorClass.UNAVAILABLE, ambiguous=True),
        Refusal("503", ErrorClass.UNAVAILABLE),
        Refusal("504", ErrorClass.TIMEOUT, ambiguous=True),
        Refusal("garbage", ErrorClass.UNKNOWN, ambiguous=True),
        Refusal("empty", ErrorClass.UNKNOWN, ambiguous=True),
        Refusal("drop", ErrorClass.UNKNOWN, ambiguous=True),
    ),
    failures=(
        Failure("500", ErrorClass.UNAVAILABLE, charged=None),
        Failure("memory", ErrorClass.UNAVAILABLE, charged=None),
        Failure("422", ErrorClass.BAD_REQUEST, charged=None),
        Failure("garbage", ErrorClass.MALFORMED_OUTPUT, charged=True),
        Failure("empty", ErrorClass.MALFORMED_OUTPUT, charged=True),
        Failure("no_output", ErrorClass.MALFORMED_OUTPUT, charged=True),
    ),
    moderation=(
        Failure("policy", ErrorClass.MODERATED, charged=None),
        Failure("nsfw", ErrorClass.MODERATED, charged=None),
    ),
    polls=(
        Refusal("401", ErrorClass.AUTH),
        Refusal("429", ErrorClass.RATE_LIMITED),
        Refusal("500", ErrorClass.UNAVAILABLE),
        Refusal("502", ErrorClass.UNAVAILABLE),
        Refusal("504", ErrorClass.TIMEOUT),
        Refusal("garbage", ErrorClass.UNAVAILABLE),
        Refusal("empty", ErrorClass.UNAVAILABLE),
    ),
    cancels={
        "queued": Cancelling(CancelOutcome.CANCELLED, JobState.CANCELLED, charged=False),
        "running": Cancelling(CancelOutcome.REQUESTED, JobState.CANCELLED, charged=True),
        "running, and it is made all the same": Cancelling(
            CancelOutcome.REQUESTED, JobState.SUCCEEDED, charged=True, directive="[[cancel:ignore]]"
        ),
        "finished": Cancelling(CancelOutcome.TOO_LATE, JobState.SUCCEEDED, charged=True),
        "gone": Cancelling(
            CancelOutcome.REQUESTED, JobState.QUEUED, charged=False, directive="[[cancel:gone]]"
        ),
    },
    spoilt={"truncated_mp4": "video/mp4", "html": "image/png", "huge": "image/jpeg"},
    expires=True,
    webhook_tells=True,
    webhook_failures=(
        Failure("policy", ErrorClass.MODERATED, charged=None),
        Failure("500", ErrorClass.UNAVAILABLE, charged=None),
        Failure("no_output", ErrorClass.MALFORMED_OUTPUT, charged=None),
    ),
    webhook_cancelled=True,
    knobs={
        "seed": FLUX,
        "guidance": FLUX,
        "references": VEO,
        "first frame": VEO,
        "last frame": VEO,
        "negative prompt": VEO,
    },
)


def make(emulator: Running) -> kit.Kit:
    made = kit.kit(emulator, "replicate", DECLARED, key="r8_secret")
    return kit.at(made, f"{emulator.url_of('replicate')}/v1")
