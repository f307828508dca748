"""An OpenAI-compatible chat server: a blocking call that is answered with words, billed by tokens or not."""

from __future__ import annotations

from decimal import Decimal

from generation.providers.protocol import ErrorClass, StepRequest
from tests.emulators import chat
from tests.emulators.server import Running
from tests.generation.providers import kit
from tests.generation.providers.declared import Declared, Failure, Made, Refusal, model

WRITER = model("chat", "house-writer", input_weight="0.25")
WORDS = StepRequest(kind="text", prompt="A lighthouse", seed=7, width=None, height=None)

DECLARED = Declared(
    makes={"text": Made(WRITER, WORDS, media_type="", text=chat.SAYS, units=Decimal("45.75"))},
    refusals=(
        Refusal("400", ErrorClass.BAD_REQUEST),
        Refusal("long", ErrorClass.BAD_REQUEST),
        Refusal("401", ErrorClass.AUTH),
        Refusal("403", ErrorClass.AUTH),
        Refusal("credit", ErrorClass.INSUFFICIENT_CREDIT),
        Refusal("budget", ErrorClass.INSUFFICIENT_CREDIT),
        Refusal("retired", ErrorClass.RETIRED),
        Refusal("flat", ErrorClass.RETIRED),
        Refusal("bare", ErrorClass.RETIRED),
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
        Failure("cut", ErrorClass.MALFORMED_OUTPUT, charged=None),
        Failure("unheard_of", ErrorClass.MALFORMED_OUTPUT, charged=None),
        Failure("no_output", ErrorClass.MALFORMED_OUTPUT, charged=None),
    ),
    moderation=(
        Failure("policy", ErrorClass.MODERATED, charged=None),
        Failure("policy_refusal", ErrorClass.MODERATED, charged=None),
    ),
    crash=None,  # its own 500 says that the call failed
    token_travels=False,
    knobs={"seed": WRITER},
    untested={"expiry": "words come inside the answer"},
)


def make(emulator: Running) -> kit.Kit:
    made = kit.kit(emulator, "chat", DECLARED, key="sk-secret")
    return kit.at(made, f"{emulator.url_of('chat')}/v1")
