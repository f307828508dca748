"""Google: films as operations, with webhooks that a signed token vouches for; pictures as blocking calls."""

from __future__ import annotations

from decimal import Decimal

from generation.providers.protocol import ErrorClass, JobState
from tests.emulators.server import Running
from tests.generation.providers import kit
from tests.generation.providers.declared import (
    FILM,
    PICTURE,
    Declared,
    Failure,
    Made,
    Refusal,
    model,
)

VEO = model("google", "veo-3.1-generate-preview")
BANANA = model("google", "gemini-3.1-flash-image")

DECLARED = Declared(
    makes={
        "film": Made(VEO, FILM, media_type="video/mp4", units=Decimal(6)),
        "picture": Made(BANANA, PICTURE, units=Decimal(1)),
    },
    refusals=(
        Refusal("401", ErrorClass.AUTH),
        Refusal("403", ErrorClass.AUTH),
        Refusal("key", ErrorClass.AUTH),
        Refusal("billing", ErrorClass.AUTH),
        Refusal("retired", ErrorClass.RETIRED),
        Refusal("400", ErrorClass.BAD_REQUEST),
        Refusal("policy", ErrorClass.MODERATED),
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
        Failure("400", ErrorClass.BAD_REQUEST, charged=None),
        Failure("429", ErrorClass.RATE_LIMITED, charged=None),
        Failure("500", ErrorClass.UNAVAILABLE, charged=None),
        Failure("503", ErrorClass.UNAVAILABLE, charged=None),
        Failure("garbage", ErrorClass.MALFORMED_OUTPUT, charged=None),
        Failure("empty", ErrorClass.MALFORMED_OUTPUT, charged=None),
        Failure("no_output", ErrorClass.MALFORMED_OUTPUT, charged=None),
    ),
    moderation=(
        Failure("policy", ErrorClass.MODERATED, charged=False),
        Failure("policy_error", ErrorClass.MODERATED, charged=False),
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
    first_state=JobState.RUNNING,
    spoilt={"truncated_mp4": "video/mp4", "html": "video/mp4", "huge": "video/mp4"},
    guarded=True,
    expires=True,
    webhook_covers_body=False,
    knobs={
        "references": VEO,
        "first frame": VEO,
        "last frame": VEO,
        "negative prompt": VEO,
        "seed": BANANA,
    },
)


def make(emulator: Running) -> kit.Kit:
    made = kit.kit(emulator, "google", DECLARED, key="AIza-secret")
    return kit.at(made, f"{emulator.url_of('google')}/v1beta")
