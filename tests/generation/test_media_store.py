"""The store keeps whole files under their hash, or nothing."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import io
import os
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage

from generation.media import store
from generation.media.limits import DEFAULT, MalformedMedia, StorageAway, StorageFull, TooLarge

BODY = b"winter light " * 1000
SHA = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def storage(tmp_path: Path) -> FileSystemStorage:
    return FileSystemStorage(location=tmp_path / "media")


@pytest.fixture
def _small_files() -> Iterator[None]:
    """The system refuses to let any file grow past 4,096 bytes, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    quiet = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, quiet)


def files(storage: FileSystemStorage) -> list[str]:
    root = Path(storage.location)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_a_file_is_kept_under_its_hash(storage: FileSystemStorage) -> None:
    kept = store.put(io.BytesIO(BODY), storage=storage)
    assert kept == store.Stored(SHA, len(BODY), f"{SHA[:2]}/{SHA[2:4]}/{SHA}")
    assert files(storage) == [kept.name]
    with store.open(kept.name, storage=storage) as file:
        assert file.read() == BODY


def test_the_same_bytes_are_kept_once(storage: FileSystemStorage, tmp_path: Path) -> None:
    (tmp_path / "copy").write_bytes(BODY)
    first = store.put(io.BytesIO(BODY), storage=storage)
    assert store.put(tmp_path / "copy", storage=storage) == first
    assert files(storage) == [first.name]


def test_the_same_bytes_stored_again_are_young(storage: FileSystemStorage) -> None:
    """What is young is never removed as an orphan."""
    kept = store.put(io.BytesIO(BODY), storage=storage)
    os.utime(storage.path(kept.name), (0, 0))
    store.put(io.BytesIO(BODY), storage=storage)
    assert time.time() - Path(storage.path(kept.name)).stat().st_mtime < 60


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EACCES, errno.EROFS])
def test_a_folder_that_is_unwell_is_waited_for(
    storage: FileSystemStorage, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def unwell(*arguments: object) -> None:
        raise OSError(number, os.strerror(number), "/media")

    monkeypatch.setattr(os, "replace", unwell)
    with pytest.raises(StorageAway) as caught:
        store.put(io.BytesIO(BODY), storage=storage)
    assert caught.value.waits_for == f"the storage of media: {os.strerror(number)} at /media"
    assert files(storage) == []


def test_a_file_over_the_limit_leaves_nothing(storage: FileSystemStorage) -> None:
    limits = dataclasses.replace(DEFAULT, bytes=len(BODY) - 1)
    with pytest.raises(TooLarge, match="larger than 12999 bytes"):
        store.put(io.BytesIO(BODY), limits=limits, storage=storage)
    assert files(storage) == []


def test_an_empty_file_is_refused(storage: FileSystemStorage) -> None:
    with pytest.raises(MalformedMedia, match="empty"):
        store.put(io.BytesIO(b""), storage=storage)
    assert files(storage) == []


@pytest.mark.usefixtures("_small_files")
def test_a_full_disk_leaves_no_half_file(storage: FileSystemStorage) -> None:
    with pytest.raises(StorageFull, match="no room left for media; nothing was kept"):
        store.put(io.BytesIO(BODY), storage=storage)
    assert files(storage) == []
    small = store.put(io.BytesIO(b"small"), storage=storage)
    assert files(storage) == [small.name]


def test_a_reader_that_fails_leaves_no_half_file(storage: FileSystemStorage) -> None:
    class Broken:
        def __init__(self) -> None:
            self.left = 2

        def read(self, count: int, /) -> bytes:
            self.left -= 1
            if self.left < 0:
                raise ConnectionResetError("gone")
            return b"x" * 100

    with pytest.raises(ConnectionResetError):
        store.put(Broken(), storage=storage)
    assert files(storage) == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "ab/cd/short", f"ab/cd/{'g' * 64}", ""])
def test_names_that_the_store_did_not_give_are_refused(storage: FileSystemStorage, name: str) -> None:
    with pytest.raises(ValueError, match="is not a name of this store"):
        store.open(name, storage=storage)


def test_deleting_twice_is_no_error(storage: FileSystemStorage) -> None:
    kept = store.put(io.BytesIO(BODY), storage=storage)
    store.delete(kept.name, storage=storage)
    store.delete(kept.name, storage=storage)
    assert not store.exists(kept.name, storage=storage)
