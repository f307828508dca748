"""OpenAI's images: a blocking call that can neither be polled, cancelled, nor found again."""

from __future__ import annotations

from decimal import Decimal

from generation.providers.protocol import ErrorClass
from tests.emulators.server import Running
from tests.generation.providers import kit
from tests.generation.providers.declared import PICTURE, Declared, Failure, Made, Refusal, model

HIGH = model("openai", "gpt-image-2/high")
FLARE = model("openai", "gpt-image-2.6-flare")

DECLARED = Declared(
    makes={
        "picture": Made(HIGH, PICTURE, media_type="image/png", units=Decimal(1)),
        # 12 tokens of text at a sixth of the price of the 4160 of the picture
        "picture by tokens": Made(FLARE, PICTURE, media_type="image/png", units=Decimal(4162)),
    },
    refusals=(
        Refusal("400", ErrorClass.BAD_REQUEST),
        Refusal("401", ErrorClass.AUTH),
        Refusal("403", ErrorClass.AUTH),
        Refusal("credit", ErrorClass.INSUFFICIENT_CREDIT),
        Refusal("retired", ErrorClass.RETIRED),
        Refusal("409", ErrorClass.UNAVAILABLE),
        Refusal("policy", ErrorClass.MODERATED),
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
        Failure("503", ErrorClass.UNAVAILABLE, charged=False),
        Failure("no_output", ErrorClass.MALFORMED_OUTPUT, charged=True),
    ),
    moderation=(Failure("policy", ErrorClass.MODERATED, charged=None),),
    crash=None,  # its own 500 says that the call failed
    token_travels=False,
    spoilt={"html": "image/png"},
    knobs={"references": HIGH, "mask": HIGH},
    untested={"expiry": "outputs come inside the answer"},
)


def make(emulator: Running) -> kit.Kit:
    made = kit.kit(emulator, "openai", DECLARED, key="sk-secret")
    return kit.at(made, f"{emulator.url_of('openai')}/v1")
