"""Seeds of requests: where the first one comes from, and what carries over from a draft to its hero take.

A policy of `campaign` or `deliverable` locks the seed of take 1 of a phase; take n uses that seed plus
n - 1, so that a series can be made again. A hero take keeps the seed of its draft in each step that uses
the same model; elsewhere the picture carries over and not the seed.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from generation.models import Recipe
from projects.models import Deliverable, Take
from projects.models.work import SeedPolicy
from projects.problems import Invalid
from projects.work import MAX_SEED

SEEDED_KINDS = ("image", "edit", "image-to-video", "video", "text")


def check_seed(seed: int | None) -> None:
    if seed is not None and not 0 <= seed <= MAX_SEED:
        raise Invalid({"seed": [f"Give a whole number between 0 and {MAX_SEED}."]})


def with_seed(request: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """The same request with another seed in every step that takes one."""
    changed = copy.deepcopy(dict(request))
    changed["seed"] = seed
    for step in changed["steps"]:
        if step["kind"] in SEEDED_KINDS:
            step["seed"] = seed
    return changed


def first_seed(
    deliverable: Deliverable, policy: str, source_take: Take | None, *, made: Callable[[], int]
) -> int:
    """The seed of the next take; `made` tells how many takes of the phase there are, where that matters."""
    if source_take is not None:  # the same draft must ask for the same thing each time
        own = source_take.seed
        return int(source_take.pk.hex[-8:], 16) if own is None else own
    if policy == SeedPolicy.FREE:
        return secrets.randbelow(MAX_SEED + 1)
    base = deliverable.campaign.seed if policy == SeedPolicy.CAMPAIGN else None
    if base is None:
        base = int(deliverable.pk.hex[-8:], 16)
    return (base + made()) % (MAX_SEED + 1)


def carry_seeds(request: dict[str, Any], source_take: Take, fresh: int) -> dict[str, Any]:
    """Keeps the draft's seed where a step's first model is the draft's, and says what carries over."""
    changed = with_seed(request, fresh)
    recipe = Recipe.objects.filter(take=source_take).first()
    drafted = {
        step["choices"][0]["model"]: step["seed"]
        for step in (recipe.request["steps"] if recipe else [])
        if step["choices"] and step["seed"] is not None
    }
    carried: dict[str, str] = {}
    for step in changed["steps"]:
        if step["kind"] not in SEEDED_KINDS or not step["choices"]:
            continue
        seed = drafted.get(step["choices"][0]["model"])
        carried[step["key"]] = "picture" if seed is None else "seed"
        if seed is not None:
            step["seed"] = seed
    return {**changed, "carried": carried}
