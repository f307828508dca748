"""A picture as layers from far to near, so that a camera can move through it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from generation.sketch.colour import Array


@dataclasses.dataclass(frozen=True)
class Layer:
    """`colour` is (H, W, 3) or one colour (3,); `alpha` (H, W), None where it covers everything.

    `depth` runs from 0 (far away) to 1 (at the lens).
    """

    colour: Array
    alpha: Array | None = None
    depth: float = 0.0
    light: bool = False  # adds light instead of covering


def flatten(layers: Sequence[Layer]) -> Array:
    """All layers over each other, far to near, as one opaque picture (H, W, 3)."""
    picture = np.array(layers[0].colour, np.float32)
    for layer in layers[1:]:
        put(picture, layer)
    return picture


def put(picture: Array, layer: Layer) -> None:
    """One more layer onto an opaque picture, in place; only the part that it touches is computed."""
    if layer.alpha is None:
        picture[...] = layer.colour
        return
    rows = np.flatnonzero(layer.alpha.any(axis=1))
    if not rows.size:
        return
    down = slice(int(rows[0]), int(rows[-1]) + 1)
    columns = np.flatnonzero(layer.alpha[down].any(axis=0))
    part = (down, slice(int(columns[0]), int(columns[-1]) + 1))
    colour = layer.colour if layer.colour.ndim == 1 else layer.colour[part]
    under, alpha = picture[part], layer.alpha[part][..., None]
    if layer.light:
        under += (1 - under) * (colour * alpha)
    else:
        under += (colour - under) * alpha


def fold(layers: Sequence[Layer], depths: Sequence[float]) -> list[Layer]:
    """The layers gathered into as many groups as there are depths, each at its depth.

    The first group is opaque. A later one keeps the coverage of its members, so that flattening
    the groups gives the picture that flattening the layers gives.
    """
    groups: list[list[Layer]] = [[] for _ in depths]
    reached = 0
    for layer in layers:  # a layer never goes behind one that it covers
        nearest = int(np.argmin([abs(layer.depth - depth) for depth in depths]))
        reached = max(reached, nearest if groups[0] else 0)
        groups[reached].append(layer)
    under = flatten(groups[0])
    folded = [Layer(under, None, depths[0])]
    for members, depth in zip(groups[1:], depths[1:], strict=True):
        if members:
            over = flatten([Layer(under), *members])
            folded.append(_gather(members, under, over, depth))
            under = over
    return folded


def _gather(members: Sequence[Layer], under: Array, over: Array, depth: float) -> Layer:
    """One layer that turns `under` into `over`: its colour is what the members add, undiluted."""
    through = np.ones(over.shape[:2], np.float32)
    for member in members:
        through *= 0 if member.alpha is None else 1 - member.alpha
    alpha = 1 - through
    share = np.maximum(alpha, 1e-3)[..., None]
    return Layer(np.clip((over - under * through[..., None]) / share, 0, 1), alpha, depth)
