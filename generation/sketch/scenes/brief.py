"""What every scene is given: the surface, the reading of the prompt, the palette and the light."""

from __future__ import annotations

import dataclasses

import numpy as np

from generation.sketch import dice
from generation.sketch.colour import Palette
from generation.sketch.field import Field
from generation.sketch.words import Reading


@dataclasses.dataclass(frozen=True)
class Brief:
    field: Field
    reading: Reading
    palette: Palette
    seed: int
    light: float  # where the light comes from: -1 left … 1 right

    def chance(self, name: str) -> np.random.Generator:
        """A stream of draws for one purpose within this scene."""
        return dice.stream(self.seed, self.reading.prompt, name)

    def wants(self, weather: str) -> bool:
        return weather in self.reading.weather
