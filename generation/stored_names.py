"""Names of stored files that rows know: for a backup, and for what is an orphan."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection

PAGE = 2000

IN_ROWS = """
    SELECT DISTINCT name COLLATE "C" FROM (
        SELECT name FROM projects_asset WHERE name <> ''
        UNION ALL SELECT name FROM projects_rendition WHERE name <> ''
        UNION ALL SELECT unnest(ARRAY[charges_name, decisions_name]) FROM generation_historyjob
            WHERE state IN ('staged', 'checking', 'applying')
        UNION ALL SELECT file_name FROM billing_exportjob WHERE file_name <> ''
    ) named ORDER BY 1
"""
UNDER_WAY = """
    SELECT substr(o->>'url', 7) FROM generation_sketchjob j, jsonb_array_elements(j.outputs) o
        WHERE o->>'url' LIKE 'store:%'
    UNION
    SELECT substr(o->>'url', 7) FROM generation_call c JOIN generation_run r ON r.id = c.run_id,
        jsonb_array_elements(c.outputs) o
        WHERE r.state NOT IN ('succeeded', 'failed', 'blocked') AND o->>'url' LIKE 'store:%'
"""


def in_rows() -> Iterator[str]:
    """Names of files, exports, imports that wait, in the order of their bytes, as of the first's moment."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(IN_ROWS)
        while rows := cursor.fetchmany(PAGE):
            yield from (row[0] for row in rows)


def under_way() -> set[str]:
    """Names that no row of a file has yet: results that wait to be collected."""
    with connection.cursor() as cursor:
        cursor.execute(UNDER_WAY)
        return {row[0] for row in cursor.fetchall()}
