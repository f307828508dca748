"""Overlays: logo, legal line and end card, laid over a picture or a film. Nothing is left to chance.

Parameters: `logo_text` (set where no logo file comes with the request), `legal_line`, `title` and
`line` (the end card), `colour` (of the end card, #rrggbb), `end_card_seconds` (films, default 1.5).
On a picture the end card is a band across its foot.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from generation.providers.protocol import StepRequest
from generation.sketch import colour, film, lettering, video
from generation.sketch import request as asked
from generation.sketch.film import Planes

PAPER = (250, 249, 246)
INK = (18, 18, 20)
END_CARD_SECONDS = Decimal("1.5")
FADE_SECONDS = 0.4


@dataclasses.dataclass(frozen=True)
class Marks:
    """What is to be laid over."""

    logo: Image.Image | None
    logo_text: str
    legal_line: str
    title: str
    line: str
    colour: tuple[int, int, int]

    @property
    def has_card(self) -> bool:
        return bool(self.title or self.line)


def marks(request: StepRequest) -> Marks:
    """Reads the marks; refuses a request that has none, or a colour that is none."""
    parameters = request.parameters
    logo_path = asked.inputs(request).logo
    logo = None
    if logo_path:
        with Image.open(logo_path) as opened:
            logo = opened.convert("RGBA")
    try:
        tone = colour.from_hex(asked.text(parameters, "colour") or "#121214")
    except ValueError as error:
        raise asked.RequestRefused(f"colour: {error}") from error
    red, green, blue = (round(float(part) * 255) for part in tone)
    found = Marks(
        logo=logo,
        logo_text=asked.text(parameters, "logo_text"),
        legal_line=asked.text(parameters, "legal_line"),
        title=asked.text(parameters, "title"),
        line=asked.text(parameters, "line"),
        colour=(red, green, blue),
    )
    if not (found.logo or found.logo_text or found.legal_line or found.has_card):
        raise asked.RequestRefused(
            "There is nothing to lay over: give logo_text, legal_line, title or a logo file."
        )
    return found


def image(request: StepRequest) -> Image.Image:
    with Image.open(asked.source(request)) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    found = marks(request)
    foot = 0
    if found.has_card:
        foot = round(min(picture.size) * 0.16)
        band = _card(found, (picture.width, foot))
        picture.paste(band, (0, picture.height - foot))
    sheet = _sheet(found, picture.size, foot, _is_light(picture))
    return Image.alpha_composite(picture.convert("RGBA"), sheet).convert("RGB")


def film_file(request: StepRequest, path: Path) -> None:
    """Marks on every frame; then the end card, into which the last frame fades."""
    source, found = asked.source(request), marks(request)
    told = film.facts(source)
    size = film.even(told.width, told.height)
    seconds = asked.number(request.parameters, "end_card_seconds", END_CARD_SECONDS)
    count = round(seconds * Decimal(told.fps.numerator) / told.fps.denominator)
    count = count if found.has_card else 0

    def frames() -> Iterator[Planes]:
        cover: _Cover | None = None
        planes = None
        for planes in film.read(source):
            cover = cover or _Cover(_sheet(found, size, 0, _mean(planes.y) > 140))
            yield cover.over(planes)
        if planes is not None and count and cover is not None:
            yield from _fade(cover.over(planes), found, size, count, float(told.fps))

    metadata = video.provenance(request.prompt, asked.seed(request))
    film.write(path, frames(), size=size, fps=told.fps, metadata=metadata)


class _Cover:
    """A transparent sheet as planes, made once for all frames."""

    def __init__(self, sheet: Image.Image) -> None:
        self.alpha = sheet.getchannel("A")
        self.half = self.alpha.reduce(2)
        self.ink = film.planes_of(sheet.convert("RGB"))

    def over(self, under: Planes) -> Planes:
        return Planes(
            Image.composite(self.ink.y, under.y, self.alpha),
            Image.composite(self.ink.u, under.u, self.half),
            Image.composite(self.ink.v, under.v, self.half),
        )


def _fade(last: Planes, found: Marks, size: tuple[int, int], count: int, fps: float) -> Iterator[Planes]:
    card = film.planes_of(_card(found, size))
    for number in range(1, count + 1):
        share = min(1.0, number / max(1.0, FADE_SECONDS * fps))
        yield Planes(
            Image.blend(last.y, card.y, share),
            Image.blend(last.u, card.u, share),
            Image.blend(last.v, card.v, share),
        )


def _sheet(found: Marks, size: tuple[int, int], foot: int, on_light: bool) -> Image.Image:
    """Logo top right and legal line bottom centre, on a clear ground of the picture's size."""
    width, height = size
    short = min(size)
    ink = INK if on_light else PAPER
    margin = round(short * 0.045)
    words = Image.new("L", size, 0)
    if found.legal_line:
        small = max(9, round(short * 0.017))
        lines = lettering.wrap(found.legal_line, size=small, room=width * 0.8, lines=2)
        for number, line in enumerate(reversed(lines)):
            baseline = height - foot - margin * 0.55 - number * small * 1.35
            lettering.centred(words, line, x=width / 2, baseline=baseline, size=small)
    if found.logo_text and found.logo is None:
        _word_mark(words, found.logo_text.upper(), margin, round(short * 0.034))
    sheet = Image.new("RGBA", size, (*ink, 0))
    sheet.putalpha(words.point([round(level * 0.9) for level in range(256)]))
    if found.logo is not None:
        room = (max(1, round(short * 0.24)), max(1, round(short * 0.14)))
        mark = ImageOps.contain(found.logo, room, Image.Resampling.LANCZOS)
        sheet.alpha_composite(mark, (width - margin - mark.width, margin))
    return sheet


def _word_mark(mask: Image.Image, text: str, margin: int, size: int) -> None:
    wide = lettering.width(text, size, 0.16)
    left = mask.width - margin - wide
    lettering.draw(mask, text, left=left, baseline=margin + size, size=size, tracking=0.16)
    rule = max(1, size // 12)
    top = margin + size * 1.35
    ImageDraw.Draw(mask).rectangle([left, top, left + size * 0.9, top + rule], fill=255)


def _card(found: Marks, size: tuple[int, int]) -> Image.Image:
    width, height = size
    card = Image.new("RGB", size, found.colour)
    light = sum(found.colour) > 384
    words = Image.new("L", size, 0)
    title = max(12, round(min(width, height * 2) * (0.075 if height > width * 0.3 else 0.16)))
    while title > 10 and lettering.width(found.title, title, 0.02) > width * 0.84:
        title -= 1
    small = max(9, round(title * 0.36))
    middle = height / 2 + (title * 0.1 if found.line else title * 0.35)
    lettering.centred(words, found.title, x=width / 2, baseline=middle, size=title, tracking=0.02)
    for number, line in enumerate(lettering.wrap(found.line, size=small, room=width * 0.8, lines=2)):
        baseline = middle + small * (1.9 + 1.35 * number)
        lettering.centred(words, line, x=width / 2, baseline=baseline, size=small, tracking=0.03)
    card.paste(INK if light else PAPER, (0, 0, width, height), words)
    return card


def _is_light(picture: Image.Image) -> bool:
    top = picture.crop((picture.width // 2, 0, picture.width, max(1, picture.height // 5)))
    return _mean(top.convert("L")) > 140


def _mean(plane: Image.Image) -> float:
    return float(np.mean(np.asarray(plane)))
