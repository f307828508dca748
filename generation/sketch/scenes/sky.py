"""Skies: a gradient with drifting cloud, and the sun or moon that lights the scene."""

from __future__ import annotations

import numpy as np

from generation.sketch.colour import Array
from generation.sketch.field import step
from generation.sketch.layers import Layer
from generation.sketch.scenes.brief import Brief

MOON = np.array([1.0, 0.98, 0.93], np.float32)


def draw(brief: Brief, *, horizon: float) -> Layer:
    """The sky down to the horizon and, faintly, below it."""
    field = brief.field
    night = brief.wants("stars")
    reach = (field.y + field.bottom) / (horizon + field.bottom)
    high, low = (0.08, 0.42) if night else (0.46, 0.80)
    tones = high + (low - high) * step(-0.1, 1.05, reach)
    cloud = field.noise(brief.chance("cloud"), 0.9, 5)
    streaks = field.noise(brief.chance("streaks"), 0.5, 3)
    banks = step(0.48, 0.86, 0.7 * cloud + 0.3 * streaks) * (1 - step(0.5, 1.1, reach))
    tones = tones + banks * (0.10 if night else 0.13)
    x, y = place(brief, horizon)
    tones = tones + (0.10 if night else 0.16) * field.glow(x, y, 0.34)
    return Layer(brief.palette.paint(tones + 0 * field.x), None, 0.0)


def place(brief: Brief, horizon: float) -> tuple[float, float]:
    """Where the sun or moon stands."""
    chance = brief.chance("sun")
    x = brief.light * brief.field.right * float(chance.uniform(0.28, 0.62))
    height = float(chance.uniform(0.16, 0.5))
    return x, horizon - height * (horizon + brief.field.bottom)


def lights(brief: Brief, *, horizon: float) -> list[Layer]:
    """The disc with its halo; at night the stars as well."""
    field = brief.field
    x, y = place(brief, horizon)
    radius = float(brief.chance("disc").uniform(0.045, 0.085))
    night = brief.wants("stars")
    warm = MOON if night else 0.5 * brief.palette.accent + 0.5 * brief.palette.shade(1)
    halo = 0.62 * field.glow(x, y, radius * 2.2, 1.1) + 0.22 * field.glow(x, y, radius * 7, 1.2)
    disc = field.disc(x, y, radius)
    layers = [
        Layer(np.asarray(warm, np.float32), halo, 0.02, light=True),
        Layer(np.asarray(0.9 * MOON + 0.1 * warm, np.float32), disc * 0.97, 0.02),
    ]
    return [Layer(MOON, _stars(brief, horizon), 0.0, light=True), *layers] if night else layers


def _stars(brief: Brief, horizon: float) -> Array:
    field, chance = brief.field, brief.chance("stars")
    bright = field.full(0)
    for _ in range(int(340 * field.right * field.bottom * 4)):
        column = int(chance.integers(field.width))
        row = int((field.height - 1) * chance.random() ** 1.4)
        bright[row, column] = chance.random() ** 3
    grown = field.soften(bright, 0.0012) * 4 + bright
    return np.clip(grown * step(horizon + 0.02, horizon - 0.3, field.y), 0, 1)
