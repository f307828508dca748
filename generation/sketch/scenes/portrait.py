"""A head in profile against a large soft light, rim-lit, sometimes with a landscape inside it."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from generation.sketch.colour import Array, mix
from generation.sketch.field import Field, step
from generation.sketch.layers import Layer
from generation.sketch.scenes import landscape
from generation.sketch.scenes.brief import Brief

# The outline of head and shoulders looking right, in head heights, clockwise from the chest.
PROFILE = (
    (1.02, 1.75), (0.84, 1.32), (0.62, 1.12), (0.34, 0.98), (0.15, 0.86), (0.10, 0.72),
    (0.12, 0.60), (0.20, 0.545), (0.30, 0.535), (0.352, 0.50), (0.356, 0.44), (0.328, 0.405),
    (0.362, 0.372), (0.346, 0.342), (0.374, 0.305), (0.352, 0.262), (0.448, 0.222),
    (0.436, 0.175), (0.385, 0.08), (0.366, 0.025), (0.386, -0.035), (0.372, -0.14),
    (0.295, -0.285), (0.12, -0.385), (-0.12, -0.395), (-0.33, -0.28), (-0.425, -0.07),
    (-0.395, 0.15), (-0.30, 0.33), (-0.245, 0.50), (-0.25, 0.66), (-0.34, 0.82), (-0.62, 0.96),
    (-0.92, 1.10), (-1.10, 1.34), (-1.20, 1.75),
)  # fmt: skip
HAIR: dict[str, tuple[tuple[float, float, float, float], ...]] = {
    # ellipses (x, y, rx, ry) joined to the head
    "cropped": (),
    "bun": ((-0.40, -0.34, 0.19, 0.18),),
    "bob": ((-0.16, 0.12, 0.36, 0.46),),
    "curls": ((-0.10, -0.20, 0.44, 0.34), (-0.30, 0.06, 0.28, 0.34), (0.14, -0.30, 0.24, 0.18)),
    "long": ((-0.24, 0.30, 0.28, 0.72),),
}


def draw(brief: Brief) -> list[Layer]:
    chance = brief.chance("figure")
    facing = 1 if brief.light >= 0 else -1
    head = 0.47 * (1 + 0.14 * (brief.field.bottom - 0.5))
    x = -facing * brief.field.right * float(chance.uniform(0.02, 0.16))
    y = -0.06 * brief.field.bottom + float(chance.uniform(-0.03, 0.02))
    hair = list(HAIR)[int(chance.integers(len(HAIR)))]
    figure = _figure(brief.field, x, y, head, facing, hair)
    layers = _backdrop(brief, x, y, facing)
    layers += _person(brief, figure, facing, inside=bool(chance.random() < 0.45))
    layers += _clothes(brief, figure, x, y, head, facing)
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
    chest, ends = max(point[1] for point in points), sorted((points[0][0], points[-1][0]))
    if chest < field.height * 2:
        pen.rectangle([ends[0], chest, ends[1], field.height * 2], fill=255)
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


def _clothes(brief: Brief, figure: Array, x: float, y: float, head: float, facing: int) -> list[Layer]:
    """A scarf in the accent colour in cold weather or by chance, with a few folds."""
    chance = brief.chance("scarf")
    if not (brief.wants("snow") or chance.random() < 0.4):
        return []
    field, palette = brief.field, brief.palette
    sx, sy = x - 0.06 * facing * head, y + 0.76 * head
    tilt = (field.x - sx) * 0.16 * facing
    down = (field.y - sy + tilt) / (0.17 * head)
    across = (field.x - sx) / (0.36 * head)
    shape = field.inside(((np.hypot(across, down) - 1) * 0.2 * head).astype(np.float32))
    folds = 0.5 + 0.5 * np.sin((down * 2.6 + across**2 * 1.3 * facing) * 3.1)
    lit = 0.45 + 0.55 * step(-1.0, 1.0, (across * facing).astype(np.float32))
    tone = (0.5 + 0.5 * folds) * lit
    deep = np.asarray(palette.second * 0.30, np.float32)
    colour = mix(deep, palette.second, np.asarray(tone, np.float32))
    return [Layer(colour, shape, 0.6)]
