"""Histories with one bad line each, written by hand: what an import refuses, and why."""

from __future__ import annotations

from dataclasses import dataclass

from tests.billing.written import charge, charges_file, decision, decisions_file, refund

Row = dict[str, str]

FIRST = charge(1, "2025-09-01T09:00:00Z", "a", "1", "1.50")
LATER = "2025-09-02T09:00:00Z"
EARLIER = "2025-08-02T09:00:00Z"


@dataclass(frozen=True)
class Bad:
    """Two files whose bad line is `line` of `file` (the header is line 1)."""

    charges: str
    decisions: str
    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file} {self.line}: {self.reason}"


CHARGES = (
    (charge(2, LATER, "a", "2", "1", category="film"), "conflicting category"),
    (charge(2, LATER, "a", "1", "1", phase="hero"), "conflicting phase"),
    (charge(2, LATER, "a", "2", "1", currency="USD"), "a foreign currency needs a rate"),
    (charge(1, LATER, "a", "2", "1"), "the id stands for another charge"),
    (charge(2, LATER, "a", "2", "1", charge="failed"), "a failed charge costs nothing"),
    (charge(2, LATER, "a", "2", "-1"), "amount is no money"),
    (charge(2, LATER, "a", "2", "NaN"), "amount is no money"),
    (charge(2, LATER[:-1], "a", "2", "1"), "time without offset"),
    (charge(2, "yesterday", "a", "2", "1"), "time is no ISO 8601"),
    (charge(2, LATER, "a", "two", "1"), "take is no number"),
    (charge(2, LATER, "", "1", "1"), "take without deliverable"),
    (charge(2, LATER, "a", "2", "1", campaign=""), "deliverable without campaign"),
    (charge(2, LATER, "a", "2", "1", stage="lunch"), "unknown stage"),
    (charge(2, LATER, "a", "2", "1", charge="free"), "unknown charge"),
    (charge(2, LATER, "a", "2", "1", refunds="1"), "refunds goes with refunded"),
    (refund(2, LATER, {**FIRST, "id": "9"}), "refunds names no charge"),
    (refund(2, LATER, {**FIRST, "amount": "1.00"}), "the refund differs from its charge"),
    (refund(2, LATER, {**FIRST, "model": "glow/2"}), "the refund differs from its charge"),
    (refund(2, EARLIER, FIRST), "given back before it was charged"),
)
DECISIONS = (
    (decision(LATER, "b", "1", "accept"), "the deliverable has no row before"),
    (decision(EARLIER, "a", "1", "accept"), "the deliverable has no row before"),
    (decision(LATER, "a", "", "accept"), "a decision on a take needs a take"),
    (decision(LATER, "a", "1", "write_off"), "a write-off names no take"),
    (decision(LATER, "a", "1", "approve"), "unknown decision"),
    (decision(LATER, "", "", "reject"), "a decision needs a deliverable"),
    (decision(LATER, "a", "", "end_campaign"), "a campaign is ended, no deliverable"),
)
AGAINST_GRAMMAR = (
    (("accept 1", "accept 2"), "the deliverable is accepted"),
    (("accept 1", "write_off "), "the deliverable is accepted"),
    (("write_off ", "accept 1"), "the deliverable is written_off"),
    (("write_off ", "write_off "), "the deliverable is written_off"),
    (("accept 1", "reverse 2"), "this acceptance is not in force"),
    (("write_off ", "reverse 1"), "this acceptance is not in force"),
    (("accept 1", "reverse "), "no write-off is in force"),
    (("accept 1", "reject 1"), "the take is accepted; reverse that before"),
    (("select 2", "accept 3"), "the take has no row before"),
    (("select 1", "select 2", "select 4"), "only a draft is selected"),
)


def with_charge(line: Row, reason: str) -> Bad:
    return Bad(charges_file(FIRST, line), decisions_file(), "charges", 3, reason)


def with_decision(line: Row, reason: str) -> Bad:
    return Bad(charges_file(FIRST), decisions_file(line), "decisions", 2, reason)


def with_decisions(words: tuple[str, ...], reason: str) -> Bad:
    """A decision a day, "word take" each, on a deliverable with two drafts and a hero; the last is bad."""
    charges = (
        FIRST,
        charge(2, FIRST["occurred_at"], "a", "2", "1"),
        charge(4, FIRST["occurred_at"], "a", "4", "1", phase="hero"),
    )
    decisions = [
        decision(f"2025-09-0{day}T09:00:00Z", "a", word.partition(" ")[2], word.partition(" ")[0])
        for day, word in enumerate(words, 2)
    ]
    files = charges_file(*charges), decisions_file(*decisions)
    return Bad(*files, "decisions", len(words) + 1, reason)


def given_back_twice() -> Bad:
    lines = FIRST, refund(2, LATER, FIRST), refund(3, LATER, FIRST)
    return Bad(charges_file(*lines), decisions_file(), "charges", 4, "the charge is given back already")


CASES = (
    *(with_charge(*case) for case in CHARGES),
    *(with_decision(*case) for case in DECISIONS),
    *(with_decisions(*case) for case in AGAINST_GRAMMAR),
    given_back_twice(),
)
