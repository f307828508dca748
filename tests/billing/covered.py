"""What random histories contain, read off their files: the check that a test met its hard cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from tests.billing import covered_kept
from tests.billing.happenings import BLINK, clock_changes
from tests.billing.histories import History
from tests.billing.naive import Reading
from tests.billing.naive_rows import (
    Charge,
    Decision,
    Deliverable,
    Settings,
    bounds,
)

LEAST = 5  # per cent
OF_ALL = (
    "a refund across months",
    "a reversal in a later month",
    "two acceptances",
    "a clock change",
    "an entry without a take",
    "a month without acceptance",
)
REQUIRED = (*OF_ALL, *covered_kept.REQUIRED)
ALSO = (
    "two acceptances in one month",
    "late cash",
    "a write-off reversed",
    "a selected draft before an accepted hero",
    "an instant next to a month's border",
    "cash at the instant of its acceptance",
    "cash at the instant of its reversal",
    "a foreign currency",
    "a failed charge",
    "time",
    "cost shared by a campaign",
    "cost of the period",
    "a row with nothing charged",
)
AT_ONCE = {"accept": "acceptance", "reverse": "reversal"}


@dataclass
class Coverage:
    """Counts histories by class; `check` fails where a required class is too rare."""

    histories: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    required: tuple[str, ...] = REQUIRED

    def add(self, history: History, reading: Reading | None = None) -> None:
        self.histories += 1
        self.counts.update(classes(history, reading))

    def report(self) -> str:
        lines = [f"{self.histories} histories"]
        for name in (*self.required, *ALSO):
            share = 100 * self.counts[name] / max(self.histories, 1)
            lines.append(f"{share:5.1f} %  {name}")
        return "\n".join(lines)

    def rare(self) -> list[str]:
        """The required classes that came too seldom."""
        return [name for name in self.required if self.counts[name] * 100 < LEAST * self.histories]

    def check(self) -> None:
        rare = self.rare()
        assert self.histories, "no history was made"
        assert not rare, f"below {LEAST} %: {', '.join(rare)}\n{self.report()}"


def coverage_of(histories: Iterable[History]) -> Coverage:
    coverage = Coverage()
    for history in histories:
        coverage.add(history)
    return coverage


def classes(history: History, reading: Reading | None = None) -> set[str]:
    """The names of what this history contains."""
    reading = reading or Reading.of(history)
    charges = [charge for charge in reading.charges if charge.row["id"]]  # no accruals, no rests of packs
    decisions = reading.decisions
    return (
        covered_kept.classes(history, reading)
        | of_charges(charges, history.settings)
        | of_decisions(decisions, history)
        | of_instants(charges, decisions, history)
        | of_heroes(charges, decisions)
    )


def month_of(row: Charge | Decision, settings: Settings) -> str:
    return f"{row.at.astimezone(ZoneInfo(settings.time_zone)):%Y-%m}"


def of_charges(charges: list[Charge], settings: Settings) -> set[str]:
    found, by_id = set(), {charge.row["id"]: charge for charge in charges}
    for charge in charges:
        row = charge.row
        if row["refunds"] and month_of(by_id[row["refunds"]], settings) != month_of(charge, settings):
            found.add("a refund across months")
        if row["deliverable"] and not row["take"] and charge.is_cash:
            found.add("an entry without a take")
        if not row["deliverable"]:
            found.add("cost shared by a campaign" if row["campaign"] else "cost of the period")
        if row["currency"] != settings.currency:
            found.add("a foreign currency")
        if not charge.is_cash:
            found.add("time")
        if row["charge"] == "failed_charged":
            found.add("a failed charge")
        if row["charge"] == "failed":
            found.add("a row with nothing charged")
    return found


def of_decisions(decisions: list[Decision], history: History) -> set[str]:
    found: set[str] = set()
    for deliverable in {decision.deliverable for decision in decisions}:
        own = [decision for decision in decisions if decision.deliverable == deliverable]
        accepts = [decision for decision in own if decision.row["decision"] == "accept"]
        months = [month_of(decision, history.settings) for decision in accepts]
        if len(accepts) > 1:
            found.add("two acceptances")
        if len(set(months)) < len(months):
            found.add("two acceptances in one month")
        for decision in own:
            if decision.row["decision"] != "reverse":
                continue
            taken_back = [a for a in own[: own.index(decision)] if a.row["decision"] == "accept"]
            if not decision.row["take"]:
                found.add("a write-off reversed")
            elif month_of(taken_back[-1], history.settings) != month_of(decision, history.settings):
                found.add("a reversal in a later month")
    accepting = {
        month_of(decision, history.settings) for decision in decisions if decision.row["decision"] == "accept"
    }
    if set(history.months) - accepting:
        found.add("a month without acceptance")
    return found


def of_instants(charges: list[Charge], decisions: list[Decision], history: History) -> set[str]:
    found: set[str] = set()
    zone = history.settings.time_zone
    rows: list[Charge | Decision] = [*charges, *decisions]
    for month in history.months:
        for change in clock_changes(zone, month):
            if any(abs(row.at - change) <= timedelta(hours=1) for row in rows):
                found.add("a clock change")
        if any(abs(row.at - edge) <= BLINK for row in rows for edge in bounds(month, zone)):
            found.add("an instant next to a month's border")
    cash = {(charge.deliverable, charge.at) for charge in charges if charge.is_cash}
    for decision in decisions:
        if (decision.deliverable, decision.at) in cash:
            word = decision.row["decision"]
            found |= {f"cash at the instant of its {AT_ONCE[word]}"} if word in AT_ONCE else set()
    for charge in charges:
        state = ""
        for decision in decisions:
            if decision.deliverable == charge.deliverable and decision.at < charge.at:
                word = decision.row["decision"]
                state = word if word in ("accept", "reverse", "write_off") else state
        if state == "accept" and charge.is_cash:
            found.add("late cash")
    return found


def of_heroes(charges: list[Charge], decisions: list[Decision]) -> set[str]:
    heroes = {(charge.deliverable, charge.row["take"]) for charge in charges if charge.row["phase"] == "hero"}
    selected: set[Deliverable] = set()
    for decision in decisions:
        word, take = decision.row["decision"], (decision.deliverable, decision.row["take"])
        if word == "select":
            selected.add(decision.deliverable)
        if word == "accept" and decision.deliverable in selected and take in heroes:
            return {"a selected draft before an accepted hero"}
    return set()
