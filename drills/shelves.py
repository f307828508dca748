"""Where the media of a drill lie, and how they come to have no room: a bucket, or a small folder."""

from __future__ import annotations

import os
import random
import subprocess
import threading
from pathlib import Path
from typing import Protocol, Self

from bench import stage
from drills import network, site
from tests.emulators import s3

FOLDER_MEGABYTES = 1500


class Shelf(Protocol):
    """`environment` is what the programs need to know; `give` lets a data folder have its media there."""

    environment: dict[str, str]

    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...
    def give(self, folder: Path) -> None: ...
    def fill(self, dice: random.Random) -> str: ...
    def free(self) -> None: ...


class BucketShelf:
    """An emulated bucket in this process. It is full (507), or asks everybody to slow down (503)."""

    def __init__(self) -> None:
        port = stage.free_port()
        self.store = s3.Store("media")
        self.server = s3.server_of(self.store, port, network.HERE)
        self.server.handle_error = lambda *_: None  # callers are killed: what breaks off is no news
        self.environment = {**site.bucket_environment(port), "MEDIA_PATIENCE_SECONDS": "4"}

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def give(self, folder: Path) -> None:
        """A bucket is shared by its address."""

    def fill(self, dice: random.Random) -> str:
        if dice.random() < 0.5:
            self.store.most_bytes = 0
            return "507 XMinioStorageFull"
        self.store.fault(methods="PUT POST", status=503, code="SlowDown")
        return "503 SlowDown"

    def free(self) -> None:
        self.store.most_bytes = None
        self.store.faults.clear()


class FolderShelf:
    """A folder of limited size (a tmpfs) that every data folder's `media` is a link to; needs root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._take_away()
        self.folder.mkdir(exist_ok=True)
        words = [
            "mount",
            "-t",
            "tmpfs",
            "-o",
            f"size={FOLDER_MEGABYTES}m,mode=711",
            "drill",
            str(self.folder),
        ]
        subprocess.run(words, check=True)
        return self

    def __exit__(self, *error: object) -> None:
        self._take_away()

    def _take_away(self) -> None:
        if os.path.ismount(self.folder):
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    def give(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        link = folder / "media"
        if not link.is_symlink():
            link.symlink_to(self.folder)

    @property
    def filler(self) -> Path:
        return self.folder / "filler"

    def fill(self, dice: random.Random) -> str:
        with self.filler.open("wb") as file:
            free = os.statvfs(self.folder)
            os.posix_fallocate(file.fileno(), 0, max(1, free.f_bavail * free.f_frsize))
        return "the disk is full"

    def free(self) -> None:
        self.filler.unlink(missing_ok=True)
