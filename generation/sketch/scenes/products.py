"""Things to sell, turned on a lathe: a silhouette radius by height, shaded as a round body.

Sizes are in short sides of the picture. `y` 0 is where the thing stands, negative is up.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from PIL import Image

from generation.sketch import lettering
from generation.sketch.colour import Array, mix
from generation.sketch.field import Field, step
from generation.sketch.layers import Layer
from generation.sketch.scenes.brief import Brief

# (height from 0 at the top to 1 at the foot, radius as a share of the half width)
BOTTLE = (
    (0.0, 0.30), (0.10, 0.30), (0.105, 0.24), (0.24, 0.25), (0.33, 0.55), (0.42, 0.93),
    (0.50, 1.0), (0.96, 1.0), (1.0, 0.93),
)  # fmt: skip
FLASK = ((0.0, 0.22), (0.14, 0.22), (0.15, 0.17), (0.30, 0.19), (0.52, 0.62), (0.80, 0.98),
         (0.92, 1.0), (1.0, 0.86))  # fmt: skip
CUP = ((0.0, 1.0), (0.25, 0.985), (0.6, 0.90), (0.85, 0.74), (0.95, 0.62), (1.0, 0.58))
TIN = ((0.0, 0.97), (0.02, 1.0), (0.98, 1.0), (1.0, 0.97))
JAR = (
    (0.0, 0.80),
    (0.17, 0.80),
    (0.175, 0.74),
    (0.22, 0.80),
    (0.30, 1.0),
    (0.94, 1.0),
    (1.0, 0.90),
)


@dataclasses.dataclass(frozen=True)
class Body:
    """A thing on its plinth: where it stands, how big it is, and its look."""

    x: float
    y: float
    half_width: float
    height: float


def draw(brief: Brief, *, x: float, y: float, scale: float) -> list[Layer]:
    """The product that the prompt names, standing at (x, y)."""
    chance = brief.chance("product")
    kinds = {"cup": _cup, "bottle": _bottle, "bag": _bag, "tin": _tin, "box": _box}
    return kinds[brief.reading.product](brief, chance, x, y, scale)


def turned(
    field: Field, body: Body, profile: tuple[tuple[float, float], ...], sag: float = 0.10
) -> tuple[Array, Array, Array]:
    """Coverage, the place across (-1..1) and the place down (0..1) of a turned body."""
    top = body.y - body.height
    heights, radii = np.array(profile).T
    down_flat = (field.y - top) / body.height
    half = np.interp(down_flat[:, 0], heights, radii)[:, None] * body.half_width
    across = np.clip((field.x - body.x) / np.maximum(half, 1e-6), -1, 1)
    bulge = sag * body.half_width * np.sqrt(1 - across**2)
    down = (field.y - top - bulge + sag * body.half_width) / body.height
    sides = field.inside((np.abs(field.x - body.x) - half).astype(np.float32))
    foot = field.inside((field.y - body.y - bulge + sag * body.half_width * 0.6).astype(np.float32))
    head = field.inside((top - field.y + 0 * field.x).astype(np.float32))
    return sides * foot * head, across.astype(np.float32), down.astype(np.float32)


def shading(across: Array, light: float, gloss: float) -> tuple[Array, Array]:
    """How lit a round body is at each place across, and the bright streak of its gloss."""
    facing = np.sqrt(np.clip(1 - across**2, 0, 1))
    lit = np.clip(0.30 + 0.52 * facing * 0.72 + 0.50 * across * light, 0.05, 1.05)
    streak = np.exp(-(((across - 0.52 * light) / 0.10) ** 2)) * gloss
    back = np.exp(-(((across + 0.80 * light) / 0.09) ** 2)) * gloss * 0.4
    return np.asarray(lit, np.float32), np.asarray(streak + back, np.float32)


def _bottle(brief: Brief, chance: np.random.Generator, x: float, y: float, scale: float) -> list[Layer]:
    body = Body(x, y, 0.105 * scale, 0.50 * scale)
    profile = (BOTTLE, FLASK)[int(chance.integers(2))]
    mask, across, down = turned(brief.field, body, profile)
    lit, streak = shading(across, brief.light, 0.75)
    palette = brief.palette
    tint = palette.second if chance.random() < 0.5 else palette.shade(0.22)
    glass = mix(np.asarray(tint * 0.18, np.float32), np.asarray(tint * 1.0, np.float32), lit)
    fluid = step(0.36, 0.40, down) * 0.35
    layers = [
        Layer(glass, mask, 0.7),
        Layer(palette.shade(0.02), mask * fluid * (1 - lit * 0.6), 0.7),
    ]
    layers += _label(brief, mask, across, down, lit, body, (0.56, 0.86))
    cap = mix(palette.shade(0.03), palette.shade(0.35), lit)
    layers.append(Layer(cap, mask * step(0.118, 0.112, down), 0.7))
    layers.append(Layer(palette.shade(1), mask * streak * 0.8, 0.7, light=True))
    return layers


def _tin(brief: Brief, chance: np.random.Generator, x: float, y: float, scale: float) -> list[Layer]:
    jar = bool(chance.random() < 0.4)
    body = Body(x, y, 0.145 * scale, (0.30 if jar else 0.36) * scale)
    mask, across, down = turned(brief.field, body, JAR if jar else TIN)
    lit, streak = shading(across, brief.light, 0.5)
    palette = brief.palette
    metal = mix(palette.shade(0.08), palette.shade(0.80), lit)
    layers = [Layer(metal, mask, 0.7)]
    layers += _label(brief, mask, across, down, lit, body, (0.26, 0.90))
    if not jar:
        layers += _rim(brief, body, palette.shade(0.72), palette.shade(0.5))
    layers.append(Layer(palette.shade(1), mask * streak * 0.5, 0.7, light=True))
    return layers


def _cup(brief: Brief, chance: np.random.Generator, x: float, y: float, scale: float) -> list[Layer]:
    field, palette = brief.field, brief.palette
    body = Body(x, y, 0.155 * scale, 0.215 * scale)
    mask, across, down = turned(field, body, CUP, 0.16)
    lit, streak = shading(across, brief.light, 0.35)
    pale = chance.random() < 0.6
    dark, bright = (palette.shade(0.42), palette.shade(1)) if pale else (
        np.asarray(palette.accent * 0.28, np.float32), palette.accent)  # fmt: skip
    side = -1 if brief.light > 0 else 1
    hx, hy = x + side * body.half_width * 1.02, y - body.height * 0.56
    ring = field.ellipse(hx, hy, 0.068 * scale, 0.066 * scale)
    hole = field.ellipse(hx, hy, 0.043 * scale, 0.043 * scale)
    handle = mix(dark, bright, step(hy + 0.07 * scale, hy - 0.07 * scale, field.y) + 0 * field.x)
    stripe = step(0.60, 0.605, down) * step(0.70, 0.695, down)
    layers = [
        Layer(handle, np.clip(ring - hole, 0, 1), 0.66),
        Layer(mix(dark, bright, lit), mask, 0.7),
        Layer(palette.accent if pale else palette.shade(0.95), mask * stripe * lit, 0.7),
        Layer(palette.shade(1), mask * streak, 0.7, light=True),
        *_rim(brief, body, bright, palette.shade(0.10), crema=True),
        *_steam(brief, x, y - body.height, scale),
    ]
    return layers


def _rim(brief: Brief, body: Body, edge: Array, inside: Array, *, crema: bool = False) -> list[Layer]:
    """The open top of a turned body, seen slightly from above."""
    field, top = brief.field, body.y - body.height
    rx, ry = body.half_width, body.half_width * 0.17
    layers = [
        Layer(edge, field.ellipse(body.x, top, rx, ry), 0.7),
        Layer(inside, field.ellipse(body.x, top + ry * 0.06, rx * 0.93, ry * 0.86), 0.7),
    ]
    if crema:
        warm = np.array([0.30, 0.17, 0.09], np.float32)
        foam = np.array([0.72, 0.50, 0.30], np.float32)
        pool = field.ellipse(body.x, top + ry * 0.24, rx * 0.86, ry * 0.62)
        ring = pool - field.ellipse(body.x, top + ry * 0.28, rx * 0.78, ry * 0.50, 0.006)
        layers += [Layer(warm, pool, 0.7), Layer(foam, np.clip(ring, 0, 1) * 0.8, 0.7)]
    return layers


def _steam(brief: Brief, x: float, top: float, scale: float) -> list[Layer]:
    field = brief.field
    wisp = field.noise(brief.chance("steam"), 0.16, 4)
    rise = np.clip((top - field.y) / (0.36 * scale), 0, 1.2)
    sway = 0.035 * np.sin(rise * 7 + brief.seed % 7) * rise
    wide = 0.035 + 0.06 * rise
    column = np.exp(-(((field.x - x - sway) / (wide * scale)) ** 2))
    strength = step(0.0, 0.15, rise) * step(1.0, 0.4, rise) * step(0.38, 0.78, wisp)
    return [Layer(brief.palette.shade(1), np.asarray(column * strength * 0.6, np.float32), 0.75)]


def _bag(brief: Brief, chance: np.random.Generator, x: float, y: float, scale: float) -> list[Layer]:
    """A standing pouch with a crimped top and a soft fold."""
    field, palette = brief.field, brief.palette
    wide, tall = 0.155 * scale, 0.44 * scale
    middle = y - tall / 2
    down = np.clip((field.y - (y - tall)) / tall, 0, 1)
    bulge = 1 + 0.05 * np.sin(down * np.pi) - 0.04 * step(0.9, 1.0, down)
    across = (field.x - x) / (wide * bulge)
    edge = np.maximum((np.abs(across) - 1) * wide, np.abs(field.y - middle) - tall / 2)
    mask = field.inside(edge.astype(np.float32))
    crease = field.noise(brief.chance("crease"), 0.14, 3)
    lit = 0.55 + 0.30 * across * brief.light + 0.22 * (crease - 0.5) + 0.10 * np.cos(across * 2.4)
    lit = np.asarray(np.clip(lit, 0.05, 1), np.float32)
    tint = palette.second if chance.random() < 0.6 else palette.shade(0.16)
    foil = mix(np.asarray(tint * 0.32, np.float32), np.asarray(np.clip(tint * 1.12, 0, 1)), lit)
    seal = step(0.085, 0.080, down) * (0.75 + 0.25 * np.sign(np.sin(field.y * 900)))
    body = Body(x, y, wide, tall)
    layers = [Layer(foil, mask, 0.7), Layer(palette.shade(0.03), mask * seal * 0.35, 0.7)]
    layers += _label(brief, mask, np.clip(across, -1, 1).astype(np.float32) * 0.75,
                     down + 0 * field.x, lit, body, (0.30, 0.74))  # fmt: skip
    return layers


def _box(brief: Brief, chance: np.random.Generator, x: float, y: float, scale: float) -> list[Layer]:
    """A carton seen from one corner: two sides and a ribbon."""
    field, palette = brief.field, brief.palette
    wide, tall = 0.17 * scale, float(chance.uniform(0.26, 0.36)) * scale
    corner = x - 0.18 * wide * np.sign(brief.light or 1)
    side = field.x - corner
    left, right = x - wide, x + wide
    slope = np.abs(side) * 0.16
    mask = field.inside((left - field.x + 0 * field.y).astype(np.float32)) * field.inside(
        (field.x - right + 0 * field.y).astype(np.float32)
    )
    mask = mask * field.inside((y - tall - field.y + slope).astype(np.float32))
    mask = mask * field.inside((field.y - y + slope).astype(np.float32))
    bright = (side * brief.light > 0) + 0 * field.y
    lit = np.asarray(np.where(bright, 0.95, 0.42) - 0.18 * (field.y - y + tall) / tall, np.float32)
    ribbon = (np.abs(np.abs(side) - wide * 0.5) < wide * 0.07) + 0 * field.y
    paper = mix(np.asarray(palette.second * 0.25, np.float32), palette.second, lit)
    gold = mix(np.asarray(palette.accent * 0.3, np.float32), palette.accent, lit)
    body = Body(x, y, wide, tall)
    layers = [Layer(paper, mask, 0.7)]
    if np.allclose(palette.accent, palette.second):
        gold = mix(palette.shade(0.3), palette.shade(1), lit)
    layers.append(Layer(gold, mask * ribbon, 0.7))
    across = np.clip((field.x - x) / wide, -1, 1) * 0.6 + 0 * field.y
    down = (field.y - (y - tall)) / tall + 0 * field.x
    return layers + _label(brief, mask, across.astype(np.float32), down, lit, body, (0.42, 0.66))


def _label(
    brief: Brief, mask: Array, across: Array, down: Array, lit: Array, body: Body,
    band: tuple[float, float],
) -> list[Layer]:  # fmt: skip
    """A paper label around the body, with the brand's word and two quiet rules."""
    field, palette = brief.field, brief.palette
    start, end = band
    paper = mix(palette.shade(0.50), palette.shade(0.98), np.clip(lit * 1.15, 0, 1))
    soft = field.pixel / body.height
    strip = step(start - soft, start + soft, down) * step(end + soft, end - soft, down)
    strip = strip * (np.abs(across) < 0.86)
    ink = palette.shade(0.06)
    rules = [step(soft * 1.6, 0, np.abs(down - place)) for place in (start + 0.05, end - 0.05)]
    lines = np.maximum(*rules) * (np.abs(across) < 0.6)
    middle = body.y - body.height * (1 - (start + end) / 2)
    room_down = body.height * (end - start)
    word = _word(field, brief.reading.brand, body, middle, room_down)
    mark = field.disc(body.x, middle - room_down * 0.20, min(body.half_width * 0.13, room_down * 0.1))
    return [
        Layer(paper, mask * strip, 0.7),
        Layer(ink, mask * strip * lines * 0.8, 0.7),
        Layer(palette.accent, mask * strip * mark, 0.7),
        Layer(ink, mask * strip * word, 0.7),
    ]


def _word(field: Field, text: str, body: Body, middle: float, room_down: float) -> Array:
    canvas = Image.new("L", (field.width, field.height), 0)
    room = body.half_width * 1.25 / field.pixel
    size = int(min(body.half_width * 0.36, room_down * 0.34) / field.pixel)
    while size > 8 and lettering.width(text, size, 0.08) > room:
        size -= 1
    x = (body.x + field.right) / field.pixel
    baseline = (middle + min(body.half_width * 0.22, room_down * 0.2) + field.bottom) / field.pixel
    lettering.centred(canvas, text, x=x, baseline=baseline, size=size, tracking=0.08)
    return np.asarray(canvas, np.float32) / 255
