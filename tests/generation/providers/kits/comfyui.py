"""ComfyUI: a queue without keys of its own (here behind a proxy), found again by an id that is ours."""

from __future__ import annotations

from decimal import Decimal

from generation.providers.protocol import CancelOutcome, ErrorClass, JobState
from tests.emulators.server import Running
from tests.generation.providers import kit, workflows
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

STILL = model("comfyui", "still", workflow=workflows.TEXT_TO_IMAGE, mapping=workflows.TEXT_MAPPING)
CLIP = model(
    "comfyui",
    "clip",
    workflow=workflows.CLIP,
    mapping=workflows.CLIP_MAPPING,
    frames_per_second=12,
    outputs=["4"],
)
EDIT = model("comfyui", "edit", workflow=workflows.EDIT, mapping=workflows.EDIT_MAPPING)

DECLARED = Declared(
    makes={
        "picture": Made(STILL, PICTURE, media_type="image/png", seed=7, units=Decimal(75)),
        "film": Made(CLIP, FILM, media_type="video/mp4", units=Decimal(75)),
    },
    refusals=(
        Refusal("401", ErrorClass.AUTH),
        Refusal("403", ErrorClass.AUTH),
        Refusal("404", ErrorClass.RETIRED),
        Refusal("413", ErrorClass.BAD_REQUEST),
        Refusal("400", ErrorClass.BAD_REQUEST),
        Refusal("retired", ErrorClass.RETIRED),
        Refusal("500", ErrorClass.UNAVAILABLE, ambiguous=True),
        Refusal("502", ErrorClass.UNAVAILABLE, ambiguous=True),
        Refusal("503", ErrorClass.UNAVAILABLE),
        Refusal("504", ErrorClass.TIMEOUT, ambiguous=True),
        Refusal("garbage", ErrorClass.UNKNOWN, ambiguous=True),
        Refusal("empty", ErrorClass.UNKNOWN, ambiguous=True),
        Refusal("drop", ErrorClass.UNKNOWN, ambiguous=True),
    ),
    failures=(
        Failure("500", ErrorClass.BAD_REQUEST, charged=False),
        Failure("memory", ErrorClass.UNAVAILABLE, charged=False),
        Failure("no_output", ErrorClass.MALFORMED_OUTPUT, charged=False),
    ),
    polls=(
        Refusal("401", ErrorClass.AUTH),
        Refusal("500", ErrorClass.UNAVAILABLE),
        Refusal("502", ErrorClass.UNAVAILABLE),
        Refusal("504", ErrorClass.TIMEOUT),
        Refusal("garbage", ErrorClass.UNAVAILABLE),
        Refusal("empty", ErrorClass.UNAVAILABLE),
    ),
    retry_after=False,
    token_travels=False,
    cancels={
        "queued": Cancelling(CancelOutcome.CANCELLED, JobState.LOST, charged=False),
        "running": Cancelling(
            CancelOutcome.REQUESTED, JobState.CANCELLED, charged=False, directive="[[charge_cancelled:0]]"
        ),
        "running, and it is made all the same": Cancelling(
            CancelOutcome.REQUESTED, JobState.SUCCEEDED, charged=True, directive="[[cancel:ignore]]"
        ),
        "finished": Cancelling(CancelOutcome.TOO_LATE, JobState.SUCCEEDED, charged=True),
    },
    spoilt={"truncated_mp4": "video/mp4", "html": "image/png", "huge": "image/jpeg"},
    guarded=True,
    knobs={"seed": STILL, "guidance": STILL, "negative prompt": STILL},
)


def make(emulator: Running) -> kit.Kit:
    return kit.kit(emulator, "comfyui", DECLARED, key="proxy-secret", extra={"header": "X-Proxy-Key"})
