"""A judge of finished media: sharpness, exposure, and drift from reference pictures.

Scores are Decimals from 0 to 1 with three places. For sharpness and exposure 1 is best; drift is a
distance, 0 is no drift. Films are judged by three of their frames, the worst frame counting.
It measures pixels; it does not know what a picture shows.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps
from skimage import metrics

from generation.providers.protocol import StepRequest
from generation.sketch import colour, film, upscale
from generation.sketch import request as asked

PLACES = Decimal("0.001")
LOOK = (512, 512)
HALF_SHARP = 60.0  # the sharpness() at which the score is one half
WORDS: dict[str, tuple[tuple[str, str], ...]] = {
    "sharpness": (("0.650", "crisp"), ("0.300", "sharp enough"), ("0.000", "soft")),
    "exposure": (("0.750", "well exposed"), ("0.450", "uneven exposure"), ("0.000", "badly exposed")),
    "drift": (
        ("0.600", "another picture"), ("0.350", "has drifted"), ("0.150", "close to the references"),
        ("0.000", "true to the references"),
    ),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Score:
    value: Decimal
    words: str


def judge(request: StepRequest) -> dict[str, Score]:
    """Scores of the source against the references; without references there is no drift."""
    given = asked.inputs(request)
    if given.source is None:
        raise asked.RequestRefused("A step of kind judge needs a source file.")
    pictures = frames_of(given.source)
    found = {
        "sharpness": min(sharpness(picture) for picture in pictures),
        "exposure": min(exposure(picture) for picture in pictures),
    }
    if given.references:
        references = [frames_of(path)[0] for path in given.references]
        found["drift"] = max(drift(picture, references) for picture in pictures)
    return {name: Score(value, _words(name, value)) for name, value in found.items()}


def sharpness(picture: Image.Image) -> Decimal:
    small = ImageOps.contain(picture.convert("L"), LOOK, Image.Resampling.BOX)
    energy = upscale.sharpness(small)
    return _decimal(energy / (energy + HALF_SHARP))


def exposure(picture: Image.Image) -> Decimal:
    """Falls with the share of clipped pixels, a mean far from the middle, and a flat histogram."""
    grey = np.asarray(ImageOps.contain(picture.convert("L"), LOOK), np.float64) / 255
    clipped = float(np.mean((grey < 0.012) | (grey > 0.988)))
    off_middle = max(0.0, abs(float(grey.mean()) - 0.47) - 0.12) / 0.35
    low, high = np.percentile(grey, [2, 98])
    flat = max(0.0, 0.45 - float(high - low)) / 0.45
    return _decimal(math.exp(-3.0 * clipped) * (1 - min(1.0, off_middle)) * (1 - 0.7 * flat))


def drift(picture: Image.Image, references: Sequence[Image.Image]) -> Decimal:
    """Distance to the nearest reference: form, colour and structure in equal parts.

    Form is the Hamming distance of perceptual hashes, colour the distance of the OKLab histograms'
    means and spreads, structure one minus the SSIM of small grey copies.
    """
    return min(_distance(picture, reference) for reference in references)


def _distance(one: Image.Image, other: Image.Image) -> Decimal:
    bits = (imagehash.phash(one) - imagehash.phash(other)) / 32
    tints = float(np.linalg.norm(_tint(one) - _tint(other))) / 0.35
    alike: Callable[..., Any] = metrics.structural_similarity
    likeness = alike(_small(one), _small(other), data_range=1.0)
    parts = [min(1.0, float(bits)), min(1.0, tints), min(1.0, max(0.0, 1 - float(likeness)))]
    return _decimal(sum(parts) / 3)


def _tint(picture: Image.Image) -> npt.NDArray[np.float64]:
    pixels = np.asarray(picture.convert("RGB").resize((64, 64), Image.Resampling.BOX), np.float64)
    lab = colour.to_oklab(pixels.reshape(-1, 3) / 255)
    return np.concatenate([lab.mean(axis=0), lab.std(axis=0)])


def _small(picture: Image.Image) -> npt.NDArray[np.float64]:
    grey = picture.convert("L").resize((64, 64), Image.Resampling.BOX)
    return np.asarray(grey, np.float64) / 255


def frames_of(path: Path) -> list[Image.Image]:
    """A picture as it is, or first, middle and last frame of a film."""
    with path.open("rb") as file:
        is_film = file.read(12)[4:8] == b"ftyp"
    if is_film:
        return film.stills(path, 3)
    with Image.open(path) as opened:
        return [ImageOps.exif_transpose(opened).convert("RGB")]


def _words(name: str, value: Decimal) -> str:
    return next(words for least, words in WORDS[name] if value >= Decimal(least))


def _decimal(value: float) -> Decimal:
    return Decimal(repr(min(1.0, max(0.0, value)))).quantize(PLACES)
