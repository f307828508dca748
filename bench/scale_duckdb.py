"""The yardstick: the same month by DuckDB over Parquet files of the same rows; needs Django set up.

All entries and decisions are written to Parquet once, a file for each month. Then two questions are asked of
both: the cash of a month by provider and model, and the cash to date of what was signed off in it, by
category.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from django.db import connection

from bench import scale_data
from billing import audit, month_parts, months, spend_days
from billing.acceptances import Month
from billing.dimensions import By
from projects.models import Workspace

TIMES = 7
TYPES = {
    **dict.fromkeys(("workspace_id", "deliverable_id", "campaign_id", "project_id", "take_id"), "UUID"),
    **dict.fromkeys(("amount", "native_amount"), "DECIMAL(20, 8)"),
    **dict.fromkeys(("effective_at", "service_at", "decided_at"), "TIMESTAMPTZ"),
    **dict.fromkeys(("sequence", "reverses_id"), "BIGINT"),
    "rate": "DECIMAL(20, 10)",
}
PARTITIONS = """
    SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'billing_entry'::regclass ORDER BY 1
"""
ENTRIES = """
    SELECT workspace_id, id, kind, amount, service_at, effective_at, stage, failed_charged, refunds,
           project_id, campaign_id, deliverable_id, take_id, category, phase, tier, provider, model,
           native_amount, native_currency, rate, person_email
    FROM {table}
"""
DECISIONS = """
    SELECT a.workspace_id, a.sequence, a.decision, a.at AS decided_at, a.deliverable_id, a.take_id,
           a.reverses_id, c.key AS category
    FROM projects_decision a
    LEFT JOIN projects_deliverable d ON d.id = a.deliverable_id
    LEFT JOIN projects_category c ON c.id = d.category_id
"""
SPENT = """
    SELECT provider, model, sum(amount) FROM entries
    WHERE workspace_id = $workspace AND effective_at >= $start AND effective_at < $until
      AND kind <> 'transfer'
    GROUP BY 1, 2 HAVING sum(amount) <> 0 ORDER BY 1, 2
"""
ACCEPTED = """
    WITH life AS (
        SELECT a.deliverable_id, a.decided_at, a.category FROM decisions a
        WHERE a.workspace_id = $workspace AND a.decision = 'accept'
          AND a.decided_at >= $start AND a.decided_at < $until
          AND NOT EXISTS (SELECT 1 FROM decisions r
              WHERE r.reverses_id = a.sequence AND r.decided_at < $until)
    )
    SELECT l.category, count(DISTINCT l.deliverable_id), sum(e.amount)
    FROM life l JOIN entries e ON e.deliverable_id = l.deliverable_id
    WHERE e.workspace_id = $workspace AND e.effective_at <= l.decided_at AND e.effective_at < $until
      AND e.kind <> 'transfer'
    GROUP BY 1 ORDER BY 1
"""


def write(folder: Path) -> dict[str, Any]:
    """Both tables as Parquet; what is there already is left."""
    folder.mkdir(exist_ok=True)
    begun = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(PARTITIONS)
        tables = [name for (name,) in cursor.fetchall()]
    for table in tables:
        _parquet(
            ENTRIES.format(table=table), folder / f"entries-{table}.parquet", "workspace_id, effective_at"
        )
    _parquet(DECISIONS, folder / "decisions.parquet", "workspace_id, decided_at")
    size = sum(path.stat().st_size for path in folder.glob("*.parquet"))
    return {"seconds": round(time.perf_counter() - begun, 1), "bytes": size}


def _parquet(query: str, target: Path, order: str) -> None:
    """The rows of a query as one file, in this order; none where there are no rows."""
    rows, fresh = target.with_suffix(".csv"), target.with_suffix(".new")
    if target.exists() or not _copied(query, rows):
        rows.unlink(missing_ok=True)
        return
    header = rows.open().readline().strip().split(",")
    types = ", ".join(f"'{name}': '{TYPES.get(name, 'VARCHAR')}'" for name in header)
    with duckdb.connect() as duck:
        duck.execute(
            f"COPY (SELECT * FROM read_csv('{rows}', header = true, columns = {{{types}}}) ORDER BY {order})"
            f" TO '{fresh}' (FORMAT parquet, COMPRESSION zstd)"
        )
    fresh.rename(target)
    rows.unlink()


def _copied(query: str, rows: Path) -> int:
    """Writes the rows with a header; answers how many there are."""
    with connection.cursor() as cursor, rows.open("wb") as file:
        with cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)") as copy:
            for piece in copy:
                file.write(piece)
        return int(cursor.rowcount)


def measured(folder: Path, month: str) -> dict[str, Any]:
    """Seconds of both questions, by DuckDB, by our kept sums, and by PostgreSQL over the rows."""
    workspace = Workspace.objects.get(slug=scale_data.slug(1))
    span = months.span(workspace, month)
    values = {"workspace": str(workspace.pk), "start": span.start, "until": span.end}
    with duckdb.connect() as duck:
        duck.execute("SET TimeZone = 'UTC'")
        duck.execute(f"CREATE VIEW entries AS SELECT * FROM read_parquet('{folder}/entries-*.parquet')")
        duck.execute(f"CREATE VIEW decisions AS SELECT * FROM read_parquet('{folder}/decisions.parquet')")
        spent, spent_seconds = _timed(lambda: duck.execute(SPENT, values).fetchall())
        cash, cash_seconds = _timed(lambda: duck.execute(ACCEPTED, values).fetchall())
    kept, kept_seconds = _timed(lambda: spend_days.of_months(workspace, [month]))
    asked: dict[str, Any] = {"workspace": workspace, "month": month, "by": By.CATEGORY}
    document, document_seconds = _timed(lambda: audit.month_document(**asked))
    _, rows_seconds = _timed(lambda: month_parts.added_up(Month(workspace, span)), times=2)
    ours: dict[tuple[str, str], Decimal] = {}
    for each in kept:
        place = (each.provider, each.model)
        ours[place] = ours.get(place, Decimal(0)) + each.amount
    return {
        "categories": len(cash),
        "duckdb_spend": spent_seconds,
        "duckdb_accepted": cash_seconds,
        "kept_spend": kept_seconds,
        "month_document": document_seconds,
        "all_figures_from_rows": rows_seconds,
        "spend_equal": {(p or "", m or ""): amount for p, m, amount in spent} == ours,
        "accepted_equal": [(key, number, amount) for key, number, amount in cash] == _accepted(document),
    }


def _accepted(document: dict[str, Any]) -> list[tuple[str, int, Decimal]]:
    return sorted((row["key"], row["accepted"], Decimal(row["cash"])) for row in document["rows"])


def _timed(ask: Callable[[], Any], *, times: int = TIMES) -> tuple[Any, float]:
    """What is answered, and the median of the seconds that it took."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        found = ask()
        took.append(time.perf_counter() - begun)
    return found, round(statistics.median(took), 4)
