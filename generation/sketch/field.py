"""The drawing surface: coordinates that do not know pixels, soft-edged masks, noise.

The short side of the picture spans -0.5..0.5, the long side more; y points down. So a scene is
written once and fits every format.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from PIL import Image, ImageFilter

from generation.sketch.colour import Array


@dataclasses.dataclass(frozen=True)
class Field:
    """A surface of `width` x `height` pixels. `x` is a row, `y` a column: they broadcast."""

    width: int
    height: int

    @functools.cached_property
    def pixel(self) -> float:
        return 1 / min(self.width, self.height)

    @property
    def right(self) -> float:
        return self.width * self.pixel / 2

    @property
    def bottom(self) -> float:
        return self.height * self.pixel / 2

    @functools.cached_property
    def x(self) -> Array:
        place = np.arange(self.width, dtype=np.float32) + np.float32(0.5)
        return np.asarray((place * self.pixel - self.right)[None, :], np.float32)

    @functools.cached_property
    def y(self) -> Array:
        return ((np.arange(self.height, dtype=np.float32) + 0.5) * self.pixel - self.bottom)[:, None]

    def full(self, value: float) -> Array:
        return np.full((self.height, self.width), value, np.float32)

    def inside(self, distance: Array, softness: float = 0) -> Array:
        """A signed distance (negative inside) as coverage 0..1, with an edge of one pixel or more."""
        return np.asarray(np.clip(0.5 - distance / max(softness, self.pixel), 0, 1), np.float32)

    def disc(self, x: float, y: float, radius: float, softness: float = 0) -> Array:
        return self.ellipse(x, y, radius, radius, softness)

    def ellipse(self, x: float, y: float, rx: float, ry: float, softness: float = 0) -> Array:
        least = min(rx, ry)
        rows, columns = self._window(x, y, rx + softness * rx / least, ry + softness * ry / least)
        across, down = (self.x[:, columns] - x) / rx, (self.y[rows] - y) / ry
        scaled = np.sqrt(across**2 + down**2)
        return self._place(rows, columns, self.inside((scaled - 1) * least, softness))

    def box(self, x: float, y: float, half_width: float, half_height: float, r: float = 0) -> Array:
        """A rectangle about its centre, with corners rounded by `r`."""
        rows, columns = self._window(x, y, half_width, half_height)
        across = np.abs(self.x[:, columns] - x) - half_width + r
        down = np.abs(self.y[rows] - y) - half_height + r
        outer = np.sqrt(np.maximum(across, 0) ** 2 + np.maximum(down, 0) ** 2)
        distance = outer + np.minimum(np.maximum(across, down), 0) - r
        return self._place(rows, columns, self.inside(distance))

    def _window(self, x: float, y: float, reach_x: float, reach_y: float) -> tuple[slice, slice]:
        """The rows and columns within reach of a point, two pixels wider."""

        def span(middle: float, reach: float, half: float, count: int) -> slice:
            low = int((middle - reach + half) / self.pixel) - 2
            high = int((middle + reach + half) / self.pixel) + 3
            return slice(min(max(low, 0), count), min(max(high, 0), count))

        return (
            span(y, reach_y, self.bottom, self.height),
            span(x, reach_x, self.right, self.width),
        )

    def _place(self, rows: slice, columns: slice, part: Array) -> Array:
        whole = self.full(0)
        whole[rows, columns] = part
        return whole

    def glow(self, x: float, y: float, radius: float, power: float = 2) -> Array:
        """Light that falls off from a point: 1 in the middle, about 0 at three radii."""
        squared = ((self.x - x) ** 2 + (self.y - y) ** 2) / radius**2
        return np.exp(-(squared ** (power / 2))).astype(np.float32)

    def noise(self, chance: np.random.Generator, scale: float, octaves: int = 4) -> Array:
        """Smooth fractal noise in 0..1; `scale` is the size of the largest blobs in short sides."""
        total, weight = self.full(0), 1.0
        for octave in range(octaves):
            cells = scale / 2**octave
            rows = max(2, round(2 * self.bottom / cells) + 2)
            columns = max(2, round(2 * self.right / cells) + 2)
            grid = Image.fromarray(chance.random((rows, columns), dtype=np.float32))
            big = grid.resize((self.width, self.height), Image.Resampling.BICUBIC)
            total += weight * np.asarray(big, np.float32)
            weight /= 2
        low, high = float(total.min()), float(total.max())
        return (total - low) / (high - low + 1e-9)

    def line(self, chance: np.random.Generator, scale: float, octaves: int = 5) -> Array:
        """Fractal noise along x, -1..1, shape (1, width): the profile of a ridge."""
        total = np.zeros(self.width, np.float32)
        weight = 1.0
        for octave in range(octaves):
            step = scale / 2**octave
            count = int(2 * self.right / step) + 4
            knots = chance.uniform(-1, 1, count)
            place = (self.x[0] + self.right) / step + 0.5
            index = np.floor(place).astype(int)
            part = place - index
            part = part * part * (3 - 2 * part)
            total += weight * (knots[index] * (1 - part) + knots[index + 1] * part)
            weight *= 0.48
        return total[None, :] / 1.6

    def soften(self, mask: Array, radius: float) -> Array:
        """A mask blurred by `radius` in short sides."""
        picture = Image.fromarray(np.clip(mask * 255, 0, 255).astype(np.uint8))
        sigma = radius / self.pixel
        shrink = max(1, int(sigma / 4))
        small = picture.reduce(shrink) if shrink > 1 else picture
        small = small.filter(ImageFilter.GaussianBlur(sigma / shrink))
        return np.asarray(small.resize(picture.size, Image.Resampling.BICUBIC), np.float32) / 255


def step(start: float, end: float, value: Array) -> Array:
    """Rises smoothly from 0 at `start` to 1 at `end`."""
    part = np.clip((value - start) / (end - start), 0, 1)
    return np.asarray(part * part * (3 - 2 * part), np.float32)
