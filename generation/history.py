"""Importing the months before a team came: two CSV files, applied whole or not at all.

`charges` and `decisions` are UTF-8 CSV with a header row and columns in any order. Projects, campaigns,
deliverables, categories and models that are unknown are created and marked as imported. The same file again
changes nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import BinaryIO

from django.db import connection, transaction

from billing import pots, shares
from generation import (
    history_check,
    history_known,
    history_rows,
    history_scope,
    history_summaries,
    history_write,
)
from generation.history_cells import Faults
from generation.history_check import Fresh
from generation.history_known import Known
from projects import access, bulk, events
from projects.access import Right
from projects.models import Membership, Workspace
from projects.problems import BadLines


class BadHistory(BadLines):
    """Bad lines, each with `file` (charges or decisions), `line` and `reason`; nothing was imported."""


@dataclasses.dataclass(frozen=True)
class HistoryResult:
    """How many rows of each file were new, and how many deliverables they created."""

    charges: int
    decisions: int
    deliverables: int


def import_history(
    *,
    workspace: Workspace,
    charges: BinaryIO,
    decisions: BinaryIO,
    by: Membership | None,
    progress: Callable[[int], None] = lambda rows: None,
) -> HistoryResult:
    """Applies both files in one transaction, or raises BadHistory naming every bad line.

    `by` needs the right to keep the books; None stands for the operator. `progress` is told from time to
    time how many rows are through.
    """
    if by is not None:
        access.require(by, Right.KEEP_BOOKS)
    faults = Faults()
    charge_rows = history_rows.charges(charges.read(), workspace=workspace, faults=faults)
    decision_rows = history_rows.decisions(decisions.read(), faults=faults)
    with transaction.atomic():
        bulk.prepare()
        _one_at_a_time(workspace)
        known = history_known.known(workspace=workspace, charges=charge_rows, decisions=decision_rows)
        pots.lock(row.id for row in known.deliverables.values())
        fresh = history_check.check(charges=charge_rows, decisions=decision_rows, known=known, faults=faults)
        if faults:
            raise BadHistory(faults.lines())
        result = _apply(fresh, known, progress)
        if any(dataclasses.astuple(result)):
            events.record(workspace=workspace, kind="history.imported", by=by, **dataclasses.asdict(result))
    return result


def _apply(fresh: Fresh, known: Known, progress: Callable[[int], None]) -> HistoryResult:
    scope = history_scope.create(known=known, charges=fresh.charges, decisions=fresh.decisions)
    made = history_write.decisions(fresh=fresh, known=known, scope=scope)
    history_write.move_earlier_cash(made, known)
    progress(len(made))
    history_write.charges(fresh=fresh, known=known, scope=scope, progress=progress)
    progress(len(made) + len(fresh.charges))
    touched = {row.place for row in fresh.charges} | {row.place for row in fresh.decisions}
    history_summaries.refresh(
        workspace=known.workspace.pk,
        deliverables=[scope.deliverables[place] for place in touched if place[2]],
    )
    shares.follow(known.workspace.pk, (scope.campaigns[place[:2]] for place in touched if place[1]))
    return HistoryResult(len(fresh.charges), len(fresh.decisions), scope.created)


def _one_at_a_time(workspace: Workspace) -> None:
    """Two imports into one workspace come one after the other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))", [str(workspace.pk)])
