"""Totals of a deliverable for pages, kept with each write in the same transaction."""

from __future__ import annotations

import collections
import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal

from django.db import connection

from billing.models import Entry
from billing.models.ledger import Stage

ADD = """
    INSERT INTO billing_deliverablecost
        (deliverable_id, workspace_id, generation, control, refinement, reserved)
    SELECT d.id, d.workspace_id, given.generation, given.control, given.refinement, given.reserved
    FROM unnest(%s::uuid[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[])
         AS given (deliverable_id, generation, control, refinement, reserved)
    JOIN projects_deliverable d ON d.id = given.deliverable_id
    ORDER BY d.id
    ON CONFLICT (deliverable_id) DO UPDATE SET
        generation = billing_deliverablecost.generation + excluded.generation,
        control = billing_deliverablecost.control + excluded.control,
        refinement = billing_deliverablecost.refinement + excluded.refinement,
        reserved = billing_deliverablecost.reserved + excluded.reserved
"""
COLUMNS = (Stage.GENERATION, Stage.CONTROL, Stage.REFINEMENT, "reserved")
Amounts = Mapping[uuid.UUID, Mapping[str, Decimal]]


def add(amounts: Amounts) -> None:
    """Adds signed amounts by deliverable and column (a stage, or `reserved`), in deliverable order."""
    ids = sorted(amounts)
    if not ids:
        return
    lists = [[amounts[key].get(column, Decimal(0)) for key in ids] for column in COLUMNS]
    with connection.cursor() as cursor:
        cursor.execute(ADD, [ids, *lists])


def of_entries(entries: Iterable[Entry]) -> dict[uuid.UUID, dict[str, Decimal]]:
    """What cash entries add to the totals of their deliverables."""
    sums: dict[uuid.UUID, dict[str, Decimal]] = collections.defaultdict(
        lambda: collections.defaultdict(Decimal)
    )
    for entry in entries:
        if entry.deliverable_id is not None:
            sums[entry.deliverable_id][entry.stage] += entry.amount
    return sums
