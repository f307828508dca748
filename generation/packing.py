"""The files of a deliverable as a ZIP with sensible names, streamed in constant memory."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Iterator

from generation.media import store
from projects.models import Deliverable, TakeAsset
from projects.models.takes import TakeMark

CHUNK = 1024 * 1024
SUFFIXES = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "text/plain": "txt",
}


class _Spool(io.RawIOBase):
    """Collects what the ZIP writer writes until it is taken away."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: object) -> int:
        content = bytes(piece)  # type: ignore[call-overload]
        self.pieces.append(content)
        return len(content)

    def taken(self) -> bytes:
        found, self.pieces = b"".join(self.pieces), []
        return found


def files_of(deliverable: Deliverable, *, accepted_only: bool = False) -> list[tuple[str, str]]:
    """Name in the ZIP and name in the store of each result, by take number."""
    rows = TakeAsset.objects.filter(take__deliverable=deliverable, role=TakeAsset.Role.OUTPUT)
    if accepted_only:
        rows = rows.filter(take__mark=TakeMark.ACCEPTED)
    rows = rows.select_related("take", "asset").order_by("take__number", "position")
    return [(_name(deliverable, row), row.asset.name) for row in rows if row.asset.name]


def zipped(files: list[tuple[str, str]]) -> Iterator[bytes]:
    """The ZIP, piece by piece; media is compressed already and is stored as it is.

    A file whose bytes are gone is named in MISSING.txt.
    """
    spool, missing = _Spool(), []
    with zipfile.ZipFile(spool, "w", zipfile.ZIP_STORED) as packed:
        for name, stored in files:
            try:
                source = store.open(stored)
            except FileNotFoundError:
                missing.append(name)
                continue
            with contextlib.closing(source), packed.open(name, "w", force_zip64=True) as target:
                while piece := source.read(CHUNK):
                    target.write(piece)
                    yield spool.taken()
            yield spool.taken()
        if missing:
            packed.writestr("MISSING.txt", "\n".join(missing))
    yield spool.taken()


def _name(deliverable: Deliverable, row: TakeAsset) -> str:
    """`spot-1_take-05_hero_signed-off.mp4`"""
    parts = [deliverable.key, f"take-{row.take.number:02}", row.take.phase]
    if row.take.mark == TakeMark.ACCEPTED:
        parts.append("signed-off")
    if row.position:
        parts.append(str(row.position + 1))
    plain = "_".join(parts).replace("\\", "-")
    return f"{plain}.{SUFFIXES.get(row.asset.media_type, 'bin')}"
