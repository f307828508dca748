"""Files that no row names are found and removed, and never one that is young, under way or being stored."""

from __future__ import annotations

import datetime
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.utils import timezone
from PIL import Image

from generation import assets, doctor, orphans
from generation.management.commands import orphans as command
from generation.media import shelf, store
from generation.models import SketchJob
from projects.models import Asset
from tests.cast import Cast
from tests.emulators import s3 as emulator

pytestmark = pytest.mark.django_db
DAY = datetime.timedelta(hours=24)
Age = Callable[[str, datetime.timedelta], None]


@pytest.fixture(params=["folder", "bucket"])
def age(request: pytest.FixtureRequest) -> Age:
    """Each test on both storages; lets a stored file have been written so long ago."""
    if request.param == "bucket":
        kept: emulator.Store = request.getfixturevalue("s3")
        kept.page = 2
        return kept.age

    def older(name: str, by: datetime.timedelta) -> None:
        path = Path(django_settings.MEDIA_ROOT) / name
        at = path.stat().st_mtime - by.total_seconds()
        os.utime(path, (at, at))

    return older


def orphan(content: bytes = b"nobody names me") -> str:
    return store.put(io.BytesIO(content)).name


def picture(cast: Cast, colour: str = "#468") -> Asset:
    file = io.BytesIO()
    Image.new("RGB", (64, 36), colour).save(file, "PNG")
    file.seek(0)
    return assets.keep(workspace=cast.workspace, source=file)


def look(**options: Any) -> orphans.Found:
    return orphans.look(older_than=DAY, now=timezone.now(), **options)


def test_what_no_row_names_is_found_and_removed_only_when_asked(cast: Cast, age: Age) -> None:
    kept = [picture(cast, colour) for colour in ("#123", "#456", "#789", "#abc")]
    strays = sorted(orphan(bytes([n]) * (n + 1)) for n in range(5))
    for name in [*strays, *(asset.name for asset in kept)]:
        age(name, 2 * DAY)
    listed: list[str] = []
    found = look(on_orphan=lambda file: listed.append(file.name))
    assert (listed, found.orphans, found.orphans_size) == (strays, 5, 1 + 2 + 3 + 4 + 5)
    assert (found.files, found.removed, found.missing) == (9, 0, 0)
    assert all(store.exists(name) for name in strays)
    found = look(remove=True)
    assert (found.removed, found.removed_size) == (5, 15)
    assert look() == orphans.Found(files=4, size=sum(asset.size_bytes for asset in kept))


def test_what_is_young_is_left_alone(cast: Cast, age: Age) -> None:
    name = orphan()
    age(name, datetime.timedelta(hours=23))
    found = look(remove=True)
    assert (found.young, found.orphans, found.removed) == (1, 0, 0)
    assert store.exists(name)


def test_a_margin_below_an_hour_is_refused(cast: Cast) -> None:
    with pytest.raises(orphans.TooYoung):
        orphans.look(older_than=datetime.timedelta(minutes=59), now=timezone.now(), remove=True)


def test_what_waits_to_be_collected_is_no_orphan(cast: Cast, age: Age) -> None:
    name = orphan()
    age(name, 2 * DAY)
    SketchJob.objects.create(
        token="t", model="m", kind="image", state="succeeded", request={}, not_before=timezone.now(),
        outputs=[{"url": f"store:{name}"}, {"text": "words"}],
    )  # fmt: skip
    assert look(remove=True).orphans == 0


def test_a_staged_history_is_no_orphan_until_it_ended(cast: Cast, age: Age) -> None:
    from generation.models.imports import HistoryJob

    names = [
        default_storage.save(f"histories/w/1-{part}.csv", ContentFile(b"a"))
        for part in ("charges", "decisions")
    ]
    for name in names:
        age(name, 2 * DAY)
    job = HistoryJob.objects.create(
        workspace=cast.workspace, charges_name=names[0], decisions_name=names[1], rows_total=1,
        requested_by=cast.producer.person, requested_at=timezone.now(),
    )  # fmt: skip
    assert look().orphans == 0
    HistoryJob.objects.filter(pk=job.pk).update(state="failed", ended_at=timezone.now())
    assert look().orphans == 2


def test_rows_whose_file_is_gone_are_named(cast: Cast, age: Age) -> None:
    gone, there = picture(cast, "#123"), picture(cast, "#456")
    store.delete(gone.name)
    listed: list[str] = []
    assert look(on_missing=listed.append).missing == 1
    assert listed == [gone.name]
    assert store.exists(there.name)
    assert doctor.missing_files() == [
        "1 of 2 files looked at is missing in the storage: manage.py orphans names all."
    ]


def test_what_is_stored_again_while_it_is_removed_stays(cast: Cast, age: Age, monkeypatch: Any) -> None:
    """The worst moment: the list says old, and another worker stores the same bytes before the removal."""
    name = orphan()
    age(name, 2 * DAY)
    monkeypatch.setattr(store, "LOOK_SECONDS", 0.01)
    storing = threading.Thread(target=orphan)

    def stored_again(file: store.Listed) -> None:
        storing.start()
        storing.join()

    assert look(remove=True, on_orphan=stored_again).removed == 0
    assert store.exists(name)


def test_two_removals_at_once_are_one(cast: Cast) -> None:
    """The lock is another connection's."""
    import psycopg
    from django.db import connection

    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", orphans.LOCK)
        with pytest.raises(orphans.AtWork):
            look(remove=True)
        other.execute("SELECT pg_advisory_unlock(%s, %s)", orphans.LOCK)
    assert look(remove=True).removed == 0


def test_what_a_broken_off_removal_put_aside_is_back(cast: Cast, tmp_path: Path) -> None:
    asset = picture(cast)
    root = Path(django_settings.MEDIA_ROOT)
    (root / shelf.ASIDE).mkdir()
    os.rename(root / asset.name, root / shelf.ASIDE / asset.name.replace("/", ":"))
    assert look().missing == 0
    assert store.exists(asset.name)


def test_half_files_of_killed_workers_are_swept(cast: Cast) -> None:
    root = Path(django_settings.MEDIA_ROOT) / store.INCOMING
    root.mkdir(parents=True)
    for name, at in (("file-old", 0), ("file-new", timezone.now().timestamp())):
        (root / name).write_bytes(b"half")
        os.utime(root / name, (at, at))
    assert look().half == 1
    assert look(remove=True).half == 1
    assert [path.name for path in root.iterdir()] == ["file-new"]


def test_uploads_in_parts_that_nobody_completes_are_swept(cast: Cast, s3: emulator.Store) -> None:
    s3.uploads["1"] = emulator.Upload("ab/cd/e", timezone.now() - 2 * DAY, {1: b"part"})
    s3.uploads["2"] = emulator.Upload("ab/cd/f", timezone.now(), {1: b"part"})
    assert (look().half, look(remove=True).half, list(s3.uploads)) == (1, 1, ["2"])


def test_the_command_says_count_and_bytes(cast: Cast, age: Age, capsys: pytest.CaptureFixture[str]) -> None:
    age(orphan(), 2 * DAY)
    call_command("orphans", "--remove", "--quiet")
    assert capsys.readouterr().out.splitlines() == [
        "1 files, 15 bytes. 1 of them, 15 bytes, are named by no row; 0 more are too young to say.",
        "Removed 1 files, 15 bytes.",
        "0 files that rows name are missing.",
    ]
    assert command.age("90m") == datetime.timedelta(minutes=90)
