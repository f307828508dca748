"""A workspace that can make takes: the cast's, furnished with models, prices, pipelines and a table."""

from __future__ import annotations

import pytest

from generation import workspaces
from projects.models import Take
from projects.models.takes import TakeState
from routing import catalogue, default_table
from tests import factories
from tests.cast import Cast


def furnish(cast: Cast) -> Cast:
    catalogue.load(today=factories.utc("2026-11-21").date())
    for key in set(default_table.CATEGORIES) - {"brand-film", "concept-sketch"}:
        factories.category(cast.workspace, key)
    workspaces.furnish(workspace=cast.workspace, owner=cast.manager)
    return cast


@pytest.fixture
def studio(cast: Cast) -> Cast:
    return furnish(cast)


def finished(take: Take) -> Take:
    """The take as if its runs had ended well; for what follows after that."""
    Take.objects.filter(pk=take.pk).update(
        state=TakeState.READY, counted_at=take.requested_at, ended_at=take.requested_at
    )
    take.refresh_from_db()
    return take
