"""Black Forest Labs: polled at an address of its own, told in credits, its webhooks a reason to poll."""

from __future__ import annotations

from decimal import Decimal

from generation.providers.protocol import ErrorClass, JobState
from tests.emulators.server import Running
from tests.generation.providers import kit
from tests.generation.providers.declared import FILM, PICTURE, Declared, Failure, Made, Refusal, model

PRO = model("bfl", "flux-2-pro")
VIDEO = model("bfl", "flux-3-video")

DECLARED = Declared(
    makes={
        "picture": Made(PRO, PICTURE, media_type="image/png", seed=7, charge=Decimal("0.03"), currency="USD"),
        "film": Made(VIDEO, FILM, media_type="video/mp4", charge=Decimal("0.85"), currency="USD"),
    },
    refusals=(
        Refusal("400", ErrorClass.BAD_REQUEST),
        Refusal("402", ErrorClass.INSUFFICIENT_CREDIT),
        Refusal("403", ErrorClass.AUTH),
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
        Failure("500", ErrorClass.UNAVAILABLE, charged=None),
        Failure("failed", ErrorClass.UNAVAILABLE, charged=None),
        Failure("no_output", ErrorClass.MALFORMED_OUTPUT, charged=True),
    ),
    moderation=(
        Failure("policy", ErrorClass.MODERATED, charged=None),
        Failure("policy charge_refused:1", ErrorClass.MODERATED, charged=True),
        Failure("policy_output", ErrorClass.MODERATED, charged=None),
    ),
    polls=(
        Refusal("403", ErrorClass.AUTH),
        Refusal("429", ErrorClass.RATE_LIMITED),
        Refusal("500", ErrorClass.UNAVAILABLE),
        Refusal("502", ErrorClass.UNAVAILABLE),
        Refusal("504", ErrorClass.TIMEOUT),
        Refusal("garbage", ErrorClass.UNAVAILABLE),
        Refusal("empty", ErrorClass.UNAVAILABLE),
    ),
    first_state=JobState.RUNNING,
    spoilt={"truncated_mp4": "video/mp4", "html": "image/png", "huge": "image/jpeg"},
    expires=True,
    knobs={
        "seed": PRO,
        "guidance": model("bfl", "flux-2-flex"),
        "references": PRO,
        "first frame": VIDEO,
        "last frame": VIDEO,
    },
    untested={"progress": "the field exists, and nothing says how it counts"},
)


def make(emulator: Running) -> kit.Kit:
    return kit.kit(emulator, "bfl", DECLARED, key="bfl-secret")
