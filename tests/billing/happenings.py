"""What happens in a random history: rows and decisions, thrown with dice, never a bad line."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from tests.billing.making import MODELS, PEOPLE, Dice, Making, Row
from tests.billing.naive_lines import CHARGE_COLUMNS, DECISION_COLUMNS
from tests.billing.naive_rows import Settings, bounds

CURRENCIES = ("EUR", "USD", "GBP")
CAMPAIGNS = (("nord", "spring"), ("nord", "launch"), ("sud", "spring"))
BLINK = timedelta(microseconds=1)


@lru_cache
def clock_changes(time_zone: str, month: str) -> tuple[datetime, ...]:
    """The instants in the month at which the zone's offset changes (on a whole hour, in UTC)."""
    zone, found = ZoneInfo(time_zone), []
    at, end = bounds(month, time_zone)
    while at < end:
        following = at + timedelta(hours=1)
        if at.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
            found.append(following)
        at = following
    return tuple(found)


@dataclass
class World:
    """The rows as they are thrown, and what the rows so far allow."""

    dice: Dice
    settings: Settings
    months: list[str]
    categories: tuple[str, ...]
    charges: list[tuple[datetime, Row]] = field(default_factory=list)
    decisions: list[tuple[datetime, Row]] = field(default_factory=list)

    def instant(self, months: Sequence[str] = ()) -> datetime:
        """Anywhere in the months; often at a border, at a clock change, or where something is."""
        kind, month = self.dice.below(100), self.dice.choice(months or self.months)
        start, end = bounds(month, self.settings.time_zone)
        if kind >= 95 and self.charges:
            return self.dice.choice(self.charges)[0]
        if kind >= 80:
            return self.dice.choice((start, start + BLINK, end - BLINK))
        changes = [at for name in self.months for at in clock_changes(self.settings.time_zone, name)]
        if kind >= 72 and changes:
            shift = self.dice.choice((0, 1, -1, 30 * 60 * 10**6, -30 * 60 * 10**6))
            return self.dice.choice(changes) + timedelta(microseconds=shift)
        hours = int((end - start) / timedelta(hours=1))
        return start + timedelta(
            hours=self.dice.below(hours), minutes=self.dice.below(60), seconds=self.dice.below(60)
        )

    def instants(self, count: int) -> list[datetime]:
        """In order; sometimes all in one month, and now and then two at once."""
        months = (self.dice.choice(self.months),) if self.dice.chance(30) else ()
        found = sorted(self.instant(months) for _ in range(count))
        for number in range(1, count):
            if self.dice.chance(15):
                found[number] = found[number - 1]
        return found

    def charge(self, at: datetime, **cells: str) -> Row:
        row = dict.fromkeys((*CHARGE_COLUMNS, "rate", "round", "person"), "")
        row.update(id=f"c{len(self.charges) + 1}", stage="generation", charge="charged")
        row.update(cells)
        row["occurred_at"] = self.written(at)
        self._price(row)
        self.charges.append((at, row))
        return row

    def _price(self, row: Row) -> None:
        """A native amount of up to four decimals, and a rate of up to six where it is foreign."""
        cents = self.dice.below(400) + 1 if row["charge"] != "failed" else 0
        finer = self.dice.below(100) if cents and self.dice.chance(30) else 0
        row["amount"] = str(Decimal(cents * 100 + finer) / 10**4)
        row["currency"] = self.settings.currency
        if self.dice.chance(20):
            foreign = [name for name in (*CURRENCIES, "JPY") if name != self.settings.currency]
            row["currency"] = self.dice.choice(foreign)
            row["rate"] = str(Decimal(self.dice.below(4000) * 997 + 31) / 10**6)

    def refund(self, at: datetime, charge: Row) -> None:
        row = {**charge, "id": f"c{len(self.charges) + 1}", "occurred_at": self.written(at)}
        row.update(charge="refunded", refunds=charge["id"])
        self.charges.append((at, row))

    def to_give_back(self, rows: list[Row]) -> list[Row]:
        """Charges that were not given back yet."""
        done = {row["refunds"] for _, row in self.charges}
        return [
            row
            for row in rows
            if row["charge"] in ("charged", "failed_charged")
            and row["stage"] != "time"
            and row["id"] not in done
        ]

    def decide(self, at: datetime, decision: str, **cells: str) -> None:
        """By anybody who did not decide the very same at this instant: that would change nothing."""
        row = {**dict.fromkeys(DECISION_COLUMNS, ""), **cells, "decision": decision}
        people = [*PEOPLE[1:], *(f"guest{n}@example.org" for n in range(9))]
        turn = self.dice.below(3)
        people = [*people[turn:], *people[:turn]]
        others = [(when, {**other, "at": ""}) for when, other in self.decisions]
        row["by"] = next(name for name in people if (at, {**row, "by": name}) not in others)
        self.decisions.append((at, {**row, "at": self.written(at)}))

    def written(self, at: datetime) -> str:
        """The same instant in UTC, in the workspace's zone, or elsewhere."""
        way = self.dice.below(4)
        if way <= 1:
            return at.isoformat().replace("+00:00", "Z")
        zone = self.settings.time_zone if way == 2 else "Asia/Kolkata"
        return at.astimezone(ZoneInfo(zone)).isoformat()

    def add_deliverable(self) -> None:
        project, campaign = self.dice.choice(CAMPAIGNS)
        taken = {(row["project"], row["campaign"], row["deliverable"]) for _, row in self.charges}
        names = [f"d{n}" for n in range(1, 9) if (project, campaign, f"d{n}") not in taken]
        scope = {"project": project, "campaign": campaign, "deliverable": names[0]}
        made = self.making(scope, self.dice.choice(self.categories), with_rounds=self.dice.chance(60))
        for at in self.instants(self.dice.between(2, 16)):
            made.step(at)

    def making(self, scope: Row, category: str, *, with_rounds: bool) -> Making:
        return Making(self, scope, category, with_rounds)

    def add_costs_of_no_deliverable(self) -> None:
        """Shared costs, costs of the period, some given back; campaigns ended."""
        for at in self.instants(self.dice.below(5)):
            project, campaign = self.dice.choice((("", ""), *CAMPAIGNS, ("nord", "")))
            scope = {"project": project, "campaign": campaign}
            tier, provider, model = self.dice.choice((("", "", ""), *MODELS))
            stage = self.dice.choice(("control", "generation", "refinement"))
            row = self.charge(at, **scope, tier=tier, provider=provider, model=model, stage=stage)
            if self.dice.chance(20):
                self.refund(max(at, self.instant()), row)
        if self.dice.chance(10):
            project, campaign = self.dice.choice(CAMPAIGNS)
            if any((row["project"], row["campaign"]) == (project, campaign) for _, row in self.charges):
                last = bounds(self.months[-1], self.settings.time_zone)[1] - BLINK
                self.decide(last, "end_campaign", project=project, campaign=campaign)

    def files(self) -> tuple[str, str]:
        """The two files of the import."""
        charges, decisions = (
            [(at, row) for at, row in rows if not row.get("step")] for rows in (self.charges, self.decisions)
        )
        optional = [name for name in ("rate", "round", "person") if any(r[name] for _, r in charges)]
        return (
            self._file(charges, (*CHARGE_COLUMNS, *optional)),
            self._file(decisions, DECISION_COLUMNS),
        )

    def _file(self, rows: list[tuple[datetime, Row]], columns: Sequence[str], *, again: bool = True) -> str:
        """Columns in any order; rows in any order, but those of one instant stay as they were."""
        turn = self.dice.below(len(columns))
        columns = [*columns[turn:], *columns[:turn]]
        if self.dice.chance(30):
            ranks = {at: self.dice.below(1000) for at in sorted({at for at, _ in rows})}
            rows = sorted(rows, key=lambda pair: (ranks[pair[0]], pair[0]))
        if rows and again and self.dice.chance(10):
            rows = [*rows, self.dice.choice(rows)]  # the same line again changes nothing
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(row for _, row in rows)
        return text.getvalue()
