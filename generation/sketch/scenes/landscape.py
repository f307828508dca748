"""Layered hills under a wide sky: each ridge darker and nearer, mist between them."""

from __future__ import annotations

import numpy as np

from generation.sketch.colour import Array, mix
from generation.sketch.field import Field, step
from generation.sketch.layers import Layer, flatten
from generation.sketch.scenes import sky
from generation.sketch.scenes.brief import Brief

WATER = frozenset(
    {"lake", "sea", "ocean", "coast", "beach", "river", "water", "harbour", "shore", "wave", "waves"}
)
ROLLING = frozenset({"dune", "dunes", "desert", "field", "fields", "meadow", "hill", "hills"})

DRY = frozenset({"dune", "dunes", "desert"})
PEAKS = frozenset({"mountain", "mountains", "alpine", "peak", "peaks", "summit", "ridge", "snow"})


def draw(brief: Brief) -> list[Layer]:
    chance = brief.chance("land")
    horizon = float(chance.uniform(-0.02, 0.10)) * 2 * brief.field.bottom
    layers = [sky.draw(brief, horizon=horizon), *sky.lights(brief, horizon=horizon)]
    if WATER & set(brief.reading.words):
        return layers + _shore(brief, layers, horizon)
    return layers + _ridges(brief, horizon, count=int(chance.integers(5, 7)))


def _ridges(brief: Brief, horizon: float, count: int) -> list[Layer]:
    chance = brief.chance("ridges")
    words = set(brief.reading.words)
    rolling = bool(ROLLING & words) and not PEAKS & words
    span = brief.field.bottom - horizon
    ridges = []
    for number in range(count):
        near = number / (count - 1)
        top = horizon + span * (0.02 + 0.74 * near**1.25)
        profile = _profile(brief, chance, near, rolling)
        ridges.append(_ridge(brief, top - profile, near, trees=not DRY & words and near > 0.55))
    return ridges


def _profile(brief: Brief, chance: np.random.Generator, near: float, rolling: bool) -> Array:
    field = brief.field
    height = (0.075 if rolling else 0.19) * (1.05 - 0.55 * near) * (0.7 + 0.6 * field.bottom)
    line = field.line(chance, 0.9 - 0.25 * near, octaves=2 if rolling else 6)
    if rolling:
        return line * height
    return (1.15 - 2.2 * np.abs(line) if near < 0.5 else line) * height


def _ridge(brief: Brief, top: Array, near: float, trees: bool) -> Layer:
    field, palette = brief.field, brief.palette
    if trees:
        top = top - _treeline(field, brief.chance(f"trees {near:.2f}"), near)
    distance = top - field.y
    haze = 0.30 if brief.wants("mist") else 0.2
    far_tone = 0.36 if brief.wants("stars") else 0.62
    tone = far_tone - (far_tone - 0.03) * near**0.8
    depth_in = step(0.0, 0.24 + 0.12 * near, -distance)
    lit = tone + haze * (1 - near) ** 0.7
    colour = mix(palette.shade(tone), palette.shade(lit), depth_in)
    return Layer(colour, field.inside(distance), 0.1 + 0.75 * near)


def _treeline(field: Field, chance: np.random.Generator, near: float) -> Array:
    """Conifers along a ridge: heights above it for each column, shape (1, width)."""
    tall = 0.02 + 0.075 * near**2
    grown = np.zeros(field.width, np.float32)
    stand = field.line(chance, 0.35, octaves=3)[0]
    for _ in range(int(2 * field.right / (tall * 0.30))):
        middle = float(chance.uniform(-field.right, field.right))
        size = tall * float(chance.uniform(0.45, 1.15))
        column = min(field.width - 1, int((middle + field.right) / field.pixel))
        if stand[column] < -0.3:
            continue
        low, high = (
            max(0, column - int(size / field.pixel)),
            column + int(size / field.pixel) + 1,
        )
        away = np.abs(field.x[0, low:high] - middle) / (size * 0.27)
        tip = np.clip(1 - away, 0, 1) + 0.16 * (np.mod(away * 3.2, 1) < 0.5) * (away < 1)
        grown[low:high] = np.maximum(grown[low:high], size * np.clip(tip, 0, 1))
    return grown[None, :]


def _shore(brief: Brief, backdrop: list[Layer], horizon: float) -> list[Layer]:
    """Far ridges, the water that mirrors them and the sky, and a dark bank in front."""
    field, palette = brief.field, brief.palette
    chance = brief.chance("shore")
    water_line = horizon + 0.13 * field.bottom
    ridges = []
    for near, lift in ((0.0, 0.10), (0.3, 0.045)):
        profile = np.abs(field.line(chance, 0.8, octaves=6)) * 0.13 * (1 - near)
        ridges.append(_ridge(brief, water_line - lift * field.bottom - profile, near, trees=False))
    mirrored = _mirror(flatten([*backdrop, *ridges]), field, water_line, brief)
    surface = Layer(mirrored, field.inside(water_line - field.y + 0 * field.x), 0.45)
    bank_top = field.bottom * 0.80 - field.line(chance, 0.8, 5) * 0.05
    bank_top = bank_top + field.x * brief.light * 0.16
    bank_top = bank_top - _treeline(field, brief.chance("bank"), 0.35)
    bank = Layer(palette.shade(0.03), field.inside(bank_top - field.y), 0.9)
    return [*ridges, surface, bank]


def _mirror(picture: Array, field: Field, line: float, brief: Brief) -> Array:
    rows = np.arange(field.height)
    row = int((line + field.bottom) / field.pixel)
    below = np.clip(rows - row, 0, None)
    source = np.clip(row - below * 0.9, 0, field.height - 1).astype(int)
    ripple = brief.field.noise(brief.chance("ripple"), 0.05, 2) - 0.5
    flat = np.repeat(ripple.mean(axis=1, keepdims=True), field.width, 1) * 2 + ripple * 0.5
    strength = np.clip(below / max(1, field.height - row), 0, 1)[:, None] ** 0.7
    glint = 1 + flat * strength * 0.55
    deep = brief.palette.shade(0.18)
    mirrored = picture[source] * 0.86 * glint[..., None].clip(0.5, 1.5)
    return np.asarray(np.clip(mirrored + (deep - mirrored) * (strength * 0.45)[..., None], 0, 1), np.float32)
