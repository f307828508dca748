"""How large a file may be, and the errors of files that break a limit or are not what they should be."""

from __future__ import annotations

import dataclasses
from decimal import Decimal


class MalformedMedia(ValueError):
    """The file is not media that can be decoded within limits; the text says why, and the remedy."""


class TooLarge(MalformedMedia):
    """The file has more bytes than the limit allows."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"The file is larger than {_size(most)}, the most that is taken in. Send a smaller one."
        )


class StorageTrouble(OSError):
    """The storage cannot be used now; nothing was kept and nothing is lost. `waits_for` says what is missing.

    It is worth trying again without end: the fault is neither the file's nor the provider's.
    """

    waits_for = "the storage of media"


class StorageFull(StorageTrouble):
    """There is no room for the file; nothing of it was kept."""

    waits_for = "room for media: the disk is full, and an operator has to free some"


class StorageAway(StorageTrouble):
    """The storage does not answer, or refuses us; the text names the fault and the remedy."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.waits_for = f"the storage of media: {words}"


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds on one file. Pixels are those of one picture or frame."""

    bytes: int = 512 * 1024 * 1024
    pixels: int = 40_000_000
    side: int = 16_384
    seconds: Decimal = Decimal(600)
    streams: int = 8
    frames_decoded: int = 3_600  # of a film; later frames are read but not decoded
    sounds: bool = False  # whether sounds are taken in: models make them, nobody brings one


DEFAULT = Limits()
SOUNDS = Limits(sounds=True)
"""For what was asked for as a sound."""


def require_pixels(width: int, height: int, limits: Limits) -> None:
    """Raises MalformedMedia for a picture or frame larger than the limits allow, or without area."""
    if width < 1 or height < 1:
        raise MalformedMedia("The picture has no area.")
    if max(width, height) > limits.side or width * height > limits.pixels:
        raise MalformedMedia(
            f"{width} × {height} pixels are too many: at most {limits.pixels // 1_000_000} million, "
            f"{limits.side} a side. Send a smaller version."
        )


def _size(count: int) -> str:
    return f"{count // 1024**2} MB" if count >= 1024**2 else f"{count} bytes"
