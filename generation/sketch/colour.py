"""Colour in OKLab, where equal steps look equal: ramps between a palette's colours stay clean.

Conversion after Björn Ottosson, "A perceptual color space for image processing" (2020).
Colours are float arrays of sRGB in 0..1 with the channels last.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]

RAMP_STEPS = 1024
HEX = re.compile(r"^#?([0-9a-fA-F]{6})$")

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def from_hex(text: str) -> Array:
    """`#rrggbb` as sRGB; raises ValueError with the offending text."""
    match = HEX.match(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a colour; write it as #rrggbb.")
    return np.array([int(match[1][i : i + 2], 16) for i in (0, 2, 4)], np.float32) / 255


def to_oklab(rgb: npt.ArrayLike) -> npt.NDArray[np.float64]:
    values = np.asarray(rgb, np.float64)
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    lab: npt.NDArray[np.float64] = np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T
    return lab


def from_oklab(lab: npt.ArrayLike) -> Array:
    lms = (np.asarray(lab, np.float64) @ np.linalg.inv(_TO_LAB).T) ** 3
    linear = np.clip(lms @ np.linalg.inv(_TO_LMS).T, 0, 1)
    curved = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.clip(curved, 0, 1), np.float32)


@dataclasses.dataclass(frozen=True)
class Palette:
    """A ramp from the darkest to the lightest colour, and the two most vivid colours."""

    ramp: Array  # (RAMP_STEPS, 3)
    accent: Array
    second: Array

    def shade(self, tone: float) -> Array:
        """The colour at a tone from 0 (darkest) to 1 (lightest)."""
        index = int(np.clip(tone, 0, 1) * (RAMP_STEPS - 1))
        return np.asarray(self.ramp[index], np.float32)

    def paint(self, tones: Array) -> Array:
        """A tone for each pixel turned into its colour: (H, W) to (H, W, 3)."""
        index = np.clip(tones * (RAMP_STEPS - 1), 0, RAMP_STEPS - 1).astype(np.int16)
        return np.asarray(self.ramp.take(index, axis=0), np.float32)


def build(colours: Sequence[str]) -> Palette:
    """A palette from `#rrggbb` colours, lengthened by a tinted dark and light where they lack."""
    if not colours:
        raise ValueError("A palette needs at least one colour.")
    lab = to_oklab(np.stack([from_hex(colour) for colour in colours]))
    lab = lab[np.argsort(lab[:, 0], kind="stable")]
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    vivid = np.argsort(-chroma, kind="stable")
    accent, second = lab[vivid[0]], lab[vivid[min(1, len(vivid) - 1)]]
    return Palette(
        ramp=_ramp(_with_ends(_without_strays(lab))),
        accent=from_oklab(accent),
        second=from_oklab(second),
    )


def _without_strays(lab: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Leaves out of the ramp a colour whose hue lies far off its neighbours': it is an accent."""
    for _ in range(2):
        if len(lab) < 4:
            break
        before = np.concatenate([lab[1:2], lab[:-1]])[:, 1:]
        after = np.concatenate([lab[1:], lab[-2:-1]])[:, 1:]
        stray = np.hypot(*(lab[:, 1:] - (before + after) / 2).T)
        worst = int(np.argmax(stray * np.hypot(lab[:, 1], lab[:, 2])))
        if stray[worst] < 0.075:
            break
        lab = np.delete(lab, worst, axis=0)
    return lab


def _with_ends(lab: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    stops = [lab]
    if lab[0, 0] > 0.24:
        stops.insert(0, np.array([[0.17, lab[0, 1] * 0.45, lab[0, 2] * 0.45]]))
    if lab[-1, 0] < 0.90:
        stops.append(np.array([[0.96, lab[-1, 1] * 0.35, lab[-1, 2] * 0.35]]))
    return np.concatenate(stops)


def _ramp(stops: npt.NDArray[np.float64]) -> Array:
    lightness = stops[:, 0] + np.arange(len(stops)) * 1e-6  # np.interp needs rising abscissae
    steps = np.linspace(lightness[0], lightness[-1], RAMP_STEPS)
    return from_oklab(np.stack([np.interp(steps, lightness, stops[:, i]) for i in range(3)], 1))


def mix(start: Array, end: Array, amount: Array) -> Array:
    """Two colours blended pixel by pixel: (3,), (3,), (H, W) to (H, W, 3)."""
    return np.asarray(start + (end - start) * amount[..., None], np.float32)


def luminance(rgb: Array) -> Array:
    """Relative brightness of each pixel by the Rec. 709 weights, on the curved values."""
    return np.asarray(rgb @ np.array([0.2126, 0.7152, 0.0722], np.float32), np.float32)
