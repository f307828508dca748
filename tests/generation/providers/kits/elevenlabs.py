"""ElevenLabs: sounds as the answer to a blocking call; nothing to poll, to cancel, or to find again."""

from __future__ import annotations

from decimal import Decimal

from generation.providers.protocol import ErrorClass, StepRequest
from tests.emulators.server import Running
from tests.generation.providers import kit
from tests.generation.providers.declared import Declared, Failure, Made, Refusal, model

WAVES = StepRequest(
    kind="audio",
    prompt="Waves on rocks",
    seed=None,
    width=None,
    height=None,
    duration_seconds=Decimal(3),
)
SPOKEN = StepRequest(
    kind="audio",
    prompt="Good evening.",
    seed=7,
    width=None,
    height=None,
    parameters={"voice_id": "voice-1"},
)
SOUND, MUSIC = model("elevenlabs", "sound-generation"), model("elevenlabs", "music")

DECLARED = Declared(
    makes={
        "sound": Made(SOUND, WAVES, media_type="audio/mpeg"),
        "music": Made(MUSIC, WAVES, media_type="audio/mpeg"),
        "speech": Made(model("elevenlabs", "text-to-speech"), SPOKEN, media_type="audio/mpeg"),
    },
    refusals=(
        Refusal("400", ErrorClass.BAD_REQUEST),
        Refusal("422", ErrorClass.BAD_REQUEST),
        Refusal("401", ErrorClass.AUTH),
        Refusal("scope", ErrorClass.AUTH),
        Refusal("403", ErrorClass.AUTH),
        Refusal("credit", ErrorClass.INSUFFICIENT_CREDIT),
        Refusal("402", ErrorClass.INSUFFICIENT_CREDIT),
        Refusal("404", ErrorClass.RETIRED),
        Refusal("retired", ErrorClass.RETIRED),
        Refusal("policy", ErrorClass.MODERATED),
        Refusal("bad_prompt", ErrorClass.MODERATED),
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
        Failure("400", ErrorClass.BAD_REQUEST, charged=False),
        Failure("503", ErrorClass.UNAVAILABLE, charged=False),
        Failure("no_output", ErrorClass.MALFORMED_OUTPUT, charged=True),
    ),
    moderation=(Failure("policy", ErrorClass.MODERATED, charged=False),),
    token_travels=False,
    spoilt={"html": "audio/mpeg"},
    knobs={"seed": MUSIC, "guidance": SOUND},
    untested={
        "expiry": "outputs come inside the answer",
        "vouched for": "its webhooks tell of transcripts and agents, never of these calls",
    },
)


def make(emulator: Running) -> kit.Kit:
    return kit.kit(emulator, "elevenlabs", DECLARED, key="xi-key")
