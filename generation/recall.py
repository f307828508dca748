"""Recall: what made a take, brought back in whole or in part, not yet started."""

from __future__ import annotations

import dataclasses
import secrets
from typing import Any

from django.db import models

from generation import requests, seeds
from generation.canonical import digest
from generation.models import Recipe
from projects.models import Phase, Take
from projects.problems import Invalid, Refused
from projects.work import MAX_SEED


class What(models.TextChoices):
    ALL = "all", "Everything"
    SEED = "seed", "The seed"
    PROMPT = "prompt", "The prompt"
    REMIX = "remix", "All but the seed"


@dataclasses.dataclass(frozen=True)
class Recalled:
    """A request that can be made as it is, and its hash."""

    request: dict[str, Any]
    request_hash: str


def recall(*, take: Take, what: str) -> Recalled:
    """The request of a take: all of it (the same hash), or today's request with its seed or its prompt.

    `remix` is all of it with a fresh seed. Raises Refused for a take that was not generated here.
    """
    if what not in What.values:
        raise Invalid({"what": [f"Choose one of {', '.join(What.values)}."]})
    recipe = Recipe.objects.filter(take=take).first()
    if recipe is None:
        raise Refused(
            f"Take {take.number} was not generated here, so there is nothing to recall.",
            remedy="Recall a generated take.",
        )
    request = _request(take, recipe, what)
    return Recalled(request=request, request_hash=digest(request))


def _request(take: Take, recipe: Recipe, what: str) -> dict[str, Any]:
    if what == What.ALL:
        return dict(recipe.request)
    if what == What.REMIX:
        return seeds.with_seed(recipe.request, secrets.randbelow(MAX_SEED + 1))
    return requests.resolve(
        deliverable=take.deliverable,
        phase=Phase.DRAFT,
        seed=take.seed if what == What.SEED else None,
        prompt=take.prompt if what == What.PROMPT else None,
    ).request
