"""Reading the two files of a history: cells become typed rows, and what does not fit is said line by line."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from billing import money
from generation import history_cells as rules
from generation.history_cells import Cells, Faults
from projects.models import Phase, Workspace
from routing.models.catalogue import Tier

CHARGES, DECISIONS = "charges", "decisions"
#: What a refund repeats of its charge.
REPEATED = (
    *("project", "campaign", "deliverable", "category", "take", "phase", "tier", "provider", "model"),
    *("stage", "amount", "currency", "rate", "round", "person"),
)
CHARGE_COLUMNS = (
    *("id", "occurred_at", "project", "campaign", "deliverable", "category", "take", "phase", "tier"),
    *("provider", "model", "stage", "amount", "currency", "charge", "refunds"),
)
CHARGE_OPTIONS = ("rate", "round", "person")
DECISION_COLUMNS = ("project", "campaign", "deliverable", "take", "decision", "at", "by")
STAGES = ("generation", "control", "refinement", "time")
CHARGED, REFUNDED, FAILED_CHARGED, FAILED = "charged", "refunded", "failed_charged", "failed"
WORDS = ("select", "accept", "reject", "write_off", "reverse", "end_campaign")
LARGEST = Decimal(10) ** 12

Place = tuple[str, str, str]  # keys of project, campaign, deliverable


@dataclasses.dataclass(slots=True)
class ChargeRow:
    """One line of charges; `amount` in `currency`, `booked` in the workspace's."""

    line: int
    id: str
    at: datetime.datetime
    place: Place
    category: str
    take: int | None
    phase: str
    tier: str
    provider: str
    model: str
    stage: str
    amount: Decimal
    booked: Decimal
    currency: str
    rate: Decimal | None
    round: int | None
    person: str
    charge: str
    refunds: str
    digest: str

    @property
    def repeated(self) -> str:
        """The half of the digest that a refund repeats of its charge."""
        return self.digest[:32]

    @property
    def model_key(self) -> str:
        return f"{self.provider}/{self.model}" if self.model else ""


@dataclasses.dataclass(slots=True)
class DecisionRow:
    line: int
    place: Place
    take: int | None
    decision: str
    at: datetime.datetime
    by: str
    digest: str


def charges(file: bytes, *, workspace: Workspace, faults: Faults) -> list[ChargeRow]:
    """The lines of charges in file order. Lines that cannot be read go to `faults` alone."""
    read = _Reader(CHARGES, file, CHARGE_COLUMNS, CHARGE_OPTIONS, faults)
    rows = (_charge(line, cells, workspace, faults) for line, cells in read.lines())
    return [row for row in rows if row]


def decisions(file: bytes, *, faults: Faults) -> list[DecisionRow]:
    read = _Reader(DECISIONS, file, DECISION_COLUMNS, (), faults)
    rows = (_decision(line, cells, faults) for line, cells in read.lines())
    return [row for row in rows if row]


class _Reader:
    """A UTF-8 CSV with a header row, columns in any order."""

    def __init__(
        self, name: str, file: bytes, required: Sequence[str], optional: Sequence[str], faults: Faults
    ) -> None:
        self.name, self.file, self.faults = name, file, faults
        self.required, self.optional = required, optional

    def lines(self) -> Iterator[tuple[int, dict[str, str]]]:
        text = self._text()
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        try:
            header = [name.strip().lower() for name in next(reader, [])] if text else []
            if not self._fits(header):
                return
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    said = (
                        f"{len(cells)} cells, the header has {len(header)}; put cells with commas into quotes"
                    )
                    self.faults.add(self.name, reader.line_num, said)
                    continue
                yield reader.line_num, dict(zip(header, cells, strict=True))
        except csv.Error as error:
            self.faults.add(self.name, reader.line_num, f"this is no CSV from here on: {error}")

    def _text(self) -> str:
        try:
            text = self.file.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = self.file[: error.start].count(b"\n") + 1
            self.faults.add(self.name, line, "not UTF-8; save the file as “CSV UTF-8”")
            return ""
        if "\x00" in text:
            self.faults.add(self.name, 1, "this is no text file; export it as CSV UTF-8")
            return ""
        if not text.strip():
            self.faults.add(self.name, 1, "the file is empty; begin with a header row")
        return text

    def _fits(self, header: list[str]) -> bool:
        if not header:
            return False
        known = (*self.required, *self.optional)
        reasons = {
            "columns are missing": [name for name in self.required if name not in header],
            "columns stand there twice": sorted({name for name in header if header.count(name) > 1}),
            "unknown columns": [name or "without a name" for name in header if name not in known],
        }
        said = [f"{words}: {', '.join(names)}" for words, names in reasons.items() if names]
        for reason in said:
            self.faults.add(self.name, 1, reason)
        return not said


def _charge(line: int, given: Mapping[str, str], workspace: Workspace, faults: Faults) -> ChargeRow | None:
    cells = Cells(CHARGES, line, given, faults)
    place = _place(cells)
    values = {
        "id": cells.read("id", rules.text(200), needed=True),
        "at": cells.read("occurred_at", rules.instant, needed=True),
        "category": cells.read("category", rules.key, empty="", needed=bool(place[2])),
        "take": cells.read("take", rules.count),
        "phase": cells.read("phase", rules.one_of(Phase.values), empty="", needed=bool(cells["take"])),
        "tier": cells.read("tier", rules.one_of(Tier.values), empty=""),
        "provider": cells.read("provider", rules.provider, empty="", needed=bool(cells["model"])),
        "model": cells.read("model", rules.text(159), empty=""),
        "stage": cells.read("stage", rules.one_of(STAGES), empty="", needed=bool(place[2])),
        "amount": cells.read("amount", rules.amount, needed=True),
        "currency": cells.read("currency", rules.currency, empty="", needed=True),
        "rate": cells.read("rate", rules.rate),
        "round": cells.read("round", rules.count),
        "person": cells.read("person", rules.text(254), empty=""),
        "charge": cells.read(
            "charge", rules.one_of((CHARGED, REFUNDED, FAILED_CHARGED, FAILED)), empty="", needed=True
        ),
        "refunds": cells.read("refunds", rules.text(200), empty=""),
    }
    _fit_together(cells, place, values, workspace)
    if not cells.sound:
        return None
    foreign = values["currency"] != workspace.currency
    if not foreign:
        values["rate"] = None
    booked = money.exchanged(values["amount"], values["rate"]) if foreign else money.booked(values["amount"])
    if booked >= LARGEST:
        cells.refuse(f"amount: {booked:f} {workspace.currency} is more than the books hold")
        return None
    digest = _digest_of_charge(place, values)
    return ChargeRow(line=line, place=place, booked=booked, digest=digest, **values)


def _fit_together(cells: Cells, place: Place, values: dict[str, Any], workspace: Workspace) -> None:
    if values["take"] and not place[2]:
        cells.refuse("take: there is no deliverable to belong to")
    if values["charge"] == REFUNDED and not values["refunds"]:
        cells.refuse("refunds: name the id of the charge that is given back")
    if values["refunds"] and values["charge"] not in (REFUNDED, ""):
        cells.refuse("refunds: only a row “refunded” gives a charge back")
    if values["charge"] == FAILED and values["amount"]:
        cells.refuse("amount: a failure without a charge costs 0; else write “failed_charged”")
    if values["stage"] == "time" and values["charge"] not in (CHARGED, ""):
        cells.refuse("charge: logged time is neither refunded nor failed; write “charged”")
    if values["currency"] not in ("", workspace.currency) and not cells["rate"]:
        cells.refuse(f"rate: {values['currency']} needs its rate in {workspace.currency}")


def _decision(line: int, given: Mapping[str, str], faults: Faults) -> DecisionRow | None:
    cells = Cells(DECISIONS, line, given, faults)
    place = _place(cells)
    word = cells.read("decision", rules.one_of(WORDS), empty="", needed=True)
    take = cells.read("take", rules.count)
    at = cells.read("at", rules.instant, needed=True)
    by = cells.read("by", rules.text(254), empty="")
    if word == "end_campaign":
        if not place[1]:
            cells.refuse("campaign: is empty")
        if place[2] or cells["take"]:
            cells.refuse("deliverable: a campaign is ended as a whole; leave deliverable and take empty")
    elif word and not place[2]:
        cells.refuse("deliverable: is empty")
    if word in ("select", "accept", "reject") and not cells["take"]:
        cells.refuse(f"take: is empty; {word} names one")
    if word == "write_off" and cells["take"]:
        cells.refuse("take: a deliverable is written off as a whole; leave it empty")
    if not cells.sound:
        return None
    digest = _digest(*place, take, word, at, by)
    return DecisionRow(line, place, take, word, at, by, digest)


def _place(cells: Cells) -> Place:
    project = cells.read("project", rules.key, empty="", needed=bool(cells["campaign"]))
    campaign = cells.read("campaign", rules.key, empty="", needed=bool(cells["deliverable"]))
    return project, campaign, cells.read("deliverable", rules.key, empty="")


def _digest_of_charge(place: Place, values: Mapping[str, Any]) -> str:
    """Two halves: what a refund repeats, and the rest."""
    known = dict(zip(("project", "campaign", "deliverable"), place, strict=True))
    repeated = [known.get(name, values.get(name)) for name in REPEATED]
    rest = [values[name] for name in ("id", "at", "charge", "refunds")]
    return _digest(*repeated)[:32] + _digest(*rest)[:32]


def _digest(*values: Any) -> str:
    plain = (f"{value.normalize():f}" if isinstance(value, Decimal) else str(value) for value in values)
    return hashlib.sha256("\x1f".join(plain).encode()).hexdigest()
