"""All is lost and comes back: on folder and bucket, from PostgreSQL 15 to 18, and from a former version."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from circletake import postgres
from tests import servers
from tests.circletake.running import ROOT
from tests.emulators import s3 as emulator
from tests.generation.former import archive

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("restored")]
PASSING = ("django_session", "django_q_", "circletake_cache", "generation_canary")
"""Tables whose rows come and go by themselves."""


class Installation:
    """One installation by its environment: its commands, its tables and its files."""

    def __init__(self, folder: Path, **environment: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711)
        self.environment = {
            "PATH": os.environ["PATH"], "DATA_DIR": str(folder), "LOG_LEVEL": "WARNING",
            "EMAIL_URL": "memorymail://", "DJANGO_SETTINGS_MODULE": "circletake.settings", **environment,
        }  # fmt: skip
        self.database = environment.get("DATABASE_URL") or postgres.url(folder)

    def run(self, *command: str, status: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def manage(self, *words: str, status: int = 0) -> str:
        return self.run("manage.py", *words, status=status)

    def rows(self) -> dict[str, list[str]]:
        """Every lasting row of every table as text, in order."""
        with psycopg.connect(self.database) as connection:
            connection.execute("SET timezone = 'UTC'")
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
            ).fetchall()
            return {
                table: [row[0] for row in connection.execute(whole(table))]
                for (table,) in tables
                if not table.startswith(PASSING)
            }


def whole(table: str) -> sql.Composed:
    return sql.SQL("SELECT row_to_json(t)::text FROM {} t ORDER BY 1").format(sql.Identifier(table))


@pytest.fixture(params=["folder", "bucket"])
def storage(request: pytest.FixtureRequest) -> Iterator[tuple[dict[str, str], emulator.Store | None]]:
    """The environment that names the storage, and the bucket's content."""
    if request.param == "folder":
        yield {}, None
        return
    with emulator.running() as (url, store):
        yield {
            "MEDIA_BUCKET": "media", "MEDIA_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": emulator.KEY, "AWS_SECRET_ACCESS_KEY": emulator.SECRET,
        }, store  # fmt: skip


def files(installation: Installation, store: emulator.Store | None) -> dict[str, bytes]:
    if store is not None:
        return store.objects()
    root = Path(installation.environment["DATA_DIR"]) / "media"
    found = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return dict(sorted(found.items()))


def filled(before: Installation, store: emulator.Store | None) -> None:
    """Rows of every room, the ledger's included, and the files that they name, by this version."""
    before.run("-m", "tests.generation.former.archive")
    before.manage("migrate", "--verbosity=0")
    before.manage("createcachetable", "--verbosity=0")
    if store is not None:
        for name, content in archive.media().items():
            store.buckets["media"][name] = emulator.Object(content, emulator.now())
        return
    for name, content in archive.media().items():
        path = Path(before.environment["DATA_DIR"]) / "media" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(content)


def test_all_is_lost_and_comes_back_to_the_byte_from_15_to_18(
    tmp_path: Path, storage: tuple[dict[str, str], emulator.Store | None]
) -> None:
    named, store = storage
    target = tmp_path / "all.tar"
    with servers.database(servers.postgres_15()) as url:
        before = Installation(tmp_path / "before", DATABASE_URL=url, **named)
        filled(before, store)
        rows, kept = before.rows(), files(before, store)
        said = before.manage("backup", str(target))
        assert said == f"{target}: the database and 2 files.\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    shutil.rmtree(tmp_path / "before")
    if store is not None:
        store.buckets["media"].clear()
    assert (len(rows["billing_entry"]), len(rows["billing_hold"]), len(kept)) == (1, 2, 2)
    after = Installation(tmp_path / "after", **named)
    assert after.manage("restore", str(target)).startswith("Restored the database and 2 files of ")
    with running(after):
        assert after.rows() == rows
        assert after.manage("orphans", "--quiet").splitlines()[-1] == "0 files that rows name are missing."
        doctor = after.manage("doctor", status=1)  # no worker runs
        assert "well    books\n" in doctor
        assert "well    files\n" in doctor
    assert files(after, store) == kept
    assert {hashlib.sha256(content).hexdigest() for content in kept.values()} == {
        name.rpartition("/")[2] for name in kept
    }


class running:
    """The embedded database of an installation, for as long as the block lasts."""

    def __init__(self, installation: Installation) -> None:
        self.server = postgres.Server(Path(installation.environment["DATA_DIR"]))

    def __enter__(self) -> None:
        self.server.start()

    def __exit__(self, *error: object) -> None:
        self.server.stop()


def test_an_archive_of_a_former_version_becomes_this_version(tmp_path: Path) -> None:
    target = tmp_path / "former.tar"
    with servers.database(os.environ["DATABASE_URL"]) as url:
        former = Installation(tmp_path / "former", DATABASE_URL=url)
        former.run("-m", "tests.generation.former.archive", str(target))
        rows = former.rows()
    with servers.database(os.environ["DATABASE_URL"]) as url:
        after = Installation(tmp_path / "after", DATABASE_URL=url)
        after.manage("restore", str(target))
        found = after.rows()
        for table in (
            "billing_entry",
            "billing_hold",
            "billing_holdoutcome",
            "projects_asset",
            "projects_take",
        ):
            assert_kept(rows[table], found[table])
        assert after.manage("migrate", "--check") == ""
        doctor = after.manage("doctor", status=1)
        for part in ("database", "files", "books", "takes used"):
            assert f"well    {part}\n" in doctor
        assert files(after, None) == dict(sorted(archive.media().items()))
        said = after.manage("orphans", "--quiet").splitlines()
        assert said[-1] == "0 files that rows name are missing."


def assert_kept(before: list[str], after: list[str]) -> None:
    """Each row is there with every value that it had; there may be new columns."""
    now = {row["id"] if "id" in row else row["hold_id"]: row for row in map(json.loads, after)}
    assert len(before) == len(after) > 0
    for row in map(json.loads, before):
        kept = now[row["id"] if "id" in row else row["hold_id"]]
        assert {name: kept[name] for name in row} == row
