"""Stability AI: forms answered with the picture itself; it names no sums, and calls failures free."""

from __future__ import annotations

from generation.providers.protocol import ErrorClass
from tests.emulators.server import Running
from tests.generation.providers import kit
from tests.generation.providers.declared import PICTURE, Declared, Failure, Made, Refusal, model

ULTRA = model("stability", "generate/ultra")
LARGE = model("stability", "sd3.5-large")

DECLARED = Declared(
    makes={
        "picture": Made(ULTRA, PICTURE, media_type="image/png", seed=7),
        "picture with guidance": Made(LARGE, PICTURE, media_type="image/png", seed=7),
    },
    refusals=(
        Refusal("400", ErrorClass.BAD_REQUEST),
        Refusal("401", ErrorClass.AUTH),
        Refusal("403", ErrorClass.AUTH),
        Refusal("402", ErrorClass.INSUFFICIENT_CREDIT),
        Refusal("retired", ErrorClass.RETIRED),
        Refusal("413", ErrorClass.BAD_REQUEST),
        Refusal("422", ErrorClass.BAD_REQUEST),
        Refusal("figure", ErrorClass.MODERATED),
        Refusal("policy", ErrorClass.MODERATED),
        Refusal("policy_words", ErrorClass.MODERATED),
        Refusal("429", ErrorClass.RATE_LIMITED),
        Refusal("500", ErrorClass.UNAVAILABLE),
        Refusal("503", ErrorClass.UNAVAILABLE),
        Refusal("502", ErrorClass.UNAVAILABLE, ambiguous=True),
        Refusal("504", ErrorClass.TIMEOUT, ambiguous=True),
        Refusal("garbage", ErrorClass.UNKNOWN, ambiguous=True),
        Refusal("empty", ErrorClass.UNKNOWN, ambiguous=True),
        Refusal("drop", ErrorClass.UNKNOWN, ambiguous=True),
    ),
    failures=(
        Failure("500", ErrorClass.UNAVAILABLE, charged=False),
        Failure("422", ErrorClass.BAD_REQUEST, charged=False),
    ),
    moderation=(
        Failure("policy", ErrorClass.MODERATED, charged=False),
        Failure("black", ErrorClass.MODERATED, charged=True),
    ),
    crash=None,  # its own 500 says that the generation failed
    retry_after=False,
    token_travels=False,
    spoilt={"html": "image/png", "bomb": "image/png"},
    knobs={
        "seed": ULTRA,
        "guidance": LARGE,
        "references": ULTRA,
        "mask": model("stability", "edit/inpaint"),
        "negative prompt": ULTRA,
    },
    untested={"rate limit": "no time is named with it, as Stability documents none"},
)


def make(emulator: Running) -> kit.Kit:
    return kit.kit(emulator, "stability", DECLARED, key="sk-secret")
