"""Writing and reading H.264 in MP4, frame by frame, as luma and chroma planes.

One encoder thread, so that equal frames give equal bytes whatever the machine's load; the index
stands in front of the frames (faststart), so that a browser plays while it loads.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path

import av
import av.video.stream
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from PIL import Image

Plane = npt.NDArray[np.uint8]
MEDIA_TYPE = "video/mp4"


@dataclasses.dataclass(frozen=True)
class Planes:
    """A picture in YCbCr (Rec. 709, limited range); the two colour planes are half as large."""

    y: Image.Image
    u: Image.Image
    v: Image.Image

    def packed(self) -> Plane:
        """The planes in one array (height * 3 / 2, width), as yuv420p is laid out."""
        width, _ = self.y.size
        planes = (self.y, self.u, self.v)
        return np.frombuffer(b"".join(p.tobytes() for p in planes), np.uint8).reshape(-1, width)


def even(width: int, height: int) -> tuple[int, int]:
    """The size with both sides even and whole multiples of four lines, as yuv420p packs them."""
    return max(16, width // 2 * 2), max(16, height // 4 * 4)


def planes_of(picture: Image.Image) -> Planes:
    """An RGB picture with even sides, as planes."""
    frame = av.VideoFrame.from_ndarray(np.asarray(picture.convert("RGB")), format="rgb24")
    return planes_of_frame(frame)


def planes_of_frame(frame: av.VideoFrame, size: tuple[int, int] | None = None) -> Planes:
    width, height = size or even(frame.width, frame.height)
    turned = VideoReformatter().reformat(
        frame,
        width,
        height,
        "yuv420p",
        src_colorspace=Colorspace.ITU709,
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG if frame.format.name == "rgb24" else ColorRange.MPEG,
        dst_color_range=ColorRange.MPEG,
    )
    packed = turned.to_ndarray()
    quarter = height // 4
    return Planes(
        Image.fromarray(packed[:height]),
        Image.fromarray(packed[height : height + quarter].reshape(height // 2, width // 2)),
        Image.fromarray(packed[height + quarter :].reshape(height // 2, width // 2)),
    )


def write(
    path: Path,
    frames: Iterable[Planes],
    *,
    size: tuple[int, int],
    fps: Fraction,
    metadata: Mapping[str, str],
) -> None:
    """Encodes the frames into `path`; `size` is as `even()` gives it."""
    options = {"movflags": "+faststart"}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        container.metadata.update(metadata)
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1
        stream.options = {
            "preset": "ultrafast",
            "crf": "22",
            "x264-params": "threads=1:colorprim=bt709:transfer=bt709:colormatrix=bt709",
        }
        for number, planes in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(planes.packed(), format="yuv420p")
            frame.pts, frame.time_base = number, 1 / fps
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@dataclasses.dataclass(frozen=True)
class Facts:
    width: int
    height: int
    fps: Fraction
    frames: int  # as the container states it, 0 where it does not


def facts(path: Path) -> Facts:
    with av.open(str(path)) as container:
        stream = _video(container)
        rate = stream.average_rate or Fraction(24)
        return Facts(stream.width, stream.height, Fraction(rate), stream.frames)


def read(path: Path, size: tuple[int, int] | None = None) -> Iterator[Planes]:
    """The frames of a film in order, scaled to `size` where given."""
    for frame in _decoded(path):
        yield planes_of_frame(frame, size)


def stills(path: Path, count: int) -> list[Image.Image]:
    """`count` pictures spread evenly over a film, first and last included where it has so many."""
    pictures: list[Image.Image] = []
    total = facts(path).frames or sum(1 for _ in _decoded(path))
    spread = np.linspace(0, max(0, total - 1), max(1, count))
    wanted = {int(place) for place in spread}
    for number, frame in enumerate(_decoded(path)):
        if number in wanted:
            pictures.append(Image.fromarray(frame.to_ndarray(format="rgb24")))
    return pictures


def _decoded(path: Path) -> Iterator[av.VideoFrame]:
    with av.open(str(path)) as container:
        yield from container.decode(_video(container))


def _video(container: av.container.InputContainer) -> av.video.stream.VideoStream:
    if not container.streams.video:
        raise ValueError("The file has no video stream.")
    return container.streams.video[0]
