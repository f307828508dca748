"""What a provider's job id says of our books: told by whoever keeps the calls, above this room."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Collection, Mapping

from projects.models import Workspace


@dataclasses.dataclass(frozen=True)
class Job:
    """A call that we made: of which take, at which stage, by which model."""

    call: uuid.UUID
    take: uuid.UUID
    stage: str
    model: str


#: Workspace, provider and job ids → the jobs that are known, in a fixed number of queries.
Finder = Callable[[Workspace, str, Collection[str]], Mapping[str, Job]]


def none_known(workspace: Workspace, provider: str, ids: Collection[str]) -> Mapping[str, Job]:
    """Where nobody keeps calls: matching goes by the ids on the entries alone."""
    return {}
