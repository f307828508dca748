"""What is in the air: snow, rain, dust and mist, as a layer nearer than everything else."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from generation.sketch.colour import Array
from generation.sketch.layers import Layer
from generation.sketch.scenes.brief import Brief


def draw(brief: Brief) -> list[Layer]:
    """Still weather, for a picture."""
    layers = []
    if brief.wants("mist"):
        layers.append(_mist(brief))
    particles = falling(brief)
    if particles is not None:
        layers.append(Layer(brief.palette.shade(1), particles, 1.0))
    return layers


def _mist(brief: Brief) -> Layer:
    field = brief.field
    bank = field.noise(brief.chance("mist"), 1.2, 4)
    low = np.clip(0.2 + field.y / field.bottom * 0.5, 0, 0.6)
    return Layer(brief.palette.shade(0.93), np.asarray(bank * low * 0.55, np.float32), 0.8)


def falling(brief: Brief) -> Array | None:
    """Coverage of particles, periodic in both directions, so that it may scroll without end."""
    kind = next((name for name in ("snow", "rain", "dust") if brief.wants(name)), None)
    if kind is None:
        return None
    painter = {"snow": _flakes, "rain": _streaks, "dust": _motes}[kind]
    return np.asarray(painter(brief), np.float32) / 255


def _flakes(brief: Brief) -> Image.Image:
    """Three distances of snow: fine and sharp, then larger, softer and rarer."""
    field, chance = brief.field, brief.chance("flakes")
    area = 4 * field.right * field.bottom
    indoors = 0.4 if brief.reading.family in ("still_life", "portrait", "light") else 1.0
    total = Image.new("L", (field.width, field.height), 0)
    for count, small, large, blur, value in (
        (260, 0.0010, 0.0022, 0.0004, 190),
        (70, 0.0024, 0.0048, 0.0014, 150),
        (10, 0.009, 0.018, 0.0060, 70),
    ):
        some = _dots(brief, chance, int(count * area * indoors), small, large, value)
        total = _over(total, some.filter(ImageFilter.GaussianBlur(blur / field.pixel)))
    return total


def _motes(brief: Brief) -> Image.Image:
    field, chance = brief.field, brief.chance("motes")
    area = 4 * field.right * field.bottom
    fine = _dots(brief, chance, int(60 * area), 0.0008, 0.0018, 120)
    large = _dots(brief, chance, int(9 * area), 0.006, 0.016, 42)
    soft = large.filter(ImageFilter.GaussianBlur(0.003 / field.pixel))
    return _over(fine.filter(ImageFilter.GaussianBlur(0.0005 / field.pixel)), soft)


def _streaks(brief: Brief) -> Image.Image:
    field, chance = brief.field, brief.chance("streaks of rain")
    canvas = Image.new("L", (field.width, field.height), 0)
    pen = ImageDraw.Draw(canvas)
    for _ in range(int(220 * 4 * field.right * field.bottom)):
        x, y = chance.random() * field.width, chance.random() * field.height
        length = float(chance.uniform(0.03, 0.08)) / field.pixel
        fill = int(chance.integers(40, 120))
        for down in (0, -field.height):
            pen.line([x, y + down, x - length * 0.12, y + down + length], fill=fill, width=1)
    return canvas.filter(ImageFilter.GaussianBlur(0.6))


def _dots(
    brief: Brief, chance: np.random.Generator, count: int, small: float, large: float, value: int
) -> Image.Image:
    field = brief.field
    canvas = Image.new("L", (field.width, field.height), 0)
    pen = ImageDraw.Draw(canvas)
    for _ in range(count):
        x, y = chance.random() * field.width, chance.random() * field.height
        r = max(0.6, float(chance.uniform(small, large)) / field.pixel)
        fill = int(value * chance.uniform(0.5, 1))
        for dx in (0, -field.width):
            for dy in (0, -field.height):
                if (x + dx > -r and y + dy > -r) or dx == dy == 0:
                    pen.ellipse([x + dx - r, y + dy - r, x + dx + r, y + dy + r], fill=fill)
    return canvas


def _over(one: Image.Image, two: Image.Image) -> Image.Image:
    a, b = np.asarray(one, np.uint16), np.asarray(two, np.uint16)
    return Image.fromarray((a + b - a * b // 255).astype(np.uint8))
