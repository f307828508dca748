"""The families of compositions; each draws the layers of one scene from a brief."""

from __future__ import annotations

from collections.abc import Callable

from generation.sketch.layers import Layer
from generation.sketch.scenes import landscape, light, portrait, poster, skyline, still_life
from generation.sketch.scenes.brief import Brief

FAMILIES: dict[str, Callable[[Brief], list[Layer]]] = {
    "landscape": landscape.draw,
    "still_life": still_life.draw,
    "poster": poster.draw,
    "portrait": portrait.draw,
    "skyline": skyline.draw,
    "light": light.draw,
}


def draw(brief: Brief) -> list[Layer]:
    return FAMILIES[brief.reading.family](brief)
