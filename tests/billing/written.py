"""Histories written by hand, a line a row: short cells become the two files of an import."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping

from tests.billing.naive_lines import CHARGE_COLUMNS, DECISION_COLUMNS


def file_of(columns: Iterable[str], rows: Iterable[Mapping[str, str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(columns), restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def charge(number: int, at: str, deliverable: str, take: str, amount: str, **cells: str) -> dict[str, str]:
    """A charged draft of a social cut in p/c, in euros, generation; `cells` say otherwise."""
    return {
        "id": str(number),
        "occurred_at": at,
        "project": "p",
        "campaign": "c",
        "deliverable": deliverable,
        "category": "social-cut" if deliverable else "",
        "take": take,
        "phase": "draft" if take else "",
        "tier": "speed",
        "provider": "lantern",
        "model": "glow",
        "stage": "generation",
        "amount": amount,
        "currency": "EUR",
        "charge": "charged",
        **cells,
    }


def refund(number: int, at: str, given_back: Mapping[str, str]) -> dict[str, str]:
    return {
        **given_back,
        "id": str(number),
        "occurred_at": at,
        "charge": "refunded",
        "refunds": given_back["id"],
    }


def decision(at: str, deliverable: str, take: str, word: str) -> dict[str, str]:
    return {
        "project": "p",
        "campaign": "c",
        "deliverable": deliverable,
        "take": take,
        "decision": word,
        "at": at,
        "by": "ada@example.org",
    }


def charges_file(*rows: Mapping[str, str]) -> str:
    return file_of((*CHARGE_COLUMNS, "rate", "round", "person"), rows)


def decisions_file(*rows: Mapping[str, str]) -> str:
    return file_of(DECISION_COLUMNS, rows)


HERO = {"phase": "hero", "tier": "cinematic", "provider": "harbour", "model": "tide"}
UPSCALE = {"phase": "hero", "tier": "refine", "provider": "harbour", "model": "polish"}

OCTOBER_CHARGES = (
    charge(1, "2025-10-06T09:00:00Z", "a", "1", "0.05"),
    charge(2, "2025-10-07T09:00:00Z", "a", "2", "0.05"),
    charge(3, "2025-10-08T09:00:00Z", "a", "3", "0.05"),
    charge(4, "2025-10-09T09:00:00Z", "a", "4", "0.05"),
    charge(5, "2025-10-13T09:00:00Z", "a", "5", "2.00", **HERO),
    charge(6, "2025-10-13T09:10:00Z", "a", "5", "0.30", **UPSCALE, stage="refinement"),
    charge(7, "2025-10-20T09:00:00Z", "b", "1", "0.05"),
    charge(8, "2025-10-21T09:00:00Z", "b", "2", "0.05"),
    charge(9, "2025-09-25T09:00:00Z", "c", "1", "0.05"),
)
OCTOBER_DECISIONS = (
    decision("2025-10-06T12:00:00Z", "a", "1", "reject"),
    decision("2025-10-07T12:00:00Z", "a", "2", "reject"),
    decision("2025-10-12T12:00:00Z", "a", "3", "select"),
    decision("2025-10-14T12:00:00Z", "a", "5", "accept"),
    decision("2025-10-03T12:00:00Z", "c", "", "write_off"),
)
SEPTEMBER_CHARGES = (
    charge(21, "2025-09-08T09:00:00Z", "s", "1", "0.05"),
    charge(22, "2025-09-09T09:00:00Z", "s", "2", "2.00", **HERO),
)
SEPTEMBER_DECISIONS = (decision("2025-09-10T12:00:00Z", "s", "2", "accept"),)
