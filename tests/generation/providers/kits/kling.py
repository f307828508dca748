"""Kling: an envelope around everything, tasks found by our token, sums in the tasks; no cancel, no seeds."""

from __future__ import annotations

import json
from decimal import Decimal

from generation.providers.protocol import ErrorClass
from tests.emulators.server import Running
from tests.generation.providers import kit
from tests.generation.providers.declared import FILM, PICTURE, Declared, Failure, Made, Refusal, model

KLING_3 = model("kling", "kling-3.0")

DECLARED = Declared(
    makes={
        "film": Made(KLING_3, FILM, media_type="video/mp4", charge=Decimal("0.42"), currency="USD"),
        "picture": Made(model("kling", "kling-v3"), PICTURE, media_type="image/png"),
    },
    refusals=(
        Refusal("401", ErrorClass.AUTH),
        Refusal("1003", ErrorClass.AUTH),
        Refusal("1004", ErrorClass.AUTH),
        Refusal("account", ErrorClass.AUTH),
        Refusal("403", ErrorClass.AUTH),
        Refusal("credit", ErrorClass.INSUFFICIENT_CREDIT),
        Refusal("402", ErrorClass.INSUFFICIENT_CREDIT),
        Refusal("400", ErrorClass.BAD_REQUEST),
        Refusal("422", ErrorClass.BAD_REQUEST),
        Refusal("404", ErrorClass.RETIRED),
        Refusal("retired", ErrorClass.RETIRED),
        Refusal("policy", ErrorClass.MODERATED),
        Refusal("platform_policy", ErrorClass.MODERATED),
        Refusal("429", ErrorClass.RATE_LIMITED),
        Refusal("full", ErrorClass.RATE_LIMITED),
        Refusal("ip", ErrorClass.RATE_LIMITED),
        Refusal("500", ErrorClass.UNAVAILABLE, ambiguous=True),
        Refusal("502", ErrorClass.UNAVAILABLE, ambiguous=True),
        Refusal("503", ErrorClass.UNAVAILABLE, ambiguous=True),
        Refusal("504", ErrorClass.TIMEOUT, ambiguous=True),
        Refusal("garbage", ErrorClass.UNKNOWN, ambiguous=True),
        Refusal("empty", ErrorClass.UNKNOWN, ambiguous=True),
        Refusal("drop", ErrorClass.UNKNOWN, ambiguous=True),
    ),
    failures=(
        Failure("500", ErrorClass.UNAVAILABLE, charged=False),
        Failure("500 charge_refused:1", ErrorClass.UNAVAILABLE, charged=True),
        Failure("422", ErrorClass.BAD_REQUEST, charged=False),
        Failure("no_output", ErrorClass.MALFORMED_OUTPUT, charged=True),
    ),
    moderation=(
        Failure("policy", ErrorClass.MODERATED, charged=False),
        Failure("policy_output", ErrorClass.MODERATED, charged=False),
        Failure("policy_output charge_refused:1", ErrorClass.MODERATED, charged=True),
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
    spoilt={"truncated_mp4": "video/mp4", "html": "video/mp4"},
    expires=True,
    webhook_tells=True,
    webhook_failures=(
        Failure("policy", ErrorClass.MODERATED, charged=None),
        Failure("500", ErrorClass.UNAVAILABLE, charged=None),
        Failure("no_output", ErrorClass.MALFORMED_OUTPUT, charged=None),
    ),
    knobs={
        "references": model("kling", "kling-3.0-omni"),
        "first frame": KLING_3,
        "last frame": KLING_3,
        "negative prompt": model("kling", "kling-2.6"),
    },
)


def make(emulator: Running) -> kit.Kit:
    secret = emulator.emulator.providers["kling"].signer.secret  # type: ignore[attr-defined]
    key = json.dumps({"api_key": "api-key-1"})
    made = kit.kit(emulator, "kling", DECLARED, key=key, webhook_secrets=(secret,))
    made.sent_key = "api-key-1"
    return made
