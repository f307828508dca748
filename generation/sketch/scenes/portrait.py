"""A head in profile against a large soft light, rim-lit, sometimes with a landscape inside it."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from generation.sketch import dice
from generation.sketch.colour import Array, mix
from generation.sketch.field import Field, step
from generation.sketch.layers import Layer
from generation.sketch.scenes import landscape
from generation.sketch.scenes.brief import Brief

# The outline of head and shoulders looking right, in head heights, clockwise from the chest.
PROFILE = (
    (1.02, 2.60), (0.84, 1.32), (0.62, 1.12), (0.34, 0.98), (0.15, 0.86), (0.10, 0.72),
    (0.12, 0.60), (0.20, 0.545), (0.30, 0.535), (0.352, 0.50), (0.356, 0.44), (0.328, 0.405),
    (0.362, 0.372), (0.346, 0.342), (0.374, 0.305), (0.352, 0.262), (0.448, 0.222),
    (0.436, 0.175), (0.385, 0.08), (0.366, 0.025), (0.386, -0.035), (0.372, -0.14),
    (0.295, -0.285), (0.12, -0.385), (-0.12, -0.395), (-0.33, -0.28), (-0.425, -0.07),
    (-0.395, 0.15), (-0.30, 0.33), (-0.245, 0.50), (-0.25, 0.66), (-0.34, 0.82), (-0.62, 0.96),
    (-0.92, 1.10), (-1.10, 1.34), (-1.20, 2.60),
)  # fmt: skip
HAIR: dict[str, tuple[tuple[float, float, float, float], ...]] = {
    # ellipses (x, y, rx, ry) joined to the head
    "cropped": (),
    "bun": ((-0.40, -0.34, 0.19, 0.18),),
    "bob": ((-0.16, 0.12, 0.36, 0.46),),
    "curls": ((-0.10, -0.20, 0.44, 0.34), (-0.30, 0.06, 0.28, 0.34), (0.14, -0.30, 0.24, 0.18)),
    "long": ((-0.24, 0.30, 0.28, 0.72),),
}

DREAM = frozenset({"dream", "dreams", "dreaming", "memory", "memories", "mind", "double", "thoughts"})


def draw(brief: Brief) -> list[Layer]:
    chance = brief.chance("figure")
    facing = 1 if brief.light >= 0 else -1
    head = 0.47 * (1 + 0.14 * (brief.field.bottom - 0.5))
    x = -facing * brief.field.right * float(chance.uniform(0.02, 0.16))
    y = -0.06 * brief.field.bottom + float(chance.uniform(-0.03, 0.02))
    person = dice.stream("hair", brief.reading.brand)  # the same for the same name, whatever the seed
    hair = list(HAIR)[int(person.integers(len(HAIR)))]
    figure = _figure(brief.field, x, y, head, facing, hair)
    layers = _backdrop(brief, x, y, facing)
    layers += _person(brief, figure, facing, inside=bool(DREAM & set(brief.reading.words)))
    layers += _hair(brief, figure, x, y, head, facing, hair)
    layers += _clothes(brief, x, y, head, facing)
    return layers


def _backdrop(brief: Brief, x: float, y: float, facing: int) -> list[Layer]:
    field = brief.field
    dark = brief.wants("stars")
    base = (0.20 if dark else 0.48) + 0.22 * step(-field.bottom, field.bottom, field.y)
    wash = 0.16 * (field.noise(brief.chance("wash"), 1.0, 3) - 0.5)
    glow = 0.22 * field.glow(x + 0.22 * facing, y - 0.08, 0.42)
    wall = Layer(brief.palette.paint(base + wash + glow), None, 0.0)
    warm = np.asarray(0.62 * brief.palette.accent + 0.38 * brief.palette.shade(1), np.float32)
    radius = float(brief.chance("halo").uniform(0.27, 0.35))
    disc = field.disc(x + 0.10 * facing, y - 0.07, radius)
    ring = field.soften(disc, 0.05)
    return [wall, Layer(warm, ring * 0.35, 0.1, light=True), Layer(warm, disc * 0.92, 0.12)]


def _figure(field: Field, x: float, y: float, head: float, facing: int, hair: str) -> Array:
    """Coverage of the silhouette, drawn at twice the size for a clean edge."""
    scale = 2 / field.pixel
    points = [
        ((x + facing * px * head + field.right) * scale, (y + py * head + field.bottom) * scale)
        for px, py in _smooth(PROFILE)
    ]
    canvas = Image.new("L", (field.width * 2, field.height * 2), 0)
    pen = ImageDraw.Draw(canvas)
    pen.polygon(points, fill=255)
    for hx, hy, rx, ry in HAIR[hair]:
        cx, cy = (
            (x + facing * hx * head + field.right) * scale,
            (y + hy * head + field.bottom) * scale,
        )
        wide, tall = rx * head * scale, ry * head * scale
        pen.ellipse([cx - wide, cy - tall, cx + wide, cy + tall], fill=255)
    return np.asarray(canvas.reduce(2), np.float32) / 255


def _smooth(points: tuple[tuple[float, float], ...], steps: int = 8) -> list[tuple[float, float]]:
    """A Catmull-Rom curve through the points."""
    knots = np.array((points[0], *points, points[-1]))
    along = np.linspace(0, 1, steps, endpoint=False)[:, None]
    curve = []
    for a, b, c, d in zip(knots, knots[1:], knots[2:], knots[3:], strict=False):
        bend = 2 * a - 5 * b + 4 * c - d
        twist = 3 * b - a - 3 * c + d
        curve.append(0.5 * (2 * b + (c - a) * along + bend * along**2 + twist * along**3))
    return [(float(px), float(py)) for px, py in np.concatenate(curve)]


def _person(brief: Brief, figure: Array, facing: int, *, inside: bool) -> list[Layer]:
    field, palette = brief.field, brief.palette
    fall = step(-0.45, 0.5, field.y) + 0 * field.x
    body = mix(palette.shade(0.13), palette.shade(0.02), fall)
    layers = [Layer(body, figure, 0.5)]
    if inside:
        scene = landscape.draw(brief)
        dusk = [Layer(layer.colour, layer.alpha, 0.5, layer.light) for layer in scene]
        window = figure * step(0.42, -0.10, field.y)
        layers += [
            Layer(part.colour, window * (0.62 if part.alpha is None else part.alpha * 0.8), 0.5)
            for part in dusk
        ]
    shift = max(1, round(0.016 / field.pixel))
    moved = np.roll(field.soften(figure, 0.011), -facing * shift, axis=1)
    rim = figure * np.clip(1 - moved * 1.12, 0, 1)
    inner = figure * (1 - np.roll(field.soften(figure, 0.05), -facing * shift * 3, axis=1))
    warm = np.asarray(0.4 * palette.accent + 0.6 * palette.shade(1), np.float32)
    return [
        *layers,
        Layer(warm, np.clip(inner, 0, 1) * 0.45, 0.5, light=True),
        Layer(warm, np.clip(rim * 1.5, 0, 1) * 0.85, 0.5, light=True),
    ]


def _hair(
    brief: Brief, figure: Array, x: float, y: float, head: float, facing: int, hair: str
) -> list[Layer]:
    """The hair in a tone of its own: crown, nape and whatever the style adds, clear of the face."""
    field, palette = brief.field, brief.palette
    parts = [(-0.14, -0.13, 0.44, 0.34), (-0.30, 0.06, 0.20, 0.28), *HAIR[hair]]
    cover = field.full(0)
    for hx, hy, rx, ry in parts:
        part = field.ellipse(x + facing * hx * head, y + hy * head, rx * head, ry * head, 0.006)
        cover = np.maximum(cover, part)
    strands = np.sin((field.y * 2.2 + (field.x - x) * facing * 0.9 + (field.x - x) ** 2 * 3) * 150)
    lit = step(-0.4, 0.5, (field.x - x) * facing / head - 0.4 * (field.y - y) / head)
    warm = np.asarray(0.55 * palette.shade(0.12) + 0.20 * palette.accent, np.float32)
    tone = np.asarray(np.clip(lit * 0.75 + 0.05 * strands, 0, 1), np.float32)
    return [Layer(mix(palette.shade(0.03), warm, tone), cover * figure * 0.9, 0.5)]


def _clothes(brief: Brief, x: float, y: float, head: float, facing: int) -> list[Layer]:
    """A scarf in the second colour, in cold weather or by chance: an end hanging, two loops over it."""
    if not (brief.wants("snow") or brief.chance("scarf").random() < 0.4):
        return []
    field = brief.field
    tail = field.box(x + 0.17 * facing * head, y + 1.12 * head, 0.085 * head, 0.30 * head, 0.02)
    layers = [_wool(brief, tail, (field.x - x) * facing * 0.6 / head + 0 * field.y, 16, x)]
    for lift, wide, tall in ((0.84, 0.35, 0.125), (0.70, 0.27, 0.105)):
        sx, sy = x - 0.05 * facing * head, y + lift * head
        across = (field.x - sx) / (wide * head)
        down = (field.y - sy + (field.x - sx) * 0.14 * facing) / (tall * head)
        loop = field.inside(((np.hypot(across, down) - 1) * tall * head).astype(np.float32))
        layers.append(_wool(brief, loop, down + 0.5 * across**2, 2.4, sx))
    return layers


def _wool(brief: Brief, cover: Array, along: Array, folds: float, x: float) -> Layer:
    field = brief.field
    lit = 0.35 + 0.65 * step(-0.25, 0.25, (field.x - x) * brief.light)
    tone = (0.55 + 0.45 * np.sin(along * folds * 2)) * lit
    colour = brief.palette.second
    return Layer(mix(np.asarray(colour * 0.28), colour, np.asarray(tone, np.float32)), cover, 0.6)
