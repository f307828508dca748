"""Backup, loss of everything, restore: the same rows and files, or a refusal that changes nothing."""

import io
import tarfile

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from PIL import Image

from generation import assets, backups, doctor
from generation.media import store
from projects.models import Asset, Workspace
from tests.cast import make_cast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def saved(tmp_path):
    """An archive of the cast's workspace with one picture."""
    cast = make_cast()
    picture = tmp_path / "picture.png"
    Image.new("RGB", (64, 36), "#468").save(picture)
    asset = assets.keep(workspace=cast.workspace, source=picture)
    target = tmp_path / "all.tar"
    about = backups.backup(target)
    assert (about["files"], about["missing"]) == (1, [])
    return target, asset


def test_what_was_lost_is_there_again_to_the_byte(saved):
    target, asset = saved
    with store.open(asset.name) as file:
        before = file.read()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("TRUNCATE projects_workspace CASCADE")
        cursor.execute("RESET session_replication_role")
    store.delete(asset.name)
    assert backups.restore(target)["files"] == 1
    assert Workspace.objects.filter(slug="studio").count() == 1
    with store.open(Asset.objects.get().name) as file:
        assert file.read() == before
    assert [finding for finding in doctor.examine() if finding.part in ("books", "database")] == [
        doctor.Finding("database", ()),
        doctor.Finding("books", ()),
    ]


def test_a_database_in_use_is_never_overwritten(saved):
    target, _ = saved
    with pytest.raises(backups.CannotRestore, match="has workspaces already"):
        backups.restore(target)
    assert Workspace.objects.filter(slug="studio").count() == 1


def test_a_file_that_is_no_backup_is_refused(tmp_path):
    wrong = tmp_path / "wrong.tar"
    wrong.write_bytes(b"no archive at all")
    with pytest.raises(backups.CannotRestore, match="no whole backup"):
        backups.restore(wrong)


def test_a_damaged_picture_is_noticed_before_the_database_is_touched(saved, tmp_path):
    target, asset = saved
    damaged = tmp_path / "damaged.tar"
    with tarfile.open(target) as old, tarfile.open(damaged, "w") as new:
        for entry in old:
            content = old.extractfile(entry).read()
            if entry.name.startswith("media/"):
                content = content[:-1] + b"\x00"
            new.addfile(entry, io.BytesIO(content))
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("TRUNCATE projects_workspace CASCADE")
        cursor.execute("RESET session_replication_role")
    with pytest.raises(backups.CannotRestore, match="is damaged"):
        backups.restore(damaged)
    assert Workspace.objects.count() == 0
    assert default_storage.exists(asset.name)


def test_what_only_the_dump_s_own_server_knows_is_left_out_and_no_row_is():
    script = [
        b"SET transaction_timeout = 0;\n",
        b"ALTER TABLE ONLY public.a ALTER COLUMN id SET (pg_attver=37461664);\n",
        b"ALTER TABLE ONLY public.a ALTER COLUMN id SET (n_distinct=5);\n",
        b"COPY public.a (words) FROM stdin;\n",
        b"SET transaction_timeout = 0;\n",
        b"\\.\n",
        b"SET transaction_timeout = 0;\n",
    ]
    assert list(backups._known_anywhere(script)) == script[2:6]


def test_old_archives_are_removed_and_the_newest_never(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    for day in (1, 2, 3):
        (tmp_path / f"backup-2026110{day}-000000.tar").touch()
    (tmp_path / "mine.tar").touch()
    assert [path.name for path in backups.older(keep=2)] == ["backup-20261101-000000.tar"]
    assert len(backups.older(keep=0)) == 2
    assert backups.older(keep=None) == []


def test_a_storage_that_is_away_makes_no_archive(cast, s3, tmp_path):
    picture = tmp_path / "picture.png"
    Image.new("RGB", (64, 36), "#468").save(picture)
    assets.keep(workspace=cast.workspace, source=picture)
    s3.fault(methods="GET", status=503, code="SlowDown")
    with pytest.raises(backups.CannotBackUp, match="it answers 503 SlowDown"):
        backups.backup(tmp_path / "all.tar")
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]


def test_a_place_that_cannot_be_written_is_named(cast, tmp_path):
    with pytest.raises(
        backups.CannotBackUp, match=r"none/all.tar cannot be written: No such file or directory\."
    ):
        backups.backup(tmp_path / "none" / "all.tar")


def test_a_host_that_keeps_nothing_else_gets_its_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "fresh"
    assert backups.default_name().parent.is_dir()
