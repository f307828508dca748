"""A month as it is frozen: its figures as one document, and the hash over its canonical rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from django.db import connection

from billing import audit
from billing.dimensions import By
from billing.models import MonthClose
from billing.months import Span
from projects.models import Workspace

DIMENSIONS = (By.CAMPAIGN, By.CATEGORY, By.PROJECT, By.TIER, By.PHASE, By.PROVIDER, By.MODEL, By.PERSON)
#: Changed only together with VERSION: what was closed under one is verified under it.
ENTRIES = """
    SELECT id, kind, debit, credit, amount, native_amount, native_currency, rate, units, computed_amount,
           service_at AT TIME ZONE 'UTC', booked_at AT TIME ZONE 'UTC', effective_at AT TIME ZONE 'UTC',
           stage, failed_charged, refunds, corrects, decision, project_id, campaign_id, deliverable_id,
           take_id, category, phase, tier, provider, model, routing_version, pipeline, prompt_template,
           seed_policy, person_id, person_email, run, call, hold, price_row, calculation, external_id, note
    FROM billing_entry
    WHERE workspace_id = %(workspace)s AND {where} ORDER BY {order}
"""
OF_MONTH = "effective_at >= %(start)s AND effective_at < %(until)s"
DECISIONS = """
    SELECT sequence, decision, campaign_id, deliverable_id, take_id, reverses_id, at AT TIME ZONE 'UTC',
           by_id, by_email, as_is
    FROM projects_decision
    WHERE workspace_id = %(workspace)s AND at >= %(start)s AND at < %(until)s ORDER BY sequence
"""
VERSION = "month 1"


def document(workspace: Workspace, month: str) -> dict[str, Any]:
    """The figures of a month (YYYY-MM) as the API answers them, split by every dimension under `by`."""
    pages = audit.month_by_each(workspace=workspace, month=month, by=DIMENSIONS)
    whole = dict(pages[By.CAMPAIGN])
    for name in (
        "state",
        "digest",
        "rows",
        "by",
    ):
        whole.pop(name, None)
    return {**whole, "by": {by.value: pages[by]["rows"] for by in DIMENSIONS}}


def digest_of(figures: dict[str, Any]) -> str:
    """SHA-256 of a document in its canonical form: keys sorted, no spaces, UTF-8."""
    return hashlib.sha256(canonical(figures)).hexdigest()


def canonical(figures: dict[str, Any]) -> bytes:
    words = json.dumps(figures, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return words.encode()


def digest(workspace: Workspace, month: str, span: Span, figures: dict[str, Any]) -> tuple[str, int]:
    """SHA-256 over the month's entries, decisions and figures, and the number of entries.

    Rows are lines as PostgreSQL copies them out, in the order of instant and id.
    """
    values = {"workspace": workspace.pk, "start": span.start, "until": span.end}
    hashed = hashlib.sha256(f"{VERSION}\n{workspace.pk}\n{month}\n".encode())
    number = 0
    entries = ENTRIES.format(where=OF_MONTH, order="effective_at, id")
    for chunk in lines(entries, values):
        hashed.update(chunk)
        number += chunk.count(b"\n")
    for chunk in lines(DECISIONS, values):
        hashed.update(chunk)
    hashed.update(canonical(figures))
    return hashed.hexdigest(), number


def digest_of_close(row: MonthClose) -> tuple[str, int]:
    """What a closed month's digest and number of entries are by its rows today."""
    return digest(row.workspace, row.month, Span(row.starts_at, row.ends_at), row.document)


def lines(statement: str, values: dict[str, Any]) -> Iterator[bytes]:
    """The rows of a query in PostgreSQL's text format for COPY, streamed; each ends with a line break."""
    with connection.cursor() as cursor:
        query = connection.ops.compose_sql(statement, values)  # type: ignore[attr-defined]
        with cursor.copy(f"COPY ({query}) TO STDOUT") as copy:
            yield from (bytes(chunk) for chunk in copy)
