"""What happens after the import: charges that were asked for, late ones, packs, rates and closed months.

A world whose rows before `since` are those of an import, and from then on what a team's own books kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.billing.happenings import BLINK, CAMPAIGNS, CURRENCIES, World
from tests.billing.kept_making import KeptMaking
from tests.billing.making import MODELS, Making, Row
from tests.billing.naive_kept import CLOSE_COLUMNS, KEPT_COLUMNS, PACK_COLUMNS, RATE_COLUMNS
from tests.billing.naive_lines import DECISION_COLUMNS
from tests.billing.naive_rows import Kept, bounds, instant, month_after
from tests.billing.written import file_of

UNITS = ("credit:lantern", "credit:harbour")


@dataclass
class KeptWorld(World):
    """Rows that have a `step` are kept, all others are imported."""

    since: datetime = field(kw_only=True)
    packs: list[Row] = field(default_factory=list)
    rates: list[Row] = field(default_factory=list)
    closes: list[Row] = field(default_factory=list)
    steps: int = 0

    @property
    def last(self) -> datetime:
        """Up to when the books are kept."""
        return bounds(month_after(self.months[-1]), self.settings.time_zone)[1]

    def step(self) -> str:
        self.steps += 1
        return str(self.steps)

    def making(self, scope: Row, category: str, *, with_rounds: bool) -> Making:
        return KeptMaking(self, scope, category, with_rounds)

    def charge(self, at: datetime, **cells: str) -> Row:
        if at < self.since:
            return super().charge(at, **cells)
        row = {**dict.fromkeys(KEPT_COLUMNS, ""), "id": f"c{len(self.charges) + 1}", "step": self.step()}
        row.update({"stage": "generation", "charge": "charged", "kind": "charge", **cells})
        row["occurred_at"] = self.written(at)
        booked_at = at
        if row["kind"] != "uploaded":
            booked_at = self.late(at)
        if row["take"] and row["kind"] != "uploaded":
            row["asked_at"] = self.written(self.asked(at))
            row["held"] = str(Decimal(self.dice.below(90_000) + 1) / 10**4)
        row["booked_at"] = self.written(booked_at)
        self._price(row)
        self.charges.append((at, row))
        return row

    def late(self, at: datetime) -> datetime:
        """When a charge is booked: mostly at once, else up to 40 days later."""
        if not self.dice.chance(25):
            return at
        return min(at + timedelta(hours=self.dice.between(1, 960)), self.last - 2 * BLINK)

    def asked(self, at: datetime) -> datetime:
        hours = self.dice.below(600) if self.dice.chance(25) else self.dice.below(3)
        return max(at - timedelta(hours=hours), self.since)

    def _price(self, row: Row) -> None:
        if not row.get("step"):
            super()._price(row)
            return
        row["currency"] = self.settings.currency
        kind, unit = self.dice.below(100), f"credit:{row['provider']}"
        if kind >= 35 and unit in UNITS and row["kind"] != "entered":
            row["currency"] = unit
            row["amount"] = str(Decimal(self.dice.below(400) + 1) / 10 if row["charge"] != "failed" else 0)
            return
        if kind >= 20:
            row["currency"] = self.dice.choice(self.foreign())
        cents = self.dice.below(40_000) + 1 if row["charge"] != "failed" else 0
        if row["kind"] == "uploaded" and self.dice.chance(25):
            cents = 0
        row["amount"] = str(Decimal(cents) / 10**4)

    def foreign(self) -> list[str]:
        return [name for name in CURRENCIES if name != self.settings.currency]

    def refund(self, at: datetime, charge: Row) -> None:
        if at < self.since:
            super().refund(at, charge)
            return
        row = {**dict.fromkeys(KEPT_COLUMNS, ""), **charge, "asked_at": "", "held": "", "kind": "refund"}
        row.update(id=f"c{len(self.charges) + 1}", step=self.step(), charge="refunded", refunds=charge["id"])
        row.update(occurred_at=self.written(at), booked_at=self.written(self.late(at)))
        self.charges.append((at, row))

    def to_give_back(self, rows: list[Row], at: datetime | None = None) -> list[Row]:
        found = [row for row in super().to_give_back(rows) if Decimal(row["amount"])]
        return [row for row in found if at is None or known_at(row) < at]

    def decide(self, at: datetime, decision: str, **cells: str) -> None:
        super().decide(at, decision, **cells)
        if at >= self.since:
            self.decisions[-1][1]["step"] = self.step()

    def add_costs_of_no_deliverable(self) -> None:
        """As imported before `since`; afterwards shared costs, costs of the period, packs, rates, closes."""
        for at in self.instants(self.dice.between(1, 6)):
            project, campaign = self.dice.choice((*CAMPAIGNS, *CAMPAIGNS, ("", ""), ("nord", "")))
            stage = self.dice.choice(("control", "generation", "refinement"))
            tier, provider, model = self.dice.choice((("", "", ""), *MODELS))
            named = {"tier": tier, "provider": provider, "model": model, "stage": stage}
            if campaign and self.dice.chance(50):
                at, named = self.by_hand(at), {"provider": provider, "stage": stage, "kind": "entered"}
            row = self.charge(at, project=project, campaign=campaign, **named)
            if self.dice.chance(20):
                self.refund(max(known_at(row) + BLINK, self.instant()), row)
        if self.dice.chance(15):
            project, campaign = self.dice.choice(CAMPAIGNS)
            if any((row["project"], row["campaign"]) == (project, campaign) for _, row in self.charges):
                end = bounds(self.months[-1], self.settings.time_zone)[1] - BLINK
                self.decide(end, "end_campaign", project=project, campaign=campaign)
        self.add_rates()
        for unit in UNITS:
            for _ in range(self.dice.below(5)):
                self.add_pack(unit)
        self.add_closes()

    def by_hand(self, at: datetime) -> datetime:
        """What is entered by hand has the noon of its day; as it is entered then, of a day that is over."""
        if at < self.since:
            return at
        day = at.astimezone(ZoneInfo(self.settings.time_zone))
        return max(self.since, day.replace(hour=12, minute=0, second=0, microsecond=0).astimezone(UTC))

    def add_rates(self) -> None:
        """Of each currency one before all, and some on other days."""
        start, end = bounds(self.months[0], self.settings.time_zone)[0], self.last
        for currency in (*self.foreign(), *UNITS):
            days = {(start - timedelta(days=40)).date()}
            for _ in range(self.dice.below(6)):
                days.add((start + timedelta(days=self.dice.below((end - start).days))).date())
            for day in sorted(days):
                rate = Decimal(self.dice.below(40_000) * 49_999 + 31) / 10**9
                self.rates.append({"currency": currency, "day": day.isoformat(), "rate": str(rate)})

    def add_pack(self, unit: str) -> None:
        live = [month for month in self.months if bounds(month, self.settings.time_zone)[0] >= self.since]
        at = self.instant(live)
        bought_on = at.astimezone(ZoneInfo(self.settings.time_zone)).date() - timedelta(
            days=self.dice.choice((0, 0, 1, 12))
        )
        ends = bought_on + timedelta(days=self.dice.between(12, 50)) if self.dice.chance(70) else None
        pack = {
            "step": self.step(),
            "entered_at": self.written(at),
            "unit": unit,
            "bought_on": bought_on.isoformat(),
            "expires_on": ends.isoformat() if ends else "",
            "credits": str(self.dice.between(5, 90)),
            "bonus": str(self.dice.choice((0, 0, 1, 7))),
            "price": str(Decimal(self.dice.below(9_000) + 100) / 100),
            "currency": self.dice.choice((self.settings.currency, *self.foreign())),
        }
        self.packs.append(pack)

    def add_closes(self) -> None:
        """Some months, one after the other, each once it is over; sooner where a call has no end by then."""
        at = self.since
        for month in self.months:
            start, end = bounds(month, self.settings.time_zone)
            if start < self.since or not (self.closes or self.dice.chance(self.likely(end))):
                continue
            if self.closes and not self.dice.chance(40):
                break
            at = min(max(at, end) + timedelta(hours=self.dice.between(1, 60)), self.last - 3 * BLINK)
            self.closes.append({"step": self.step(), "month": month, "closed_at": self.written(at)})

    def likely(self, end: datetime) -> int:
        """In per cent, that a month is closed."""
        asked = [row for _, row in self.charges if row.get("asked_at")]
        return 60 if any(instant(row["asked_at"]) < end < known_at(row) for row in asked) else 3

    def kept(self) -> Kept:
        charges = [(at, row) for at, row in self.charges if row.get("step")]
        decisions = [(at, row) for at, row in self.decisions if row.get("step")]
        return Kept(
            charges=self._file(charges, KEPT_COLUMNS, again=False),
            decisions=self._file(decisions, (*DECISION_COLUMNS, "step"), again=False),
            packs=file_of(PACK_COLUMNS, self.packs),
            rates=file_of(RATE_COLUMNS, self.rates),
            closes=file_of(CLOSE_COLUMNS, self.closes),
            last=self.last,
        )


def known_at(row: Row) -> datetime:
    """When a charge was booked."""
    return instant(row.get("booked_at") or row["occurred_at"])
