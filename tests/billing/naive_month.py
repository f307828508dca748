"""The figures of one month, by plain loops over the rows up to its end (see `naive`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from tests.billing.naive_rows import (
    STAGES,
    VERSIONS,
    Acceptance,
    Charge,
    Decision,
    Deliverable,
    Settings,
    bounds,
    mark,
    standing,
)
from tests.billing.naive_spread import portions

OUTCOMES = (
    "period",
    "shared",
    "failed_refunded",
    "failed_charged",
    "accepted",
    "rejected",
    "superseded",
    "written_off",
    "open",
)


@dataclass
class Share:
    """One column of figures: the totals, or one row of a split."""

    accepted: int = 0
    takes: int = 0
    rounds: int = 0
    sums: dict[str, Fraction] = field(
        default_factory=lambda: dict.fromkeys((*STAGES, "time", "shared"), Fraction(0))
    )

    @property
    def cash(self) -> Fraction:
        return sum((self.sums[stage] for stage in STAGES), Fraction(0))


@dataclass
class CategoryPhases:
    """The accepted deliverables of one category: their takes by phase, and their cash."""

    accepted: int = 0
    takes: dict[str, int] = field(default_factory=dict)
    life: list[Charge] = field(default_factory=list)

    @property
    def generation(self) -> dict[str, Fraction]:
        """By the phase of the entry, where that phase has counted takes."""
        sums = dict.fromkeys(self.takes, Fraction(0))
        for charge in self.life:
            if charge.row["stage"] == "generation" and charge.row["phase"] in sums:
                sums[charge.row["phase"]] += charge.booked
        return sums

    @property
    def rest(self) -> Fraction:
        """Control, refinement, and the generation cash of phases without counted takes."""
        everything = sum((charge.booked for charge in self.life), Fraction(0))
        return everything - sum(self.generation.values(), Fraction(0))


def is_counted(rows: list[Charge]) -> bool:
    """A charged row of stage generation or refinement brought media."""
    return any(
        charge.row["charge"] == "charged" and charge.row["stage"] in ("generation", "refinement")
        for charge in rows
    )


def call_of(rows: list[Charge]) -> Charge | None:
    """The last charged generation-stage call of a take, else its last charged call."""
    calls = [charge for charge in rows if charge.is_cash and charge.row["charge"] == "charged"]
    generation = [charge for charge in calls if charge.row["stage"] == "generation"]
    found = generation or calls
    return found[-1] if found else None


def briefs(charges: list[Charge]) -> dict[Deliverable, datetime]:
    """From when on each deliverable was there."""
    found: dict[Deliverable, datetime] = {}
    for charge in charges:
        if charge.row["deliverable"]:
            found[charge.deliverable] = min(charge.known, found.get(charge.deliverable, charge.known))
    return found


def round_of(rows: list[Charge]) -> str:
    for charge in rows:
        if charge.row.get("round"):
            return f"round {charge.row['round']}"
    return ""


class Month:
    """The figures of one month, as of its last instant: later rows are not looked at."""

    def __init__(
        self, charges: list[Charge], decisions: list[Decision], settings: Settings, month: str
    ) -> None:
        self.settings, self.month = settings, month
        self.start, self.end = bounds(month, settings.time_zone)
        self.charges = [charge for charge in charges if charge.at < self.end]
        self.decisions = [decision for decision in decisions if decision.at < self.end]
        self.cash_rows = [charge for charge in self.charges if charge.is_cash]
        self.spent = [charge for charge in self.cash_rows if charge.at >= self.start]
        self.acceptances = self._acceptances()
        self.portions = portions(self.charges, self.decisions, briefs(charges))

    def _acceptances(self) -> list[Acceptance]:
        """The set A."""
        found = []
        for deliverable in sorted({decision.deliverable for decision in self.decisions}):
            _, acceptance = standing(deliverable, self.decisions)
            if acceptance is not None and acceptance.at >= self.start:
                found.append(acceptance)
        return found

    def life(self, acceptance: Acceptance) -> list[Charge]:
        """Every row of the deliverable up to its acceptance, inclusive."""
        return [
            charge
            for charge in self.charges
            if charge.deliverable == acceptance.deliverable and charge.at <= acceptance.at
        ]

    # What the accepted deliverables cost, whole or split

    def shares(self, by: str | None) -> dict[str, Share]:
        """The figures of A by the keys of a dimension; without one, all under ""."""
        shares: dict[str, Share] = {}
        for acceptance in self.acceptances:
            life = self.life(acceptance)
            self._add_entries(shares, by, life)
            self._add_takes(shares, by, life)
            rows = [charge for charge in life if charge.row["take"] == acceptance.take]
            share = shares.setdefault(self._key_of_take(by, rows), Share())
            share.accepted += 1
            share.sums["shared"] += self.held(acceptance.deliverable, acceptance.at)
        return shares

    def held(self, deliverable: Deliverable, at: datetime) -> Fraction:
        """What the deliverable has of its campaign's shared costs after an instant."""
        rows = [row for row in self.portions if row.deliverable == deliverable and row.at <= at]
        return sum((row.amount for row in rows), Fraction(0))

    def _add_entries(self, shares: dict[str, Share], by: str | None, life: list[Charge]) -> None:
        for charge in life:
            key = self._key(by, charge.row)
            if by == "person" and not charge.is_cash and not self.settings.time_by_person:
                key = ""
            shares.setdefault(key, Share()).sums[charge.row["stage"]] += charge.booked

    def _add_takes(self, shares: dict[str, Share], by: str | None, life: list[Charge]) -> None:
        rounds = set()
        for number in sorted({charge.row["take"] for charge in life} - {""}, key=int):
            rows = [charge for charge in life if charge.row["take"] == number]
            if not is_counted(rows):
                continue
            share = shares.setdefault(self._key_of_take(by, rows), Share())
            share.takes += 1
            label = round_of(rows) or f"take {number}"
            if label not in rounds:
                rounds.add(label)
                share.rounds += 1

    def _key_of_take(self, by: str | None, rows: list[Charge]) -> str:
        if by in ("tier", "provider", "model", *VERSIONS):
            call = call_of(rows)
            return self._key(by, call.row) if call else ""
        return self._key(by, rows[0].row)

    def _key(self, by: str | None, row: dict[str, str]) -> str:
        if by is None:
            return ""
        if by == "campaign":
            return f"{row['project']}/{row['campaign']}"
        if by == "model":
            return f"{row['provider']}/{row['model']}" if row["model"] else ""
        return row.get(by, "")

    # What was spent in the month, and where it lies

    def outcomes(self) -> dict[str, Fraction]:
        sums = dict.fromkeys(OUTCOMES, Fraction(0))
        given_back = {charge.row["refunds"] for charge in self.charges} - {""}
        for charge in self.spent:
            sums[self._kind(charge, given_back)] += charge.booked
        return sums

    def _kind(self, charge: Charge, given_back: set[str]) -> str:
        row = charge.row
        if not row["deliverable"]:
            return "shared" if row["campaign"] else "period"
        if row["charge"] == "refunded" or row["id"] in given_back:
            return "failed_refunded"
        if row["charge"] == "failed_charged":
            return "failed_charged"
        state, acceptance = standing(charge.deliverable, self.decisions)
        if not row["take"]:
            return state
        marked = mark(charge.deliverable, row["take"], self.decisions)
        if acceptance is not None and (acceptance.take == row["take"] or marked == "select"):
            return "accepted"
        if marked == "reject":
            return "rejected"
        return "superseded" if state == "accepted" else state

    def late_rows(self) -> list[Charge]:
        """Cash of the month on deliverables accepted when it came, and in no life to date."""
        found = []
        lives = {acceptance.deliverable: acceptance.at for acceptance in self.acceptances}
        for charge in self.spent:
            before = [decision for decision in self.decisions if decision.at < charge.at]
            state, _ = standing(charge.deliverable, before)
            inside = charge.deliverable in lives and charge.at <= lives[charge.deliverable]
            if state == "accepted" and not inside:
                found.append(charge)
        return found

    def carried_back(self) -> Fraction:
        total = Fraction(0)
        earlier = [decision for decision in self.decisions if decision.at < self.start]
        for deliverable in {charge.deliverable for charge in self.cash_rows}:
            state, now = standing(deliverable, self.decisions)
            _, then = standing(deliverable, earlier)
            if then is not None and now != then:
                total += self._cash_before_the_month(deliverable)
            if state != "accepted":
                total += sum(
                    (row.booked for row in self.late_rows() if row.deliverable == deliverable),
                    Fraction(0),
                )
        for deliverable in {decision.deliverable for decision in earlier}:
            _, now = standing(deliverable, self.decisions)
            _, then = standing(deliverable, earlier)
            if then is not None and now != then:
                total += self.held(deliverable, then.at)
        return total

    def _cash_before_the_month(self, deliverable: Deliverable) -> Fraction:
        return sum(
            (
                charge.booked
                for charge in self.cash_rows
                if charge.deliverable == deliverable and charge.at < self.start
            ),
            Fraction(0),
        )

    def pots(self, cut: datetime) -> dict[str, Fraction]:
        """Where the whole cash lies just before an instant, by the state of each deliverable."""
        sums = dict.fromkeys(("open", "accepted", "written_off", "period"), Fraction(0))
        decisions = [decision for decision in self.decisions if decision.at < cut]
        for charge in self.cash_rows:
            if charge.at >= cut:
                continue
            if charge.row["deliverable"]:
                sums[standing(charge.deliverable, decisions)[0]] += charge.booked
            else:
                sums["open" if charge.row["campaign"] else "period"] += charge.booked
        for portion in self.portions:
            if portion.at < cut:
                sums["open"] -= portion.amount
                sums["accepted" if portion.deliverable else "written_off"] += portion.amount
        return sums

    # What the change against another month is made of

    def phases_by_category(self) -> dict[str, CategoryPhases]:
        found: dict[str, CategoryPhases] = {}
        for acceptance in self.acceptances:
            life = self.life(acceptance)
            category = found.setdefault(life[0].row["category"], CategoryPhases())
            category.accepted += 1
            category.life += [charge for charge in life if charge.is_cash]
            for number in {charge.row["take"] for charge in life} - {""}:
                rows = [charge for charge in life if charge.row["take"] == number]
                if is_counted(rows):
                    phase = rows[0].row["phase"]
                    category.takes[phase] = category.takes.get(phase, 0) + 1
        return found
