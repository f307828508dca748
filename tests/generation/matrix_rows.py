"""Sketches of the cast's campaign, and matrices over them, for tests of batches."""

from __future__ import annotations

from typing import Any

from generation import batches
from generation.matrices import Asked
from projects.models import Batch, Deliverable
from tests import factories
from tests.cast import Cast

FAST, ECONOMY = "builtin/sketch-fast", "builtin/sketch-draft"


def sketches(cast: Cast, number: int = 2, **fields: Any) -> list[Deliverable]:
    """Each draft of these costs 0.02 on the route, and 0.01 where the economy model is asked for."""
    return [
        factories.deliverable(
            cast.campaign,
            f"sketch-{n:03}",
            category=cast.concept_sketch,
            format=cast.format,
            **{"brief": f"Fog {n}", **fields},
        )
        for n in range(number)
    ]


def started(cast: Cast, number: int, count: int = 1, **options: Any) -> Batch:
    """A batch over so many sketches, asked for by the producer."""
    return batches.make(asked=Asked(sketches(cast, number), count), by=cast.producer, **options)
