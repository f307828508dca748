"""Videos: MP4 and MOV by their boxes, and every kind by FFmpeg's decoders within limits."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from pathlib import Path

import av
import av.error

from generation.media import mp4
from generation.media.limits import Limits, MalformedMedia, require_pixels

DEMUXERS = {"video/mp4": "mov", "video/quicktime": "mov", "video/webm": "matroska"}
DAMAGED = "The video cannot be decoded. Send it, or render it, again."
MILLISECOND = Decimal("0.001")


@dataclasses.dataclass(frozen=True)
class Film:
    width: int
    height: int
    duration_seconds: Decimal
    frames: int | None
    codec: str


def glance(path: Path, media_type: str, limits: Limits) -> Film:
    """By the container alone; for MP4 and MOV no decoder is opened."""
    if DEMUXERS[media_type] != "mov":
        return _by_decoder(path, media_type, limits, most=0)
    with path.open("rb") as file:
        movie = mp4.read(file)
    track = movie.picture
    if movie.duration_seconds is None:
        return _by_decoder(path, media_type, limits, most=0)
    _require(track.width, track.height, movie.duration_seconds, len(movie.tracks), limits)
    return Film(track.width, track.height, movie.duration_seconds, track.frames or None, track.codec)


def verify(path: Path, media_type: str, limits: Limits) -> Film:
    """Checks the boxes, then decodes frame by frame; each frame's size is checked, too."""
    if DEMUXERS[media_type] == "mov":
        glance(path, media_type, limits)
    return _by_decoder(path, media_type, limits, most=limits.frames_decoded)


def _by_decoder(path: Path, media_type: str, limits: Limits, most: int) -> Film:
    """Decodes up to `most` frames and reads the rest; 0 reads the header only."""
    try:
        with path.open("rb") as file, av.open(file, "r", format=DEMUXERS[media_type]) as container:
            film = _header(container, limits)
            if not most:
                return film
            frames, turned = _decode(container, limits, most)
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        if isinstance(error, MalformedMedia):
            raise
        raise MalformedMedia(DAMAGED) from error
    if frames == 0 or (film.frames and frames < film.frames * 0.95):
        raise MalformedMedia(mp4.TRUNCATED)
    width, height = (film.height, film.width) if turned else (film.width, film.height)
    return dataclasses.replace(film, width=width, height=height, frames=frames)


def _header(container: av.container.InputContainer, limits: Limits) -> Film:
    if not container.streams.video:
        raise MalformedMedia("The file has no video in it.")
    stream = container.streams.video[0]
    if container.duration is None:
        raise MalformedMedia("The video does not say how long it is; render it again as MP4.")
    seconds = (Decimal(container.duration) / 1_000_000).quantize(MILLISECOND)
    _require(stream.width, stream.height, seconds, len(container.streams), limits)
    return Film(stream.width, stream.height, seconds, stream.frames or None, stream.codec_context.name)


def _decode(container: av.container.InputContainer, limits: Limits, most: int) -> tuple[int, bool]:
    """How many frames there are, and whether they are shown turned by a quarter."""
    stream = container.streams.video[0]
    stream.codec_context.options = {"max_pixels": str(limits.pixels)}
    frames, turned = 0, False
    for packet in container.demux(stream):
        if frames >= most:
            frames += packet.size > 0
            continue
        for frame in packet.decode():
            require_pixels(frame.width, frame.height, limits)
            turned = turned or frame.rotation % 180 != 0
            frames += 1
    return frames, turned


def _require(width: int, height: int, seconds: Decimal, streams: int, limits: Limits) -> None:
    require_pixels(width, height, limits)
    if seconds <= 0:
        raise MalformedMedia("The video has no length.")
    if seconds > limits.seconds:
        raise MalformedMedia(
            f"The video is {seconds} s long; at most {limits.seconds} s are taken in. Cut it shorter."
        )
    if streams > limits.streams:
        raise MalformedMedia(f"The file has {streams} streams; at most {limits.streams} are taken in.")
