"""Enlarging: Lanczos resampling, then the edges that it softened brought back, flat parts left."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from generation.providers.protocol import StepRequest
from generation.sketch import film, video
from generation.sketch import request as asked
from generation.sketch.film import Planes

FACTOR = (Decimal(1), Decimal(4))
MOST_FILM_PIXELS = 8_847_360  # 4096 x 2160

CRISPEN = ImageFilter.Kernel((3, 3), (-1, -2, -1, -2, 24, -2, -1, -2, -1), scale=12)
EDGE_SHARE = [min(255, max(0, (level - 24) * 8)) for level in range(256)]


def image(request: StepRequest) -> Image.Image:
    with Image.open(asked.source(request)) as opened:
        source = ImageOps.exif_transpose(opened).convert("RGB")
    size = _target(request, *source.size)
    return Image.merge("RGB", [_enlarge(band, size) for band in source.split()])


def film_file(request: StepRequest, path: Path) -> None:
    """The same for every frame of a film; colour is enlarged plainly, luma gets its edges back."""
    source = asked.source(request)
    told = film.facts(source)
    width, height = film.even(*_target(request, told.width, told.height))
    if width * height > MOST_FILM_PIXELS:
        raise asked.RequestRefused(f"{width} × {height} is too large for a film.")

    def frames() -> Iterator[Planes]:
        half = (width // 2, height // 2)
        for planes in film.read(source):
            yield Planes(
                _enlarge(planes.y, (width, height)),
                planes.u.resize(half, Image.Resampling.BICUBIC),
                planes.v.resize(half, Image.Resampling.BICUBIC),
            )

    metadata = video.provenance(request.prompt, asked.seed(request))
    film.write(path, frames(), size=(width, height), fps=told.fps, metadata=metadata)


def _target(request: StepRequest, width: int, height: int) -> tuple[int, int]:
    """The size asked for, else the source's times `factor` (2 unless told)."""
    if request.width is not None or request.height is not None:
        return asked.size(request)
    factor = asked.number(request.parameters, "factor", Decimal(2))
    if not FACTOR[0] <= factor <= FACTOR[1]:
        raise asked.RequestRefused(f"factor is {factor}: from {FACTOR[0]} to {FACTOR[1]}.")
    size = (round(width * factor), round(height * factor))
    asked.check_size(*size)
    return size


def _enlarge(band: Image.Image, size: tuple[int, int]) -> Image.Image:
    """One channel enlarged. What Lanczos will soften is made up for beforehand, in proportion to the edge;
    at the source's size this costs far less than at the target's."""
    crisp = band.filter(CRISPEN)
    calm = band.filter(ImageFilter.BoxBlur(1))  # grain is no edge
    edges = calm.filter(ImageFilter.FIND_EDGES).point(EDGE_SHARE).filter(ImageFilter.BoxBlur(1))
    return Image.composite(crisp, band, edges).resize(size, Image.Resampling.LANCZOS)


def sharpness(picture: Image.Image) -> float:
    """The mean square of the Laplacian of the luma: how much fine detail there is."""
    grey = np.asarray(picture.convert("L"), np.float64)
    inner = 4 * grey[1:-1, 1:-1] - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2]
    return float(np.mean((inner - grey[1:-1, 2:]) ** 2))
