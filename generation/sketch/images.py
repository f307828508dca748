"""Pictures: drawn from a prompt and a seed, or reworked from another picture.

A sketching renderer, not an AI model: what it draws is chosen by the prompt's words among a few
families of compositions, and everything left open is drawn from the seed.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from generation.providers.protocol import StepRequest
from generation.sketch import colour, dice, finish, palettes, scenes, weather, words
from generation.sketch import request as asked
from generation.sketch.field import Field
from generation.sketch.layers import Layer, flatten, put
from generation.sketch.scenes.brief import Brief

LARGEST_DRAWN = 1_400_000  # pixels; larger pictures are drawn at this size and enlarged


def image(request: StepRequest) -> Image.Image:
    """A picture of the size asked for. A reference picture lends its colours and its light."""
    width, height = asked.size(request)
    brief = brief_for(request, width, height)
    picture = flatten([*scenes.draw(brief), *weather.draw(brief)])
    return _fit(finished(picture, brief), width, height)


def edit(request: StepRequest) -> Image.Image:
    """The source picture reworked: softened to strokes, regraded to the palette, with new weather.

    `strength` (0..1, default 0.55) says how far it moves away from the source.
    """
    source = _open(asked.source(request))
    width, height = asked.size(request, default=source.size)
    strength = float(asked.number(request.parameters, "strength", Decimal("0.55")))
    brief = brief_for(request, width, height)
    size = (brief.field.width, brief.field.height)
    fitted = ImageOps.fit(source, size, Image.Resampling.LANCZOS)
    strokes = finish.to_array(fitted.filter(ImageFilter.ModeFilter(5)))
    plain = finish.to_array(fitted)
    regraded = brief.palette.paint(np.clip(colour.luminance(strokes) * 1.02, 0, 1))
    picture = plain + (0.45 * strokes + 0.55 * regraded - plain) * min(1.0, max(0.0, strength))
    picture = np.asarray(picture, np.float32)
    x, y = brief.light * brief.field.right * 0.7, -brief.field.bottom * 0.6
    warm = np.asarray(0.4 * brief.palette.accent + 0.6 * brief.palette.shade(1), np.float32)
    put(picture, Layer(warm, brief.field.glow(x, y, 0.45) * 0.35 * strength, 0, light=True))
    for layer in weather.draw(brief):
        put(picture, layer)
    return _fit(finished(picture, brief), width, height)


def brief_for(request: StepRequest, width: int, height: int, overscan: float = 1) -> Brief:
    """All that a scene needs, resolved from a request; the surface may be smaller than asked."""
    seed = asked.seed(request)
    reading = _reading(request, seed)
    references = asked.inputs(request)
    lender = next(iter(references.references), None) or references.source
    lent = _open(lender) if lender else None
    colours = asked.colours(request.parameters) or (palettes.of_picture(lent) if lent else ())
    light = _light_of(lent) if lent else float(dice.stream(seed, "light").choice([-1, 1]))
    shrink = min(1.0, (LARGEST_DRAWN / (width * height)) ** 0.5)
    return Brief(
        field=Field(max(16, round(width * shrink * overscan)), max(16, round(height * shrink * overscan))),
        reading=reading,
        palette=_palette(reading.words, seed, colours),
        seed=seed,
        light=light * float(dice.stream(seed, "slant").uniform(0.65, 1.0)),
    )


def finished(picture: colour.Array, brief: Brief) -> Image.Image:
    """Graded and captioned."""
    put(picture, finish.foot(brief))
    graded = finish.grade(picture, brief)
    put(graded, finish.caption(graded, brief))
    return finish.to_image(graded)


def _reading(request: StepRequest, seed: int) -> words.Reading:
    try:
        return words.read(request.prompt, seed=seed, family=asked.text(request.parameters, "composition"))
    except ValueError as error:
        raise asked.RequestRefused(str(error)) from error


def _palette(words_read: tuple[str, ...], seed: int, colours: tuple[str, ...] | list[str]) -> colour.Palette:
    try:
        return palettes.choose(words=words_read, seed=seed, colours=colours)
    except ValueError as error:
        raise asked.RequestRefused(f"palette: {error}") from error


def _open(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        return ImageOps.exif_transpose(opened).convert("RGB")


def _light_of(picture: Image.Image) -> float:
    """The side from which a picture is lit: -1 where its brightest part is left, else 1."""
    grey = np.asarray(picture.convert("L").resize((32, 32), Image.Resampling.BOX), np.float64)
    bright = np.clip(grey - np.percentile(grey, 70), 0, None)
    columns = np.linspace(-1, 1, 32)
    lean = float((bright.sum(axis=0) * columns).sum() / (bright.sum() + 1e-9))
    return -1.0 if lean < 0 else 1.0


def _fit(picture: Image.Image, width: int, height: int) -> Image.Image:
    if picture.size == (width, height):
        return picture
    return picture.resize((width, height), Image.Resampling.LANCZOS)
