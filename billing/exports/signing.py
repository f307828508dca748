"""Who has signed a month: what stands at the foot of its statement."""

from __future__ import annotations

import datetime
from typing import NamedTuple

from billing import standing
from billing.models import MonthClose
from projects.models import Person, Workspace


class Signature(NamedTuple):
    role: str
    name: str
    at: datetime.datetime


class Signing(NamedTuple):
    """`said` is the state in words; `digest` is that under which a closed month is frozen."""

    state: str
    said: str
    signatures: list[Signature]
    digest: str


def of(workspace: Workspace, month: str) -> Signing:
    """The signatures on a month (YYYY-MM) as it stands now."""
    found = standing.standing(workspace, month)
    if found.close:
        return _closed(found.close)
    if found.state == "open":
        return Signing("open", "Open, not signed: figures may still change.", [], "")
    if found.signed is None:
        return Signing(found.state, "Under review, not signed: figures may still change.", [], "")
    first = _signature("First signature", found.signed.by, found.signed.at)
    return Signing(found.state, "Under review, signed by one of two: not closed.", [first], "")


def _closed(close: MonthClose) -> Signing:
    if close.single_signature:
        signatures = [_signature("Signed and closed", close.closed_by, close.closed_at)]
        words = "Closed with a single signature."
    else:
        signatures = [
            _signature("First signature", close.signed_by, close.signed_at),
            _signature("Second signature, closed", close.closed_by, close.closed_at),
        ]
        words = "Closed."
    return Signing("closed", words, signatures, close.digest)


def _signature(role: str, person: Person, at: datetime.datetime) -> Signature:
    return Signature(role, f"{person.name} ({person.email})" if person.name else person.email, at)
