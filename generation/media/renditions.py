"""What pages show: thumbnail, poster and proxy, each encoded anew from pixels, so nothing rides along."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from PIL import Image

from generation.media import films, pictures
from generation.media.limits import DEFAULT, Limits, MalformedMedia
from generation.media.probe import Probe

THUMBNAIL_SIDE = 640
POSTER_SIDE = 1280
PROXY_SIDE = 720  # the short side
PROXY_FPS = 30
NEARLY_BLACK = 12  # mean luma out of 255
LOOK_AHEAD = 48  # frames among which a poster is sought


@dataclasses.dataclass(frozen=True)
class Made:
    """A rendition on disk; `kind` as `projects.Rendition.Kind` writes it."""

    kind: str
    path: Path
    media_type: str
    width: int
    height: int
    size_bytes: int


def make(path: Path, probe: Probe, folder: Path, *, limits: Limits = DEFAULT) -> list[Made]:
    """A picture's thumbnail; thumbnail, poster and proxy of a video. Raises MalformedMedia.

    A picture needs no poster: it is shown itself where a video shows one.
    """
    still = still_of(path, probe, limits=limits)
    thumbnail = written(shrunk(still, THUMBNAIL_SIDE), folder, kind="thumbnail")
    if probe.kind != "video":
        return [thumbnail]
    poster = written(shrunk(still, POSTER_SIDE), folder, kind="poster")
    return [thumbnail, poster, proxy(path, probe, folder / "proxy.mp4")]


def still_of(path: Path, probe: Probe, *, limits: Limits = DEFAULT) -> Image.Image:
    """The picture, no larger than a thumbnail needs, or a video's first frame that is not black."""
    if probe.kind == "image":
        with pictures.opened(path, limits) as image:
            image.draft(None, draft_size(*image.size))
            return pictures.plain(image)
    best: Image.Image | None = None
    for number, frame in enumerate(_frames(path, probe)):
        if number == 0 or _brightness(frame) > NEARLY_BLACK:
            best = _upright(frame)
        if number >= LOOK_AHEAD or _brightness(frame) > NEARLY_BLACK:
            break
    if best is None:
        raise MalformedMedia(films.DAMAGED)
    return best


def draft_size(width: int, height: int) -> tuple[int, int]:
    """What a JPEG may be decoded at: its sides in proportion, the longer one a thumbnail's."""
    shrink = min(1.0, THUMBNAIL_SIDE / max(width, height))
    return max(1, int(width * shrink)), max(1, int(height * shrink))


def shrunk(still: Image.Image, side: int) -> Image.Image:
    """The picture with its longer side at most `side`; a smaller one is not enlarged."""
    small = still.copy()
    small.thumbnail((side, side), Image.Resampling.HAMMING)
    return small


def written(still: Image.Image, folder: Path, *, kind: str) -> Made:
    """A JPEG, which is written in a thirtieth of the time of a WebP; a WebP where something shows through."""
    see_through = still.mode == "RGBA"
    path = folder / f"{kind}.{'webp' if see_through else 'jpg'}"
    if see_through:
        still.save(path, format="WEBP", quality=80, method=1)
    else:
        still.save(path, format="JPEG", quality=85)
    media_type = "image/webp" if see_through else "image/jpeg"
    return Made(kind, path, media_type, still.width, still.height, path.stat().st_size)


def proxy(path: Path, probe: Probe, target: Path) -> Made:
    """H.264 in MP4, short side at most 720, at most 30 frames a second, index in front, sound as AAC."""
    width, height = proxy_size(probe.width, probe.height)
    try:
        with (
            path.open("rb") as file,
            av.open(file, "r", format=films.DEMUXERS[probe.media_type]) as source,
            av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as out,
        ):
            _transcode(source, out, width, height)
    except av.error.FFmpegError as error:
        target.unlink(missing_ok=True)
        raise MalformedMedia(films.DAMAGED) from error
    return Made("proxy", target, "video/mp4", width, height, target.stat().st_size)


def proxy_size(width: int, height: int) -> tuple[int, int]:
    """Even sides, in proportion, short side at most PROXY_SIDE."""
    shrink = min(1.0, PROXY_SIDE / min(width, height))
    return max(2, round(width * shrink / 2) * 2), max(2, round(height * shrink / 2) * 2)


def _transcode(
    source: av.container.InputContainer, out: av.container.OutputContainer, width: int, height: int
) -> None:
    moving = source.streams.video[0]
    sound = source.streams.audio[0] if source.streams.audio else None
    rate = min(Fraction(moving.average_rate or 24), Fraction(PROXY_FPS))
    picture = out.add_stream("libx264", rate=rate)
    picture.width, picture.height, picture.pix_fmt = width, height, "yuv420p"
    picture.options = {"preset": "veryfast", "crf": "25"}
    picture.thread_count = 1
    voice = out.add_stream("aac", rate=48_000) if sound else None
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=48_000)
    last = -1
    for packet in source.demux([stream for stream in (moving, sound) if stream]):
        for frame in packet.decode():
            if isinstance(frame, av.VideoFrame):
                tick = round((frame.time or 0.0) * rate)
                if tick > last:
                    out.mux(picture.encode(_scaled(frame, width, height, tick, rate)))
                    last = tick
            elif voice is not None and isinstance(frame, av.AudioFrame):
                for piece in resampler.resample(frame):
                    out.mux(voice.encode(piece))
    for stream in (picture, voice):
        if stream is not None:
            out.mux(stream.encode(None))


def _scaled(frame: av.VideoFrame, width: int, height: int, tick: int, rate: Fraction) -> av.VideoFrame:
    if frame.rotation % 360:
        turned = _upright(frame).resize((width, height), Image.Resampling.BILINEAR)
        small = av.VideoFrame.from_ndarray(np.asarray(turned), format="rgb24").reformat(format="yuv420p")
    else:
        small = frame.reformat(width, height, "yuv420p")
    small.pts, small.time_base = tick, 1 / rate
    return small


def _frames(path: Path, probe: Probe) -> Iterator[av.VideoFrame]:
    try:
        with (
            path.open("rb") as file,
            av.open(file, "r", format=films.DEMUXERS[probe.media_type]) as container,
        ):
            yield from container.decode(container.streams.video[0])
    except av.error.FFmpegError as error:
        raise MalformedMedia(films.DAMAGED) from error


def _upright(frame: av.VideoFrame) -> Image.Image:
    """The frame as it is meant to be shown; `rotation` counts degrees against the clock."""
    picture = Image.fromarray(frame.to_ndarray(format="rgb24"))
    return picture.rotate(frame.rotation, expand=True) if frame.rotation % 360 else picture


def _brightness(frame: av.VideoFrame) -> float:
    small = frame.reformat(64, 36, "gray")
    return float(np.mean(small.to_ndarray()))
