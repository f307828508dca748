"""What the drills' judges are shown: a workspace with who speaks in it, takes at the emulated provider."""

from __future__ import annotations

import dataclasses

from projects.models import Membership, Take, Workspace
from tests.cast import Cast
from tests.generation import engine_rows
from tests.generation.conftest import Fal
from tests.generation.engine_rows import FLUX, Engine


@dataclasses.dataclass(frozen=True)
class Place:
    """A workspace and who speaks in it, as the drill's studios."""

    workspace: Workspace
    member: Membership


def made(cast: Cast, engine: Engine, fal: Fal, directive: str = "") -> Take:
    """A take at the provider, as far as the engine brings it by itself."""
    step = engine_rows.step(models=[FLUX], amount="0.05", prompt=f"A lighthouse {directive}")
    take = engine_rows.take(cast.deliverable, step, person=cast.producer.person)
    for _ in range(6):
        engine.turn()
        fal.finish_all(engine)
    return take
