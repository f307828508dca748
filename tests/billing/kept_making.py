"""How a deliverable is made once the team keeps its own books: repairs, uploads, versions, late answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tests.billing.making import PEOPLE, Making, Row
from tests.billing.naive_rows import VERSIONS, instant

if TYPE_CHECKING:
    from tests.billing.keeping import KeptWorld

OF_VERSIONS = (("3", "two-stage@2", "house@1", "fixed"), ("4", "two-stage@3", "house@2", "random"))


@dataclass
class KeptMaking(Making):
    """As `Making` before the import ended; afterwards only what has brought media is accepted."""

    world: KeptWorld

    def _is_kept(self, at: datetime) -> bool:
        return at >= self.world.since

    def _take(self, at: datetime, phase: str = "") -> None:
        if not self._is_kept(at):
            super()._take(at, phase)
            return
        dice = self.world.dice
        kind = dice.choice(("generated", "generated", "generated", "repaired", "uploaded"))
        if kind == "uploaded" and self.state == "open":
            self._upload(at, phase)
            return
        if kind == "repaired" and self.takes:
            self._repair(at, phase)
            return
        super()._take(at, phase)

    def _add(self, at: datetime, **cells: str) -> None:
        if self._is_kept(at) and cells.get("take") and cells.get("kind") != "uploaded":
            take = next(each for each in self.takes if each["take"] == cells["take"])
            if "kind" not in take:
                take.update(kind="generated", **self._versions())
            cells = {**take, **cells}
        super()._add(at, **cells)

    def _versions(self) -> Row:
        return dict(zip(VERSIONS, self.world.dice.choice(OF_VERSIONS), strict=True))

    def _new_take(self, phase: str, **cells: str) -> Row:
        dice = self.world.dice
        take = {
            "take": str(len(self.takes) + 1),
            "phase": phase or dice.choice(("draft", "draft", "hero")),
            "round": "",
            "person": dice.choice(PEOPLE[1:]),
            **cells,
        }
        self.takes.append(take)
        return take

    def _source(self) -> str:
        return self._of_take()["take"]

    def _repair(self, at: datetime, phase: str) -> None:
        """Further steps on an earlier take."""
        cells = {"kind": "repaired", "source_take": self._source(), **self._versions()}
        take = self._new_take(phase, **cells)
        charge = "failed_charged" if self.world.dice.chance(10) else "charged"
        self._add(at, **take, **self._called(), stage="refinement", charge=charge)

    def _upload(self, at: datetime, phase: str) -> None:
        source = self._source() if self.takes and self.world.dice.chance(50) else ""
        stage = "refinement" if source else "generation"
        take = self._new_take(phase, kind="uploaded", source_take=source)
        self._add(at, **take, provider="manual", stage=stage)

    def _more_of_a_take(self, at: datetime) -> None:
        if not self._is_kept(at):
            super()._more_of_a_take(at)
            return
        made = [take for take in self.takes if take.get("kind") in ("generated", "repaired")]
        if not made:
            self._take(at)
            return
        dice = self.world.dice
        stage = dice.choice(("generation", "refinement", "control"))
        charge = dice.choice(("charged", "charged", "failed_charged", "failed"))
        self._add(at, **dice.choice(made), **self._called(), stage=stage, charge=charge)

    def _entry_without_take(self, at: datetime) -> None:
        if not self._is_kept(at):
            super()._entry_without_take(at)
            return
        dice = self.world.dice
        self._add(
            at,
            **(self._called() if dice.chance(60) else {}),
            stage=dice.choice(("generation", "control", "refinement")),
            person=dice.choice(PEOPLE),
            charge=dice.choice(("charged", "charged", "charged", "failed_charged")),
        )

    def _time_log(self, at: datetime) -> None:
        if self._is_kept(at):
            self._take(at)
        else:
            super()._time_log(at)

    def _refund(self, at: datetime) -> None:
        found = self.world.to_give_back(self.rows, at)
        if found:
            self.world.refund(at, self.world.dice.choice(found[-4:]))

    def _with_media(self, at: datetime) -> Sequence[str]:
        """The takes that have brought media by then, in their order."""
        there = {
            row["take"]
            for row in self.rows
            if row["charge"] == "charged"
            and row["stage"] in ("generation", "refinement")
            and instant(row.get("booked_at") or row["occurred_at"]) <= at
        }
        return [take["take"] for take in self.takes if take["take"] in there]

    def _accept(self, at: datetime) -> None:
        self._accept_one(at, self.world.dice.choice(self._with_media(at) or [""]))

    def _accept_last(self, at: datetime) -> None:
        self._accept_one(at, (self._with_media(at) or [""])[-1])

    def _accept_one(self, at: datetime, take: str) -> None:
        if take:
            self._accept_take(at, take)
