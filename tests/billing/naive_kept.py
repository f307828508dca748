"""What was kept after the import: late charges, closed months, accruals, rates and credits (see `naive`).

Written from `docs/numbers.md`: loops over the rows in the order in which they were booked.

- A charge's **effective instant** is its service date while that month is open, else the instant of booking.
- A foreign charge takes the last rate published on or before the day of its service date, by the
  workspace's clock; credits come out of packs (`naive_credits`).
- A call that was asked for before a month's end and has no end when the month is closed is accrued at its
  expected price (`held`) at the month's last instant, and given back at the next month's first. An accrual
  says of itself what its call does, and makes no take counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from tests.billing.naive_credits import Lots, Moved
from tests.billing.naive_lines import CHARGE_COLUMNS
from tests.billing.naive_rows import VERSIONS, Charge, Kept, Settings, bounds, instant, round8, rows_of

KEPT_COLUMNS = (
    *(*CHARGE_COLUMNS, "round", "person", "step", "booked_at", "asked_at", "held", "kind", "source_take"),
    *VERSIONS,
)
PACK_COLUMNS = (
    *("step", "entered_at", "unit", "bought_on", "expires_on", "credits", "bonus", "price", "currency"),
)
RATE_COLUMNS = ("currency", "day", "rate")
CLOSE_COLUMNS = ("step", "month", "closed_at")
INSTANT = timedelta(microseconds=1)
LONG_AGO = datetime.min.replace(tzinfo=UTC)


def by_step(text: str, at: str) -> list[dict[str, str]]:
    """The rows of a file in the order in which they came."""
    return sorted(rows_of(text), key=lambda row: (instant(row[at]), int(row["step"])))


def rate_on(rates: Iterable[dict[str, str]], currency: str, day: date) -> Fraction:
    """The last rate published on or before a day."""
    fitting = [row for row in rates if row["currency"] == currency and date.fromisoformat(row["day"]) <= day]
    return Fraction(max(fitting, key=lambda row: row["day"])["rate"])


class KeptBooks:
    """Goes through all that was kept, in its order; `charges` are the rows of the ledger that it makes."""

    def __init__(self, kept: Kept, settings: Settings, imported: list[Charge]) -> None:
        self.settings, self.zone = settings, ZoneInfo(settings.time_zone)
        self.rates = list(rows_of(kept.rates))
        self.amounts = {charge.row["id"]: charge.booked for charge in imported}
        self.lots: dict[str, Lots] = {}
        self.open_from = LONG_AGO
        self.closed: set[str] = set()
        found: list[tuple[datetime, int, Charge]] = []
        rows = by_step(kept.charges, "booked_at")
        events = [(instant(row["booked_at"]), int(row["step"]), self.charge, row) for row in rows]
        events += [(instant(r["entered_at"]), int(r["step"]), self.pack, r) for r in rows_of(kept.packs)]
        events += [(instant(r["closed_at"]), int(r["step"]), self.close, r) for r in rows_of(kept.closes)]
        self.waiting = [row for row in rows if row["asked_at"]]
        for at, step, happens, row in sorted(events, key=lambda event: event[:2]):
            made = [*self.expired(at), *happens(at, row), *self.expired(at)]
            found += [(at, step, charge) for charge in made]
        found += [(kept.last, 0, charge) for charge in self.expired(kept.last)]
        found.sort(key=lambda each: (each[2].at, each[0], each[1]))
        self.charges = [charge for _, _, charge in found]

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def effective(self, service_at: datetime, booked_at: datetime) -> datetime:
        return service_at if service_at >= self.open_from else booked_at

    def rate(self, currency: str, day: date) -> Fraction:
        return Fraction(1) if currency == self.settings.currency else rate_on(self.rates, currency, day)

    # What happens

    def charge(self, at: datetime, row: dict[str, str]) -> list[Charge]:
        if row in self.waiting:
            self.waiting.remove(row)
        service_at = instant(row["occurred_at"])
        period: list[Charge] = []
        if row["charge"] == "refunded":
            booked = -self.amounts[row["refunds"]]
            if row["currency"].startswith("credit:") and row["refunds"] in self.of(row).uses:
                period = self.periods(at, at, self.of(row).give_back(row["refunds"]))
        elif row["currency"].startswith("credit:"):
            booked = self.credits(row, service_at)
        else:
            booked = round8(Fraction(row["amount"]) * self.rate(row["currency"], self.day(service_at)))
        self.amounts[row["id"]] = booked
        known = instant(row["asked_at"] or row["occurred_at"])
        return [Charge(self.effective(service_at, at), row, booked, known), *period]

    def of(self, row: dict[str, str]) -> Lots:
        unit = row.get("unit") or row["currency"]
        return self.lots.setdefault(unit, Lots(unit))

    def credits(self, row: dict[str, str], service_at: datetime) -> Fraction:
        used, day, lots = Fraction(row["amount"]), self.day(service_at), self.of(row)
        without = Fraction(0) if lots.lots else round8(used * self.rate(row["currency"], day))
        return lots.use(row["id"], used, service_at, day, without)

    def pack(self, at: datetime, row: dict[str, str]) -> list[Charge]:
        day = date.fromisoformat(row["bought_on"])
        price = round8(Fraction(row["price"]) * self.rate(row["currency"], day))
        return self.periods(at, at, self.of(row).enter(row, price))

    def close(self, at: datetime, row: dict[str, str]) -> list[Charge]:
        end = bounds(row["month"], self.settings.time_zone)[1]
        made = []
        for call in self.waiting:
            asked = instant(call["asked_at"])
            if asked < end:
                said = {**call, "id": "", "charge": "accrued", "refunds": ""}
                amount = Fraction(call["held"])
                made += [Charge(end - INSTANT, said, amount, asked), Charge(end, said, -amount, asked)]
        self.open_from = end
        self.closed.add(row["month"])
        return made

    def expired(self, at: datetime) -> list[Charge]:
        """The rests of packs whose last day is over, at the last instant of that day."""
        made = []
        for lots in self.lots.values():
            for last_day, cost in lots.expire(self.day(at)):
                following = datetime.combine(last_day + timedelta(days=1), datetime.min.time(), self.zone)
                made += self.periods(following.astimezone(UTC) - INSTANT, at, cost)
        return made

    def periods(self, service_at: datetime, booked_at: datetime, amount: Moved) -> list[Charge]:
        """A period cost of credits, where there is one."""
        if amount is None:
            return []
        at = self.effective(service_at, booked_at)
        row = {**dict.fromkeys(KEPT_COLUMNS, ""), "charge": "period"}
        return [Charge(at, row, amount, at)]
