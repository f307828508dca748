"""Whether what is kept of each pack of credits agrees with what left it and returned."""

from __future__ import annotations

from django.db import connection

from billing import money

BALANCES = """
    SELECT w.slug, l.unit, l.bought_on, b.credits, b.cost,
           l.credits + l.bonus - COALESCE(m.credits, 0), l.cost - COALESCE(m.cost, 0)
    FROM billing_creditlot l
    JOIN projects_workspace w ON w.id = l.workspace_id
    LEFT JOIN billing_creditbalance b ON b.lot_id = l.id
    LEFT JOIN (
        SELECT lot_id, sum(credits) AS credits, sum(cost) AS cost
        FROM billing_creditmovement WHERE kind <> 'beyond' GROUP BY 1
    ) m ON m.lot_id = l.id
    WHERE (b.credits, b.cost) IS DISTINCT FROM
          (l.credits + l.bonus - COALESCE(m.credits, 0), l.cost - COALESCE(m.cost, 0))
    ORDER BY l.id
"""


def problems() -> list[str]:
    """Packs whose kept rest differs from their movements."""
    with connection.cursor() as cursor:
        cursor.execute(BALANCES)
        rows = cursor.fetchall()
    return [
        f"{slug}: the pack of {unit} of {day} keeps {money.exact(kept or money.ZERO)} credits at "
        f"{money.exact(cost or money.ZERO)}; its movements say {money.exact(should)} at "
        f"{money.exact(should_cost)}."
        for slug, unit, day, kept, cost, should, should_cost in rows
    ]
