"""The bad lines of a history: what an import refuses, each with its file, line and reason."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from tests.billing.naive_rows import Deliverable, Settings, identity, instant

CHARGE_COLUMNS = (
    *("id", "occurred_at", "project", "campaign", "deliverable", "category", "take", "phase"),
    *("tier", "provider", "model", "stage", "amount", "currency", "charge", "refunds"),
)
DECISION_COLUMNS = ("project", "campaign", "deliverable", "take", "decision", "at", "by")
OWN_COLUMNS_OF_A_REFUND = ("id", "occurred_at", "charge", "refunds")
WORDS = {
    "charge": ("charged", "refunded", "failed_charged", "failed"),
    "stage": ("generation", "control", "refinement", "time"),
    "phase": ("", "draft", "hero"),
    "tier": ("", "cinematic", "speed", "budget", "character", "refine", "text"),
}
ON_A_TAKE = ("select", "accept", "reject")


class BadLine(NamedTuple):
    file: str
    line: int
    reason: str


class Line(NamedTuple):
    number: int
    row: dict[str, str]

    @property
    def deliverable(self) -> Deliverable:
        return self.row["project"], self.row["campaign"], self.row["deliverable"]


def validate(charges: str, decisions: str, settings: Settings | None = None) -> list[BadLine]:
    """Every bad line of both files; with none, the history can be imported."""
    settings = settings or Settings()
    bad: list[BadLine] = []
    charge_lines = read("charges", charges, CHARGE_COLUMNS, bad)
    decision_lines = read("decisions", decisions, DECISION_COLUMNS, bad)
    if bad:
        return bad
    for line in charge_lines:
        bad += [BadLine("charges", line.number, why) for why in charge_faults(line.row, settings)]
    for line in decision_lines:
        bad += [BadLine("decisions", line.number, why) for why in decision_faults(line.row)]
    if bad:
        return sorted(bad)
    bad += repeated_ids(charge_lines)
    bad += refund_faults(charge_lines)
    bad += conflicts(charge_lines, "category", lambda row: bool(row["deliverable"]), ())
    bad += conflicts(charge_lines, "phase", lambda row: bool(row["take"]), ("take",))
    bad += grammar_faults(charge_lines, decision_lines)
    return sorted(set(bad))


def read(file: str, text: str, columns: Iterable[str], bad: list[BadLine]) -> list[Line]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [column for column in columns if column not in (reader.fieldnames or ())]
    if missing:
        bad.append(BadLine(file, 1, f"missing column {', '.join(missing)}"))
        return []
    lines = []
    for row in reader:
        if None in row or None in row.values():
            bad.append(BadLine(file, reader.line_num, "wrong number of columns"))
        else:
            lines.append(Line(reader.line_num, {name: row[name].strip() for name in row}))
    return lines


def scope_faults(row: dict[str, str]) -> list[str]:
    faults = []
    for inner, outer in (("deliverable", "campaign"), ("campaign", "project")):
        if row[inner] and not row[outer]:
            faults.append(f"{inner} without {outer}")
    if row["take"] and not row["deliverable"]:
        faults.append("take without deliverable")
    if row["take"] and not re.fullmatch("[1-9][0-9]*", row["take"]):
        faults.append("take is no number")
    return faults


def charge_faults(row: dict[str, str], settings: Settings) -> list[str]:
    """What is wrong with the line alone."""
    faults = scope_faults(row) + time_faults(row["occurred_at"])
    faults += [f"unknown {name}" for name, words in WORDS.items() if row[name] not in words]
    amount, rate = number(row["amount"]), number(row.get("rate", ""))
    if amount is None or amount < 0:
        faults.append("amount is no money")
    elif row["charge"] == "failed" and amount != 0:
        faults.append("a failed charge costs nothing")
    if not row["id"]:
        faults.append("id is missing")
    if not re.fullmatch("[A-Z]{3}", row["currency"]):
        faults.append("unknown currency")
    elif row["currency"] != settings.currency and (rate is None or rate <= 0):
        faults.append("a foreign currency needs a rate")
    if row["deliverable"] and not row["category"]:
        faults.append("a deliverable needs a category")
    if row["take"] and not row["phase"]:
        faults.append("a take needs a phase")
    if bool(row["refunds"]) != (row["charge"] == "refunded"):
        faults.append("refunds goes with refunded")
    return faults


def decision_faults(row: dict[str, str]) -> list[str]:
    word = row["decision"]
    faults = scope_faults(row) + time_faults(row["at"])
    if word not in (*ON_A_TAKE, "write_off", "reverse", "end_campaign"):
        faults.append("unknown decision")
    elif word == "end_campaign":
        if row["deliverable"] or not row["campaign"]:
            faults.append("a campaign is ended, no deliverable")
    elif not row["deliverable"]:
        faults.append("a decision needs a deliverable")
    elif word in ON_A_TAKE and not row["take"]:
        faults.append("a decision on a take needs a take")
    elif word == "write_off" and row["take"]:
        faults.append("a write-off names no take")
    return faults


def time_faults(text: str) -> list[str]:
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return ["time is no ISO 8601"]
    return [] if found.tzinfo else ["time without offset"]


def number(text: str) -> Decimal | None:
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def repeated_ids(lines: list[Line]) -> list[BadLine]:
    """The same line again changes nothing; another line under the same id is bad."""
    bad = []
    for line in lines:
        first = next(other for other in lines if other.row["id"] == line.row["id"])
        if first.row != line.row:
            bad.append(BadLine("charges", line.number, "the id stands for another charge"))
    return bad


def refund_faults(lines: list[Line]) -> list[BadLine]:
    bad: list[BadLine] = []
    given_back: dict[str, str] = {}
    for line in lines:
        row = line.row
        if row["charge"] != "refunded":
            continue
        why = ""
        charge = next((other.row for other in lines if other.row["id"] == row["refunds"]), None)
        if charge is None or charge["charge"] not in ("charged", "failed_charged"):
            why = "refunds names no charge"
        elif given_back.setdefault(row["refunds"], row["id"]) != row["id"]:
            why = "the charge is given back already"
        elif any(row[name] != charge[name] for name in row if name not in OWN_COLUMNS_OF_A_REFUND):
            why = "the refund differs from its charge"
        elif instant(row["occurred_at"]) < instant(charge["occurred_at"]):
            why = "given back before it was charged"
        if why:
            bad.append(BadLine("charges", line.number, why))
    return bad


def conflicts(
    lines: list[Line],
    column: str,
    speaks: Callable[[dict[str, str]], bool],
    inside: tuple[str, ...],
) -> list[BadLine]:
    """Lines of one deliverable (or take) that name another category (or phase) than the first."""
    bad: list[BadLine] = []
    named: dict[tuple[Deliverable, tuple[str, ...]], str] = {}
    for line in lines:
        if speaks(line.row):
            key = line.deliverable, tuple(line.row[name] for name in inside)
            if named.setdefault(key, line.row[column]) != line.row[column]:
                bad.append(BadLine("charges", line.number, f"conflicting {column}"))
    return bad


def grammar_faults(charges: list[Line], decisions: list[Line]) -> list[BadLine]:
    """Decisions in time order, then file order, against the grammar; a bad one moves nothing."""
    bad: list[BadLine] = []
    state: dict[Deliverable, str] = {}
    accepted: dict[Deliverable, str] = {}
    done: list[dict[str, str | datetime]] = []
    for line in sorted(decisions, key=lambda line: instant(line.row["at"])):
        if identity(line.row) in done or line.row["decision"] == "end_campaign":
            continue
        done.append(identity(line.row))
        key = line.deliverable
        why = unknown_fault(line, charges) or against_grammar(
            line.row, state.get(key, "open"), accepted.get(key, "")
        )
        if why:
            bad.append(BadLine("decisions", line.number, why))
            continue
        word = line.row["decision"]
        if word in ("accept", "write_off", "reverse"):
            state[key] = {"accept": "accepted", "write_off": "written_off", "reverse": "open"}[word]
            accepted[key] = line.row["take"] if word == "accept" else ""
    return bad


def unknown_fault(line: Line, charges: list[Line]) -> str:
    """A deliverable and a take exist from their first row on."""
    at = instant(line.row["at"])
    rows = [
        charge.row
        for charge in charges
        if charge.deliverable == line.deliverable and instant(charge.row["occurred_at"]) <= at
    ]
    if not rows:
        return "the deliverable has no row before"
    if line.row["take"] and all(row["take"] != line.row["take"] for row in rows):
        return "the take has no row before"
    takes = [row for row in rows if row["take"] == line.row["take"]]
    if line.row["decision"] == "select" and takes[0]["phase"] != "draft":
        return "only a draft is selected"
    return ""


def against_grammar(row: dict[str, str], state: str, accepted: str) -> str:
    word, take = row["decision"], row["take"]
    if word in ("accept", "write_off") and state != "open":
        return f"the deliverable is {state}"
    if word == "reverse" and take and (state != "accepted" or accepted != take):
        return "this acceptance is not in force"
    if word == "reverse" and not take and state != "written_off":
        return "no write-off is in force"
    if word == "reject" and state == "accepted" and accepted == take:
        return "the take is accepted; reverse that before"
    return ""
