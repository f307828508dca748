"""Content-addressed storage: a file's name is its SHA-256, so the same bytes are kept once.

On a disk a file is written beside its place, flushed, and then renamed into it: a reader sees all of it or
nothing. Into a bucket the whole file is uploaded after it arrived and was hashed. Two who store the same
bytes at once store them once; and whoever stores what has lain there for long makes it young again, so that
it is not taken for an orphan (`generation.orphans`) before a row names it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import errno
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage, default_storage
from django.utils import timezone

from generation.media.limits import DEFAULT, Limits, MalformedMedia, StorageAway, StorageFull, TooLarge

CHUNK = 1024 * 1024
INCOMING = ".incoming"
NAME = re.compile(r"^[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}$")
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
AWAY = (errno.EIO, errno.ESTALE, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTCONN, errno.ETIMEDOUT)
"""What a disk, or a folder that is mounted from elsewhere, says when it is unwell."""

FRESH = datetime.timedelta(minutes=30)
"""A stored file younger than this is no orphan yet, by a wide margin: it need not be made young again."""

REMOVING = "removing/"
REMOVAL = datetime.timedelta(minutes=5)
"""A removal takes no longer; an older mark is what a killed one left behind."""

REMOVAL_SECONDS = 60.0
LOOK_SECONDS = 0.5


class Readable(Protocol):
    def read(self, count: int, /) -> bytes: ...


@dataclasses.dataclass(frozen=True)
class Stored:
    """A file that is safely kept. `name` is what `open` takes."""

    sha256: str
    size: int
    name: str


class Listed(NamedTuple):
    """A stored file as a list of all names it; any name, also such as this module did not give."""

    name: str
    size: int
    modified_at: datetime.datetime


class Incoming:
    """A file on its way in: write the pieces, then `keep()`. Obtained from `incoming()`."""

    def __init__(self, path: Path, limits: Limits, storage: Storage) -> None:
        self.path = path
        self.size = 0
        self._limits = limits
        self._storage = storage
        self._digest = hashlib.sha256()
        self._file = path.open("wb", buffering=0)

    @property
    def sha256(self) -> str:
        """Of all that was written so far."""
        return self._digest.hexdigest()

    def write(self, piece: bytes) -> None:
        """Appends a piece; raises TooLarge past the limit, StorageFull when the disk has no room."""
        if self.size + len(piece) > self._limits.bytes:
            raise TooLarge(self._limits.bytes)
        view = memoryview(piece)
        with _room():
            while view:
                view = view[self._file.write(view) :]
        self.size += len(piece)
        self._digest.update(piece)

    def require_content(self) -> None:
        """Raises MalformedMedia for an empty file."""
        if self.size == 0:
            raise MalformedMedia("The file is empty.")

    def keep(self) -> Stored:
        """Puts the file into its place under its hash; afterwards it survives a power cut."""
        self.require_content()
        name = name_of(self.sha256)
        with _room():
            os.fsync(self._file.fileno())
            self.close()
            if isinstance(self._storage, FileSystemStorage):
                _move(self.path, Path(self._storage.path(name)))
            else:
                _upload(self.path, name, self._storage)
        return Stored(self.sha256, self.size, name)

    def close(self) -> None:
        if not self._file.closed:
            self._file.close()


@contextlib.contextmanager
def incoming(*, limits: Limits = DEFAULT, storage: Storage | None = None) -> Iterator[Incoming]:
    """A place for a file to arrive; whatever was not kept is gone when the block ends."""
    place = storage or default_storage
    with _room():
        handle, path = tempfile.mkstemp(dir=_folder(place), prefix="file-")
        os.close(handle)
    try:
        arriving = Incoming(Path(path), limits, place)
        try:
            yield arriving
        finally:
            arriving.close()
    finally:
        Path(path).unlink(missing_ok=True)


@contextlib.contextmanager
def arrived(
    source: Readable | Path, *, limits: Limits = DEFAULT, storage: Storage | None = None
) -> Iterator[Incoming]:
    """A stream or file copied to where it can be looked into, before `keep()` or in its stead."""
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(source.open("rb")) if isinstance(source, Path) else source
        arriving = stack.enter_context(incoming(limits=limits, storage=storage))
        while piece := file.read(CHUNK):
            arriving.write(piece)
        yield arriving


def put(source: Readable | Path, *, limits: Limits = DEFAULT, storage: Storage | None = None) -> Stored:
    """Copies a stream or a file into the store. The same bytes put twice are kept once.

    Raises TooLarge, StorageFull, StorageAway or MalformedMedia (empty); after each of them nothing is left.
    """
    with arrived(source, limits=limits, storage=storage) as arriving:
        return arriving.keep()


def open(name: str, *, storage: Storage | None = None) -> File[bytes]:
    """The stored file, for reading; raises FileNotFoundError."""
    found: File[bytes] = (storage or default_storage).open(_checked(name), "rb")
    return found


def exists(name: str, *, storage: Storage | None = None) -> bool:
    return (storage or default_storage).exists(_checked(name))


def delete(name: str, *, storage: Storage | None = None) -> None:
    """Removes a file; one that is not there is no error."""
    (storage or default_storage).delete(_checked(name))


@contextlib.contextmanager
def local(name: str, *, storage: Storage | None = None) -> Iterator[Path]:
    """The stored file as a path, for programs that need one; a copy where the storage is elsewhere."""
    place = storage or default_storage
    if isinstance(place, FileSystemStorage):
        yield Path(place.path(_checked(name)))
        return
    with tempfile.TemporaryDirectory(prefix="circletake-") as folder, open(name, storage=place) as file:
        copy = Path(folder) / name.rpartition("/")[2]
        with copy.open("wb") as out:
            for piece in file.chunks(CHUNK):
                out.write(piece)
        yield copy


def signed(name: str, *, seconds: int, media_type: str, disposition: str = "") -> str:
    """An address at which a browser gets the file from the storage itself; "" where it gives none."""
    sign = getattr(default_storage, "signed", None)
    if sign is None:
        return ""
    return str(sign(_checked(name), seconds=seconds, media_type=media_type, disposition=disposition))


def removal_of(name: str) -> str:
    """The name of the mark that stands in a bucket while this file is being removed as an orphan."""
    return f"{REMOVING}{name.rpartition('/')[2]}"


def name_of(sha256: str) -> str:
    """`ab/cd/<sha256>`: two levels of folders, so that none grows too full."""
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


def _checked(name: str) -> str:
    if not NAME.match(name):
        raise ValueError(f"{name!r} is not a name of this store.")
    return name


def _folder(storage: Storage) -> str | None:
    """Where files arrive: on the same disk as their place, so that the rename is one step."""
    if not isinstance(storage, FileSystemStorage):
        return None
    folder = Path(storage.location) / INCOMING
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


def _move(path: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    path.chmod(0o640)
    os.replace(path, place)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _upload(path: Path, name: str, storage: Storage) -> None:
    """Uploads what is not there, or has been for long; once more what is removed meanwhile.

    A removal deletes the file before its mark: where no mark stands and the file does, none is under way.
    """
    if _is_younger(name, FRESH, storage):
        return
    until = time.monotonic() + REMOVAL_SECONDS
    while True:
        with path.open("rb") as whole:
            storage.save(name, File(whole))
        if not _is_younger(removal_of(name), REMOVAL, storage) and storage.exists(name):
            return
        if time.monotonic() > until:
            raise StorageAway("the same file is being removed by manage.py orphans")
        time.sleep(LOOK_SECONDS)


def _is_younger(name: str, age: datetime.timedelta, storage: Storage) -> bool:
    try:
        return storage.get_modified_time(name) > timezone.now() - age
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in AWAY:
            raise StorageAway(f"{error.strerror} at {error.filename or 'the media folder'}") from error
        if error.errno not in NO_ROOM:
            raise
        raise StorageFull(
            error.errno, "There is no room left for media; nothing was kept. Free some space and try again."
        ) from error


def stream(file: BinaryIO, *, first: int, count: int) -> Iterator[bytes]:
    """`count` bytes of a file from offset `first`, in pieces; closes the file at the end."""
    with contextlib.closing(file):
        file.seek(first)
        while count > 0 and (piece := file.read(min(CHUNK, count))):
            count -= len(piece)
            yield piece
