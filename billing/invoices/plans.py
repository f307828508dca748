"""How the database is to look at a bill: as two sets that meet, never row by row.

Lines that a transaction has just written are not in the statistics yet; taken for few, each would be looked
up for itself, and a bill of 20,000 lines took minutes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.db import connection
from django.db.backends.utils import CursorWrapper

#: Differences that somebody accepted or adjusted, by the last word on each.
SETTLED = """
    SELECT d.id, d.line_id, d.entry, d.match_id FROM billing_difference d
    JOIN (
        SELECT DISTINCT ON (difference_id) difference_id, outcome FROM billing_differencestep
        WHERE workspace_id = %(workspace)s ORDER BY difference_id, number DESC
    ) s ON s.difference_id = d.id AND s.outcome <> 'undone'
    WHERE d.workspace_id = %(workspace)s
"""


@contextlib.contextmanager
def sets() -> Iterator[CursorWrapper]:
    """A cursor whose statements hash or sort what they join. Needs a transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        yield cursor
        cursor.execute("SET LOCAL enable_nestloop = on")
