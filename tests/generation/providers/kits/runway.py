"""Runway: tasks that are polled, told in credits, stopped by deleting them; no webhooks."""

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

PICTURES = model("runway", "gen4_image")
GEN45 = model("runway", "gen4.5")
VEO = model("runway", "veo3.1")

DECLARED = Declared(
    makes={
        "picture": Made(PICTURES, PICTURE, media_type="image/png", charge=Decimal("0.08"), currency="USD"),
        "film": Made(GEN45, FILM, media_type="video/mp4", charge=Decimal("0.60"), currency="USD"),
    },
    refusals=(
        Refusal("401", ErrorClass.AUTH),
        Refusal("403", ErrorClass.AUTH),
        Refusal("credit", ErrorClass.INSUFFICIENT_CREDIT),
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
        Failure("500", ErrorClass.UNAVAILABLE, charged=False),
        Failure("null", ErrorClass.UNAVAILABLE, charged=False),
        Failure("preprocess", ErrorClass.UNAVAILABLE, charged=False),
        Failure("third_party", ErrorClass.UNAVAILABLE, charged=False),
        Failure("asset", ErrorClass.BAD_REQUEST, charged=False),
        Failure("bad_output", ErrorClass.MALFORMED_OUTPUT, charged=False),
        Failure("no_output", ErrorClass.MALFORMED_OUTPUT, charged=True),
    ),
    moderation=(
        Failure("policy", ErrorClass.MODERATED, charged=False),
        Failure("policy charge_refused:1", ErrorClass.MODERATED, charged=True),
        Failure("policy_input", ErrorClass.MODERATED, charged=True),
        Failure("policy_picture", ErrorClass.MODERATED, charged=True),
        Failure("policy_preprocess", ErrorClass.MODERATED, charged=False),
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
    retry_after=False,
    token_travels=False,
    cancels={
        "queued": Cancelling(CancelOutcome.CANCELLED, JobState.CANCELLED, charged=False),
        "queued, and its record goes": Cancelling(
            CancelOutcome.CANCELLED, JobState.LOST, charged=False, directive="[[cancel:gone]]"
        ),
        "running": Cancelling(CancelOutcome.REQUESTED, JobState.CANCELLED, charged=True),
        "running, and its record goes": Cancelling(
            CancelOutcome.REQUESTED, JobState.LOST, charged=True, directive="[[cancel:gone]]"
        ),
        "running, and it is made all the same": Cancelling(
            CancelOutcome.REQUESTED, JobState.SUCCEEDED, charged=True, directive="[[cancel:ignore]]"
        ),
        "finished": Cancelling(CancelOutcome.TOO_LATE, JobState.SUCCEEDED, charged=True),
    },
    spoilt={"truncated_mp4": "video/mp4", "html": "image/png", "huge": "image/jpeg"},
    expires=True,
    knobs={
        "seed": PICTURES,
        "references": PICTURES,
        "first frame": GEN45,
        "last frame": VEO,
        "negative prompt": VEO,
        "motion": model("runway", "act_two"),
    },
    untested={"rate limit": "no time is named with it, as Runway documents none"},
)


def make(emulator: Running) -> kit.Kit:
    return kit.kit(emulator, "runway", DECLARED, key="key_secret")
