"""fal: a queue with signed webhooks, billed in units, with neither look-up nor idempotency."""

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

FLUX = model("fal", "fal-ai/flux/dev")
FRAMES = model("fal", "fal-ai/kling-video/v2.5-turbo/pro/image-to-video")

DECLARED = Declared(
    makes={
        "picture": Made(FLUX, PICTURE, seed=7, units=Decimal(2)),
        "film": Made(
            model("fal", "fal-ai/kling-video/v2.5-turbo/pro/text-to-video"),
            FILM,
            media_type="video/mp4",
            units=Decimal(5),
        ),
    },
    refusals=(
        Refusal("401", ErrorClass.AUTH),
        Refusal("403", ErrorClass.AUTH),
        Refusal("402", ErrorClass.INSUFFICIENT_CREDIT),
        Refusal("credit", ErrorClass.INSUFFICIENT_CREDIT),
        Refusal("retired", ErrorClass.RETIRED),
        Refusal("422", ErrorClass.BAD_REQUEST),
        Refusal("policy", ErrorClass.MODERATED),
        Refusal("429", ErrorClass.RATE_LIMITED),
        Refusal("500", ErrorClass.UNAVAILABLE),
        Refusal("502", ErrorClass.UNAVAILABLE),
        Refusal("503", ErrorClass.UNAVAILABLE),
        Refusal("504", ErrorClass.TIMEOUT, ambiguous=True),
        Refusal("garbage", ErrorClass.UNKNOWN, ambiguous=True),
        Refusal("empty", ErrorClass.UNKNOWN, ambiguous=True),
        Refusal("drop", ErrorClass.UNKNOWN, ambiguous=True),
    ),
    failures=(
        Failure("400", ErrorClass.UNAVAILABLE, charged=False),
        Failure("422", ErrorClass.BAD_REQUEST, charged=False),
        Failure("no_media", ErrorClass.BAD_REQUEST, charged=False),
        Failure("500", ErrorClass.UNAVAILABLE, charged=False),
        Failure("502", ErrorClass.UNAVAILABLE, charged=False),
        Failure("503", ErrorClass.UNAVAILABLE, charged=False),
        Failure("504", ErrorClass.TIMEOUT, charged=False),
        Failure("timeout", ErrorClass.TIMEOUT, charged=False),
        Failure("garbage", ErrorClass.MALFORMED_OUTPUT, charged=True),
        Failure("empty", ErrorClass.MALFORMED_OUTPUT, charged=True),
        Failure("no_output", ErrorClass.MALFORMED_OUTPUT, charged=True),
    ),
    moderation=(
        Failure("policy", ErrorClass.MODERATED, charged=False, units=Decimal(0)),
        Failure("black", ErrorClass.MODERATED, charged=True, units=Decimal(2)),
        Failure("policy charge_refused:1", ErrorClass.MODERATED, charged=True, units=Decimal(2)),
    ),
    polls=(
        Refusal("401", ErrorClass.AUTH),
        Refusal("429", ErrorClass.RATE_LIMITED),
        Refusal("500", ErrorClass.UNAVAILABLE),
        Refusal("502", ErrorClass.UNAVAILABLE),
        Refusal("garbage", ErrorClass.UNAVAILABLE),
        Refusal("empty", ErrorClass.UNAVAILABLE),
    ),
    fetches=(
        Refusal("401*1", ErrorClass.AUTH),
        Refusal("429*1", ErrorClass.RATE_LIMITED),
        Refusal("502*1", ErrorClass.UNAVAILABLE),
        Refusal("504*1", ErrorClass.TIMEOUT),
        Refusal("drop*2", ErrorClass.UNAVAILABLE),  # the transport tries a GET once more by itself
    ),
    position=True,
    cancels={
        "queued": Cancelling(CancelOutcome.CANCELLED, JobState.CANCELLED, charged=False),
        "running": Cancelling(CancelOutcome.REQUESTED, JobState.CANCELLED, charged=True, units=Decimal(2)),
        "running, and it is made all the same": Cancelling(
            CancelOutcome.REQUESTED,
            JobState.SUCCEEDED,
            charged=True,
            directive="[[cancel:ignore]]",
            units=Decimal(2),
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
        Failure("black", ErrorClass.MODERATED, charged=None),
        Failure("503", ErrorClass.UNAVAILABLE, charged=None),
        Failure("no_output", ErrorClass.MALFORMED_OUTPUT, charged=None),
    ),
    webhook_unreadable=True,
    webhook_other_name=True,
    webhook_cancelled=True,
    knobs={
        "seed": FLUX,
        "guidance": FLUX,
        "references": model("fal", "fal-ai/flux-2/edit"),
        "first frame": FRAMES,
        "last frame": FRAMES,
        "motion": model("fal", "fal-ai/kling-video/v2.6/pro/motion-control"),
        "negative prompt": FRAMES,
    },
)


def make(emulator: Running) -> kit.Kit:
    return kit.kit(emulator, "fal", DECLARED, key="id:secret")
