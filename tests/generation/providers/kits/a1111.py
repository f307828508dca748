"""The Stable Diffusion WebUI: blocking calls on a machine of one's own, which bills nothing."""

from __future__ import annotations

from generation.providers.protocol import ErrorClass
from tests.emulators.server import Running
from tests.generation.providers import kit
from tests.generation.providers.declared import PICTURE, Declared, Failure, Made, Refusal, model

DRAW = model("a1111", "txt2img")

DECLARED = Declared(
    makes={"picture": Made(DRAW, PICTURE, media_type="image/png", seed=7)},
    refusals=(
        Refusal("400", ErrorClass.BAD_REQUEST),
        Refusal("401", ErrorClass.AUTH),
        Refusal("404", ErrorClass.BAD_REQUEST),
        Refusal("422", ErrorClass.BAD_REQUEST),
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
        Failure("memory", ErrorClass.UNAVAILABLE, charged=False),
        Failure("no_output", ErrorClass.MALFORMED_OUTPUT, charged=False),
    ),
    crash=None,  # its own 500 says that the call failed
    retry_after=False,
    token_travels=False,
    spoilt={"html": "image/png"},
    knobs={
        "seed": DRAW,
        "guidance": DRAW,
        "references": DRAW,
        "first frame": DRAW,
        "mask": DRAW,
        "negative prompt": DRAW,
    },
    untested={"expiry": "outputs come inside the answer", "moderation": "it has none"},
)


def make(emulator: Running) -> kit.Kit:
    return kit.kit(emulator, "a1111", DECLARED, key="user:password")
