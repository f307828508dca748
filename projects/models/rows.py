"""What every workspace row shares: the queryset that is given the membership, and append-only guards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar

import pgtrigger
from django.db import models

if TYPE_CHECKING:
    from projects.models.people import Membership


Row = TypeVar("Row", bound=models.Model, covariant=True)


class WorkspaceQuerySet(models.QuerySet[Row]):
    """Rows that belong to a workspace, reached only through a membership."""

    def visible_to(self, membership: Membership) -> Self:
        return self.filter(workspace_id=membership.workspace_id)


def append_only(name: str) -> list[pgtrigger.Trigger]:
    """Triggers by which the database itself refuses UPDATE, DELETE and TRUNCATE."""
    return [
        pgtrigger.Protect(name=f"{name}_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        pgtrigger.Trigger(
            name=f"{name}_no_truncate",
            operation=pgtrigger.Truncate,
            level=pgtrigger.Statement,
            when=pgtrigger.Before,
            func=f"RAISE EXCEPTION 'append-only: {name} cannot be truncated';",
        ),
    ]
