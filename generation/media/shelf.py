"""The storage as a whole: every file in the order of names, and how one is taken away without a race.

A removal and a `store.put` of the same bytes may meet. In a folder the file is put aside first and its age
looked at there: one that was stored again meanwhile is put back. In a bucket a mark is set before the last
look, and whoever stores the same bytes while it stands stores them once more.
"""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, default_storage

from generation.media import store
from generation.media.store import Listed

if TYPE_CHECKING:
    from generation.media.bucket import Bucket

ASIDE = ".removing"


class Shelf(Protocol):
    """A storage that can be walked and cleared."""

    def walk(self) -> Iterator[Listed]:
        """Every stored file by name, in the order of bytes."""

    def sweep(self, *, before: datetime.datetime, remove: bool) -> int:
        """How many files on their way in were begun before then and never ended; removed if asked to."""

    def remove(self, name: str, *, before: datetime.datetime) -> bool:
        """Removes a file unless it was written since `before`; whether it did."""


def of(storage: Storage | None = None) -> Shelf:
    """The storage that is in use, unless another is named."""
    place: Any = storage or default_storage
    return InFolder(Path(place.location)) if isinstance(place, FileSystemStorage) else InBucket(place)


class InFolder:
    def __init__(self, root: Path) -> None:
        self.root = root
        self._put_back()

    def walk(self) -> Iterator[Listed]:
        yield from self._below(self.root, "")

    def _below(self, folder: Path, prefix: str) -> Iterator[Listed]:
        try:
            entries = list(os.scandir(folder))
        except FileNotFoundError:
            return
        slashed = {entry.name + ("/" if entry.is_dir() else ""): entry for entry in entries}
        for name in sorted(slashed, key=os.fsencode):
            if prefix == "" and name.startswith("."):
                continue
            if name.endswith("/"):
                yield from self._below(Path(slashed[name].path), prefix + name)
                continue
            with contextlib.suppress(FileNotFoundError):
                seen = slashed[name].stat()
                yield Listed(prefix + name, seen.st_size, _instant(seen.st_mtime))

    def sweep(self, *, before: datetime.datetime, remove: bool) -> int:
        count = 0
        for path in (self.root / store.INCOMING).glob("file-*"):
            with contextlib.suppress(FileNotFoundError):
                if _instant(path.stat().st_mtime) < before:
                    count += 1
                    if remove:
                        path.unlink()
        return count

    def remove(self, name: str, *, before: datetime.datetime) -> bool:
        place, aside = self.root / name, self.root / ASIDE / name.replace("/", ":")
        aside.parent.mkdir(exist_ok=True)
        try:
            os.rename(place, aside)
        except FileNotFoundError:
            return False
        if _instant(aside.stat().st_mtime) >= before:
            os.replace(aside, place)
            return False
        aside.unlink()
        return True

    def _put_back(self) -> None:
        """What a removal that was broken off had put aside."""
        for aside in (self.root / ASIDE).glob("*"):
            place = self.root / aside.name.replace(":", "/")
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(aside, place)


class InBucket:
    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket

    def walk(self) -> Iterator[Listed]:
        return (file for file in self.bucket.walk() if not file.name.startswith(store.REMOVING))

    def sweep(self, *, before: datetime.datetime, remove: bool) -> int:
        count = 0
        for key, upload, begun in self.bucket.unfinished():
            if begun < before:
                count += 1
                if remove:
                    self.bucket.abort(key, upload)
        for mark in self.bucket.walk(prefix=store.REMOVING) if remove else ():
            if mark.modified_at < before:
                self.bucket.delete(mark.name)
        return count

    def remove(self, name: str, *, before: datetime.datetime) -> bool:
        mark = store.removal_of(name)
        self.bucket.save(mark, ContentFile(b"x"))
        try:
            if self.bucket.get_modified_time(name) >= before:
                return False
            self.bucket.delete(name)
        except FileNotFoundError:
            return False
        finally:
            self.bucket.delete(mark)
        return True


def _instant(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
