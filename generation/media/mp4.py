"""The container of MP4 and MOV, read without decoding a frame (boxes as in ISO/IEC 14496-12).

Every top-level box has to end inside the file, so a download that broke off is found here, for the price of a
few small reads.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterator
from decimal import Decimal
from typing import BinaryIO

from generation.media.limits import MalformedMedia

MOST_BOXES = 4_096
TRUNCATED = "The video breaks off before its end. Send it, or render it, again."
DAMAGED = "The video's container is damaged. Send it, or render it, again."


@dataclasses.dataclass(frozen=True)
class Box:
    kind: str
    start: int  # of the content
    end: int


@dataclasses.dataclass(frozen=True)
class Track:
    handler: str  # "vide", "soun" …
    codec: str
    width: int  # as shown, after the track's rotation
    height: int
    frames: int


@dataclasses.dataclass(frozen=True)
class Movie:
    duration_seconds: Decimal | None  # None for a fragmented file that does not state it
    tracks: tuple[Track, ...]

    @property
    def picture(self) -> Track:
        """The first video track; raises MalformedMedia where there is none."""
        for track in self.tracks:
            if track.handler == "vide":
                return track
        raise MalformedMedia("The file has no video in it.")


def read(file: BinaryIO) -> Movie:
    """The movie's header, after checking that every box is there whole."""
    end = file.seek(0, 2)
    top = list(boxes(file, 0, end))
    by_kind = {box.kind: box for box in reversed(top)}
    if "moov" not in by_kind:
        raise MalformedMedia(TRUNCATED)
    if not {"mdat", "moof"} & by_kind.keys():
        raise MalformedMedia(TRUNCATED)
    parts = list(boxes(file, by_kind["moov"].start, by_kind["moov"].end))
    header = next((box for box in parts if box.kind == "mvhd"), None)
    if header is None:
        raise MalformedMedia(DAMAGED)
    return Movie(
        duration_seconds=_duration(file, header),
        tracks=tuple(_track(file, box) for box in parts if box.kind == "trak"),
    )


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes between two offsets; raises MalformedMedia where one does not fit."""
    for _ in range(MOST_BOXES):
        if start >= end:
            return
        if end - start < 8:
            raise MalformedMedia(TRUNCATED)
        size, kind = struct.unpack(">I4s", _bytes(file, start, 8))
        content = start + 8
        if size == 1:
            size = int(struct.unpack(">Q", _bytes(file, content, 8))[0])
            content += 8
        elif size == 0:
            size = end - start
        if size < content - start:
            raise MalformedMedia(DAMAGED)
        if start + size > end:
            raise MalformedMedia(TRUNCATED)
        yield Box(kind.decode("latin-1"), content, start + size)
        start += size
    raise MalformedMedia(DAMAGED)


def _track(file: BinaryIO, box: Box) -> Track:
    inside = _tree(file, box, ("mdia", "minf", "stbl"))
    handler = _text(file, inside["hdlr"].start + 8, 4) if "hdlr" in inside else ""
    codec, width, height = _sample(file, inside.get("stsd"), handler)
    if "tkhd" in inside and _is_turned(file, inside["tkhd"]):
        width, height = height, width
    return Track(handler, codec, width, height, _count(file, inside.get("stts")))


def _tree(file: BinaryIO, box: Box, open_kinds: tuple[str, ...]) -> dict[str, Box]:
    """The boxes below `box`, by kind, descending into those named."""
    found: dict[str, Box] = {}
    for child in boxes(file, box.start, box.end):
        found.setdefault(child.kind, child)
        if child.kind in open_kinds:
            found = {**_tree(file, child, open_kinds), **found}
    return found


def _sample(file: BinaryIO, box: Box | None, handler: str) -> tuple[str, int, int]:
    """The codec's four letters and, for video, the coded size, from the first sample description."""
    if box is None or box.end - box.start < 16:
        return "", 0, 0
    codec = _text(file, box.start + 12, 4).strip()
    if handler != "vide" or box.end - box.start < 44:
        return codec, 0, 0
    width, height = struct.unpack(">HH", _bytes(file, box.start + 8 + 32, 4))
    return codec, width, height


def _is_turned(file: BinaryIO, box: Box) -> bool:
    """Whether the track is shown turned by a quarter: the matrix has no part on its diagonal."""
    matrix = box.start + (52 if _bytes(file, box.start, 1) == b"\x01" else 40)
    if matrix + 36 > box.end:
        return False
    first, second = struct.unpack(">ii", _bytes(file, matrix, 8))
    return bool(first == 0 and second != 0)


def _count(file: BinaryIO, box: Box | None) -> int:
    """Samples of a track, by its table of times."""
    if box is None or box.end - box.start < 8:
        return 0
    entries = struct.unpack(">I", _bytes(file, box.start + 4, 4))[0]
    entries = min(entries, (box.end - box.start - 8) // 8, 100_000)
    table = _bytes(file, box.start + 8, entries * 8)
    return sum(count for count, _ in struct.iter_unpack(">II", table))


def _duration(file: BinaryIO, box: Box) -> Decimal | None:
    long = _bytes(file, box.start, 1) == b"\x01"
    layout, offset = (">IQ", 20) if long else (">II", 12)
    scale, length = struct.unpack(layout, _bytes(file, box.start + offset, struct.calcsize(layout)))
    unknown = 2**64 - 1 if long else 2**32 - 1
    if not scale or not length or length == unknown:
        return None
    seconds: Decimal = (Decimal(int(length)) / int(scale)).quantize(Decimal("0.001"))
    return seconds


def _bytes(file: BinaryIO, start: int, count: int) -> bytes:
    file.seek(start)
    found = file.read(count)
    if len(found) < count:
        raise MalformedMedia(TRUNCATED)
    return found


def _text(file: BinaryIO, start: int, count: int) -> str:
    return _bytes(file, start, count).decode("latin-1")
