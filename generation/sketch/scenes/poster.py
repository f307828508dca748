"""Abstract geometric posters: tiles of arcs, overlapping discs, or stacked waves."""

from __future__ import annotations

import numpy as np

from generation.sketch.colour import Array
from generation.sketch.layers import Layer
from generation.sketch.scenes.brief import Brief


def draw(brief: Brief) -> list[Layer]:
    kinds = (_tiles, _discs, _waves)
    return kinds[int(brief.chance("kind").integers(len(kinds)))](brief)


def _inks(brief: Brief) -> list[Array]:
    palette = brief.palette
    return [
        palette.accent,
        palette.second,
        palette.shade(0.08),
        palette.shade(0.4),
        palette.shade(0.7),
    ]


def _paper(brief: Brief) -> Layer:
    field = brief.field
    fibre = field.noise(brief.chance("fibre"), 0.02, 2)
    return Layer(brief.palette.paint(0.94 + 0.03 * fibre), None, 0.0)


def _tiles(brief: Brief) -> list[Layer]:
    """A grid of quarter, half and whole discs, with quiet margins."""
    field, chance = brief.field, brief.chance("tiles")
    layers = [_paper(brief)]
    size = (2 * min(field.right, field.bottom)) / int(chance.integers(3, 5)) * 0.86
    columns = max(1, int(2 * field.right * 0.94 / size))
    rows = max(1, int((2 * field.bottom - 0.13) / size))
    inks = _inks(brief)
    for row in range(rows):
        for column in range(columns):
            x = (column - (columns - 1) / 2) * size
            y = (row - (rows - 1) / 2) * size - 0.025
            layers += _tile(brief, chance, x, y, size, inks)
    return layers


def _tile(
    brief: Brief, chance: np.random.Generator, x: float, y: float, size: float, inks: list[Array]
) -> list[Layer]:
    field = brief.field
    ground, figure = chance.choice(len(inks), 2, replace=False)
    square = field.box(x, y, size / 2 + field.pixel * 0.5, size / 2 + field.pixel * 0.5)
    corner_x, corner_y = chance.choice([-0.5, 0.5], 2)
    shapes = (
        lambda: field.disc(x + corner_x * size, y + corner_y * size, size),
        lambda: field.disc(x, y, size * 0.36),
        lambda: field.disc(x + corner_x * size, y, size / 2),
        lambda: field.inside(((field.x - x) * corner_x + (field.y - y) * corner_y).astype(np.float32)),
        lambda: np.abs(np.mod((field.x - x) / size * 5, 1) - 0.5).round() + 0 * field.y,
    )
    pick = int(chance.choice(5, p=[0.4, 0.2, 0.2, 0.12, 0.08]))
    layers = [] if chance.random() < 0.28 else [Layer(inks[ground], square, 0.2)]
    if chance.random() < 0.92:
        layers.append(Layer(inks[figure], np.asarray(shapes[pick](), np.float32) * square, 0.35))
    if pick == 0 and chance.random() < 0.5:
        inner = field.disc(x + corner_x * size, y + corner_y * size, size * 0.5) * square
        layers.append(Layer(inks[ground] if len(layers) > 1 else brief.palette.shade(0.95), inner, 0.4))
    return layers


def _discs(brief: Brief) -> list[Layer]:
    """Large discs and half discs that overlap as if printed with clear ink."""
    field, chance = brief.field, brief.chance("discs")
    layers = [_paper(brief)]
    inks = _inks(brief)
    count = int(chance.integers(5, 8))
    for number in range(count):
        radius = float(chance.uniform(0.10, 0.34)) * (1.15 - 0.5 * number / count)
        x = float(chance.uniform(-0.8, 0.8)) * field.right
        y = float(chance.uniform(-0.75, 0.6)) * field.bottom
        mask = field.disc(x, y, radius)
        turn = float(chance.uniform(0, np.pi))
        cut = (field.x - x) * np.cos(turn) + (field.y - y) * np.sin(turn)
        if chance.random() < 0.45:
            mask = mask * field.inside(cut.astype(np.float32))
        elif chance.random() < 0.4:
            mask = mask * (np.mod(cut / radius * 6, 1) < 0.55)
        layers.append(Layer(inks[number % len(inks)], mask * 0.88, 0.1 + 0.8 * number / count))
    layers.append(_rule(brief, chance))
    return layers


def _rule(brief: Brief, chance: np.random.Generator) -> Layer:
    field = brief.field
    turn = float(chance.uniform(-0.9, 0.9))
    along = field.x * np.sin(turn) - field.y * np.cos(turn)
    return Layer(brief.palette.shade(0.05), field.inside((np.abs(along) - 0.003).astype(np.float32)), 0.9)


def _waves(brief: Brief) -> list[Layer]:
    """Paper cut-outs: stacked curves, each with a soft shadow on the one behind."""
    field, chance = brief.field, brief.chance("waves")
    layers = [_paper(brief)]
    sun = field.disc(brief.light * field.right * 0.4, -field.bottom * 0.35, 0.2)
    layers.append(Layer(brief.palette.accent, sun, 0.1))
    count = int(chance.integers(6, 9))
    for number in range(count):
        near = number / (count - 1)
        phase, length = chance.uniform(0, 6.28), chance.uniform(0.5, 1.2)
        curve = np.sin(field.x / length * 6.28 + phase) * (0.10 - 0.04 * near)
        top = -field.bottom * 0.28 + near * field.bottom * 1.08 + curve
        distance = (top - field.y).astype(np.float32)
        layers.append(
            Layer(brief.palette.shade(0), field.inside(distance - 0.006, 0.05) * 0.4, 0.2 + 0.7 * near)
        )
        tone = 0.82 - 0.74 * near
        colour = brief.palette.shade(tone) if number % 3 else brief.palette.second
        layers.append(Layer(colour, field.inside(distance), 0.2 + 0.7 * near))
    return layers
