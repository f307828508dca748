"""Sounds: MP3, WAV and Ogg, decoded to their end by FFmpeg's decoders within limits."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from pathlib import Path

import av
import av.error

from generation.media.limits import Limits, MalformedMedia

DEMUXERS = {"audio/mpeg": "mp3", "audio/wav": "wav", "audio/ogg": "ogg"}
DAMAGED = "The sound cannot be decoded to its end; it is damaged or broke off. Make it again."
UNSAID = 0xFFFFFF00
MILLISECOND = Decimal("0.001")


@dataclasses.dataclass(frozen=True)
class Sound:
    duration_seconds: Decimal
    codec: str


def media_type(head: bytes) -> str:
    """The type by the first bytes; "" for what is no sound that is taken in."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[:4] == b"OggS":
        return "audio/ogg"
    # the eleven bits that begin a frame, then a version and layer III
    framed = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2
    return "audio/mpeg" if head[:3] == b"ID3" or framed else ""


def verify(path: Path, kind: str, limits: Limits) -> Sound:
    """Decodes the whole sound; its length is that of what was decoded."""
    if kind == "audio/wav" and _is_short(path):
        raise MalformedMedia(DAMAGED)
    try:
        with path.open("rb") as file, av.open(file, "r", format=DEMUXERS[kind]) as container:
            if not container.streams.audio or len(container.streams) > limits.streams:
                raise MalformedMedia("The file is no plain sound.")
            stream = container.streams.audio[0]
            promised = Decimal(container.duration or 0) / 1_000_000
            seconds = _decode(container, limits)
            codec = stream.codec_context.name
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        if isinstance(error, MalformedMedia):
            raise
        raise MalformedMedia(DAMAGED) from error
    if seconds <= 0 or seconds < promised * Decimal("0.95"):
        raise MalformedMedia(DAMAGED)
    return Sound(seconds.quantize(MILLISECOND), codec)


def _is_short(path: Path) -> bool:
    """Whether a RIFF file has fewer bytes than it says; one that was streamed says no number."""
    with path.open("rb") as file:
        said = int.from_bytes(file.read(8)[4:], "little")
    return said < UNSAID and path.stat().st_size < said + 8


def _decode(container: av.container.InputContainer, limits: Limits) -> Decimal:
    """How many seconds there are; stops where they are more than the limit."""
    seconds = Decimal(0)
    for frame in container.decode(audio=0):
        seconds += Decimal(frame.samples) / frame.sample_rate
        if seconds > limits.seconds + 1:
            raise MalformedMedia(f"The sound is longer than {limits.seconds} s, the most that is taken in.")
    return seconds
