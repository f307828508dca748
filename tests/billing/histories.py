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
from tests.billing.keeping import KeptWorld
from tests.billing.making import CATEGORIES, Dice
from tests.billing.naive_rows import Kept, Settings, bounds, month_after

ZONES = ("Europe/Berlin", "America/New_York")
# most of these starts meet a clock change of one of the zones
STARTS = ("2024-02", "2024-09", "2024-10", "2025-01", "2025-03", "2024-08", "2024-05")


@dataclass(frozen=True)
class History:
    """The two files, what the workspace says, and the months that the rows lie in; what was kept since."""

    charges: str
    decisions: str
    settings: Settings
    months: tuple[str, ...]
    kept: Kept | None = None


@st.composite
def histories(draw: st.DrawFn) -> History:
    return make(Dice(lambda n: draw(st.integers(0, n - 1))))


def seeded(seed: int) -> History:
    return make(Dice(Random(seed).randrange))


def seeded_kept(seed: int) -> History:
    return make_kept(Dice(Random(seed).randrange))


def seeded_either(seed: int) -> History:
    return make_either(Dice(Random(seed).randrange))


def make_either(dice: Dice) -> History:
    return make_kept(dice) if dice.chance(50) else make(dice)


def make(dice: Dice) -> History:
    """A history that is imported."""
    settings, months = place(dice)
    world = World(dice, settings, months, some_categories(dice))
    fill(world, most=7)
    return History(*world.files(), settings, tuple(months))


def make_kept(dice: Dice) -> History:
    """A history whose first months, if any, are imported; the others were kept day by day."""
    settings, months = place(dice, most=4)
    since = bounds(months[dice.below(len(months))], settings.time_zone)[0]
    world = KeptWorld(dice, settings, months, some_categories(dice), since=since)
    fill(world, most=5)
    return History(*world.files(), settings, tuple(months), world.kept())


def place(dice: Dice, *, most: int = 6) -> tuple[Settings, list[str]]:
    start, count = dice.choice(STARTS), dice.between(2, most)
    months = [start]
    while len(months) < count:
        months.append(month_after(months[-1]))
    return Settings(currency=dice.choice(CURRENCIES), time_zone=dice.choice(ZONES)), months


def some_categories(dice: Dice) -> tuple[str, ...]:
    return CATEGORIES[: dice.between(1, len(CATEGORIES))]


def fill(world: World, *, most: int) -> None:
    for _ in range(world.dice.between(1, most)):
        world.add_deliverable()
    world.add_costs_of_no_deliverable()
