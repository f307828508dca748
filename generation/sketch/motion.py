"""Camera moves: for each moment a window into the picture, eased at both ends, chosen by seed."""

from __future__ import annotations

import dataclasses
import math

from PIL import Image

from generation.sketch import dice
from generation.sketch.film import Planes

MOVES = ("push-in", "pull-out", "pan-left", "pan-right", "rise")
WORDS = {
    "push-in": ("push", "zoom", "closer", "towards", "dolly", "reveal"),
    "pull-out": ("pull", "away", "back", "wide", "establishing"),
    "pan-left": ("left",),
    "pan-right": ("right", "pan", "track", "tracking", "follow", "slide"),
    "rise": ("rise", "rising", "crane", "drone", "aerial", "tilt", "up"),
}


@dataclasses.dataclass(frozen=True)
class Camera:
    """A move over a picture. `reach` is how much of it, per side, the move may use."""

    move: str
    reach: float
    sway: float  # phase of the slight hand-held drift

    def window(self, moment: float, depth: float) -> tuple[float, float, float, float]:
        """Left, top, right, bottom as shares of the picture at a moment from 0 to 1.

        A nearer layer (depth 1) travels further than a far one (depth 0): parallax.
        """
        eased = moment * moment * (3 - 2 * moment)
        travel = self.reach * (0.30 + 0.70 * depth)
        scale, dx, dy = 1 - self.reach, 0.0, 0.0
        if self.move == "push-in":
            scale = 1 - self.reach + travel * (0.5 - eased)
        elif self.move == "pull-out":
            scale = 1 - self.reach + travel * (eased - 0.5)
        elif self.move in ("pan-left", "pan-right"):
            dx = travel * (eased - 0.5) * (1 if self.move == "pan-right" else -1)
        elif self.move == "rise":
            dy = travel * (0.5 - eased)
        dx += self.reach * 0.05 * depth * math.sin(2 * math.pi * moment + self.sway)
        dy += self.reach * 0.04 * depth * math.sin(3.1 * math.pi * moment + 2 * self.sway)
        return _within(0.5 + dx * 0.96 - scale / 2, 0.5 + dy * 0.96 - scale / 2, scale)


def _within(left: float, top: float, scale: float) -> tuple[float, float, float, float]:
    scale = min(scale, 1.0)
    left = min(max(left, 0.0), 1 - scale)
    top = min(max(top, 0.0), 1 - scale)
    return left, top, left + scale, top + scale


def choose(prompt: str, *, seed: int, move: str, strength: float, reach: float) -> Camera:
    """The move that is named, else one that the words call for, else one by the seed.

    `strength` 0..1 scales it; at 0 or with the move "still" the camera does not move.
    """
    chance = dice.stream(seed, "camera")
    drawn = MOVES[int(chance.integers(len(MOVES)))]
    if move == "auto":
        words = set(prompt.lower().replace("-", " ").split())
        called = [name for name in MOVES if words & set(WORDS[name])]
        move = called[0] if called else drawn
    still = move == "still" or strength == 0
    return Camera(
        move=move,
        reach=0.0 if still else reach * (0.4 + 0.6 * strength),
        sway=float(chance.uniform(0, 2 * math.pi)),
    )


def through(
    plane: Image.Image, window: tuple[float, float, float, float], size: tuple[int, int]
) -> Image.Image:
    """The part of a plane inside the window, at a size, placed to a fraction of a pixel."""
    width, height = plane.size
    left, top, right, bottom = window
    box = (left * width, top * height, right * width, bottom * height)
    return plane.resize(size, Image.Resampling.BILINEAR, box=box)


def look(planes: Planes, window: tuple[float, float, float, float], size: tuple[int, int]) -> Planes:
    half = (size[0] // 2, size[1] // 2)
    return Planes(
        through(planes.y, window, size),
        through(planes.u, window, half),
        through(planes.v, window, half),
    )
