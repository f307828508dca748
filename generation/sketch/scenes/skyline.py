"""A city across the water: blocks from pale to dark, windows lit, the lot mirrored below."""

from __future__ import annotations

import numpy as np

from generation.sketch.colour import Array, mix
from generation.sketch.field import Field, step
from generation.sketch.layers import Layer, flatten
from generation.sketch.scenes import sky
from generation.sketch.scenes.brief import Brief


def draw(brief: Brief) -> list[Layer]:
    field = brief.field
    quay = field.bottom * float(brief.chance("quay").uniform(0.46, 0.60))
    layers = [sky.draw(brief, horizon=quay), *sky.lights(brief, horizon=quay * 0.5)]
    for number, near in enumerate((0.0, 0.35, 0.7, 1.0)):
        layers += _blocks(brief, quay, near, number)
    return [*layers, *_water(brief, flatten(layers), quay)]


def _blocks(brief: Brief, quay: float, near: float, number: int) -> list[Layer]:
    field, palette = brief.field, brief.palette
    chance = brief.chance(f"blocks {number}")
    room = quay + field.bottom
    roofs, edges = _roofs(field, chance, room * (0.66 - 0.36 * near), 0.05 + 0.055 * near)
    above = quay - roofs[None, :]
    mask = field.inside(above - field.y) * field.inside(field.y - quay + 0 * field.x)
    dark = brief.wants("stars")
    tone = (0.34 if dark else 0.66) * (1 - near) + 0.05
    fade = step(0.0, room * 0.6, field.y - above)
    body = mix(palette.shade(tone), palette.shade(tone + 0.16 * (1 - 0.6 * near)), fade)
    layers = [Layer(body, mask, 0.15 + 0.5 * near)]
    if near > 0.2:
        lit = _windows(brief, chance, edges, near) * (field.y > above + 0.02) * (mask > 0.99)
        warm = 0.7 * palette.accent + 0.3 * palette.shade(1)
        glow = np.clip(lit + 0.5 * field.soften(lit, 0.008), 0, 1)
        layers.append(Layer(np.asarray(warm, np.float32), glow * (0.5 + 0.4 * near), 0.15 + 0.5 * near))
    return layers


def _roofs(field: Field, chance: np.random.Generator, tallest: float, breadth: float) -> tuple[Array, Array]:
    """Heights over the quay for each column, and each column's place within its building (0..1)."""
    heights = np.zeros(field.width, np.float32)
    within = np.zeros(field.width, np.float32)
    column, edge = 0, -field.right
    while column < field.width:
        wide = breadth * float(chance.uniform(0.55, 1.6))
        middle = (edge + wide / 2) / field.right
        crest = 0.42 + 0.58 * np.exp(-((middle - 0.1) ** 2) * 1.6)
        tall = tallest * crest * float(chance.uniform(0.38, 1.0))
        end = min(field.width, column + max(2, int(wide / field.pixel)))
        place = np.linspace(0, 1, end - column, dtype=np.float32)
        heights[column:end] = tall
        within[column:end] = place
        _crown(heights[column:end], place, tall, int(chance.integers(5)))
        column, edge = end, edge + wide
    return heights, within


def _crown(heights: Array, place: Array, tall: float, kind: int) -> None:
    if kind == 0:  # set back
        heights[(place > 0.25) & (place < 0.75)] = tall * 1.12
    elif kind == 1:  # spire
        heights[np.abs(place - 0.5) < 0.035] = tall * 1.35
        heights[np.abs(place - 0.5) < 0.2] = np.maximum(heights[np.abs(place - 0.5) < 0.2], tall * 1.06)
    elif kind == 2:  # slope
        heights[:] = tall * (1 + 0.12 * place)


def _windows(brief: Brief, chance: np.random.Generator, within: Array, near: float) -> Array:
    field = brief.field
    across, down = 0.0085 + 0.005 * near, 0.0125 + 0.006 * near
    columns = ((field.x[0] + field.right) / across).astype(int)
    rows = ((field.y[:, 0] + field.bottom) / down).astype(int)
    share = 0.42 if brief.wants("stars") else 0.26
    clustered = chance.random((rows.max() + 1, columns.max() + 1)) < share
    pane_x = np.abs(np.mod((field.x[0] + field.right) / across, 1) - 0.5) < 0.27
    pane_y = np.abs(np.mod((field.y[:, 0] + field.bottom) / down, 1) - 0.5) < 0.24
    inner = (within > 0.1) & (within < 0.9)
    lit = clustered[rows][:, columns] & pane_y[:, None] & (pane_x & inner)[None, :]
    return np.asarray(lit, np.float32)


def _water(brief: Brief, picture: Array, quay: float) -> list[Layer]:
    field = brief.field
    row = int((quay + field.bottom) / field.pixel)
    below = np.clip(np.arange(field.height) - row, 0, None)
    sway = (brief.chance("sway").standard_normal(field.height) * below**0.7 * 0.12).astype(int)
    source = np.clip(row - 1 - below * 1.25 + sway, 0, field.height - 1).astype(int)
    deep = step(0, float(max(1, field.height - row)), below.astype(np.float32))[:, None, None]
    smeared = field.soften  # vertical smear comes from the row sway; soften only the light
    mirrored = picture[source] * 0.78
    tint = brief.palette.shade(0.10)
    mirrored = mirrored + (tint - mirrored) * (0.25 + 0.4 * deep)
    water = field.inside(quay - field.y + 0 * field.x)
    rail = smeared(field.box(0, quay, field.right, 0.004), 0.002)
    return [
        Layer(np.asarray(mirrored, np.float32), water, 0.55),
        Layer(brief.palette.shade(0.02), rail * 0.8, 0.6),
    ]
