"""Type set with the font that comes with Pillow, so that no machine needs one installed."""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from generation.sketch.colour import Array, luminance

ELLIPSIS = "…"


@functools.lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont:
    """The built-in face at a size in pixels."""
    found = ImageFont.load_default(max(8, size))
    if not isinstance(found, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType; install a wheel that has it.")
    return found


def width(text: str, size: int, tracking: float = 0) -> float:
    """Set width in pixels; `tracking` is extra space after each letter, in ems."""
    return float(font(size).getlength(text)) + max(0, len(text) - 1) * tracking * size


def wrap(text: str, *, size: int, room: float, lines: int) -> list[str]:
    """At most `lines` lines no wider than `room` pixels; what does not fit ends in an ellipsis."""
    done: list[str] = []
    words = text.split()
    while words and len(done) < lines:
        line = words.pop(0)
        while words and width(f"{line} {words[0]}", size) <= room:
            line += " " + words.pop(0)
        done.append(line)
    if done:
        done[-1] = _shorten(done[-1] + (" " + ELLIPSIS if words else ""), size, room)
    return done


def _shorten(line: str, size: int, room: float) -> str:
    if width(line, size) <= room:
        return line
    bare = line.removesuffix(ELLIPSIS).rstrip()
    while bare and width(bare + ELLIPSIS, size) > room:
        bare = bare[:-1].rstrip()
    return bare + ELLIPSIS


def draw(
    mask: Image.Image,
    text: str,
    *,
    left: float,
    baseline: float,
    size: int,
    tracking: float = 0,
    value: int = 255,
) -> None:
    """Draws a line into an "L" mask; with tracking, letter by letter."""
    pen = ImageDraw.Draw(mask)
    if not tracking:
        pen.text((left, baseline), text, fill=value, font=font(size), anchor="ls")
        return
    for letter in text:
        pen.text((left, baseline), letter, fill=value, font=font(size), anchor="ls")
        left += font(size).getlength(letter) + tracking * size


def centred(
    mask: Image.Image, text: str, *, x: float, baseline: float, size: int, tracking: float = 0
) -> None:
    left = x - width(text, size, tracking) / 2
    draw(mask, text, left=left, baseline=baseline, size=size, tracking=tracking)


def caption_size(width_px: int, height_px: int) -> int:
    return max(10, round(min(width_px, height_px) * 0.0195))


def caption(prompt: str, note: str, *, width_px: int, height_px: int) -> Array:
    """Coverage of a picture's caption: the prompt bottom left, a note bottom right."""
    mask = Image.new("L", (width_px, height_px), 0)
    size = caption_size(width_px, height_px)
    margin = round(min(width_px, height_px) * 0.036)
    note_width = width(note, size, 0.06)
    tall = width_px < height_px * 0.9
    room = width_px - 2 * margin - (0 if tall else note_width + 2 * margin)
    lines = wrap(prompt, size=size, room=min(room, size * 46), lines=2)
    leading = round(size * 1.38)
    last = height_px - margin
    floor = last - (leading * 1.2 if tall else 0)
    for number, line in enumerate(reversed(lines)):
        draw(mask, line, left=margin, baseline=floor - number * leading, size=size)
    note_left = margin if tall else width_px - margin - note_width
    draw(mask, note, left=note_left, baseline=last, size=size, tracking=0.06, value=170)
    if lines:
        pen = ImageDraw.Draw(mask)
        top = floor - (len(lines) - 1) * leading - size * 1.45
        thick = max(1, size // 9)
        pen.rectangle([margin, top, margin + size * 1.6, top + thick], fill=210)
    return np.asarray(mask, np.float32) / 255


def ink_for(picture: Array) -> Array:
    """Near-white or near-black, whichever reads better on the foot of a picture."""
    foot = luminance(picture[int(picture.shape[0] * 0.86) :: 4, ::4])
    dark = float(np.mean(foot)) > 0.56
    return np.array([0.07, 0.07, 0.08] if dark else [0.98, 0.975, 0.96], np.float32)
