"""Studies of light: folded silk, out-of-focus lamps, and a beam through a window into a room."""

from __future__ import annotations

import numpy as np

from generation.sketch.colour import Array, mix
from generation.sketch.field import step
from generation.sketch.layers import Layer
from generation.sketch.scenes.brief import Brief

CUES = (
    (
        frozenset(
            {"room", "interior", "window", "windows", "beam", "beams", "ray", "rays", "shadow", "shadows"}
        ),
        "beams",
    ),
    (
        frozenset({"bokeh", "lamp", "lamps", "glow", "sparkle", "party", "street", "glitter", "lights"}),
        "bokeh",
    ),
    (
        frozenset(
            {"silk", "fabric", "liquid", "swirl", "flow", "steam", "smoke", "texture", "macro", "pour"}
        ),
        "silk",
    ),
)


def draw(brief: Brief) -> list[Layer]:
    kinds = {"beams": _beams, "bokeh": _bokeh, "silk": _silk}
    for words, name in CUES:
        if words & set(brief.reading.words):
            return kinds[name](brief)
    return list(kinds.values())[int(brief.chance("kind").integers(3))](brief)


def _silk(brief: Brief) -> list[Layer]:
    """Noise bent by noise, lit from one side as if it were cloth."""
    field = brief.field
    one = field.noise(brief.chance("one"), 0.7, 2)
    two = field.noise(brief.chance("two"), 0.7, 2)
    flow = np.sin(9.5 * one + 5.2 * two + 3.4 * (field.x * brief.light + field.y))
    slope_y, slope_x = np.gradient(flow)
    relief = (slope_x * brief.light * 0.8 - slope_y) / field.pixel
    lit = 0.5 + 0.5 * np.tanh(relief / 16)
    tones = 0.06 + 0.38 * (0.5 + 0.5 * flow) + 0.5 * lit**2.2
    sheen = step(0.82, 1.0, lit) * 0.5
    warm = np.asarray(0.3 * brief.palette.accent + 0.7 * brief.palette.shade(1), np.float32)
    return [
        Layer(brief.palette.paint(np.asarray(tones, np.float32)), None, 0.2),
        Layer(warm, np.asarray(sheen, np.float32), 0.3, light=True),
    ]


def _bokeh(brief: Brief) -> list[Layer]:
    """Lamps far out of focus: rimmed discs, small and dim behind, large and faint in front."""
    field, palette, chance = brief.field, brief.palette, brief.chance("bokeh")
    base = 0.05 + 0.20 * field.noise(brief.chance("base"), 1.1, 2)
    base = base + 0.16 * field.glow(brief.light * field.right * 0.5, 0.05, 0.6)
    layers = [Layer(palette.paint(base), None, 0.0)]
    for near in (0.15, 0.5, 0.9):
        for tint in (palette.accent, palette.shade(0.9), palette.second):
            lamps = field.full(0)
            for _ in range(int(9 - 6 * near)):
                radius = (0.02 + 0.10 * near) * float(chance.uniform(0.6, 1.25))
                x = float(chance.normal(brief.light * 0.2, 0.55)) * field.right
                y = float(chance.normal(0.0, 0.42)) * field.bottom
                disc = field.disc(x, y, radius, 0.004 + 0.012 * near)
                rim = disc - field.disc(x, y, radius * 0.90, 0.012)
                lamps += (0.5 * disc + 0.35 * np.clip(rim, 0, 1)) * float(chance.uniform(0.4, 1))
            strength = 0.95 - 0.5 * near
            layers.append(Layer(tint, np.clip(lamps * strength, 0, 1), near, light=True))
    return layers


def _beams(brief: Brief) -> list[Layer]:
    """A dim room: a paned window's light thrown across wall and floor, dust in the shaft."""
    field, palette, chance = brief.field, brief.palette, brief.chance("room")
    side = 1 if brief.light >= 0 else -1
    floor = field.bottom * float(chance.uniform(0.36, 0.5))
    wall = 0.20 + 0.14 * field.noise(brief.chance("plaster"), 0.5, 5)
    wall = wall + 0.16 * field.glow(side * field.right * 0.3, -0.05, 0.6)
    layers = [Layer(palette.paint(wall), None, 0.0)]
    seams = np.mod(field.x / (0.5 + np.clip(field.y - floor, 0, None)) * 4.2, 1)
    boards = 0.15 - 0.07 * step(0.06, 0.0, np.minimum(seams, 1 - seams)) + 0.05 * wall
    layers.append(
        Layer(
            palette.paint(np.asarray(boards, np.float32)),
            field.inside(floor - field.y + 0 * field.x),
            0.3,
        )
    )
    thrown = _panes(brief, side, floor)
    warm = np.asarray(0.38 * palette.accent + 0.62 * palette.shade(1), np.float32)
    layers.append(Layer(warm, field.soften(thrown, 0.006) * 0.62, 0.2, light=True))
    layers.append(Layer(warm, field.soften(thrown, 0.09) * 0.35, 0.3, light=True))
    layers.append(Layer(warm, _shaft(brief, side) * 0.22, 0.6, light=True))
    return [*layers, *_plant(brief, side, floor)]


def _panes(brief: Brief, side: int, floor: float) -> Array:
    """The window's picture on the wall, slanted, three panes by four."""
    field = brief.field
    skew = field.x + side * 0.28 * field.y
    across = (skew + side * 0.02 * field.right) / 0.44
    down = (field.y + 0.10 * field.bottom + side * 0.10 * skew) / (0.62 * (0.6 + 0.8 * field.bottom))
    inside = (np.abs(across) < 0.5) & (np.abs(down) < 0.5) & (field.y < floor)
    bars = (np.abs(np.mod(across * 3 + 1.5, 1) - 0.5) < 0.44) & (np.abs(np.mod(down * 4 + 2, 1) - 0.5) < 0.45)
    leaf = step(0.60, 0.50, field.noise(brief.chance("leaves"), 0.22, 3))
    return np.asarray((inside & bars) * (0.45 + 0.55 * leaf), np.float32)


def _shaft(brief: Brief, side: int) -> Array:
    field = brief.field
    from_x, from_y = side * field.right * 1.05, -field.bottom * 0.9
    angle = np.arctan2(field.y - from_y, (from_x - field.x) * side)
    streaks = np.sin(angle * 34) * 0.5 + 0.5
    cone = step(0.16, 0.34, angle) * step(1.0, 0.62, angle)
    motes = field.noise(brief.chance("motes"), 0.4, 5)
    return np.asarray(cone * (0.45 + 0.55 * streaks) * (0.5 + motes), np.float32) * 0.8


def _plant(brief: Brief, side: int, floor: float) -> list[Layer]:
    """A vase with a few stems against the light, on a low table."""
    field, palette, chance = brief.field, brief.palette, brief.chance("stems")
    x = -side * field.right * 0.42
    table = floor + 0.02
    top = field.box(x, table, 0.26, 0.012, 0.004) + field.box(x - 0.2, table + 0.2, 0.008, 0.2)
    top = np.clip(top + field.box(x + 0.2, table + 0.2, 0.008, 0.2), 0, 1)
    vase = field.ellipse(x, table - 0.085, 0.062, 0.082)
    neck = field.box(x, table - 0.17, 0.022, 0.03, 0.008)
    shade = step(-0.06, 0.06, (field.x - x) * side)
    clay = mix(palette.shade(0.10), palette.shade(0.62), shade + 0 * field.y)
    green = field.full(0)
    for _ in range(5):
        lean, tall = float(chance.uniform(-0.5, 0.5)), float(chance.uniform(0.16, 0.34))
        rise = np.clip((table - 0.19 - field.y) / tall, 0, 1)
        stem = np.abs(field.x - x - lean * 0.22 * rise**1.6) - 0.0022
        green = np.maximum(green, field.inside(stem.astype(np.float32)) * (rise > 0) * (rise < 1))
        for part in (0.45, 0.65, 0.82, 0.97):
            lx = x + lean * 0.22 * part**1.6 + float(chance.uniform(-0.02, 0.02))
            ly = table - 0.19 - tall * part
            green = np.maximum(green, field.ellipse(lx, ly, 0.021, 0.009 + 0.008 * part))
    return [
        Layer(palette.shade(0.04), top, 0.7),
        Layer(palette.shade(0.10), green * 0.95, 0.68),
        Layer(clay, np.clip(vase + neck, 0, 1), 0.7),
    ]
