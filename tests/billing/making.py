"""How one deliverable of a random history is made: each step adds what its state allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from tests.billing.happenings import World

T = TypeVar("T")
Row = dict[str, str]

CATEGORIES = ("social-cut", "brand-film", "sketch")
MODELS = (
    ("speed", "lantern", "glow"),
    ("budget", "lantern", "glow/small"),
    ("cinematic", "harbour", "tide"),
    ("refine", "harbour", "polish"),
    ("text", "quill", "glow"),
)
PEOPLE = ("", "ada@example.org", "ben@example.org", "cleo@example.org")


@dataclass(frozen=True)
class Dice:
    """`below(n)` gives a number from 0 to n - 1."""

    below: Callable[[int], int]

    def choice(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def chance(self, percent: int) -> bool:
        return self.below(100) >= 100 - percent

    def between(self, low: int, high: int) -> int:
        return low + self.below(high - low + 1)


@dataclass
class Making:
    """One deliverable on its way: each step adds what its state allows."""

    world: World
    scope: Row
    category: str
    with_rounds: bool
    state: str = "open"
    accepted: str = ""
    takes: list[Row] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    wishes: list[str] = field(default_factory=list)

    def step(self, at: datetime) -> None:
        dice = self.world.dice
        if not self.takes:
            action = "take" if not dice.chance(8) else "entry without take"
        elif self.wishes:
            action = self.wishes.pop(0)
        else:
            action = dice.choice(ACTIONS[self.state])
        getattr(self, "_" + action.replace(" ", "_"))(at)

    def _add(self, at: datetime, **cells: str) -> None:
        self.rows.append(self.world.charge(at, **self.scope, category=self.category, **cells))

    def _called(self) -> Row:
        tier, provider, model = self.world.dice.choice(MODELS)
        return {"tier": tier, "provider": provider, "model": model}

    def _of_take(self) -> Row:
        return self.world.dice.choice(self.takes)

    # What brings rows

    def _take(self, at: datetime, phase: str = "") -> None:
        dice = self.world.dice
        rounds = [take["round"] for take in self.takes]
        fresh = str(len({*rounds}) + 1)
        take = {
            "take": str(len(self.takes) + 1),
            "phase": phase or dice.choice(("draft", "draft", "hero")),
            "round": dice.choice((fresh, *rounds[-1:])) if self.with_rounds else "",
            "person": dice.choice(PEOPLE),
        }
        self.takes.append(take)
        if dice.chance(15):
            self._add(at, **take, **self._called(), stage="control")
        kind = dice.below(100)
        if kind < 80:
            self._add(at, **take, **self._called())
            if dice.chance(20):
                self._add(at, **take, **self._called(), stage="refinement")
        elif kind < 90:
            self._add(at, **take, **self._called(), charge="failed_charged")
        elif kind < 95:
            self._add(at, **take, **self._called(), charge="failed")
        else:
            self._add(at, **take, stage="refinement")  # made by hand

    def _hero_take(self, at: datetime) -> None:
        self._take(at, phase="hero")

    def _more_of_a_take(self, at: datetime) -> None:
        dice = self.world.dice
        stage = dice.choice(("generation", "refinement", "control"))
        charge = dice.choice(("charged", "charged", "failed_charged", "failed"))
        self._add(at, **self._of_take(), **self._called(), stage=stage, charge=charge)

    def _entry_without_take(self, at: datetime) -> None:
        dice = self.world.dice
        self._add(
            at,
            **(self._called() if dice.chance(60) else {}),
            stage=dice.choice(("generation", "control", "refinement")),
            phase=dice.choice(("", "draft", "hero")),
            person=dice.choice(PEOPLE),
            charge=dice.choice(("charged", "charged", "charged", "failed_charged")),
        )

    def _time_log(self, at: datetime) -> None:
        dice = self.world.dice
        take = {**self._of_take(), "person": dice.choice(PEOPLE)} if dice.chance(70) else {}
        self._add(at, **take, **(self._called() if dice.chance(20) else {}), stage="time")

    def _refund(self, at: datetime) -> None:
        found = self.world.to_give_back(self.rows)
        if found:
            self.world.refund(at, self.world.dice.choice(found[-4:]))

    # What is decided

    def _select(self, at: datetime) -> None:
        drafts = [take for take in self.takes if take["phase"] == "draft"]
        if drafts:
            take = self.world.dice.choice(drafts)["take"]
            self.world.decide(at, "select", **self.scope, take=take)

    def _reject(self, at: datetime) -> None:
        take = self._of_take()["take"]
        if take != self.accepted:
            self.world.decide(at, "reject", **self.scope, take=take)

    def _accept(self, at: datetime) -> None:
        self._accept_take(at, self._of_take()["take"])

    def _accept_last(self, at: datetime) -> None:
        self._accept_take(at, self.takes[-1]["take"])

    def _accept_take(self, at: datetime, take: str) -> None:
        self.world.decide(at, "accept", **self.scope, take=take)
        self.state, self.accepted = "accepted", take

    def _sign_off(self, at: datetime) -> None:
        """A selected draft, its hero render, and the acceptance of that."""
        self._select(at)
        self.wishes = ["hero take", "accept last"]

    def _second_thoughts(self, at: datetime) -> None:
        """The accepted draft is selected after all, taken back, and another take accepted."""
        if any(take["take"] == self.accepted and take["phase"] == "draft" for take in self.takes):
            self.world.decide(at, "select", **self.scope, take=self.accepted)
        self.wishes = ["reverse", "accept last"]

    def _write_off(self, at: datetime) -> None:
        self.world.decide(at, "write_off", **self.scope)
        self.state = "written_off"

    def _reverse(self, at: datetime) -> None:
        self.world.decide(at, "reverse", **self.scope, take=self.accepted)
        self.state, self.accepted = "open", ""


COSTS = ("take", "more of a take", "entry without take", "refund", "time log")
ACTIONS = {
    "open": (*COSTS, "take", "reject", "select", "accept", "accept", "sign off", "write off"),
    "accepted": (*COSTS, "refund", "reject", "select", "reverse", "reverse", "second thoughts"),
    "written_off": (*COSTS, "reject", "reverse"),
}
