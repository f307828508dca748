"""Writes what `manage.py backup` of the former version wrote; run in a process whose database is empty.

`python -m tests.generation.former.archive FILE`; the archive's layout is that version's too.
"""

from __future__ import annotations

import base64
import datetime
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import django
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from billing import partitions

UTC = datetime.UTC
FOLDER = Path(__file__).parent
FORMER = {
    "projects": "0001_squashed_0017_budget_notices",
    "routing": "0001_squashed_0004_credit_units",
    "billing": "0001_squashed_0018_budgets_in_depth",
    "generation": "0001_squashed_0013_call_tokens",
}
"""The oldest state that is taken. What came after it has to bring its data along."""

WRITTEN_IN = (datetime.datetime(2026, 11, 1, tzinfo=UTC), datetime.datetime(2026, 11, 30, tzinfo=UTC))


def media() -> dict[str, bytes]:
    """Name and content of each file."""
    kept = json.loads((FOLDER / "media.json").read_text())
    return {name: base64.b64decode(content) for name, content in kept.items()}


def build() -> None:
    """The former version's schema with its rows, in the database of this process."""
    executor = MigrationExecutor(connection)
    others = [node for node in executor.loader.graph.leaf_nodes() if node[0] not in FORMER]
    executor.migrate([*others, *FORMER.items()])
    # that version came to its schema by the many migrations that these replace, and knew no others
    MigrationRecorder.Migration.objects.filter(app__in=FORMER, name__in=FORMER.values()).delete()
    first, last = WRITTEN_IN
    partitions.ensure_partitions(first, last)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute((FOLDER / "rows.sql").read_text().replace("%", "%%"), [])
        cursor.execute("RESET session_replication_role")


def archive(target: Path) -> None:
    from circletake import postgres

    settings: dict[str, Any] = connection.get_connection_params()
    dsn = " ".join(
        f"{key}={settings[key]}" for key in ("host", "port", "user", "dbname") if settings.get(key)
    )
    about = {"format": 1, "made_at": WRITTEN_IN[0].isoformat(), "files": len(media()), "missing": []}
    with tempfile.TemporaryDirectory() as folder, tarfile.open(target, "w") as tar:
        dump = Path(folder) / "database.dump"
        command = [postgres.binary("pg_dump"), "--format=custom", "--no-owner", f"--file={dump}", dsn]
        subprocess.run(command, check=True)
        add(tar, "circletake.json", json.dumps(about).encode())
        tar.add(dump, "database.dump")
        for name, content in media().items():
            add(tar, f"media/{name}", content)


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


if __name__ == "__main__":
    django.setup()
    build()
    if len(sys.argv) > 1:
        archive(Path(sys.argv[1]))
