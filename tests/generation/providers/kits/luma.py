"""Luma's agents API: generations that are polled, and nothing more; money is never named."""

from __future__ import annotations

from generation.providers.protocol import ErrorClass
from tests.emulators.server import Running
from tests.generation.providers import kit
from tests.generation.providers.declared import FILM, PICTURE, Declared, Failure, Made, Refusal, model

UNI = model("luma", "uni-1")
RAY = model("luma", "ray-3.2")

DECLARED = Declared(
    makes={
        "picture": Made(UNI, PICTURE),
        "film": Made(RAY, FILM, media_type="video/mp4"),
    },
    refusals=(
        Refusal("400", ErrorClass.BAD_REQUEST),
        Refusal("401", ErrorClass.AUTH),
        Refusal("403", ErrorClass.AUTH),
        Refusal("retired", ErrorClass.RETIRED),
        Refusal("422", ErrorClass.BAD_REQUEST),
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
        Failure("500", ErrorClass.UNAVAILABLE, charged=None),
        Failure("credit", ErrorClass.INSUFFICIENT_CREDIT, charged=None),
        Failure("not_found", ErrorClass.BAD_REQUEST, charged=None),
        Failure("too_large", ErrorClass.BAD_REQUEST, charged=None),
        Failure("format", ErrorClass.BAD_REQUEST, charged=None),
        Failure("corrupt", ErrorClass.BAD_REQUEST, charged=None),
        Failure("422", ErrorClass.BAD_REQUEST, charged=None),
        Failure("429", ErrorClass.RATE_LIMITED, charged=None),
        Failure("strange", ErrorClass.UNKNOWN, charged=None),
        Failure("no_output", ErrorClass.MALFORMED_OUTPUT, charged=True),
    ),
    moderation=(
        Failure("policy", ErrorClass.MODERATED, charged=None),
        Failure("policy_words", ErrorClass.MODERATED, charged=None),
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
    spoilt={"truncated_mp4": "video/mp4", "html": "image/png", "huge": "image/jpeg"},
    expires=True,
    knobs={"references": UNI, "first frame": RAY, "last frame": RAY},
    untested={"vouched for": "an index of Luma's documents mentions callbacks, and no call takes an address"},
)


def make(emulator: Running) -> kit.Kit:
    made = kit.kit(emulator, "luma", DECLARED, key="luma-api-secret")
    return kit.at(made, f"{emulator.url_of('luma')}/v1")
