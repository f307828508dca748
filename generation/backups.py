"""Backup and restore: the database and every file that it names, in one archive, from a folder or a bucket.

The archive is a tar with `database.dump` (pg_dump's custom format), `media/…` and `circletake.json` (version,
counts, what was missing). The dump comes first, and files are only added: all that its rows name is there.
Files are content-addressed, so each is checked against its name when it is read back. Nobody but the owner
may read the archive.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from circletake import postgres
from generation import stored_names
from generation.media import store
from generation.media.limits import StorageTrouble
from projects.models import Workspace
from projects.problems import Refused

FORMAT = 1
FOREIGN = re.compile(
    rb"SET transaction_timeout|ALTER TABLE ONLY \S+ ALTER COLUMN \S+ SET \((?!n_distinct)[^)]*\);$"
)
"""Lines of a dump that other servers refuse: settings of newer ones, and options of columns that only some
builds have. Circletake sets neither."""


class CannotRestore(Refused):
    """The archive is no backup, is damaged, or the database is not empty; nothing was changed."""

    title = "This backup cannot be restored here"


class CannotBackUp(Refused):
    """The database or the storage could not be read; no archive was made."""

    title = "No backup was made"


def backup(target: Path, *, media: bool = True) -> dict[str, Any]:
    """Writes the archive beside its place and renames it there; answers what it holds.

    Without `media` it holds the database alone, for a bucket that is kept safe by its own means. Raises
    CannotBackUp.
    """
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        with tempfile.TemporaryDirectory(prefix="circletake-") as folder, _written(unfinished) as tar:
            dump = Path(folder) / "database.dump"
            _run(CannotBackUp, "pg_dump", "--format=custom", "--no-owner", f"--file={dump}", _dsn())
            tar.add(dump, "database.dump")
            about: dict[str, Any] = {"format": FORMAT, "made_at": timezone.now().isoformat(), "media": media}
            about.update(_add_media(tar) if media else {"files": 0, "missing": []})
            _add_bytes(tar, "circletake.json", json.dumps(about, indent=1).encode())
        os.replace(unfinished, target)
    except StorageTrouble as trouble:
        raise CannotBackUp(f"Waiting for {trouble.waits_for}.") from None
    except OSError as error:
        raise CannotBackUp(f"{target} cannot be written: {error.strerror}.") from None
    finally:
        unfinished.unlink(missing_ok=True)
    return about


@contextlib.contextmanager
def _written(path: Path) -> Iterator[tarfile.TarFile]:
    """A new archive that its owner alone may read: keys and sessions are in it."""
    path.unlink(missing_ok=True)
    with open(path, "xb", opener=_private) as file, tarfile.open(fileobj=file, mode="w") as tar:
        yield tar
        tar.close()
        file.flush()
        os.fsync(file.fileno())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _add_media(tar: tarfile.TarFile) -> dict[str, Any]:
    count, missing = 0, []
    for name in _names():
        try:
            with default_storage.open(name) as file:
                entry = tarfile.TarInfo(f"media/{name}")
                entry.size = file.seek(0, 2)
                file.seek(0)
                tar.addfile(entry, file)
                count += 1
        except FileNotFoundError:
            missing.append(name)
    return {"files": count, "missing": missing}


def restore(source: Path) -> dict[str, Any]:
    """Brings an archive back into an empty database and the storage.

    Media come first and are checked against their hashes; then the database, in one transaction, with the
    schema that it had. Raises CannotRestore.
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
            with dump.open("wb") as out:
                shutil.copyfileobj(_member(tar, "database.dump"), out)
            _empty_schema()
            _load(dump)
    except (tarfile.TarError, KeyError, json.JSONDecodeError) as error:
        raise CannotRestore(f"{source.name} is no whole backup: {error}.") from None
    except StorageTrouble as trouble:
        raise CannotRestore(f"Waiting for {trouble.waits_for}.") from None
    return dict(about)


def _names() -> Iterator[str]:
    left = stored_names.under_way()
    for name in stored_names.in_rows():
        left.discard(name)
        yield name
    yield from sorted(left)


def _bring_back(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> None:
    """Stores one file and checks that its content has the hash that it is named by."""
    name = entry.name.removeprefix("media/")
    if not store.NAME.match(name):  # the file of an import that waits
        if not default_storage.exists(name):
            default_storage.save(name, File(_member(tar, entry.name)))
        return
    with store.arrived(_member(tar, entry.name)) as arriving:
        if store.name_of(arriving.sha256) != name:
            raise CannotRestore(f"The file {entry.name} is damaged.", remedy="Use another backup.")
        arriving.keep()


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
    """Plays the dump in one transaction, without what only its own server knows."""
    script = dump.with_suffix(".sql")
    _run(CannotRestore, "pg_restore", "--no-owner", f"--file={script}", str(dump))
    played = dump.with_suffix(".plain.sql")
    with script.open("rb") as lines, played.open("wb") as kept:
        kept.writelines(_known_anywhere(lines))
    _run(CannotRestore, "psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--single-transaction",
         f"--file={played}", f"--dbname={_dsn()}")  # fmt: skip


def _known_anywhere(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The script without FOREIGN lines; rows are never looked at."""
    in_rows = False
    for line in lines:
        if in_rows or not FOREIGN.match(line):
            yield line
        if in_rows:
            in_rows = line != b"\\.\n"
        else:
            in_rows = line.startswith(b"COPY ") and line.endswith(b" FROM stdin;\n")


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _dsn() -> str:
    """The connection as libpq takes it; the password goes through the environment."""
    parameters = connection.get_connection_params()
    wanted = {"host": "host", "port": "port", "user": "user", "dbname": "dbname"}
    return " ".join(f"{key}={parameters[name]}" for key, name in wanted.items() if parameters.get(name))


def _run(refusal: type[Refused], program: str, *arguments: str) -> None:
    """Runs a tool of the PostgreSQL that comes with us; raises `refusal` with what it said."""
    password = str(connection.settings_dict.get("PASSWORD") or "")
    done = subprocess.run(
        [postgres.binary(program), *arguments],
        env={**os.environ, **({"PGPASSWORD": password} if password else {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise refusal(f"{program} failed: {done.stderr.strip()[-500:]}")


def default_name() -> Path:
    """A name by the present second in DATA_DIR, which a host that keeps nothing else may not have yet."""
    Path(settings.DATA_DIR).mkdir(mode=0o750, parents=True, exist_ok=True)
    return Path(settings.DATA_DIR) / f"backup-{timezone.now():%Y%m%d-%H%M%S}.tar"


def older(*, keep: int | None) -> list[Path]:
    """Archives of the default name beyond the newest `keep`; none without a number, and never the newest."""
    if keep is None:
        return []
    found = sorted(Path(settings.DATA_DIR).glob("backup-*.tar"), reverse=True)
    return found[max(keep, 1) :]
