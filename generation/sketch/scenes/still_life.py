"""A product on a plinth: wall, window light, a thing turned on a lathe, companions, shadows."""

from __future__ import annotations

import numpy as np

from generation.sketch.colour import Array, mix
from generation.sketch.field import step
from generation.sketch.layers import Layer
from generation.sketch.scenes import products
from generation.sketch.scenes.brief import Brief


def draw(brief: Brief) -> list[Layer]:
    field, chance = brief.field, brief.chance("table")
    x = float(chance.uniform(-0.10, 0.10)) * field.right
    stand = field.bottom * 0.40 + 0.06
    scale = 1.05 + 0.30 * (field.bottom - 0.5)
    floor = stand + float(chance.uniform(0.10, 0.16))
    layers = _room(brief, floor)
    layers += _plinth(brief, x, stand, floor, 0.30 * scale)
    layers += _shadow(brief, x, stand, 0.17 * scale, 0.8)
    layers += products.draw(brief, x=x, y=stand + 0.012, scale=scale)
    layers += _companions(brief, x, stand, scale)
    return layers


def _room(brief: Brief, floor: float) -> list[Layer]:
    """Wall and floor without a seam, and the soft slanted light of a window on the wall."""
    field, palette = brief.field, brief.palette
    dark = brief.wants("stars")
    base = 0.22 if dark else float(brief.chance("wall").choice([0.46, 0.60, 0.72]))
    wall = base + 0.08 * field.noise(brief.chance("plaster"), 0.6, 5)
    wall = wall + 0.20 * field.glow(brief.light * field.right * 0.55, -field.bottom * 0.35, 0.75)
    sweep = step(floor - 0.10, floor + 0.12, field.y)
    tones = wall * (1 - 0.26 * sweep) + 0.10 * sweep * step(floor, field.bottom, field.y)
    warm = np.asarray(0.25 * palette.accent + 0.75 * palette.shade(1), np.float32)
    thrown = _gobo(brief) * step(floor + 0.05, floor - 0.2, field.y)
    return [
        Layer(palette.paint(np.asarray(tones, np.float32)), None, 0.0),
        Layer(warm, np.asarray(thrown * 0.50, np.float32), 0.05, light=True),
    ]


def _gobo(brief: Brief) -> Array:
    field, chance = brief.field, brief.chance("gobo")
    slant = float(chance.uniform(0.25, 0.5)) * brief.light
    across = field.x + slant * field.y - brief.light * 0.18 * field.right
    panes = int(chance.integers(2, 5))
    wide = 0.62 + 0.25 * (field.right - 0.5)
    inside = np.abs(across) < wide / 2
    bars = np.abs(np.mod(across / wide * panes + panes / 2, 1) - 0.5) < 0.43
    cross = np.abs(np.mod((field.y + 0.1 * across) / 0.42, 1) - 0.5) < 0.46
    pattern = np.asarray(inside & bars & cross, np.float32)
    leaves = step(0.64, 0.46, field.noise(brief.chance("leaves"), 0.30, 3))
    return field.soften(pattern * (0.35 + 0.65 * leaves), 0.010)


def _plinth(brief: Brief, x: float, top: float, floor: float, half: float) -> list[Layer]:
    field, palette = brief.field, brief.palette
    body = products.Body(x, field.bottom + 0.1, half, field.bottom + 0.1 - top)
    mask, across, _ = products.turned(field, body, ((0, 1), (1, 1)), 0.17)
    lit, _ = products.shading(across, brief.light, 0)
    side = mix(palette.shade(0.16), palette.shade(0.72), lit)
    lid = field.ellipse(x, top, half, half * 0.17)
    glow = 0.80 + 0.14 * (field.x - x) / half * brief.light + 0 * field.y
    cast = field.ellipse(x - brief.light * half * 0.9, floor + 0.06, half * 1.25, half * 0.2, 0.10)
    return [
        Layer(palette.shade(0.02), cast * 0.38, 0.3),
        Layer(side, mask, 0.5),
        Layer(palette.paint(np.asarray(glow, np.float32)), lid, 0.5),
    ]


def _shadow(brief: Brief, x: float, y: float, half: float, strength: float) -> list[Layer]:
    """Dark contact under a thing, and the longer shadow away from the light."""
    field = brief.field
    close = field.ellipse(x, y + 0.004, half * 0.95, half * 0.14, 0.02)
    away = field.ellipse(x - brief.light * half * 0.75, y + 0.004, half * 1.2, half * 0.15, 0.045)
    dark = np.clip(close * 0.55 + away * 0.35, 0, 1) * strength
    return [Layer(brief.palette.shade(0.0), dark, 0.55)]


def _companions(brief: Brief, x: float, stand: float, scale: float) -> list[Layer]:
    """One to three small spheres beside the product: fruit, stones, or lamps as one sees them."""
    field, palette, chance = brief.field, brief.palette, brief.chance("spheres")
    layers: list[Layer] = []
    side = -1 if chance.random() < 0.5 else 1
    for number in range(int(chance.integers(1, 4))):
        radius = float(chance.uniform(0.024, 0.040)) * scale
        cx = x + side * (0.175 + 0.035 * number) * scale * (1 if number != 1 else -1)
        cy = stand + 0.018 + 0.012 * number - radius * 0.85
        layers += _shadow(brief, cx, cy + radius * 0.9, radius, 0.8)
        colour = palette.accent if number != 1 else palette.shade(0.9)
        layers.append(Layer(_sphere(brief, cx, cy, radius, colour), field.disc(cx, cy, radius), 0.75))
    return layers


def _sphere(brief: Brief, x: float, y: float, radius: float, colour: Array) -> Array:
    field = brief.field
    u = np.clip((field.x - x) / radius, -1, 1)
    v = np.clip((field.y - y) / radius, -1, 1)
    w = np.sqrt(np.clip(1 - u**2 - v**2, 0, 1))
    lit = np.clip(0.18 + 0.62 * (u * brief.light * 0.6 - v * 0.55 + w * 0.58), 0.06, 1)
    gloss = np.clip(u * brief.light * 0.5 - v * 0.6 + w * 0.62, 0, 1) ** 28
    ball = mix(np.asarray(colour * 0.15, np.float32), colour, np.asarray(lit, np.float32))
    return np.asarray(np.clip(ball + 0.6 * gloss[..., None], 0, 1), np.float32)
