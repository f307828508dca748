"""The last steps of a picture: vignette, tone, grain and the caption."""

from __future__ import annotations

import numpy as np
from PIL import Image

from generation.sketch import lettering
from generation.sketch.colour import Array
from generation.sketch.layers import Layer
from generation.sketch.scenes.brief import Brief

NOTE = "SKETCH"


def grade(picture: Array, brief: Brief, *, grain: float = 0.016) -> Array:
    """Vignette, a gentle S-curve, and film grain that hides banding."""
    field = brief.field
    away = (field.x / field.right) ** 2 + (field.y / field.bottom) ** 2
    shade = (1 - 0.15 * np.clip(away - 0.35, 0, 1.3)).astype(np.float32)
    toned = picture * shade[..., None]
    toned += 0.10 * (toned * toned * (3 - 2 * toned) - toned)
    speckle = brief.chance("grain").standard_normal((field.height, field.width), np.float32)
    toned += (speckle * grain)[..., None]
    return np.asarray(np.clip(toned, 0, 1), np.float32)


def caption(picture: Array, brief: Brief) -> Layer:
    """The prompt's words over the foot of the picture, in whichever ink reads better."""
    field = brief.field
    mask = lettering.caption(
        brief.reading.prompt,
        f"{NOTE} {brief.seed}",
        width_px=field.width,
        height_px=field.height,
    )
    return Layer(lettering.ink_for(picture), mask * 0.86, 0.0)


def foot(brief: Brief) -> Layer:
    """A slight darkening under the caption, so that it reads on any picture."""
    field = brief.field
    fall = np.clip((field.y / field.bottom - 0.74) / 0.26, 0, 1) ** 1.5 * 0.30
    return Layer(brief.palette.shade(0), np.asarray(fall + 0 * field.x, np.float32), 1.0)


def to_image(picture: Array) -> Image.Image:
    return Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))


def to_array(image: Image.Image) -> Array:
    return np.asarray(image.convert("RGB"), np.float32) / 255
