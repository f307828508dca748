"""Backup and restore: the database and every file that it names, in one archive.

The archive is a tar with `circletake.json` (version, counts), `database.dump` (pg_dump's custom format) and
`media/…`. Files are content-addressed, so each is checked against its name when it is read back.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from circletake import postgres
from generation.media import store
from projects.models import Asset, Rendition, Workspace
from projects.problems import Refused

FORMAT = 1
NEWER_SETTINGS = (b"SET transaction_timeout",)


class CannotRestore(Refused):
    """The archive is no backup, is damaged, or the database is not empty; nothing was changed."""

    title = "This backup cannot be restored here"


def backup(target: Path) -> dict[str, Any]:
    """Writes the archive beside its place and renames it there; answers what it holds."""
    unfinished = target.with_name(f"{target.name}.unfinished")
    with tempfile.TemporaryDirectory(prefix="circletake-") as folder, tarfile.open(unfinished, "w") as tar:
        dump = Path(folder) / "database.dump"
        _run("pg_dump", "--format=custom", "--no-owner", f"--file={dump}", _dsn())
        names = sorted(set(_media_names()))
        missing = [name for name in names if not store.exists(name)]
        about = {
            "format": FORMAT,
            "made_at": timezone.now().isoformat(),
            "files": len(names) - len(missing),
            "missing": missing,
        }
        _add_bytes(tar, "circletake.json", json.dumps(about, indent=1).encode())
        tar.add(dump, "database.dump")
        for name in names:
            if name not in missing:
                with store.local(name) as path:
                    tar.add(path, f"media/{name}")
    os.replace(unfinished, target)
    return about


def restore(source: Path) -> dict[str, Any]:
    """Brings an archive back into an empty database and the storage.

    Media come first and are checked against their hashes; then the database, in one transaction. Raises
    CannotRestore.
    """
    _require_empty()
    try:
        with tarfile.open(source) as tar, tempfile.TemporaryDirectory(prefix="circletake-") as folder:
            about = json.load(_member(tar, "circletake.json"))
            if about.get("format") != FORMAT:
                raise CannotRestore(f"Its format is {about.get('format')}, this version reads {FORMAT}.")
            for entry in tar:
                if entry.isfile() and entry.name.startswith("media/"):
                    _bring_back(tar, entry)
            dump = Path(folder) / "database.dump"
            dump.write_bytes(_member(tar, "database.dump").read())
            _empty_schema()
            _load(dump)
    except (tarfile.TarError, KeyError, json.JSONDecodeError) as error:
        raise CannotRestore(f"{source.name} is no whole backup: {error}.") from None
    return dict(about)


def _media_names() -> Iterator[str]:
    for rows in (Asset.objects.exclude(name=""), Rendition.objects.exclude(name="")):
        yield from rows.order_by("pk").values_list("name", flat=True).iterator(chunk_size=2000)


def _bring_back(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> None:
    """Stores one file and checks that its content has the hash that it is named by."""
    kept = store.put(_member(tar, entry.name))
    if f"media/{kept.name}" != entry.name:
        store.delete(kept.name)
        raise CannotRestore(f"The file {entry.name} is damaged.", remedy="Use another backup.")


def _member(tar: tarfile.TarFile, name: str) -> Any:
    found = tar.extractfile(name)
    if found is None:
        raise KeyError(name)
    return found


def _require_empty() -> None:
    if "projects_workspace" in connection.introspection.table_names() and Workspace.objects.exists():
        raise CannotRestore(
            "This database has workspaces already.", remedy="Restore into an empty DATA_DIR or database."
        )


def _empty_schema() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    connection.close()


def _load(dump: Path) -> None:
    """Plays the dump in one transaction, without the settings that an older server does not know."""
    script = dump.with_suffix(".sql")
    _run("pg_restore", "--no-owner", f"--file={script}", str(dump))
    played = dump.with_suffix(".plain.sql")
    with script.open("rb") as lines, played.open("wb") as kept:
        kept.writelines(line for line in lines if not line.startswith(NEWER_SETTINGS))
    _run("psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--single-transaction",
         f"--file={played}", f"--dbname={_dsn()}")  # fmt: skip


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _dsn() -> str:
    """The connection as libpq takes it; the password goes through the environment."""
    parameters = connection.get_connection_params()
    wanted = {"host": "host", "port": "port", "user": "user", "dbname": "dbname"}
    return " ".join(f"{key}={parameters[name]}" for key, name in wanted.items() if parameters.get(name))


def _run(program: str, *arguments: str) -> None:
    """Runs a tool of the PostgreSQL that comes with us; raises CannotRestore with what it said."""
    password = str(connection.settings_dict.get("PASSWORD") or "")
    done = subprocess.run(
        [postgres.binary(program), *arguments],
        env={**os.environ, **({"PGPASSWORD": password} if password else {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotRestore(f"{program} failed: {done.stderr.strip()[-500:]}")


def default_name() -> Path:
    return Path(settings.DATA_DIR) / f"backup-{timezone.now():%Y%m%d-%H%M%S}.tar"
