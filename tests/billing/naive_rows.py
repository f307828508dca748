"""The rows of a history's two files, as the naive reference reads them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

Deliverable = tuple[str, str, str]

STAGES = ("generation", "control", "refinement")
WHOLE = ("project", "campaign", "category")
SPLIT = ("tier", "phase", "provider", "model", "person")
VERSIONS = ("routing_version", "pipeline", "prompt_template", "seed_policy")
DIMENSIONS = (*WHOLE, *SPLIT, *VERSIONS)


@dataclass(frozen=True)
class Settings:
    """What a workspace says. Cap, rates and weight shape views and waits, which no history has."""

    currency: str = "EUR"
    time_zone: str = "Europe/Berlin"
    review_cap_minutes: Decimal = Decimal(15)
    role_rates: tuple[tuple[str, Decimal], ...] = ()
    waiting_weight: Decimal = Decimal("0.25")
    time_by_person: bool = False


@dataclass(frozen=True)
class Kept:
    """What was kept day by day after the import, as CSV texts (columns in `tests.billing.naive_kept`).

    Rows have a `step`: of two at one instant the one with the lower step came first. `last` is the instant
    up to which the books were kept.
    """

    charges: str
    decisions: str
    packs: str
    rates: str
    closes: str
    last: datetime


@dataclass(frozen=True)
class Charge:
    """A row of charges.csv; `at` is its effective instant, `booked` money of the workspace, negative for a
    refund. `known` is when its deliverable was there by it: when it was asked for, else when it happened.
    """

    at: datetime
    row: dict[str, str]
    booked: Fraction
    known: datetime

    @property
    def deliverable(self) -> Deliverable:
        return self.row["project"], self.row["campaign"], self.row["deliverable"]

    @property
    def is_cash(self) -> bool:
        return self.row["stage"] != "time"


@dataclass(frozen=True)
class Decision:
    at: datetime
    row: dict[str, str]

    @property
    def deliverable(self) -> Deliverable:
        return self.row["project"], self.row["campaign"], self.row["deliverable"]


@dataclass(frozen=True)
class Acceptance:
    deliverable: Deliverable
    take: str
    at: datetime


def round8(value: Fraction) -> Fraction:
    """Half-even to eight decimals (what `round` does to a fraction)."""
    return Fraction(round(value * 10**8), 10**8)


def text8(value: Fraction | None) -> str | None:
    """A figure as the API prints it: eight decimals, `None` where there is none."""
    if value is None:
        return None
    units = round(value * 10**8)
    sign = "-" if units < 0 else ""
    return f"{sign}{abs(units) // 10**8}.{abs(units) % 10**8:08d}"


def ratio(value: Fraction | int, divisor: int) -> Fraction | None:
    return Fraction(value) / divisor if divisor else None


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def rows_of(text: str) -> Iterator[dict[str, str]]:
    for row in csv.DictReader(io.StringIO(text, newline="")):
        yield {name.strip(): (value or "").strip() for name, value in row.items()}


def read_charges(text: str, settings: Settings) -> list[Charge]:
    """In time order, then file order; the same id only once."""
    charges, seen = [], set()
    for row in rows_of(text):
        if row["id"] in seen:
            continue
        seen.add(row["id"])
        rate = row.get("rate", "") if row["currency"] != settings.currency else "1"
        booked = round8(Fraction(row["amount"]) * Fraction(rate))
        if row["charge"] == "refunded":
            booked = -booked
        at = instant(row["occurred_at"])
        charges.append(Charge(at=at, row=row, booked=booked, known=at))
    return sorted(charges, key=lambda charge: charge.at)


def read_decisions(text: str) -> list[Decision]:
    """In time order, then file order; a decision equal in all columns only once."""
    decisions: list[Decision] = []
    for row in rows_of(text):
        decision = Decision(at=instant(row["at"]), row=row)
        if all(identity(row) != identity(other.row) for other in decisions):
            decisions.append(decision)
    return sorted(decisions, key=lambda decision: decision.at)


def identity(row: dict[str, str]) -> dict[str, str | datetime]:
    """All columns of a decision, its time as the instant and not as it is written."""
    return {**row, "at": instant(row["at"])}


def bounds(month: str, time_zone: str) -> tuple[datetime, datetime]:
    """First instant of the month and of the next, in UTC."""
    year, number = (int(part) for part in month.split("-"))
    zone = ZoneInfo(time_zone)
    first = datetime(year, number, 1, tzinfo=zone)
    following = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=zone)
    return first.astimezone(UTC), following.astimezone(UTC)


def month_before(month: str) -> str:
    year, number = (int(part) for part in month.split("-"))
    return f"{year - (number == 1):04d}-{(number - 2) % 12 + 1:02d}"


def month_after(month: str) -> str:
    year, number = (int(part) for part in month.split("-"))
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"


def standing(deliverable: Deliverable, decisions: Iterable[Decision]) -> tuple[str, Acceptance | None]:
    """State after these decisions, and the acceptance in force."""
    state, acceptance = "open", None
    for decision in decisions:
        if decision.deliverable != deliverable:
            continue
        word = decision.row["decision"]
        if word == "accept":
            state, acceptance = (
                "accepted",
                Acceptance(deliverable, decision.row["take"], decision.at),
            )
        elif word == "write_off":
            state, acceptance = "written_off", None
        elif word == "reverse":
            state, acceptance = "open", None
    return state, acceptance


def mark(deliverable: Deliverable, take: str, decisions: Iterable[Decision]) -> str:
    """The take's latest decision; a reversal clears it."""
    latest = ""
    for decision in decisions:
        if decision.deliverable == deliverable and decision.row["take"] == take:
            word = decision.row["decision"]
            latest = "" if word == "reverse" else word
    return latest
