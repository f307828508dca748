"""Random histories: what a team may have done in two to six months, as the two files of an import.

One generator serves both hypothesis (which shrinks a failing history) and a seeded plain random
generator: it asks a `Dice` for small numbers, and zero is always the plainest choice. The histories
are free of bad lines; `tests.billing.covered` says what they contain.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from hypothesis import strategies as st

from tests.billing.happenings import CURRENCIES, World
from tests.billing.making import CATEGORIES, Dice
from tests.billing.naive_rows import Settings

ZONES = ("Europe/Berlin", "America/New_York")
# most of these starts meet a clock change of one of the zones
STARTS = ("2024-02", "2024-09", "2024-10", "2025-01", "2025-03", "2024-08", "2024-05")


@dataclass(frozen=True)
class History:
    """The two files, what the workspace says, and the months that the rows lie in."""

    charges: str
    decisions: str
    settings: Settings
    months: tuple[str, ...]


@st.composite
def histories(draw: st.DrawFn) -> History:
    return make(Dice(lambda n: draw(st.integers(0, n - 1))))


def seeded(seed: int) -> History:
    return make(Dice(Random(seed).randrange))


def make(dice: Dice) -> History:
    start, count = dice.choice(STARTS), dice.between(2, 6)
    months = [start]
    while len(months) < count:
        months.append(month_after(months[-1]))
    settings = Settings(currency=dice.choice(CURRENCIES), time_zone=dice.choice(ZONES))
    categories = CATEGORIES[: dice.between(1, len(CATEGORIES))]
    world = World(dice, settings, months, categories)
    for _ in range(dice.between(1, 7)):
        world.add_deliverable()
    world.add_costs_of_no_deliverable()
    return History(*world.files(), settings, tuple(months))


def month_after(month: str) -> str:
    year, number = (int(part) for part in month.split("-"))
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"
